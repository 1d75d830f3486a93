"""The guard: a callback that stops an alignment which has begun to please its reward at the cost of the clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wmenv.alignment.learner import Method, Record
from wmenv.alignment.monitor import Look
from wmenv.core.alarm import LEAST_CASES, Alarm, Rule, alarm_of, findings, watched


class Guard:
    """Watches the looks; on an alarm it rolls back to the best look that nothing was wrong with, and stops.

    `wmenv.core.alarm` states the rule. Weights of a look with a finding are never kept as the best, also while no
    alarm has come of it. All that the guard knows is in the history of the run, so that a run that is resumed ends as
    without the interruption, and one that was stopped stays so. To go on all the same leave the guard out: the run
    then goes on from the weights rolled back to, with fresh moments of AdamW.

    Examples:
        RewardGradient(env, "flow,steps=4", "physics-soft", "physics").learn(callbacks=[Guard()])
    """

    def __init__(self, rule: Rule | None = None) -> None:
        """Make the guard.

        Args:
            rule: The numbers of the rule; the usual ones by default.
        """
        self.rule = rule or Rule()

    def __call__(self, method: Method, record: Record) -> bool:
        """Stop the run, rolled back, if its last look gives an alarm."""
        if record.look is None or not self.over(method):
            return False
        method.roll_back()
        return True

    def admits(self, method: Method, look: Look) -> bool:
        """Whether nothing is wrong at a look."""
        return not findings([*looks_of(method.history), (method.update, look.plain())], self.rule)

    def over(self, method: Method) -> bool:
        """Whether the looks so far have given an alarm."""
        return self.alarm(method) is not None

    def alarm(self, method: Method) -> Alarm | None:
        """The alarm of a run, if it gave one."""
        return alarm_of(looks_of(method.history), self.rule)

    def facts(self, method: Method) -> dict[str, Any]:
        """What a record of the run says of the guard, as JSON values.

        Returns:
            `rule`; `blind`, why it could find nothing, or None; `alarm`, or None; `rolled_back`, the update whose
            weights an alarm went back to; `findings`, (update, in words) of every look at which something was wrong.
        """
        looks = looks_of(method.history)
        alarm = alarm_of(looks, self.rule)
        return {
            "rule": self.rule.plain(),
            "blind": None if watched(looks) else f"looks at under {LEAST_CASES} cases a split say too little",
            "alarm": None if alarm is None else alarm.plain(),
            "rolled_back": method.best[0] if alarm is not None and method.best is not None else None,
            "findings": [
                [looks[k][0], one.told] for k in range(len(looks)) for one in findings(looks[: k + 1], self.rule)
            ],
        }


def looks_of(history: Sequence[Mapping[str, Any]]) -> list[tuple[int, Mapping[str, Any]]]:
    """Updates and looks of the records that have one."""
    return [(one["update"], one["look"]) for one in history if one["look"] is not None]
