"""What wmenv's own cases of VideoVerse and WorldReasonBench ask, as tables."""

from __future__ import annotations

from collections import Counter

from wmenv.envs.videoverse.criteria import DIMENSIONS
from wmenv.envs.videoverse.scenes import checks
from wmenv.envs.worldreasonbench.criteria import PHASES
from wmenv.envs.worldreasonbench.scenes import posed
from wmenv.official.videoverse.cases import EVENTS
from wmenv.studies.blocks import markdown
from wmenv.worlds.scenes.catalogue import case
from wmenv.worlds.scenes.planning import plans


def questions_table() -> str:
    """Cases and questions by scene, points by dimension, and right answers by phase."""
    rows = []
    by_scene: dict[str, list[str]] = {}
    for name in plans():
        by_scene.setdefault(case(name).scene.key, []).append(name)
    by_scene["all"] = list(plans())
    for key, names in by_scene.items():
        counts = (
            len(names),
            sum(len(plans()[name].events) for name in names),
            sum(len(checks(plans()[name])) for name in names),
            sum(len(posed()[name]) for name in names),
        )
        rows.append([key, *map(str, counts)])
    scenes = markdown(["scene", "cases", "events", "checks", "questions of WorldReasonBench"], rows)
    asked = Counter(name for plan in plans().values() for name in checks(plan))
    asked[EVENTS] = sum(len(plan.events) for plan in plans().values())
    dimensions = markdown(["dimension of VideoVerse", "points"], [[one, str(asked[one] or "-")] for one in DIMENSIONS])
    right = Counter((one.phase, one.positive) for found in posed().values() for one in found)
    phases = markdown(
        ["phase of WorldReasonBench", "yes is right", "no is right"],
        [[phase, str(right[phase, True]), str(right[phase, False])] for phase in PHASES],
    )
    return "\n\n".join((scenes, dimensions, phases))
