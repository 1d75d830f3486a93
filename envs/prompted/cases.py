"""Where the cases of a prompted suite come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from wmenv.core.case import ClipSpec
from wmenv.core.clip import Clip
from wmenv.core.criterion import Criterion


def _no_truth() -> Any:
    return None


@dataclass(frozen=True, slots=True, eq=False)
class PromptedCase:
    """A case of a prompted suite before it is asked for in a condition and a form.

    Attributes:
        id: Stable name, safe as a file name; the clip is `<id>.mp4`.
        prompts: What to show, by condition: `text`, `image` or both.
        criteria: The suite's criteria with this case's words and questions, in the suite's order.
        tags: Facts to group results by, such as domain and subdomain.
        first_frame: Makes the first frame of a form, uint8 (H, W, 3); None where there is no picture.
        load_truth: Makes the truth on first access.
        load_facts: Makes what judgers that read no truth may know besides the request.
    """

    id: str
    prompts: Mapping[str, str]
    criteria: tuple[Criterion, ...]
    tags: Mapping[str, str]
    first_frame: Callable[[ClipSpec], NDArray[np.uint8]] | None = None
    load_truth: Callable[[], Any] = field(default=_no_truth)
    load_facts: Callable[[], Any] = field(default=_no_truth)


class CaseSource(Protocol):
    """A finite set of cases."""

    @property
    def case_set(self) -> str:
        """For titles: `<benchmark> protocol, wmenv cases v0`, or `<benchmark> score, official cases`."""
        ...

    @property
    def identity(self) -> Mapping[str, Any]:
        """What decides the cases, as plain JSON (versions, hashes): part of the protocol."""
        ...

    def ids(self) -> Mapping[str, Sequence[str]]:
        """Ids by split, the headline split first; no id is in two splits."""
        ...

    def case(self, case_id: str) -> PromptedCase:
        """The case of an id that `ids` has."""
        ...

    def true_clip(self, case_id: str, spec: ClipSpec) -> Clip | None:
        """What really happens, in a form, where it is known."""
        ...
