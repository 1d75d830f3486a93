"""Batches: one seed a case whatever else is in the batch, and a smaller batch where memory runs out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wmenv.agents.diffusers.form import Form
from wmenv.core.case import Request
from wmenv.core.devices import free_memory, ran_out_of_memory
from wmenv.core.errors import OutOfMemory, told

ALIKE = 0.125
"""A clip made alone may differ from its twin of a batch by this share of how much two clips of the batch differ."""

Clips = list[NDArray[Any]]
Call = Callable[[Sequence[Request], Sequence[int], Form], tuple[Clips, bool]]
"""Makes clips of one form in one call; also says whether random numbers were drawn that no request's seed decides."""

_log = logging.getLogger("wmenv")


class Batches:
    """Cuts requests into calls.

    A batch must give what single calls give. Where it does not (the call refuses lists, draws random numbers of its
    own, mixes up the requests), requests are answered one by one, and a warning of the logger `wmenv` says so.
    """

    def __init__(self, name: str, call: Call, size: int) -> None:
        """Cut by a size.

        Args:
            name: Who makes the clips, for messages.
            call: Makes them.
            size: Clips of one call, at most.
        """
        self.name, self.call, self.size = name, call, size
        self._halved = self._compared = False
        self._too_large: dict[Form, str] = {}

    def make(self, requests: Sequence[Request], seeds: Sequence[int], forms: Sequence[Form]) -> Clips:
        """A clip for each request, in order.

        Raises:
            OutOfMemory: Memory ran out, and again with half the batch; at once for every further clip of that form.
        """
        clips: Clips = []
        while len(clips) < len(requests):
            start, form = len(clips), forms[len(clips)]
            if form in self._too_large:
                raise OutOfMemory(self._too_large[form])
            end = next((k for k in range(start, len(forms)) if forms[k] != form), len(forms))
            part = slice(start, min(end, start + self.size))
            made, failure = self._attempt(requests[part], seeds[part], form)
            clips += made
            if failure is not None:
                free_memory()
                self._use_less(form, len(requests[part]), failure)
        return clips

    def _attempt(self, requests: Sequence[Request], seeds: Sequence[int], form: Form) -> tuple[Clips, str | None]:
        """The clips, or in what words memory ran out; in words, since the error would hold on to that memory."""
        try:
            return self._checked(requests, seeds, form), None
        except Exception as error:
            if not ran_out_of_memory(error):
                raise
            return [], told(error)

    def _use_less(self, form: Form, size: int, failure: str) -> None:
        """Halve the batch, once; give clips of this form up after that."""
        if self._halved or size == 1:
            self._too_large[form] = (
                f"{self.name} ran out of memory making {size} clip{'s' * (size > 1)} of {form.made} frames of "
                f"{form.height} x {form.width} pixels at once ({failure}). Try batch=1, offload=model or "
                "offload=sequential, dtype=bfloat16, fewer frames or a smaller size; a run goes on with "
                "--resume --retry-failed after a change of batch or offload"
            )
            raise OutOfMemory(self._too_large[form])
        self._halved, self.size = True, size // 2
        _log.warning("%s: out of memory with %d clips at once, going on with %d", self.name, size, self.size)

    def _checked(self, requests: Sequence[Request], seeds: Sequence[int], form: Form) -> Clips:
        """The clips of one call, or of one call each where the batch does not give the same."""
        if len(requests) == 1:
            return self.call(requests, seeds, form)[0]
        try:
            clips, outside = self.call(requests, seeds, form)
        except Exception as error:
            if ran_out_of_memory(error):
                raise
            return self._singly(requests, seeds, form, f"its call refuses several requests ({told(error)})")
        if outside:
            return self._singly(requests, seeds, form, "it draws random numbers that no case's seed decides")
        if not self._compared:
            for k in (0, len(clips) - 1):  # an image for all may be the first of a list, or the last
                (alone,), _ = self.call([requests[k]], [seeds[k]], form)
                if not alike(alone, clips, k):
                    return self._singly(requests, seeds, form, "its clips of a batch are not those of single calls")
            self._compared = True
        return clips

    def _singly(self, requests: Sequence[Request], seeds: Sequence[int], form: Form, reason: str) -> Clips:
        """One call a request, from now on."""
        pairs = zip(requests, seeds, strict=True)
        clips = [self.call([request], [seed], form)[0][0] for request, seed in pairs]
        self.size = 1
        _log.warning("%s: called with one request at a time: %s", self.name, reason)
        return clips


def alike(alone: NDArray[Any], batch: Sequence[NDArray[Any]], k: int) -> bool:
    """Whether a clip made alone is clip `k` of its batch.

    How exactly a batch repeats single calls depends on dtype and device, so the measure is how much the clips of the
    batch differ among each other; up to half a level of 256 always passes, and clips with NaN say nothing.

    Args:
        alone: (T, H, W, 3), uint8 or floats in [0, 1].
        batch: Two or more of that shape.
        k: Which of them is held against it.
    """
    level = 1.0 if alone.dtype == np.uint8 else 1 / 255

    def apart(a: NDArray[Any], b: NDArray[Any]) -> float:
        return float(np.abs(a.astype(np.float64) - b).mean())

    own = apart(alone, batch[k])
    others = min(apart(other, batch[k]) for j, other in enumerate(batch) if j != k)
    return not np.isfinite(own + others) or own <= max(ALIKE * others, level / 2)
