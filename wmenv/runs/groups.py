"""Results of a run by a fact about its cases, such as their domain or subdomain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wmenv.core.errors import InvalidArgument
from wmenv.core.registries import make_env
from wmenv.core.statistics import Estimate, bootstrap_mean
from wmenv.core.verdict import Judgement
from wmenv.runs.store import stored_run


@dataclass(frozen=True, slots=True)
class Group:
    """The rollouts of one agent on the cases that share a fact.

    Attributes:
        agent: Name of the agent.
        value: The fact, such as `robotics`; empty for all cases together.
        n: Number of judged rollouts.
        cases: Number of their cases.
        reward: Mean reward with its interval.
        total: Mean total; its criteria may differ from case to case.
        maximum: Mean of the largest totals that could be reached.
        passing: Mean total where each criterion that does not concern a case counts as met, as protocols do that ask
            every question of every clip; `passing_maximum` is its largest value.
        passing_maximum: See there.
        criteria: Mean score by criterion, None where it concerned no case.
    """

    agent: str
    value: str
    n: int
    cases: int
    reward: Estimate | None
    total: float | None
    maximum: float | None
    passing: float | None
    passing_maximum: float | None
    criteria: Mapping[str, float | None]


def grouped(run: Path, tag: str, suite: Any = None) -> list[Group]:
    """Group a run's rollouts by a tag of their cases.

    Args:
        run: The run folder.
        tag: Name of the tag: `domain`, `subdomain`, `level`, ...
        suite: The suite, where it cannot be made from the run's environment id.

    Returns:
        For each agent the groups in order of name, then all its rollouts together (value "").

    Raises:
        RunFolderError: The folder is no run.
        InvalidArgument: The cases have no such tag.
    """
    identity, rows = stored_run(run)
    made = suite if suite is not None else make_env(identity["env_id"], **identity["env_options"]).unwrapped
    ids = list(dict.fromkeys(row.case_id for row in rows))
    cases = {case.id: case for case in made.cases(ids)}
    known = sorted({name for case in cases.values() for name in case.tags})
    if tag not in known:
        raise InvalidArgument(f"the cases have no tag {tag!r}; they have {', '.join(known)}")
    weights = {case_id: {c.id: c.weight for c in case.criteria} for case_id, case in cases.items()}
    found: dict[tuple[str, str], list[tuple[Judgement, str]]] = defaultdict(list)
    for row in rows:
        if row.final is not None:
            for value in (cases[row.case_id].tags.get(tag, "none"), ""):
                found[row.agent, value].append((row.final, row.case_id))
    order = [agent["name"] for agent in identity["agents"]]
    keys = sorted(found, key=lambda key: (order.index(key[0]), key[1] == "", key[1]))
    return [_group(*key, found[key], weights) for key in keys]


def _group(
    agent: str, value: str, judged: Sequence[tuple[Judgement, str]], weights: Mapping[str, Mapping[str, float]]
) -> Group:
    counted = [(one, case_id) for one, case_id in judged if one.total is not None]

    def mean(number: Callable[[Judgement, str], float]) -> float | None:
        return sum(number(one, case_id) for one, case_id in counted) / len(counted) if counted else None

    def spared(one: Judgement, case_id: str) -> float:
        return sum(weights[case_id][v.criterion] for v in one.verdicts if v.state == "not_applicable")

    scores: dict[str, list[float]] = defaultdict(list)
    for one, _ in judged:
        for verdict in one.verdicts:
            scores[verdict.criterion] += [] if verdict.score is None else [verdict.score]
    return Group(
        agent,
        value,
        len(judged),
        len({case_id for _, case_id in judged}),
        bootstrap_mean([one.reward or 0.0 for one, _ in counted], [case_id for _, case_id in counted]),
        mean(lambda one, _: one.total or 0.0),
        mean(lambda one, _: one.maximum),
        mean(lambda one, case_id: (one.total or 0.0) + spared(one, case_id)),
        mean(lambda one, case_id: one.maximum + spared(one, case_id)),
        {name: sum(found) / len(found) if found else None for name, found in scores.items()},
    )
