"""A row of an alignment study: the shipped generator, and by which method, judger and settings it is aligned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wmenv.judgers.critics.recipe import Recipe
from wmenv.studies.training.declare import Experiment
from wmenv.studies.training.kinds import Told
from wmenv.worlds.discs.world import Law

if TYPE_CHECKING:
    from wmenv.studies.training.outcome import Outcome

BUDGET = 150.0
"""CPU seconds that learning may take, looks included."""

A_SAMPLE = 0.004
"""CPU seconds of a denoising step of one clip without gradient, roughly."""

A_CRITIC = 0.07
"""CPU seconds of a step of teaching a critic, roughly."""

A_LOOK = 32
"""Cases of a look, one clip each."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """One row of the table of runs.

    Attributes:
        name: Name in tables and folders.
        method: By name; empty leaves the generator as it ships.
        tests: Splits it is tested on, by the exact judger.
        judger: Gives the reward.
        held_out: Never rewards; looked at on the way. It chooses nothing: the last weights are tested.
        prompts: Split that prompts are drawn from.
        settings: Of the method, beside those that every row shares.
        judges: Further read-outs of the tests: name -> judger or critic whose mean score it is.
        critics: Learned judgers by name, taught in the study; names of `judger`, `held_out` and `judges` may be theirs.
        asked: Scheme of the environment: what counts in the reward and in the scores.
        update_seconds: CPU seconds of an update, roughly.
        agent: The generator.
        rollout_steps: Denoising steps of a sample while it learns; 0: as many as in the tests.
        trained: Split that it was trained on.
        law: Law of the world.
        size: Side of the picture, pixels.
        frames: Frames of a clip.
    """

    name: str
    method: str
    tests: tuple[str, ...]
    judger: str = ""
    held_out: str = ""
    prompts: str = "wide_v"
    settings: Mapping[str, Any] = field(default_factory=dict)
    judges: Mapping[str, str] = field(default_factory=dict)
    critics: Mapping[str, Recipe] = field(default_factory=dict)
    asked: str = "velocity"
    update_seconds: float = 0.0
    agent: str = "flow"
    rollout_steps: int = 0
    trained: str = "id"
    law: Law = "uniform_motion"
    size: int = 32
    frames: int = 16

    @property
    def scheme(self) -> str:
        """See `wmenv.studies.training.kinds.AnyRun`."""
        return "alignment"

    @property
    def train(self) -> str:
        """The split that the generator was trained on, before all alignment."""
        return self.trained

    @property
    def updates(self) -> int:
        """Updates of the whole run."""
        return int(self.settings.get("updates", 0))

    def plain(self) -> dict[str, Any]:
        """See `wmenv.studies.training.kinds.AnyRun`."""
        return {"kind": "alignment", **asdict(self), "tests": list(self.tests)}

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Alignment:
        """From what `plain` gave."""
        values = {name: value for name, value in plain.items() if name != "kind"}
        critics = {name: Recipe.of(recipe) for name, recipe in plain["critics"].items()}
        return cls(**{**values, "tests": tuple(plain["tests"]), "critics": critics})

    def columns(self) -> dict[str, str]:
        """See `wmenv.studies.training.kinds.AnyRun`."""
        return {
            "run": f"`{self.name}`",
            "method": self.method or "as it ships",
            "reward": self._reward(),
            "held out": self.held_out or "-",
            "prompts": f"`{self.prompts}`" if self.method else "-",
            "settings": self._settings() or "-",
            "tested on": ", ".join(f"`{split}`" for split in self.tests),
        }

    def told(self) -> str:
        """See `wmenv.studies.training.kinds.AnyRun`."""
        if not self.method:
            return f"{self.name}: {self.agent} as it ships"
        return f"{self.name}: {self.method}, reward {self._reward()}, prompts `{self.prompts}`, {self._settings()}"

    def cpu_seconds(self, experiment: Experiment) -> float:
        """See `wmenv.studies.training.kinds.AnyRun`."""
        clips = experiment.cases * len(self.tests) * (1 + len(self.judges))
        looks = A_LOOK * (experiment.points + 1) * 2 if self.method else 0
        critics = sum(recipe.steps for recipe in self.critics.values()) / len(experiment.runs)  # the rows share them
        tested = (clips + looks) * A_SAMPLE * experiment.sampler_steps
        return self.updates * self.update_seconds + critics * A_CRITIC + tested

    def make(self, experiment: Experiment, seed: int, out: Path, told: Told) -> dict[str, Any]:
        """See `wmenv.studies.training.kinds.AnyRun`."""
        from wmenv.studies.alignment.cell import align_cell

        return align_cell(experiment, self, seed, out, told)

    def _reward(self) -> str:
        if not self.judger:
            return "-"
        return f"{self.judger}, shuffled" if self.settings.get("shuffled") else self.judger

    def _settings(self) -> str:
        told = {name: value for name, value in self.settings.items() if name != "shuffled"}
        if self.rollout_steps:
            told["rollout_steps"] = self.rollout_steps
        return ", ".join(f"{name}={value}" for name, value in told.items())


def shuffled(run: Alignment) -> Alignment:
    """The control of a run: each clip gets the reward of another one."""
    return replace(run, name=f"{run.name}-shuffled", settings={**run.settings, "shuffled": True})


def brief(run: Alignment) -> Alignment:
    """A run so short that it shows only that everything runs: an update of two cases."""
    run = replace(run, critics=quick(run.critics))
    if not run.method:
        return run
    few = {"updates": 1, "cases": 2, "look_cases": 2}
    few |= {name: 2 for name in ("group", "samples") if name in run.settings}
    return replace(run, settings={**run.settings, **few}, update_seconds=0.2)


def quick(critics: Mapping[str, Recipe]) -> dict[str, Recipe]:
    """Critics that were hardly taught: three steps of four clips."""
    return {name: replace(recipe, steps=3, batch=4, examined=8) for name, recipe in critics.items()}


def within_budget(outcome: Outcome) -> str:
    """Whether learning took more CPU time than it may, in a sentence."""
    spent = {
        f"{run}, seed {seed}": seconds
        for run, by_seed in outcome.environment["learning_cpu_seconds"].items()
        for seed, seconds in by_seed.items()
    }
    longest = max(spent, key=lambda name: spent[name])
    word = "kept" if spent[longest] <= BUDGET else "broken"
    return (
        f"A run learns for at most {spent[longest]:.0f} CPU-seconds ({longest}); the bound of {BUDGET:.0f} is {word}."
    )
