"""What is said and counted in PhyWorld: prompts, schemes, version."""

from __future__ import annotations

from dataclasses import replace

from wmenv.core.criterion import Criterion
from wmenv.core.errors import InvalidArgument
from wmenv.core.schemes import scheme, weighted_mean
from wmenv.worlds.discs.criteria import KEPT, MEASURES
from wmenv.worlds.discs.truth import DiscTruth
from wmenv.worlds.discs.world import COLOUR_NAMES, COLOURS, SHAPES, Law

VERSION = 0
CASE_SET = f"PhyWorld protocol, wmenv cases v{VERSION}"

PROMPTS: dict[Law, str] = {
    "uniform_motion": "A red disc glides across a white plane at constant velocity. Nothing else is in the picture.",
    "parabola": "A red disc is thrown sideways and falls in a parabola in front of a white wall.",
    "collision": "A red disc and a blue disc approach each other on a white plane and collide elastically.",
}


def prompt(truth: DiscTruth) -> str:
    """What to show, in words: the law's prompt, with the colour and shape of a lone ball."""
    if len(truth.radii) > 1:
        return PROMPTS[truth.law]
    (colour,) = (name for name, rgb in zip(COLOUR_NAMES, COLOURS, strict=True) if (rgb == truth.colours[0]).all())
    return PROMPTS[truth.law].replace("red disc", f"{colour} {SHAPES[truth.shapes[0]]}")


_WEIGHTS = {
    # The paper's measure alone decides the reward; the other criteria are reported beside it.
    "velocity": {"velocity": 1.0},
    # Every law counts the same; the official variant repeats `velocity` and never counts.
    "laws": {name: 1.0 for name in MEASURES if name != "velocity_official"},
    # What was kept where attributes are in conflict; for the `conflict_*` splits, judger `attribute-conflict`.
    "attributes": dict.fromkeys(KEPT, 1.0),
}


for _name in _WEIGHTS:
    scheme(f"phyworld-{_name}-v{VERSION}")(weighted_mean)


def scheme_criteria(name: str) -> tuple[str, tuple[Criterion, ...]]:
    """Versioned name of a PhyWorld scheme and the criteria with their weights under it.

    Raises:
        InvalidArgument: No such scheme.
    """
    if name not in _WEIGHTS:
        raise InvalidArgument(f"scheme must be one of {', '.join(_WEIGHTS)}, got {name!r}")
    weights = _WEIGHTS[name]
    asked = KEPT if name == "attributes" else {key: measure.criterion for key, measure in MEASURES.items()}
    criteria = tuple(replace(criterion, weight=weights.get(key, 0.0)) for key, criterion in asked.items())
    return f"phyworld-{name}-v{VERSION}", criteria
