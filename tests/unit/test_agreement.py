"""Agreement: Krippendorff's own worked examples, and what must hold for any labels."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wmenv.core.agreement import Level, equal_share, krippendorff_alpha, majority_baseline, pairwise_agreement, within
from wmenv.official.agreement import agreement_of
from wmenv.official.labels import WORLDMODELBENCH, Label

# Krippendorff, Computing Krippendorff's Alpha-Reliability (2011): its binary, nominal and incomplete examples.
BINARY = ("0100000010", "1110010000")
NOMINAL = ("aabbdcccedda", "babbbccceddd")
MISSING = ("123321412...", "1233224125.3", ".33323422 51.".replace(" ", ""), "12332441251.")
UNITS = st.lists(st.lists(st.integers(0, 3), max_size=4), min_size=1, max_size=12)


def units(raters: Sequence[str]) -> list[list[float]]:
    return [[float("abcde".find(v) + 1 if v.isalpha() else int(v)) for v in unit if v != "."] for unit in zip(*raters)]  # noqa: B905


@pytest.mark.parametrize(
    ("raters", "level", "alpha"),
    [
        (BINARY, "nominal", 0.095),
        (NOMINAL, "nominal", 0.692),
        (MISSING, "nominal", 0.743),
        (MISSING, "ordinal", 0.815),
        (MISSING, "interval", 0.849),
    ],
)
def test_published_examples(raters: Sequence[str], level: Level, alpha: float) -> None:
    assert krippendorff_alpha(units(raters), level) == pytest.approx(alpha, abs=5e-4)


@given(UNITS, st.sampled_from(["nominal", "ordinal", "interval"]))
def test_alpha_of_any_labels(rated: list[list[int]], level: Level) -> None:
    alpha = krippendorff_alpha(rated, level)
    assert alpha is None or alpha <= 1
    assert alpha == pytest.approx(krippendorff_alpha([unit[::-1] for unit in rated[::-1]], level))
    agreed = [[unit[0]] * len(unit) for unit in rated if unit]
    if krippendorff_alpha(agreed, level) is not None:
        assert krippendorff_alpha(agreed, level) == pytest.approx(1)
    if alpha is not None and level == "interval":
        shifted = krippendorff_alpha([[3 * v + 7 for v in unit] for unit in rated], level)
        assert alpha == pytest.approx(shifted), "an interval scale has no zero and no unit"


def test_shares() -> None:
    assert equal_share([[1, 1, 0], [1]]) == (pytest.approx(1 / 3), 3)
    assert within([[8, 6], [9, 4]], 2) == (0.5, 2)
    assert within([[1]], 2) == (None, 0)
    scores = {"ann": {"a": 3, "b": 1, "c": 1}, "bob": {"a": 2, "b": 0, "c": 5}, "eve": {"a": 1}}
    assert pairwise_agreement(scores) == (0.5, 2), "a over b is shared, a over c is not, b and c are a tie of ann"
    assert pairwise_agreement(scores, {"a": "x", "b": "x", "c": "y"}) == (1.0, 1)
    assert majority_baseline([1, 1, 0, 1]) == (0.75, 4) and majority_baseline([]) == (None, 0)


def test_agreement_of_a_table() -> None:
    votes = {("a", "ann"): 1, ("a", "bob"): 1, ("b", "ann"): 0, ("b", "bob"): 0, ("c", "ann"): 1, ("c", "bob"): 0}
    labels = [
        Label(clip, name, who, 3.0 * value if name == "instruction" else float(value))
        for (clip, who), value in votes.items()
        for name in WORLDMODELBENCH
    ]
    found = agreement_of(labels)
    assert found.votes == 6 and found.close == (pytest.approx(2 / 3), 3)
    assert found.pairwise == (1.0, 1), "a over b; each other pair is a tie of one of them"
    by_name = {one.criterion: one for one in found.criteria}
    assert list(by_name) == list(WORLDMODELBENCH)
    assert by_name["mass"].equal == (pytest.approx(2 / 3), 3)
    assert by_name["mass"].alpha == pytest.approx(1 - 5 * 2 / (2 * 3 * 3))
    assert by_name["mass"].baseline == (0.5, 2), "c is divided and has no majority"
    partial = agreement_of([one for one in labels if (one.clip, one.annotator, one.criterion) != ("a", "ann", "mass")])
    assert partial.votes == 5 and partial.close.n == 2
