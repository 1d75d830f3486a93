"""`study.json`: what a training study came to. The schema is documented in docs/studies.md.

Everything that may differ between machines or resumptions is in the `environment` block; the rest is a function of the
declaration, on processors that compute alike.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from wmenv.core.errors import RunFolderError
from wmenv.core.files import write_whole
from wmenv.studies.training.declare import Side

FILE = "study.json"
SCHEMA: Literal["wmenv.study/0"] = "wmenv.study/0"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Seeds(_Model):
    """A mean over training seeds with its 95 % interval by Student's t."""

    mean: float
    low: float
    high: float
    seeds: int


class ClaimResult(_Model):
    """A claim as declared, and what was found."""

    name: str
    statement: str
    paper: str
    quantity: str
    side: Side
    threshold: float
    premise: bool
    values: dict[str, float] = Field(description="The number that decides, by training seed.")
    interval: Seeds | None
    verdict: Literal["agrees", "disagrees", "undecided"]
    reason: str = Field(description="Why nothing could be decided, where something is missing.")


class Row(_Model):
    """A run on a split: read-outs over training seeds."""

    run: str
    split: str
    readouts: dict[str, Seeds]


class Failure(_Model):
    """A cell that failed, and why."""

    run: str
    seed: int
    reason: str


class Outcome(_Model):
    """A whole study at one size."""

    schema_: Literal["wmenv.study/0"] = Field(alias="schema")
    study: str
    question: str
    hypothesis: str
    experiment: dict[str, Any] = Field(description="Runs, seeds, tests, precision: what decides the cells.")
    experiment_digest: str
    analysis_digest: str = Field(description="Of hypothesis and claims.")
    analysis_before: list[str] = Field(description="Digests of earlier analyses of the same cells; empty is the rule.")
    complete: bool = Field(description="Whether every cell is there.")
    claims: list[ClaimResult]
    rows: list[Row]
    cells: list[dict[str, Any]]
    failures: list[Failure]
    environment: dict[str, Any] = Field(description="Command, machine, versions and CPU time.")

    @property
    def size(self) -> str:
        """`smoke` or `real`."""
        return str(self.experiment["size"])

    @property
    def seeds(self) -> list[int]:
        """The training seeds."""
        return list(self.experiment["seeds"])

    def row(self, run: str, split: str) -> Row:
        """The row of a run on a split."""
        return next(row for row in self.rows if (row.run, row.split) == (run, split))

    def write(self, folder: Path) -> Path:
        """Write `study.json` whole or not at all; returns its path."""
        path = folder / FILE
        try:
            write_whole(path, compact_json(self.model_dump(by_alias=True)).encode())
        except OSError as error:
            raise RunFolderError(f"cannot write {path}: {error.strerror}; choose another --out") from error
        return path

    @classmethod
    def read(cls, path: Path) -> Outcome:
        """Read a file that `write` wrote.

        Raises:
            RunFolderError: There is none, or it has another schema.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            raise RunFolderError(f"{path} is missing; run wmenv study NAME --smoke or --real") from None
        except OSError as error:
            raise RunFolderError(f"cannot read {path}: {error.strerror}") from error
        except ValueError as error:
            raise RunFolderError(f"{path} is not of schema {SCHEMA}: {str(error).splitlines()[0]}") from error


def compact_json(value: Any, depth: int = 3, indent: int = 0) -> str:
    """JSON whose outer levels are indented and whose inner ones take one line, so that it reads and stays small."""
    inner = " " * (indent + 1)
    if depth > 0 and isinstance(value, dict) and value:
        told = {key: compact_json(item, depth - 1, indent + 1) for key, item in value.items()}
        lines = [f"{inner}{json.dumps(key)}: {text}" for key, text in told.items()]
        text = "{\n" + ",\n".join(lines) + "\n" + " " * indent + "}"
    elif depth > 0 and isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        text = "[\n" + ",\n".join(inner + compact_json(item, depth - 2, indent + 1) for item in value)
        text += "\n" + " " * indent + "]"
    else:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return text + ("\n" if not indent else "")
