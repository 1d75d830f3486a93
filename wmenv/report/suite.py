"""The suite of a run, made again so that the report can show what really happens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym

from wmenv.core.canonical import digest
from wmenv.core.case import Case
from wmenv.core.clip import Clip
from wmenv.runs.results import Results


class RebuiltSuite:
    """Cases and true clips of a run's suite, where it can be made here.

    A report is written on any machine from any run folder: the suite may be unknown here, or there in another
    version. Then there are no cases, and `note` says why.

    Attributes:
        note: Why cases cannot be shown; empty where they can.
    """

    def __init__(self, results: Results, options: Mapping[str, Any]) -> None:
        """Make the suite.

        Args:
            results: The results of the run.
            options: The run's `env_options`.
        """
        self.note = ""
        self._suite: Any = None
        try:
            suite: Any = gym.make(results.env_id, **options).unwrapped
            same = digest(suite.protocol()) == results.protocol_digest
        except Exception as error:
            # A suite is foreign code and may raise anything; the tables of the report do not depend on it.
            self.note = f"{results.env_id} cannot be made here ({type(error).__name__}: {error})"
            return
        if same:
            self._suite = suite
        else:
            self.note = f"{results.env_id} as made here has another protocol than the run"

    def cases(self, ids: Sequence[str]) -> dict[str, Case]:
        """Cases by id; those that cannot be rebuilt are absent."""
        if self._suite is None:
            return {}
        known = list(dict.fromkeys(ids))
        try:
            return dict(zip(known, self._suite.cases(known), strict=True))
        except Exception as error:
            self.note = f"cases of {type(self._suite).__name__} cannot be rebuilt ({type(error).__name__}: {error})"
            return {}

    def truth(self, case: Case) -> Any:
        """The truth of a case; None where it cannot be made."""
        try:
            return case.truth
        except Exception as error:
            self.note = f"the truth of {case.id} cannot be made ({type(error).__name__}: {error})"
            return None

    def true_clip(self, case: Case) -> Clip | None:
        """The true clip of a case, where the suite knows one."""
        make = getattr(self._suite, "true_clip", None)
        try:
            return None if make is None else make(case)
        except Exception as error:
            self.note = f"true clips cannot be drawn ({type(error).__name__}: {error})"
            return None
