"""What the rows of a run amount to: read one at a time, so that a long run needs no more memory than a short one."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from wmenv.core.canonical import digest
from wmenv.core.errors import RunFolderError
from wmenv.core.files import taking_apart
from wmenv.core.statistics import bootstrap_mean, slope
from wmenv.core.verdict import Verdict
from wmenv.runs.card import examined_by, kept_card
from wmenv.runs.interval import Interval
from wmenv.runs.results import SCHEMA, AgentCard, CriterionResult, Failure, Results, Row, SanityResult
from wmenv.runs.sanity import LEAST, MARGIN, sanity_warnings
from wmenv.runs.shard import planned_count, shard_of
from wmenv.runs.store import FILE, RolloutRow, RunStore


def summarise(store: RunStore, environment: Mapping[str, Any]) -> Results:
    """Compute the results of a run from its rows.

    Args:
        store: The run's store.
        environment: The environment block.
    """
    identity = store.identity()
    if identity is None:
        raise RunFolderError(f"{store.folder} holds no run yet: it was stopped before its first row")
    names = [agent["name"] for agent in identity["agents"]]
    with taking_apart(store.folder / FILE, RunFolderError):
        asked = [criterion["id"] for criterion in identity["protocol"]["criteria"]]
        tallies = {(name, split): _Tally(name, split, asked) for name in names for split in identity["splits"]}
        failures = []
        for rollout in store.each(steps=True):
            tallies[rollout.agent, rollout.split].add(rollout)
            if reason := _reason(rollout):
                failures.append(_failure(rollout, reason))
        rows = [tally.row() for tally in tallies.values() if tally.rollouts]
        shard, card = shard_of(identity), kept_card(store.folder)
        title = f"{identity['protocol']['case_set']}: {identity['env_id']}"
        return Results(
            schema=SCHEMA,
            title=title if shard is None else f"{title}, shard {shard}",
            env_id=identity["env_id"],
            protocol=identity["protocol"],
            protocol_digest=digest(identity["protocol"]),
            seed=identity["seed"],
            samples=identity["samples"],
            splits=identity["splits"],
            agents=[AgentCard(**agent) for agent in identity["agents"]],
            shard=None if shard is None else str(shard),
            complete=sum(tally.rollouts for tally in tallies.values()) == planned_count(identity),
            rows=rows,
            sanity=_sanity(identity, rows),
            examined=None if card is None else examined_by(card, identity["protocol"]),
            failures=failures,
            clips=store.clips(),
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


def _failure(rollout: RolloutRow, reason: str) -> Failure:
    return Failure(
        agent=rollout.agent, split=rollout.split, case_id=rollout.case_id, sample=rollout.sample, reason=reason
    )


class _Values:
    """Numbers with the cases that they come from."""

    def __init__(self) -> None:
        self.values, self.cases = array("d"), list[str]()

    def add(self, value: float | None, case: str) -> None:
        """Take one; None is no value."""
        if value is not None:
            self.values.append(value)
            self.cases.append(case)

    def interval(self) -> Interval | None:
        """Their mean with its interval; None without any."""
        found = bootstrap_mean(self.values, self.cases)
        if found is None:
            return None
        mean, low, high = map(_round, (found.mean, found.low, found.high))
        return Interval(mean=mean, low=low, high=high, n=found.n, cases=found.clusters)


class _CriterionTally:
    """Verdicts on one criterion."""

    def __init__(self) -> None:
        self.score, self.native, self.states = _Values(), _Values(), Counter[str]()
        self.pairs: dict[str, tuple[array[float], array[float]]] = defaultdict(lambda: (array("d"), array("d")))
        self.baselines: dict[str, _Values] = defaultdict(_Values)

    def add_final(self, verdict: Verdict, case: str) -> None:
        """Take the verdict on a rollout."""
        self.score.add(verdict.score, case)
        self.native.add(verdict.native, case)
        self.states[verdict.state] += 1

    def add_step(self, verdict: Verdict, case: str) -> None:
        """Take the evidence of the verdict on a step."""
        for name, value in verdict.evidence.get("baselines", {}).items():
            self.baselines[name].add(value, case)
        for quantity, pair in verdict.evidence.get("pairs", {}).items():
            if None not in pair:
                for side, value in zip(self.pairs[quantity], pair, strict=True):
                    side.append(value)

    def result(self) -> CriterionResult:
        """What they amount to."""
        slopes = {quantity: slope(*sides) for quantity, sides in sorted(self.pairs.items())}
        baselines = {name: values.interval() for name, values in sorted(self.baselines.items())}
        return CriterionResult(
            score=self.score.interval(),
            native=self.native.interval(),
            states=dict(sorted(self.states.items())),
            slopes={quantity: _round(value) for quantity, value in slopes.items() if value is not None},
            baselines={name: interval for name, interval in baselines.items() if interval is not None},
        )


class _Tally:
    """The rollouts of one agent on one split."""

    def __init__(self, agent: str, split: str, criteria: Sequence[str]) -> None:
        self.agent, self.split = agent, split
        self.criteria = {name: _CriterionTally() for name in criteria}
        self.rollouts, self.forfeited, self.failed, self.coverage = 0, 0, 0, 0.0
        self.cases, self.rewards = set[str](), _Values()
        self.totals, self.maxima = array("d"), array("d")

    def add(self, rollout: RolloutRow) -> None:
        """Take one rollout, steps included."""
        self.rollouts += 1
        self.cases.add(rollout.case_id)
        self.failed += bool(_reason(rollout))
        final = rollout.final
        if final is None:
            return
        self.coverage += final.coverage
        self.forfeited += any(v.state == "forfeited" for v in final.verdicts)
        self.rewards.add(final.reward, rollout.case_id)
        if final.total is not None:
            self.totals.append(final.total)
            self.maxima.append(final.maximum)
        for name, tally in self.criteria.items():
            tally.add_final(final[name], rollout.case_id)
            for step in rollout.steps:
                tally.add_step(step.judgement[name], rollout.case_id)

    def row(self) -> Row:
        """What they amount to."""
        return Row(
            agent=self.agent,
            split=self.split,
            rollouts=self.rollouts,
            cases=len(self.cases),
            coverage=_round(self.coverage / self.rollouts),
            forfeited=self.forfeited,
            failed=self.failed,
            maximum=_round(sum(self.maxima) / len(self.maxima)) if self.maxima else None,
            total=_round(sum(self.totals) / len(self.totals)) if self.totals else None,
            reward=self.rewards.interval(),
            criteria={name: tally.result() for name, tally in self.criteria.items()},
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
