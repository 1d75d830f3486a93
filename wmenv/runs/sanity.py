"""The sanity panel of a run: whether the judger tells the true clip from clips that nobody may take for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wmenv.core.protocols import Agent, Suite
from wmenv.core.registries import AGENTS

AGENT = "sanity"
TRUE = "sanity:true"
LEAST = 0.95
"""Reward that the true clip must reach: 9.5 of 10 points."""
MARGIN = 0.15
"""Reward by which every other clip of the panel must stay below it: 1.5 of 10 points."""


def sanity_panel(suite: Suite, cases: Mapping[str, Sequence[str]]) -> tuple[dict[str, Agent], dict[str, str]]:
    """The panel of a suite.

    Args:
        suite: The suite.
        cases: Ids by split; each clip of the panel is tried on the first.

    Returns:
        Agents by name, and why others are left out, by name.
    """
    first = next((ids[0] for ids in cases.values() if ids), None)
    if first is None:
        return {}, {}
    make: Any = AGENTS.load(AGENT)
    agents, left_out = make.panel(suite, suite.cases([first])[0])
    return {agent.name: agent for agent in agents}, left_out


def sanity_warnings(
    rewards: Mapping[str, Mapping[str, float | None]], coverage: Mapping[str, float] | None = None
) -> list[str]:
    """What is wrong with the judger; empty where nothing is, or where the suite knows no true clip.

    Args:
        rewards: Mean reward in [0, 1] by split and name of the panel's agents, None where nothing could be judged.
        coverage: Share of the verdicts on the panel that did not fail, by split; 1 by default.
    """
    found = []
    for split, by_name in rewards.items():
        if TRUE not in by_name:
            continue
        missing = 1 - (coverage or {}).get(split, 1.0)
        if missing > 0:
            found.append(f"{split}: {missing:.1%} of the verdicts on the panel failed; what is compared is the rest")
        true = by_name[TRUE]
        if true is None:
            found.append(f"{split}: the judger has no answer to the true clip")
            continue
        if true < LEAST:
            found.append(f"{split}: the true clip has {true:.3f} of 1, less than {LEAST}")
        for name, reward in by_name.items():
            if name != TRUE and reward is not None and reward > true - MARGIN:
                found.append(
                    f"{split}: {name} has {reward:.3f}, the true clip {true:.3f}; the judger cannot tell them apart by "
                    f"{MARGIN}"
                )
    return found
