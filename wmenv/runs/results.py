"""`results.json`: what a run amounts to, computed from its rows alone (`wmenv.runs.summary`). See docs/results.md.

Everything that may differ between machines or resumptions is in the `environment` block; the rest is a function of
protocol, agents, seed and judger.
"""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from wmenv.core.errors import RunFolderError
from wmenv.core.files import write_whole
from wmenv.runs.card import Examined
from wmenv.runs.interval import Interval, Model
from wmenv.runs.sanity import TRUE

FILE = "results.json"
SCHEMA: Literal["wmenv.results/0"] = "wmenv.results/0"


class CriterionResult(Model):
    """One criterion of one agent on one split."""

    score: Interval | None = Field(description="Score in [0, 1] over answered and forfeited verdicts.")
    native: Interval | None = Field(description="Value in the criterion's own unit.")
    states: dict[str, int] = Field(description="Number of verdicts in each of the four states.")
    slopes: dict[str, float] = Field(description="Regression slope of generated on true, by quantity.")
    baselines: dict[str, Interval] = Field(description="Native value that generators of no knowledge would get.")


class Row(Model):
    """One agent on one split."""

    agent: str
    split: str
    rollouts: int
    cases: int
    coverage: float = Field(description="Share of concerned verdicts that did not fail; an agent that raised has none.")
    forfeited: int = Field(description="Rollouts with at least one forfeited criterion.")
    failed: int = Field(description="Rollouts that the agent or the judge failed.")
    maximum: float | None = Field(
        description="Largest total that could be reached, mean over rollouts; rows of other maxima do not rank."
    )
    total: float | None = Field(default=None, description="Mean total, in the scheme's own unit.")
    reward: Interval | None = Field(description="Total divided by its maximum.")
    criteria: dict[str, CriterionResult]


class AgentCard(Model):
    """One agent of the run."""

    name: str
    privileged: bool
    sanity: bool = Field(default=False, description="Whether it belongs to the sanity panel: marked, not ranked.")
    card: dict[str, Any]


class SanityResult(Model):
    """What the sanity panel says about the judger."""

    least: float = Field(description="Mean reward that the true clip must reach.")
    margin: float = Field(description="By which every other clip of the panel must stay below it.")
    left_out: dict[str, str] = Field(description="Why the suite has no such clip, by agent.")
    warnings: list[str] = Field(description="Where the judger cannot tell the true clip from others; empty is good.")

    @property
    def compared(self) -> bool:
        """Whether there was a true clip to compare with; without one the panel says nothing about the judger."""
        return TRUE not in self.left_out


class Failure(Model):
    """A rollout of which something is missing, and why."""

    agent: str
    split: str
    case_id: str
    sample: int
    reason: str


class _Asked(BaseModel):
    """What reports need of a criterion in a protocol; see `wmenv.core.criterion.Criterion`."""

    model_config = ConfigDict(strict=True)
    id: str
    text: str
    unit: str
    weight: float
    polarity: int


_ASKED = TypeAdapter(list[_Asked])


class Results(Model):
    """A whole run."""

    schema_: Literal["wmenv.results/0"] = Field(alias="schema")
    title: str
    env_id: str
    protocol: dict[str, Any]
    protocol_digest: str
    seed: int
    samples: int
    splits: dict[str, int] = Field(description="Number of cases asked for, by split.")
    agents: list[AgentCard]
    shard: str | None = Field(default=None, description="Which share of the run this is, such as 2/4; null for all.")
    complete: bool = Field(description="Whether every planned rollout has a row.")
    rows: list[Row]
    sanity: SanityResult | None = Field(default=None, description="Of the sanity panel, where there was one.")
    examined: Examined | None = Field(
        default=None, description="Key figures of the judger's card, where the run was given one."
    )
    failures: list[Failure]
    clips: list[str] = Field(description="Kept clips, relative to the run folder.")
    environment: dict[str, Any] = Field(description="Machine, versions and times: all that may differ between runs.")

    @model_validator(mode="after")
    def _rows_answer_the_protocol(self) -> Results:
        """Files come from anywhere: criteria have their form, and every row has each of them."""
        asked = [one.id for one in _ASKED.validate_python(self.protocol.get("criteria", []))]
        for row in self.rows:
            if missing := [name for name in asked if name not in row.criteria]:
                raise ValueError(f"the row of {row.agent} on {row.split} has no criterion {missing[0]}")
        return self

    @property
    def failed(self) -> bool:
        """Whether anything is missing."""
        return bool(self.failures) or not self.complete

    def row(self, agent: str, split: str) -> Row:
        """The row of an agent on a split."""
        return next(row for row in self.rows if row.agent == agent and row.split == split)

    def write(self, folder: Path) -> Path:
        """Write `results.json` whole or not at all; returns its path."""
        path = folder / FILE
        text = json.dumps(self.model_dump(by_alias=True), indent=1, ensure_ascii=False) + "\n"
        write_whole(path, text.encode())
        return path

    @classmethod
    def read(cls, folder: Path) -> Results:
        """Read a run folder's results.

        Raises:
            RunFolderError: There are none, or they have another schema.
        """
        path = folder / FILE
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            raise RunFolderError(f"{folder} has no {FILE}; finish the run with wmenv evaluate --resume") from None
        except OSError as error:
            raise RunFolderError(f"cannot read {path}: {error.strerror}") from error
        except ValueError as error:
            raise RunFolderError(f"{path} is not of schema {SCHEMA}: {str(error).splitlines()[0]}") from error


def environment_block(**extra: Any) -> dict[str, Any]:
    """Machine and versions."""
    from wmenv import __version__

    return {
        "wmenv": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        **extra,
    }
