"""Sizes that a pipeline can make. Pipelines round others, crop them, or fail deep inside; here they are refused."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from wmenv.agents.diffusers.form import Makes
from wmenv.core.errors import InvalidArgument

SEARCH = 64
"""Multiples that are tried on either side for a size that the pipeline takes."""


def check_size(pipeline: Any, arguments: Mapping[str, Any], makes: Makes) -> None:
    """Refuse a size that the pipeline would refuse, round or crop.

    Besides VAE and patch, its own `check_inputs` is asked: some want more (LTX: multiples of 32, whatever its VAE).

    Args:
        pipeline: A loaded pipeline.
        arguments: Of its call, `height` and `width` among them.
        makes: What it can make.

    Raises:
        InvalidArgument: With the nearest sizes that it can make.
    """
    height, width = int(arguments["height"]), int(arguments["width"])
    good = (makes.unasked.height or SEARCH * makes.high, makes.unasked.width or SEARCH * makes.wide)
    objects = not _takes(pipeline, {**arguments, "height": good[0], "width": good[1]})
    # If it objects to its own size, then to something else than size: the call will say so better.

    def takes(height: int, width: int) -> bool:
        fits = height % makes.high == 0 and width % makes.wide == 0
        return fits and (objects or _takes(pipeline, {**arguments, "height": height, "width": width}))

    if takes(height, width):
        return
    heights = _nearest(height, makes.high, lambda one: takes(one, good[1] - good[1] % makes.wide))
    widths = _nearest(width, makes.wide, lambda one: takes(good[0] - good[0] % makes.high, one))
    raise InvalidArgument(
        f"{type(pipeline).__name__} cannot make {height} x {width} pixels (height x width); the nearest it can make "
        f"are {' and '.join(map(str, heights))} high, {' and '.join(map(str, widths))} wide"
    )


def _nearest(wanted: int, step: int, takes: Callable[[int], bool]) -> list[int]:
    """The nearest multiples of `step` on either side that are taken, `wanted` itself if it is one."""
    low = wanted // step * step
    high = low if low == wanted else low + step
    below = next((one for one in range(low, 0, -step)[:SEARCH] if takes(one)), None)
    above = next((one for one in range(high, high + SEARCH * step, step) if takes(one)), None)
    return sorted({one for one in (below, above) if one is not None})


def _takes(pipeline: Any, arguments: Mapping[str, Any]) -> bool:
    """Whether the pipeline's own check lets these arguments of its call pass."""
    check = getattr(pipeline, "check_inputs", None)
    if check is None:
        return True
    needed = inspect.signature(check).parameters.values()
    given = {one.name: arguments.get(one.name) for one in needed if one.name in arguments or one.default is one.empty}
    try:
        check(**given)
    except Exception:
        return False
    return True
