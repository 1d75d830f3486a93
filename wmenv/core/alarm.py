"""When an alignment goes wrong: a rule over its looks, from differences that are paired by case.

Looks see the same cases with the same noise, so that what changes from look to look is the generator. With d the
mean over cases of a paired difference (of all splits: the mean of their means) and se its standard error over cases, d
surely exceeds m where z = (d - m) / se > `Rule.sure`. At look t, of which b is the earlier one with the best held-out
reward, there is a finding named

- divergence, if reward_t - reward_0 surely exceeds 0 and held_b - held_t surely exceeds `margin` s, over all splits,
  s the standard deviation of held_b between the cases of a split (without a margin any change is sure in time);
- motion or diversity, if on a split log(x_t / x_0) surely lies out of the logarithms of the range `motion`, or under
  that of `diversity`;
- mass, if on a split its mean logarithm is farther from 0, the true clip's, than at look 0, surely by over log `mass`;
- forfeited, if on a split the share of clips that forfeit has surely grown by over `forfeited`, unless there
  held_t - held_0 surely exceeds 0 (the held-out judger counts a forfeited clip as 0) or the share has surely fallen
  since the look before: balls that are hard to see are a stage also of learning from true clips.

The same finding at `Rule.looks` looks running is an alarm. The weights of a look with a finding are not to be kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import inf, isfinite, log
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Looks = Sequence[tuple[int, Mapping[str, Any]]]
"""(update, look as JSON values) of every look of a run, the first one before all updates."""

LEAST_CASES = 8
"""Cases of a split below which a standard error says too little: nothing is found then."""

FLOORS = {"motion": 1e-3, "diversity": 1e-3, "mass": 1e-2}
"""Values are raised to these before a logarithm is taken: smaller ones cannot be seen."""


@dataclass(frozen=True, slots=True)
class Rule:
    """The numbers of the rule, see the module.

    Attributes:
        sure: Standard errors from which something is sure, c.
        looks: Looks running that an alarm takes.
        margin: What the held-out reward may lie below its best, in standard deviations between cases.
        motion: Range of motion, relative to the first look. Too little is the documented failure of video rewards,
            too much is flicker.
        diversity: How little of the first look's diversity may be left; little, since a law leaves little to differ in.
        mass: How much farther mass may be from that of the true clips than at the first look, a factor.
        forfeited: How much the share of clips that forfeit may grow.
    """

    sure: float = 3.0
    looks: int = 2
    margin: float = 0.1
    motion: tuple[float, float] = (0.5, 3.0)
    diversity: float = 0.25
    mass: float = 4.0 / 3.0
    forfeited: float = 0.1

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong at a look.

    Attributes:
        kind: `divergence`, `motion`, `diversity`, `mass` or `forfeited`.
        split: Where; empty for all.
        z: How surely it is beyond its margin, standard errors.
        told: In words.
    """

    kind: str
    split: str
    z: float
    told: str

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self) | {"z": self.z if isfinite(self.z) else None}


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm.

    Attributes:
        update: Of the look that gave it.
        since: Of the look at which its findings began.
        findings: What held from then on, as it is at `update`.
    """

    update: int
    since: int
    findings: tuple[Finding, ...]

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {"update": self.update, "since": self.since, "findings": [one.plain() for one in self.findings]}


def watched(looks: Looks) -> bool:
    """Whether a first look exists and shows enough cases for the rule to find anything."""
    splits = looks[0][1]["splits"].values() if looks else ()
    return any(len(one.get("by_case", {}).get("reward", ())) >= LEAST_CASES for one in splits)


def findings(looks: Looks, rule: Rule) -> list[Finding]:
    """What is wrong at the last of the looks.

    Args:
        looks: Of a run up to one of them.
        rule: The rule.
    """
    if len(looks) < 2:
        return []
    first, last = looks[0][1]["splits"], looks[-1][1]["splits"]
    found = [_divergence(looks, rule)]
    for split in last:
        then, before, now = first[split], looks[-2][1]["splits"][split], last[split]
        found += [
            _strayed("motion", rule.motion, split, then, now, rule),
            _strayed("diversity", (rule.diversity, inf), split, then, now, rule),
        ]
        found += [_mass(split, then, now, rule), _forfeited(split, then, before, now, rule)]
    return [one for one in found if one is not None]


def alarm_of(looks: Looks, rule: Rule) -> Alarm | None:
    """The first alarm of a run, or None; a function of its looks alone, so that a run that goes on finds the same."""
    seen: list[dict[tuple[str, str], Finding]] = []
    for count in range(1, len(looks) + 1):
        seen.append({(one.kind, one.split): one for one in findings(looks[:count], rule)})
        lasting = [one for key, one in seen[-1].items() if _running(seen, key) >= rule.looks]
        if lasting:
            begun = max(_running(seen, (one.kind, one.split)) for one in lasting)
            return Alarm(looks[count - 1][0], looks[count - begun][0], tuple(lasting))
    return None


def _running(seen: Sequence[Mapping[tuple[str, str], Finding]], key: tuple[str, str]) -> int:
    """Looks running, up to the last one, that have a finding."""
    return next((k for k, one in enumerate(reversed(seen)) if key not in one), len(seen))


def _divergence(looks: Looks, rule: Rule) -> Finding | None:
    first, last = looks[0][1], looks[-1][1]
    held = [(look["held_out"], k) for k, (_, look) in enumerate(looks[:-1]) if look["held_out"] is not None]
    if not held or last["held_out"] is None:
        return None
    best = max(held)[1]
    rise = _pooled(first, last, "reward")
    fall = _pooled(last, looks[best][1], "held_out")
    if rise is None or fall is None:
        return None
    z = min(_sure(rise[0], rise[1]), _sure(fall[0] - rule.margin * fall[2], fall[1]))
    if not z > rule.sure:
        return None
    told = (
        f"the reward rose by {rise[0]:.3g} +- {rise[1]:.2g} since the first look while the held-out reward fell "
        f"{fall[0]:.3g} +- {fall[1]:.2g} below its best, at update {looks[best][0]}"
    )
    return Finding("divergence", "", z, told)


def _strayed(
    name: str, bounds: tuple[float, float], split: str, then: Mapping[str, Any], now: Mapping[str, Any], rule: Rule
) -> Finding | None:
    """Motion or diversity out of its range."""
    pair = _paired(then, now, name)
    if pair is None:
        return None
    before, after = (np.log(np.maximum(values, FLOORS[name])) for values in pair)
    mean, error, _ = _mean(after - before)
    low, high = bounds
    z = max(_sure(log(low) - mean, error), _sure(mean - log(high), error))
    if not z > rule.sure:
        return None
    allowed = f"{low:g} to {high:g}" if high < inf else f"at least {low:g}"
    told = f"{name} on {split} is {np.exp(mean):.3g} times that of the first look, where {allowed} is allowed"
    return Finding(name, split, z, told)


def _mass(split: str, then: Mapping[str, Any], now: Mapping[str, Any], rule: Rule) -> Finding | None:
    pair = _paired(then, now, "mass")
    if pair is None:
        return None
    before, after = (np.log(np.maximum(values, FLOORS["mass"])) for values in pair)
    farther, error, _ = _mean(np.sign(after.mean()) * after - np.sign(before.mean()) * before)
    z = _sure(farther - log(rule.mass), error)
    if not z > rule.sure:
        return None
    told = (
        f"mass on {split} is {np.exp(after.mean()):.3g} of the true one, {np.exp(before.mean()):.3g} at the first "
        f"look: farther by more than a factor of {rule.mass:.3g}"
    )
    return Finding("mass", split, z, told)


def _forfeited(
    split: str, then: Mapping[str, Any], before: Mapping[str, Any], now: Mapping[str, Any], rule: Rule
) -> Finding | None:
    pair = _paired(then, now, "forfeited")
    if pair is None:
        return None
    growth, error, _ = _mean(pair[1] - pair[0])
    z = _sure(growth - rule.forfeited, error)
    if not z > rule.sure or _grown(then, now, "held_out", rule) or _grown(now, before, "forfeited", rule):
        return None
    told = (
        f"{pair[1].mean():.0%} of the clips on {split} forfeit, {pair[0].mean():.0%} at the first look: more than "
        f"{rule.forfeited:.0%} in addition"
    )
    return Finding("forfeited", split, z, told)


def _grown(then: Mapping[str, Any], now: Mapping[str, Any], name: str, rule: Rule) -> bool:
    pair = _paired(then, now, name)
    return pair is not None and _sure(*_mean(pair[1] - pair[0])[:2]) > rule.sure


def _paired(then: Mapping[str, Any], now: Mapping[str, Any], name: str) -> tuple[FloatArray, FloatArray] | None:
    """Values of the cases that both looks know, or None of too few."""
    lists = [one.get("by_case", {}).get(name) or () for one in (then, now)]
    known = [(a, b) for a, b in zip(*lists, strict=False) if a is not None and b is not None]
    if len(known) < LEAST_CASES:
        return None
    values = np.array(known, dtype=np.float64)
    return values[:, 0], values[:, 1]


def _pooled(then: Mapping[str, Any], now: Mapping[str, Any], name: str) -> tuple[float, float, float] | None:
    """Mean over splits of the paired differences, its standard error, mean deviation of `now` between cases."""
    pairs = [_paired(then["splits"][split], one, name) for split, one in now["splits"].items()]
    known = [(_mean(pair[1] - pair[0]), _mean(pair[1])[2]) for pair in pairs if pair is not None]
    if not known:
        return None
    mean = float(np.mean([part[0] for part, _ in known]))
    error = float(np.sqrt(np.sum([part[1] ** 2 for part, _ in known]))) / len(known)
    return mean, error, float(np.mean([spread for _, spread in known]))


def _mean(values: FloatArray) -> tuple[float, float, float]:
    """Mean, its standard error, standard deviation."""
    spread = float(values.std(ddof=1))
    return float(values.mean()), spread / float(np.sqrt(len(values))), spread


def _sure(excess: float, error: float) -> float:
    """Standard errors by which something exceeds its margin; all cases alike leave no doubt."""
    if error > 0:
        return excess / error
    return 0.0 if excess == 0 else inf if excess > 0 else -inf
