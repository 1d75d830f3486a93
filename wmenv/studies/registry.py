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
        kept: File or folder below the documentation's folder that the table is rendered from, where it is too dear to
            compute anew; the function is given its path, which need not exist.
    """

    name: str
    summary: str
    target: str
    kept: str = ""

    @property
    def trains(self) -> bool:
        """Whether it is a training study."""
        return self.target.endswith(":STUDY")

    def run(self, docs: Path = DOCS) -> str:
        """Compute the table, or render it from what is kept in the documentation's folder."""
        if self.trains:
            from wmenv.studies.training.table import study_block

            return study_block(self._load(), docs / self.kept)
        table: Callable[..., str] = self._load()
        return table(docs / self.kept) if self.kept else table()

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
        Study(
            "scenes",
            "scenes of the seven domains, what they stand for and witness",
            "wmenv.studies.scenes:scenes_table",
        ),
        Study(
            "scenes-alternatives",
            "lawful alternatives by how well they follow the instruction",
            "wmenv.studies.scenes:alternatives_table",
        ),
        Study(
            "scenes-violations",
            "planted violations by their measured size and side effects",
            "wmenv.studies.scenes:violations_table",
        ),
        Study(
            "scene-questions",
            "what wmenv's own cases of VideoVerse and WorldReasonBench ask",
            "wmenv.studies.scene_questions:questions_table",
        ),
        Study(
            "scene-exam",
            "planted clips found by scene-pixels, lawful ones flagged, sanity panel",
            "wmenv.studies.scene_exam:exam_table",
            "studies/scene-exam.json",
        ),
        Study("phyworld-faults", "planted faults found, clean clips flagged", "wmenv.studies.faults:faults_table"),
        Study(
            "phyworld-soft",
            "how near the judger with a gradient is to the exact one",
            "wmenv.studies.soft:soft_table",
        ),
        Study("phyworld-baselines", "agents in and out of distribution", "wmenv.studies.baselines:baselines_table"),
        Study(
            "phyworld-deviations",
            "paper, official code and wmenv: effect of each difference",
            "wmenv.studies.deviations:deviations_table",
        ),
        Study("demo", "the table of wmenv demo", "wmenv.studies.baselines:demo_table"),
        Study(
            "flow",
            "the flow models that ship: errors, learning curves, commands",
            "wmenv.studies.flow:flow_table",
            "flow",
        ),
        Study(
            "alignment-alarm",
            "how often the guard of an alignment alarms for nothing",
            "wmenv.studies.alarm:alarm_table",
            "alarm.json",
        ),
        Study("readings", "the same replies as four readings take them", "wmenv.studies.readings:readings_table"),
        Study(
            "ppo",
            "does PPO of Stable-Baselines3 learn from the rewards of an environment?",
            "wmenv.studies.ppo:ppo_table",
            "ppo.json",
        ),
        Study("gpu", "what make gpu-check measured", "wmenv.studies.gpu:gpu_table", "gpu.json"),
        Study(
            "phyworld-ood",
            "trains: is a law kept out of distribution?",
            "wmenv.studies.training.ood:STUDY",
            "studies/phyworld-ood.json",
        ),
        Study(
            "phyworld-scaling",
            "trains: what do more data and larger models buy?",
            "wmenv.studies.training.scaling:STUDY",
            "studies/phyworld-scaling.json",
        ),
        Study(
            "phyworld-attributes",
            "trains: which of two conflicting attributes is kept?",
            "wmenv.studies.training.attributes:STUDY",
            "studies/phyworld-attributes.json",
        ),
        Study(
            "phyworld-gap",
            "trains: interpolation or recall, between and beyond training speeds?",
            "wmenv.studies.training.gap:STUDY",
            "studies/phyworld-gap.json",
        ),
        Study(
            "alignment-table",
            "trains: do reward and policy gradients teach fast balls?",
            "wmenv.studies.alignment.table:STUDY",
            "studies/alignment-table.json",
        ),
        Study(
            "alignment-critic",
            "trains: does a learned reward help, or is it exploited?",
            "wmenv.studies.alignment.critic:STUDY",
            "studies/alignment-critic.json",
        ),
        Study(
            "alignment-sweep",
            "trains: learning rate and divergence penalty on hard prompts",
            "wmenv.studies.alignment.sweep:STUDY",
            "studies/alignment-sweep.json",
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
