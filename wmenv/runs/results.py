"""`results.json`: what a run amounts to, computed from its rows alone. The schema is documented in docs/results.md.

Everything that may differ between machines or resumptions is in the `environment` block; the rest is a function of
protocol, agents, seed and judger.
"""

from __future__ import annotations

import json
import os
import platform
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from wmenv.core.canonical import digest
from wmenv.core.errors import RunFolderError
from wmenv.core.files import write_whole
from wmenv.core.statistics import Estimate, bootstrap_mean, slope
from wmenv.core.verdict import Verdict
from wmenv.runs.card import Examined, examined_by, kept_card
from wmenv.runs.interval import Interval, Model
from wmenv.runs.sanity import LEAST, MARGIN, TRUE, sanity_warnings
from wmenv.runs.shard import planned_count, shard_of
from wmenv.runs.store import RolloutRow, RunStore

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
        except ValueError as error:
            raise RunFolderError(f"{path} is not of schema {SCHEMA}: {str(error).splitlines()[0]}") from error


def summarise(store: RunStore, environment: Mapping[str, Any]) -> Results:
    """Compute the results of a run from its rows.

    Args:
        store: The run's store.
        environment: The environment block.
    """
    identity = store.identity()
    if identity is None:
        raise RunFolderError(f"{store.folder} holds no run yet: it was stopped before its first row")
    rollouts = store.rollouts(steps=True)
    groups: dict[tuple[str, str], list[RolloutRow]] = defaultdict(list)
    for rollout in rollouts:
        groups[rollout.agent, rollout.split].append(rollout)
    shard = shard_of(identity)
    card = kept_card(store.folder)
    criteria = [criterion["id"] for criterion in identity["protocol"]["criteria"]]
    rows = [
        _row(agent["name"], split, groups[agent["name"], split], criteria)
        for agent in identity["agents"]
        for split in identity["splits"]
        if groups[agent["name"], split]
    ]
    return Results(
        schema=SCHEMA,
        title=f"{identity['protocol']['case_set']}: {identity['env_id']}{'' if shard is None else f', shard {shard}'}",
        env_id=identity["env_id"],
        protocol=identity["protocol"],
        protocol_digest=digest(identity["protocol"]),
        seed=identity["seed"],
        samples=identity["samples"],
        splits=identity["splits"],
        agents=[AgentCard(**agent) for agent in identity["agents"]],
        shard=None if shard is None else str(shard),
        complete=len(rollouts) == planned_count(identity),
        rows=rows,
        sanity=_sanity(identity, rows),
        examined=None if card is None else examined_by(card, identity["protocol"]),
        failures=[_failure(rollout) for rollout in rollouts if _reason(rollout)],
        clips=sorted(rollout.clip for rollout in rollouts if rollout.clip),
        environment=dict(environment),
    )


def _sanity(identity: Mapping[str, Any], rows: Sequence[Row]) -> SanityResult | None:
    if "sanity" not in identity:
        return None
    panel = {agent["name"] for agent in identity["agents"] if agent.get("sanity")}
    rewards: dict[str, dict[str, float | None]] = {split: {} for split in identity["splits"]}
    covered: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if row.agent in panel:
            rewards[row.split][row.agent] = None if row.reward is None else row.reward.mean
            covered[row.split].append(row.coverage)
    warnings = sanity_warnings(rewards, {split: sum(found) / len(found) for split, found in covered.items()})
    left_out = dict(identity["sanity"]["left_out"])
    return SanityResult(least=LEAST, margin=MARGIN, left_out=left_out, warnings=warnings)


def _row(agent: str, split: str, rollouts: Sequence[RolloutRow], criteria: Sequence[str]) -> Row:
    judged = [r for r in rollouts if r.final is not None]
    finals = [r.final for r in judged if r.final is not None]
    rewarded = [(f.reward, r.case_id) for r, f in zip(judged, finals, strict=True) if f.reward is not None]
    totals = [(f.total, f.maximum) for f in finals if f.total is not None]
    return Row(
        agent=agent,
        split=split,
        rollouts=len(rollouts),
        cases=len({r.case_id for r in rollouts}),
        coverage=_round(sum(f.coverage for f in finals) / len(rollouts)),
        forfeited=sum(any(v.state == "forfeited" for v in f.verdicts) for f in finals),
        failed=sum(bool(_reason(r)) for r in rollouts),
        maximum=_round(sum(maximum for _, maximum in totals) / len(totals)) if totals else None,
        total=_round(sum(total for total, _ in totals) / len(totals)) if totals else None,
        reward=_interval([r for r, _ in rewarded], [c for _, c in rewarded]),
        criteria={name: _criterion(name, judged) for name in criteria},
    )


def _criterion(name: str, judged: Sequence[RolloutRow]) -> CriterionResult:
    finals = [(r.final[name], r.case_id) for r in judged if r.final is not None]
    seen = [(step.judgement[name], r.case_id) for r in judged for step in r.steps]

    def interval(value: Callable[[Verdict], float | None], verdicts: Sequence[tuple[Verdict, str]]) -> Interval | None:
        found = [(value(verdict), case) for verdict, case in verdicts]
        kept = [(number, case) for number, case in found if number is not None]
        return _interval([number for number, _ in kept], [case for _, case in kept])

    pairs: dict[str, list[tuple[float, float]]] = defaultdict(list)
    known: set[str] = set()
    for verdict, _ in seen:
        known.update(verdict.evidence.get("baselines", {}))
        for quantity, (true, generated) in verdict.evidence.get("pairs", {}).items():
            if true is not None and generated is not None:
                pairs[quantity].append((true, generated))
    slopes = {quantity: slope(*zip(*found, strict=True)) for quantity, found in sorted(pairs.items())}
    baselines = {
        baseline: interval(lambda v, b=baseline: v.evidence.get("baselines", {}).get(b), seen)  # type: ignore[misc]
        for baseline in sorted(known)
    }
    return CriterionResult(
        score=interval(lambda v: v.score, finals),
        native=interval(lambda v: v.native, finals),
        states=dict(sorted(Counter(v.state for v, _ in finals).items())),
        slopes={quantity: _round(value) for quantity, value in slopes.items() if value is not None},
        baselines={name: value for name, value in baselines.items() if value is not None},
    )


def _interval(values: Sequence[float], cases: Sequence[str]) -> Interval | None:
    estimate: Estimate | None = bootstrap_mean(values, cases)
    if estimate is None:
        return None
    return Interval(
        mean=_round(estimate.mean),
        low=_round(estimate.low),
        high=_round(estimate.high),
        n=estimate.n,
        cases=estimate.clusters,
    )


def _round(value: float) -> float:
    """Six decimals: beyond them processors differ."""
    return round(value, 6)


def _reason(rollout: RolloutRow) -> str:
    """Why something of a rollout is missing; empty where nothing is."""
    if rollout.state == "agent_failed":
        return rollout.reason
    failed = [v for v in (rollout.final.verdicts if rollout.final else ()) if v.state == "failed"]
    return f"{', '.join(v.criterion for v in failed)}: {failed[0].reason}" if failed else ""


def _failure(rollout: RolloutRow) -> Failure:
    return Failure(
        agent=rollout.agent,
        split=rollout.split,
        case_id=rollout.case_id,
        sample=rollout.sample,
        reason=_reason(rollout),
    )


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
