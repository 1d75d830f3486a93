"""Right answers about clips that were simulated: true ones, lawful alternatives, planted violations."""

from __future__ import annotations

from collections.abc import Mapping

from wmenv.worlds.scenes.alternatives import Alternative
from wmenv.worlds.scenes.answers import answers, level
from wmenv.worlds.scenes.plants import Planted
from wmenv.worlds.scenes.scene import SceneCase

Truth = SceneCase | Alternative | Planted


def labels(truth: Truth) -> Mapping[str, int | None]:
    """Right answers to the eight criteria of a simulated clip: the level, 1 where a law holds, 0 where it is broken.

    A law is broken where the measured effect is visible, whatever a plant intended; None is not applicable.
    """
    if isinstance(truth, SceneCase):
        return answers(truth)
    if isinstance(truth, Alternative):
        return truth.answers
    broken = {truth.label, *truth.side_effects}
    lawful = answers(truth.case)
    found = {name: 0 if name in broken and right is not None else right for name, right in lawful.items()}
    return found | {"instruction": level(truth.case, truth.rollout.tracks())}
