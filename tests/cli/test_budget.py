"""Where in a judger's specification a budget goes."""

from __future__ import annotations

import pytest

from wmenv.cli.budget import within_budget
from wmenv.core.errors import InvalidArgument, UnknownName

URL = "server:http://localhost:8000/v1"


@pytest.mark.parametrize(
    ("judger", "told"),
    [
        (URL, f"{URL},max_requests=5"),
        (f"{URL},votes=3", f"{URL},votes=3,max_requests=5"),
        (f"cached:{URL}", f"cached:[{URL},max_requests=5]"),
        (f"cached:{URL},path=a.sqlite", f"cached:[{URL},max_requests=5],path=a.sqlite"),
        (f"abstaining:[{URL},votes=3],margin=0.2", f"abstaining:[{URL},votes=3,max_requests=5],margin=0.2"),
        (f"cached:polarity:{URL}", f"cached:[polarity:[{URL},max_requests=5]]"),
        (
            f"ensemble:[answers:a.json,parse=strict]+[{URL},votes=3]+scene-pixels,least=2",
            f"ensemble:[answers:a.json,parse=strict]+[{URL},votes=3,max_requests=5]+scene-pixels,least=2",
        ),
    ],
)
def test_a_budget_reaches_the_server_wherever_it_stands(judger: str, told: str) -> None:
    assert within_budget(judger, 5, None) == told
    assert within_budget(judger, None, 2.5) == told.replace("max_requests=5", "max_cost=2.5")
    assert within_budget(judger, None, None) == judger


@pytest.mark.parametrize("judger", [None, "scene-pixels", "cached:scene-pixels", "answers:server", "calibrated"])
def test_a_budget_for_what_spends_nothing_is_refused(judger: str | None) -> None:
    with pytest.raises(InvalidArgument, match="go with --judger server:URL, by itself or inside another"):
        within_budget(judger, 5, None)
    assert within_budget(judger, None, None) == judger


def test_two_servers_do_not_share_a_budget() -> None:
    with pytest.raises(InvalidArgument, match=r"asks 2; give each its own, in brackets: \[server:URL,max_cost=2.5\]"):
        within_budget(f"ensemble:{URL}+cached:[{URL},votes=3]", None, 2.5)
    with pytest.raises(UnknownName, match="no judger named 'sever'"):
        within_budget("sever:http://localhost", 5, None)
