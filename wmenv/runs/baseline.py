"""A baseline: what an agent once scored, case by case, in one small file of text that is kept under version control.

It holds the settings that decide which cases are drawn and how they are judged, and the values that runs are compared
by. It holds no time and no machine, so that writing it again changes it only where a score has changed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wmenv.core.errors import InvalidArgument, ProtocolMismatch, RunFolderError
from wmenv.core.files import FORM, write_whole
from wmenv.core.verdict import Judgement
from wmenv.runs.folder import differing
from wmenv.runs.shard import planned_count
from wmenv.runs.store import stored_identity, stored_run

SCHEMA = "wmenv.baseline/0"
REWARD = "reward"
SETTINGS = ("env_id", "protocol", "seed", "samples", "splits")
"""What a run must share with a baseline: these decide the cases and their judgement."""

Values = Mapping[str, float | None]
"""By measure: `reward`, and the score of each criterion; None where there is none. Empty where the agent failed."""


def values_of(judgement: Judgement | None) -> Values:
    """What a rollout is compared by."""
    if judgement is None:
        return {}
    return {REWARD: judgement.reward, **{v.criterion: v.score for v in judgement.verdicts}}


@dataclass(frozen=True, slots=True)
class Baseline:
    """A baseline.

    Attributes:
        settings: The entries `SETTINGS` of the run's identity.
        agent: Name and card of the agent.
        rollouts: By (split, case id, sample).
    """

    settings: Mapping[str, Any]
    agent: Mapping[str, Any]
    rollouts: Mapping[tuple[str, str, int], Values]

    @classmethod
    def of(cls, run: Path) -> Baseline:
        """Of the run of one agent.

        Raises:
            RunFolderError: The folder holds no run.
            InvalidArgument: The run has several agents, is a shard, or something of it is missing or failed: a
                baseline has every value.
        """
        identity, rows = stored_run(run)
        if len(identity["agents"]) != 1:
            names = ", ".join(agent["name"] for agent in identity["agents"])
            raise InvalidArgument(f"a baseline is of one agent, {run} has {names}")
        if "shard" in identity or len(rows) < planned_count(identity):
            raise InvalidArgument(f"{run} is a part of a run: {len(rows)} rollouts are there; finish or merge it first")
        broken = [row for row in rows if row.final is None or row.final.coverage < 1]
        if broken:
            one = broken[0]
            why = one.reason or next(v.reason for v in one.final.verdicts if v.state == "failed")  # type: ignore[union-attr]
            raise InvalidArgument(
                f"{len(broken)} of {len(rows)} rollouts failed and are no baseline; {one.case_id}: {why}"
            )
        (agent,) = identity["agents"]
        return cls(
            {key: identity[key] for key in SETTINGS},
            {"name": agent["name"], "card": agent["card"]},
            {(row.split, row.case_id, row.sample): values_of(row.final) for row in rows},
        )

    @classmethod
    def read(cls, path: Path) -> Baseline:
        """Read a file.

        Raises:
            RunFolderError: There is none, or it is no baseline.
        """
        try:
            plain = json.loads(path.read_text("utf-8"))
            if plain["schema"] != SCHEMA:
                raise ValueError(f"schema {plain['schema']!r}")
            rollouts = {(split, case, int(sample)): values for split, case, sample, values in plain["rollouts"]}
            agent = {"name": str(plain["agent"]["name"]), "card": plain["agent"]["card"]}
            return cls({key: plain["settings"][key] for key in SETTINGS}, agent, rollouts)
        except OSError as error:
            raise RunFolderError(f"cannot read {path}: {error.strerror}") from error
        except FORM as error:
            raise RunFolderError(f"{path} is no baseline of schema {SCHEMA}: {error}; write it anew") from error

    def write(self, path: Path) -> None:
        """Write the file whole or not at all, a line a rollout.

        Raises:
            RunFolderError: It cannot be written.
        """
        head = {"schema": SCHEMA, "settings": self.settings, "agent": self.agent}
        lines = [json.dumps([*key, values], ensure_ascii=False) for key, values in sorted(self.rollouts.items())]
        text = json.dumps(head, indent=1, ensure_ascii=False)[:-2] + ',\n "rollouts": [\n  ' + ",\n  ".join(lines)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, (text + "\n ]\n}\n").encode())
        except OSError as error:
            raise RunFolderError(f"cannot write {path}: {error.strerror}") from error

    def check(self, run: Path, path: Path) -> None:
        """See to it that a run, finished or not, has the settings of this baseline.

        Args:
            run: The run folder.
            path: Where the baseline lies, for the message.

        Raises:
            ProtocolMismatch: It has not.
        """
        identity = stored_identity(run) or {}
        mine = {key: identity.get(key) for key in SETTINGS}
        if told := differing(dict(self.settings), mine, "was", "now"):
            way = "go back to them, or write a new baseline (pytest --wmenv-update-baseline)"
            raise ProtocolMismatch(f"{path} is a baseline of other settings: {told}; {way}")

    def identity(self) -> dict[str, Any]:
        """As much of a run's identity as a comparison asks for."""
        return {**self.settings, "agents": [dict(self.agent)]}

    def values(self) -> dict[tuple[str, str], dict[tuple[str, int], Values]]:
        """By (agent, split) and (case id, sample)."""
        found: dict[tuple[str, str], dict[tuple[str, int], Values]] = {}
        for (split, case_id, sample), values in self.rollouts.items():
            found.setdefault((self.agent["name"], split), {})[case_id, sample] = values
        return found

    def measured(self) -> set[tuple[str, str]]:
        """(split, measure) of which there is at least one value."""
        return {
            (split, measure)
            for (split, _, _), values in self.rollouts.items()
            for measure, value in values.items()
            if value is not None
        }
