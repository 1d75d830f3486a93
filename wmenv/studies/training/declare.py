"""What a training study declares before it is run: question, hypothesis, table of runs, analysis."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from wmenv.core.canonical import digest
from wmenv.core.errors import InvalidArgument
from wmenv.studies.training.kinds import AnyRun, Told, run_of
from wmenv.studies.training.quantity import Quantity
from wmenv.worlds.discs.world import Law

if TYPE_CHECKING:
    from wmenv.studies.training.outcome import Outcome

Precision = Literal["bfloat16", "float32"]
SizeName = Literal["smoke", "real"]
Side = Literal["above", "below", "not below"]


@dataclass(frozen=True, slots=True)
class Run:
    """One row of the table of runs: how a flow model is trained and what it is tested on.

    Attributes:
        name: Name in tables and folders.
        law: Law of the world.
        train: Split that training clips are drawn from.
        tests: Splits it is tested on.
        steps: Optimiser steps.
        clips: Size of the training set; None draws new clips for ever.
        batch: Clips a step.
        widths: Channels of the network at each resolution.
        size: Side of the picture, pixels.
        scheme: What is asked of a clip: `velocity`, or `attributes` in splits where attributes conflict.
    """

    name: str
    law: Law
    train: str
    tests: tuple[str, ...]
    steps: int
    clips: int | None = None
    batch: int = 16
    widths: tuple[int, ...] = (48, 56, 56)
    size: int = 32
    scheme: Literal["velocity", "attributes"] = "velocity"

    FRAMES = 16
    GIVEN = 3
    PATCH = 2

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "tests": list(self.tests), "widths": list(self.widths)}

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Run:
        """From what `plain` gave."""
        return cls(**{**plain, "tests": tuple(plain["tests"]), "widths": tuple(plain["widths"])})

    def columns(self) -> dict[str, str]:
        """See `wmenv.studies.training.kinds.AnyRun`."""
        return {
            "run": f"`{self.name}`",
            "law": self.law.replace("_", " "),
            "trained on": f"`{self.train}`",
            "clips": "new ones for ever" if self.clips is None else f"{self.clips:,}",
            "widths": "-".join(map(str, self.widths)),
            "steps x batch": f"{self.steps:,} x {self.batch}",
            "tested on": ", ".join(f"`{split}`" for split in self.tests),
        }

    def told(self) -> str:
        """See `wmenv.studies.training.kinds.AnyRun`."""
        clips = "new clips for ever" if self.clips is None else f"{self.clips:,} clips"
        widths = "-".join(map(str, self.widths))
        return f"{self.name}: {self.law} `{self.train}`, {clips}, {self.steps:,} steps of {self.batch}, widths {widths}"

    def cpu_seconds(self, experiment: Experiment) -> float:
        """Fitted to one core of an AVX-512 machine with bfloat16 arithmetic."""
        picture = (self.size / 32) ** 2
        a_step = self.batch / 16 * picture * (0.082 + 4.3e-6 * sum(width**2 for width in self.widths))
        tested = experiment.cases * len(self.tests) + 64 * 2 * experiment.points
        return self.steps * a_step + tested * picture * 0.004 * experiment.sampler_steps

    def make(self, experiment: Experiment, seed: int, out: Path, told: Told) -> dict[str, Any]:
        """See `wmenv.studies.training.kinds.AnyRun`."""
        from wmenv.studies.training.cell import run_cell

        return run_cell(experiment, self, seed, out, told)


@dataclass(frozen=True, slots=True)
class Experiment:
    """A study at one size: everything that decides its numbers.

    Attributes:
        study: Name of the study.
        size: `smoke` (does it run?) or `real`.
        runs: The table of runs.
        seeds: Training seeds; each run is trained once a seed.
        cases: Test cases a split.
        points: Points of each learning curve.
        sampler_steps: Euler steps of a sample.
        precision: Of training passes.
        cases_seed: Decides the test cases and the sampler's noise, the same for every run and training seed.
    """

    study: str
    size: SizeName
    runs: tuple[AnyRun, ...]
    seeds: tuple[int, ...]
    cases: int
    points: int = 4
    sampler_steps: int = 4
    precision: Precision = "bfloat16"
    cases_seed: int = 20_250

    def cells(self) -> Iterator[tuple[AnyRun, int]]:
        """Every run with every seed."""
        for run in self.runs:
            for seed in self.seeds:
                yield run, seed

    def run(self, name: str) -> AnyRun:
        """The run of a name."""
        return next(run for run in self.runs if run.name == name)

    def cpu_seconds(self, run: AnyRun) -> float:
        """What a cell takes, roughly."""
        return run.cpu_seconds(self)

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            **{one.name: getattr(self, one.name) for one in fields(self)},
            "runs": [run.plain() for run in self.runs],
            "seeds": list(self.seeds),
        }

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Experiment:
        """From what `plain` gave."""
        runs = tuple(run_of(run) for run in plain["runs"])
        return cls(**{**plain, "runs": runs, "seeds": tuple(plain["seeds"])})


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement that the study decides.

    Attributes:
        name: Short name.
        statement: In words.
        paper: What the paper says, and where.
        quantity: The number of one training seed that decides.
        side: On which side of the threshold the statement holds; `not below` where it is that nothing shows.
        threshold: In the unit of the quantity.
        premise: Whether it is a check that the models learned their task, which the other claims take for granted.
    """

    name: str
    statement: str
    paper: str
    quantity: Quantity
    side: Side
    threshold: float
    premise: bool = False

    def plain(self) -> dict[str, Any]:
        """As JSON values; the quantity by its expression, which is what is computed."""
        return {
            "name": self.name,
            "statement": self.statement,
            "paper": self.paper,
            "quantity": self.quantity.told,
            "side": self.side,
            "threshold": self.threshold,
            "premise": self.premise,
        }


@dataclass(frozen=True, slots=True)
class TrainingStudy:
    """A training study.

    Attributes:
        name: What users type.
        question: What it asks.
        hypothesis: What is expected, with the source.
        sizes: The experiment at each size; both hold the runs that the claims name.
        claims: The analysis.
        limits: What its numbers do not say.
        plots: What the report draws.
        source: Heading of the column that says where a claim comes from.
        split_notes: What a reader must know of a split, shown beside its name.
        by_seed: Read-outs that are printed seed by seed.
        conclude: Says of a whole outcome what the verdicts do not, in a sentence.
    """

    name: str
    question: str
    hypothesis: str
    sizes: Mapping[SizeName, Experiment]
    claims: tuple[Claim, ...]
    limits: tuple[str, ...] = ()
    plots: tuple[Plot, ...] = ()
    source: str = "the paper"
    split_notes: Mapping[str, str] = field(default_factory=dict)
    by_seed: tuple[str, ...] = ()
    conclude: Callable[[Outcome], str] | None = None

    def experiment(self, size: SizeName, precision: Precision | None = None) -> Experiment:
        """The experiment of a size, at another precision if asked.

        Raises:
            InvalidArgument: No such size or precision.
        """
        if size not in self.sizes:
            raise InvalidArgument(f"{self.name} has the sizes {', '.join(self.sizes)}, got {size!r}")
        if precision not in (None, "bfloat16", "float32"):
            raise InvalidArgument(f"precision must be bfloat16 or float32, got {precision!r}")
        found = self.sizes[size]
        return found if precision is None else replace(found, precision=precision)

    def analysis(self) -> list[dict[str, Any]]:
        """The claims as JSON values."""
        return [claim.plain() for claim in self.claims]

    def analysis_digest(self) -> str:
        """Short name of the analysis: statements, expressions, thresholds."""
        return digest([self.hypothesis, self.analysis()])


@dataclass(frozen=True, slots=True)
class Plot:
    """A read-out by split and run, for the report.

    Attributes:
        title: What is drawn.
        readout: Which read-out.
        runs: Which runs.
        splits: Which splits.
        unit: Of the read-out.
    """

    title: str
    readout: str
    runs: tuple[str, ...]
    splits: tuple[str, ...]
    unit: str = "units/s"


def tiny(run: Run, widths: tuple[int, ...] = (8, 16)) -> Run:
    """A run so small that it shows only that everything runs: 16 pixels, 6 steps."""
    return replace(run, size=16, batch=4, steps=6, widths=widths)
