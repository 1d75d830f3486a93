"""Which attribute wins: judgements of `attribute-conflict` as a table by pair, and what baseline agents keep."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from wmenv.core.registries import AGENTS
from wmenv.core.statistics import Estimate, bootstrap_mean
from wmenv.core.verdict import Judgement
from wmenv.runs.store import stored_run
from wmenv.studies.blocks import markdown
from wmenv.worlds.discs.attributes import CONFLICTS, conflict_of

CASES = 200
SIZE, FRAMES = 32, 16
UNREAD = "unread"
"""Winner of a clip in which no ball could be read."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one clip kept of one pair.

    Attributes:
        agent: Name of its row.
        case_id: The case.
        conflict: Name of the pair, such as `colour_size`.
        winner: The attribute that was kept alone, `both`, `neither` or `unread`.
        shifts: Shift of the first and of the second attribute; None where unread.
        margin: Score of the first attribute less that of the second; None where unread.
    """

    agent: str
    case_id: str
    conflict: str
    winner: str
    shifts: tuple[float, float] | None
    margin: float | None


@dataclass(frozen=True, slots=True)
class PairRow:
    """What one agent kept of one pair, over cases.

    Attributes:
        agent: Name of its row.
        conflict: Name of the pair.
        pair: Its attributes.
        clips: Number of clips.
        shares: Share of clips by winner (both attributes, `both`, `neither`, `unread`), with intervals over cases.
        shifts: Mean shift of the first and of the second attribute over the clips that were read.
        margin: Mean margin over them; above 0 the first attribute was kept better.
    """

    agent: str
    conflict: str
    pair: tuple[str, str]
    clips: int
    shares: dict[str, Estimate]
    shifts: tuple[Estimate | None, Estimate | None]
    margin: Estimate | None


def outcomes_of(judged: Iterable[tuple[str, str, Judgement]]) -> list[Outcome]:
    """Outcomes of judgements; clips of training combinations have none and are left out.

    Args:
        judged: (agent, case id, judgement with evidence), of judger `attribute-conflict` under scheme `attributes`.
    """
    outcomes = []
    for agent, case_id, judgement in judged:
        conflict = conflict_of(case_id.rpartition("-")[0])
        if conflict is None:
            continue
        first, second = (judgement[f"{attribute}_kept"] for attribute in conflict.pair)
        if first.native is None or second.native is None:
            outcomes.append(Outcome(agent, case_id, conflict.name, UNREAD, None, None))
            continue
        told = first.evidence["conflict"]
        if told["winner"] is not None:
            shifts = (first.native, second.native)
            outcomes.append(Outcome(agent, case_id, conflict.name, told["winner"], shifts, told["margin"]))
    return outcomes


def stored_outcomes(folder: Path) -> list[Outcome]:
    """Outcomes of a run folder that `evaluate` filled with `judger="attribute-conflict", scheme="attributes"`."""
    _, rollouts = stored_run(folder, steps=True)
    return outcomes_of((r.agent, r.case_id, step.judgement) for r in rollouts for step in r.steps)


def pair_rows(outcomes: Sequence[Outcome]) -> list[PairRow]:
    """One row an agent and pair, in the order of the pairs; intervals are bootstrapped over cases."""
    groups: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        groups[outcome.conflict, outcome.agent].append(outcome)
    rows = []
    for conflict in CONFLICTS:
        for (name, agent), those in groups.items():
            if name != conflict.name:
                continue
            cases = [o.case_id for o in those]
            read = [o for o in those if o.shifts is not None and o.margin is not None]
            read_cases = [o.case_id for o in read]
            kinds = (*conflict.pair, "both", "neither", UNREAD)
            shares = {kind: bootstrap_mean([float(o.winner == kind) for o in those], cases) for kind in kinds}
            first, second = (
                bootstrap_mean([o.shifts[k] for o in read if o.shifts is not None], read_cases) for k in (0, 1)
            )
            rows.append(
                PairRow(
                    agent=agent,
                    conflict=name,
                    pair=conflict.pair,
                    clips=len(those),
                    shares={kind: share for kind, share in shares.items() if share is not None},
                    shifts=(first, second),
                    margin=bootstrap_mean([o.margin for o in read if o.margin is not None], read_cases),
                )
            )
    return rows


def pairs_table(rows: Sequence[PairRow]) -> str:
    """Markdown: which attribute of each pair was kept, per cent of clips, and the shifts behind it."""
    cells = []
    for row in rows:
        shares = [f"{100 * row.shares[kind].mean:.0f}" for kind in (*row.pair, "both", "neither", UNREAD)]
        ring = ", ring" if row.conflict.endswith("ring") else ""
        names = [f"{row.agent}: {row.pair[0]} / {row.pair[1]}{ring}", str(row.clips)]
        cells.append([*names, *shares, *(_told(shift) for shift in row.shifts), _told(row.margin)])
    header = ["agent: first / second attribute", "clips", "first kept, %", "second kept", "both", "neither", "unread"]
    return markdown([*header, "shift of first", "shift of second", "margin"], cells)


def _told(estimate: Estimate | None) -> str:
    if estimate is None:
        return "-"
    mean, low, high = (round(value, 2) + 0.0 for value in (estimate.mean, estimate.low, estimate.high))  # no -0.00
    return f"{mean:.2f} [{low:.2f}, {high:.2f}]"


def conflicts_table() -> str:
    """What agents of known behaviour keep: the oracle, the law from pixels, the nearest clip of the training split."""
    outcomes: list[Outcome] = []
    for conflict in CONFLICTS:
        split = f"conflict_{conflict.name}"
        suite: Any = gym.make(
            "PhyWorld-uniform_motion-v0", split=f"{split}_test", scheme="attributes", judger="attribute-conflict",
            size=SIZE, frames=FRAMES,
        ).unwrapped  # fmt: skip
        cases = suite.draw(CASES, np.random.default_rng(0))
        for name, spec in (("oracle", "oracle"), ("law", "law"), ("nearest", f"nearest-neighbour,split={split}_train")):
            agent = AGENTS.create(spec)
            asked = cases if agent.privileged else suite.observe(cases)
            judged = suite.score(cases, agent.act(asked, [0] * len(cases)))
            outcomes += outcomes_of((name, case.id, one) for case, one in zip(cases, judged, strict=True))
    note = (
        f"{CASES} cases a pair, {SIZE} px, {FRAMES} frames. `nearest` is `nearest-neighbour` with a bank from the "
        "pair's training split and its default weights. Kept: |shift| under 1/2. Margin: score of the first attribute "
        "less that of the second. Intervals are 95 %, over cases."
    )
    return f"{pairs_table(pair_rows(outcomes))}\n\n{note}"
