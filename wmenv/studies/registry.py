"""The studies by name."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wmenv.core.errors import InvalidArgument, UnknownName

if TYPE_CHECKING:
    from wmenv.studies.training.declare import TrainingStudy

DOCS = Path("docs")


@dataclass(frozen=True, slots=True)
class Study:
    """One table of the documentation.

    Attributes:
        name: What users type; also the name of the marked block.
        summary: One line.
        target: `"module:function"`; the function returns Markdown. Of a training study `"module:STUDY"`.
        trains: Whether it is a training study, whose table is rendered from the results that were committed.
    """

    name: str
    summary: str
    target: str
    trains: bool = False

    def run(self, docs: Path = DOCS) -> str:
        """Compute the table, or render a training study's from `<docs>/studies/<name>.json`."""
        if self.trains:
            from wmenv.studies.training.table import study_block

            return study_block(self._load(), docs / "studies" / f"{self.name}.json")
        table: Callable[[], str] = self._load()
        return table()

    def _load(self) -> Any:
        module, _, name = self.target.partition(":")
        return getattr(importlib.import_module(module), name)


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
        Study(
            "phyworld-ood",
            "trains: is a law kept out of distribution?",
            "wmenv.studies.training.ood:STUDY",
            trains=True,
        ),
        Study(
            "phyworld-scaling",
            "trains: what do more data and larger models buy?",
            "wmenv.studies.training.scaling:STUDY",
            trains=True,
        ),
        Study(
            "phyworld-attributes",
            "trains: which of two conflicting attributes is kept?",
            "wmenv.studies.training.attributes:STUDY",
            trains=True,
        ),
        Study(
            "phyworld-gap",
            "trains: interpolation or recall, between and beyond training speeds?",
            "wmenv.studies.training.gap:STUDY",
            trains=True,
        ),
    )
}


def run_study(name: str, docs: Path = DOCS) -> dict[str, str]:
    """Run one study, or all; returns Markdown by study name.

    Args:
        name: Name of the study, or all.
        docs: Folder of the documentation, with the committed results of training studies in `studies/`.

    Raises:
        UnknownName: No such study.
    """
    chosen = STUDIES.values() if name == "all" else [_study(name)]
    return {study.name: study.run(docs) for study in chosen}


def training_study(name: str) -> TrainingStudy:
    """The declaration of a training study.

    Raises:
        UnknownName: No such study.
        InvalidArgument: It does not train.
    """
    study = _study(name)
    if not study.trains:
        known = ", ".join(one.name for one in STUDIES.values() if one.trains)
        raise InvalidArgument(f"study {name} trains nothing: it only prints a table; studies that train: {known}")
    found: TrainingStudy = study._load()
    return found


def _study(name: str) -> Study:
    if name not in STUDIES:
        raise UnknownName(f"no study named {name!r}; known: all, {', '.join(STUDIES)}")
    return STUDIES[name]
