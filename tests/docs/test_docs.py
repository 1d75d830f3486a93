"""The documentation says what the code does: examples run, numbers are those printed now, links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wmenv.studies.blocks import differing_blocks, write_blocks
from wmenv.studies.registry import STUDIES, run_study

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: str, language: str = "python") -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(), flags=re.DOTALL)


def test_readme_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    from wmenv.agents.still import CopyLast

    class Mine(CopyLast):
        name = "mine"

    names: dict[str, Any] = {"my_agent": Mine()}
    first, second = blocks("README.md")
    exec(first, names)
    assert names["reward"] > 0.9 and names["terminated"]
    exec(second.replace("episodes=200", "episodes=3"), names)
    assert {row.agent for row in names["results"].rows} == {"law", "mine"}
    assert (tmp_path / "runs/a/results.json").is_file()


def test_concepts_example_runs() -> None:
    names: dict[str, Any] = {}
    (block,) = blocks("docs/concepts.md")
    exec(block, names)
    assert names["env"].action_space.shape == (2,)


def test_rl_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    (block,) = blocks("docs/rl.md")
    exec(block, names)
    assert names["observation"].shape == (10,) and names["terminated"]
    assert Path(names["info"]["video"]).is_file()


def test_contributing_examples_run(tmp_path: Path) -> None:
    import wmenv

    names: dict[str, Any] = {}
    for block in blocks("CONTRIBUTING.md"):
        exec(block, names)
    results = wmenv.evaluate(
        "PhyWorld-parabola",
        [names["Mirror"]()],
        episodes=2,
        size=32,
        judger=names["Brightness"](),
        out=tmp_path / "run",
    )
    (row,) = results.rows
    assert row.coverage == 1.0 and 0.5 < row.criteria["velocity"].score.mean < 1.0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_stated_constants_are_those_in_force() -> None:
    """Half-score errors and parameter ranges of docs/phyworld.md."""
    from wmenv.worlds.discs.criteria import MEASURES
    from wmenv.worlds.discs.splits import parameter_ranges

    page = (ROOT / "docs/phyworld.md").read_text()
    for name, measure in MEASURES.items():
        (half,) = re.findall(rf"^\| `{name}` \|.*\| ([\d.]+) \|$", page, flags=re.MULTILINE)
        assert float(half) == measure.half, name
    rows = {"`code`, uniform motion and parabola": ("parabola", "code"), "`code`, collision": ("collision", "code"),
            "`paper`, all": ("collision", "paper")}  # fmt: skip
    for label, (law, ranges) in rows.items():
        (cells,) = re.findall(rf"^\| {label} \| (.*) \|$", page, flags=re.MULTILINE)
        stated = [tuple(map(float, cell.split("-"))) for cell in cells.split(" | ")]
        sides = parameter_ranges(law, ranges)  # type: ignore[arg-type]
        assert stated == [tuple(sides[name][side]) for name in ("r", "v") for side in ("id", "low", "high")]


def test_blocks_belong_to_studies_and_are_filled() -> None:
    named = [
        name for page in PAGES for name in re.findall(r"^<!-- study: ([\w-]+) -->$", page.read_text(), re.MULTILINE)
    ]
    assert set(named) == set(STUDIES)
    for page in PAGES:
        for text in re.findall(r"<!-- study: [\w-]+ -->\n(.*?)<!-- end study -->", page.read_text(), flags=re.DOTALL):
            assert text.count("|") > 20, "run make docs-numbers"


def test_write_blocks_only_touches_its_own(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "a\n<!-- study: one -->\nold\n<!-- end study -->\nb\n<!-- study: two -->\nkeep\n<!-- end study -->\n"
    )
    assert differing_blocks([tmp_path], {"one": "new"}) == [f"one in {page}"]
    write_blocks([tmp_path], {"one": "new"})
    assert "new" in page.read_text() and "old" not in page.read_text() and "keep" in page.read_text()
    assert differing_blocks([tmp_path], {"one": "new"}) == []


LONG = (
    "phyworld-analysis-splits", "phyworld-baselines", "phyworld-parser", "phyworld-soft", "flow", "scenes-alternatives",
    "scenes-violations",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "study", [pytest.param(one, marks=pytest.mark.long) if one in LONG else one for one in STUDIES]
)
def test_numbers_are_those_printed_now(study: str) -> None:
    assert differing_blocks(PAGES, run_study(study, ROOT / "docs")) == [], "run make docs-numbers"


def test_readme_arrays_are_as_said() -> None:
    import gymnasium as gym

    env = gym.make("wmenv:PhyWorld-collision-v0")
    observation, _ = env.reset(seed=0)
    assert observation["frames"].shape == (3, 256, 256, 3) and observation["frames"].dtype == np.uint8
