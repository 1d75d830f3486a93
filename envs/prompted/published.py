"""What sources of published cases share: the copy's standing, names, first frames."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from wmenv.core.case import ClipSpec
from wmenv.core.clip import Clip
from wmenv.core.errors import InvalidCase
from wmenv.core.picture import fitted, read_picture
from wmenv.envs.prompted.cases import PromptedCase
from wmenv.official import copies
from wmenv.official.benchmarks import benchmark
from wmenv.official.files import find, sha256

Record = TypeVar("Record")
SPLIT = "all"


class PublishedSource(ABC, Generic[Record]):
    """Cases of a user's copy of a published benchmark, in file order; one split, `all`.

    Attributes:
        case_set: Says whether they are the published ones.
        identity: Hashes of the case files.
    """

    name: str

    def __init__(self, folder: Path, verified: bool) -> None:
        """Read a copy.

        Args:
            folder: The copy.
            verified: Whether its case files must be the published ones.

        Raises:
            InvalidCase: They are not, or they are damaged.
        """
        known = benchmark(self.name)
        self.folder = folder
        changed = copies.changed_files(self.name, folder) if folder.is_dir() else []
        if verified and changed:
            raise InvalidCase(
                f"{', '.join(changed)} in {folder} is missing or not as published at {known.commit[:7]}; "
                f"see wmenv data check {self.name} --path {folder}, or take the copy as it is with cases='copy'"
            )
        self.case_set = f"{known.title} score, official cases"
        if not verified:
            self.case_set = f"{known.title} protocol, cases of a copy that was not verified"
        self._records = self.records()
        if not self._records:
            raise InvalidCase(f"{folder} holds no case of this suite")
        paths = [find(folder, one.names) for one in known.files if one.role == "cases"]
        self.identity: Mapping[str, Any] = {path.name: sha256(path) for path in paths if path is not None}
        self.templates = copies.templates(self.name, folder)

    @abstractmethod
    def records(self) -> dict[str, Record]:
        """Records of the copy by case id."""

    @abstractmethod
    def prompted(self, record: Record) -> PromptedCase:
        """The case of a record."""

    def ids(self) -> Mapping[str, Sequence[str]]:
        """One split."""
        return {SPLIT: tuple(self._records)}

    def case(self, case_id: str) -> PromptedCase:
        """The case of an id."""
        return self.prompted(self._records[case_id])

    def true_clip(self, case_id: str, spec: ClipSpec) -> Clip | None:
        """Published cases have none."""
        return None

    def picture(self, place: str) -> Callable[[ClipSpec], NDArray[np.uint8]]:
        """What makes the first frame that lies at a path below the copy."""
        return partial(_first_frame, self.folder / place, self.name)


def _first_frame(path: Path, name: str, spec: ClipSpec) -> NDArray[np.uint8]:
    if not path.is_file():
        raise InvalidCase(f"no first frame at {path}; see wmenv data check {name}, or use condition='text'")
    assert spec.height is not None and spec.width is not None
    return fitted(read_picture(path), spec.height, spec.width)
