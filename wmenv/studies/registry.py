"""The studies by name."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from wmenv.core.errors import UnknownName


@dataclass(frozen=True, slots=True)
class Study:
    """One table of the documentation.

    Attributes:
        name: What users type; also the name of the marked block.
        summary: One line.
        target: `"module:function"`; the function returns Markdown.
    """

    name: str
    summary: str
    target: str

    def run(self) -> str:
        """Compute the table."""
        module, _, function = self.target.partition(":")
        table: Callable[[], str] = getattr(importlib.import_module(module), function)
        return table()


STUDIES: dict[str, Study] = {
    study.name: study
    for study in (
        Study("phyworld-splits", "splits, ranges and what is scored in them", "wmenv.studies.splits:splits_table"),
        Study(
            "phyworld-analysis-splits",
            "splits of the analysis experiments, and how surely shapes are read",
            "wmenv.studies.analysis:analysis_table",
        ),
        Study(
            "phyworld-conflicts",
            "which of two conflicting attributes known agents keep",
            "wmenv.studies.conflicts:conflicts_table",
        ),
        Study("phyworld-parser", "error of the judger on true clips, by size", "wmenv.studies.parser:parser_table"),
        Study("phyworld-faults", "planted faults found, clean clips flagged", "wmenv.studies.faults:faults_table"),
        Study("phyworld-baselines", "agents in and out of distribution", "wmenv.studies.baselines:baselines_table"),
        Study(
            "phyworld-deviations",
            "paper, official code and wmenv: effect of each difference",
            "wmenv.studies.deviations:deviations_table",
        ),
        Study("demo", "the table of wmenv demo", "wmenv.studies.baselines:demo_table"),
    )
}


def run_study(name: str) -> dict[str, str]:
    """Run one study, or all; returns Markdown by study name.

    Raises:
        UnknownName: No such study.
    """
    if name != "all" and name not in STUDIES:
        raise UnknownName(f"no study named {name!r}; known: all, {', '.join(STUDIES)}")
    return {study.name: study.run() for study in STUDIES.values() if name in ("all", study.name)}
