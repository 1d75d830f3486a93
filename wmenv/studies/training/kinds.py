"""What a row of a table of runs can be: a flow model that is trained, a generator that is aligned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from wmenv.worlds.discs.world import Law

if TYPE_CHECKING:
    from wmenv.studies.training.declare import Experiment

KINDS = {"alignment": "wmenv.studies.alignment.run:Alignment"}
"""By the `kind` of what `plain` gives; flow models, which were first, state none."""

FIRST = "wmenv.studies.training.declare:Run"

Told = Callable[[str, float], None]
"""Called with a line to show (may be empty) and the share of a cell that is done, 0 to 1."""


class AnyRun(Protocol):
    """One row of a table of runs; with a training seed it is a cell."""

    @property
    def name(self) -> str:
        """Name in tables and folders."""
        ...

    @property
    def law(self) -> Law:
        """Law of the world."""
        ...

    @property
    def train(self) -> str:
        """Split whose speeds count as known to the model."""
        ...

    @property
    def tests(self) -> tuple[str, ...]:
        """Splits it is tested on."""
        ...

    @property
    def scheme(self) -> str:
        """Names the read-outs of its cells."""
        ...

    def plain(self) -> dict[str, Any]:
        """As JSON values, with a `kind` of `KINDS`; `run_of` makes the same run of them."""
        ...

    def columns(self) -> dict[str, str]:
        """Its row in the table of runs, Markdown by heading; the same headings for all runs of a study."""
        ...

    def told(self) -> str:
        """The same in a line of plain text."""
        ...

    def cpu_seconds(self, experiment: Experiment) -> float:
        """What a cell takes, roughly."""
        ...

    def make(self, experiment: Experiment, seed: int, out: Path, told: Told) -> dict[str, Any]:
        """Make the cell of a seed; what is done already is not done again.

        Args:
            experiment: What the run belongs to.
            seed: The training seed.
            out: Folder of the study: the model goes to `models/<run>-<seed>`, the evaluation to `runs/<run>-<seed>`.
            told: Told how far it is.

        Returns:
            Facts and read-outs as JSON values: `run`, `seed`, `curve`, `splits` (read-outs by split), and times, which
            are left out of comparisons: `cpu_seconds`, and `learning_cpu_seconds` where learning has a bound.
        """
        ...


def run_of(plain: Mapping[str, Any]) -> AnyRun:
    """The run that `plain` describes, of whatever kind."""
    module, _, name = (KINDS[plain["kind"]] if "kind" in plain else FIRST).partition(":")
    found: AnyRun = getattr(import_module(module), name).of(plain)
    return found
