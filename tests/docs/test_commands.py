"""Every command line of the documentation is one that the command line takes, and runs at a size that shows that."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from cyclopts import CycloptsError

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def lines(page: Path) -> list[str]:
    """Command lines of wmenv: in fenced or indented blocks, and in the text, outside tables, where they are whole."""
    text = page.read_text()
    fenced = re.findall(r"^```\w*\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    found = [line for block in fenced for line in block.replace("\\\n", "").splitlines()]
    found += re.findall(r"^    (wmenv .*)$", text, re.MULTILINE)
    found += re.findall(r"`(wmenv [^`]* --out [^`]*)`", re.sub(r"^\|.*$", "", text, flags=re.MULTILINE))
    return [" ".join(line.partition(" #")[0].split()) for line in found if line.startswith("wmenv ")]


WITH_LINES = [page for page in PAGES if lines(page)]


@pytest.mark.parametrize("page", WITH_LINES, ids=lambda page: page.name)
def test_the_command_line_takes_them(page: Path) -> None:
    """No option is misspelt, none has gone; nothing runs."""
    from wmenv.cli import app

    for line in lines(page):
        try:
            app.parse_args(shlex.split(line)[1:], exit_on_error=False, print_error=False)
        except CycloptsError as error:
            pytest.fail(f"{page.name}: {line}\n{error}")


# Sizes that show no more than that a command runs. What a line already says is replaced, what it leaves out is added.
SMALL = (
    (r"evaluate|requests", {"--episodes": "2"}),
    (r"align", {"--updates": "2", "--look-every": "1", "--cases": "2", "--option": "look_cases=2"}),
    (r"train flow", {"--steps": "4", "--points": "1", "--final-clips": "2"}),
    (r"data phyworld", {"--count": "3", "--size": "32"}),
)

ELSEWHERE = {
    "--smoke": "tests/studies/test_training_studies.py",
    "--real": "the size that made docs/studies, hours; --smoke is the same with other numbers",
    "server:": "tests/judgers/test_server_runs.py, with a server that is there",
    "vlm:": "tests/judgers/test_vlm_judger.py, with a model that is there",
    "runs/vlm": "tests/unit/test_agreement.py, with labels and a judged run",
    "diffusers:": "tests/agents/test_diffusers.py, with a pipeline that is there; examples/evaluate_pipeline.py",
    "runs/1": "tests/runs/test_shards.py",
    "flow:young": "tests/judgers/test_teaching.py, with a run of agents that are there",
    "judge train": "tests/judgers/test_teaching.py and test_lora.py, with lessons of seconds",
    "judge rows": "tests/judgers/test_teaching.py, with a run that is there",
    "judge exam": "tests/studies/test_exam.py and test_exam_scenes.py, with few cases",
    "cards/": "tests/studies/test_exam.py, with cards that are there",
    "runs/a": "tests/studies/test_exam.py, with runs that are there",
    "answers": "tests/official/test_commands.py, with files that are there; examples/official_worldmodelbench.py",
    "data violations": "tests/runs/test_violations.py, at a size of seconds",
    "data check": "tests/official/test_copies.py, with a copy that is there",
}
"""Lines that need what no page makes, by a part of them: which tests run the same commands, and with what."""


OWN = [page for page in WITH_LINES if not all(any(part in line for part in ELSEWHERE) for line in lines(page))]


def small(line: str) -> list[str]:
    """The same command at a size of seconds."""
    words = shlex.split(line)[1:]
    sizes = next((one for pattern, one in SMALL if re.match(pattern, " ".join(words))), {})
    for option, value in sizes.items():
        if option in words and option != "--option":
            words[words.index(option) + 1] = value
        else:
            words += [option, value]
    return words


@pytest.mark.slow
@pytest.mark.parametrize("page", OWN, ids=lambda page: page.name)
def test_pages_run_from_top_to_bottom(page: Path, tmp_path: Path) -> None:
    """In a fresh folder, at a small size, each line after those before it."""
    todo = [line for line in lines(page) if not any(part in line for part in ELSEWHERE)]
    if any("--agent flow" in line or "train flow" in line for line in todo):
        for name in ("diffusers", "peft"):
            pytest.importorskip(name)
    for folder in ("my_clips", "clips"):
        (tmp_path / folder).mkdir()
    for line in todo:
        done = subprocess.run(
            [sys.executable, "-m", "wmenv", *small(line)], capture_output=True, text=True, cwd=tmp_path
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


def test_lines_left_out_are_run_elsewhere() -> None:
    everything = [line for page in PAGES for line in lines(page)]
    assert len(everything) > 25
    for part, where in ELSEWHERE.items():
        assert any(part in line for line in everything), f"{part}: no line needs this any more"
        for path in re.findall(r"(?:tests|examples)/[\w/]+\.py", where):
            assert (ROOT / path).is_file(), path
