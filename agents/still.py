"""`copy-last`: nothing moves any more."""

from __future__ import annotations

import numpy as np

from wmenv.agents.base import ClipAgent, closed_spec, continued
from wmenv.core.case import Request
from wmenv.core.clip import Clip
from wmenv.core.errors import InvalidArgument


class CopyLast(ClipAgent):
    """Repeats the last given frame."""

    name = "copy-last"

    def clip(self, request: Request, seed: int) -> Clip:
        """The given frames, then the last of them."""
        frames, _, _ = closed_spec(request)
        if not len(request.frames):
            raise InvalidArgument(f"case {request.case_id} gives no frame to repeat; use condition='image'")
        return continued(request, np.repeat(request.frames[-1:], frames - len(request.frames), axis=0))
