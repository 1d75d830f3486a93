"""The environment of prompted suites: a prompt, perhaps a first frame, and a clip is asked for."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import numpy as np

from wmenv.core.canonical import digest
from wmenv.core.case import Case, ClipSpec, Request
from wmenv.core.clip import Clip, Response
from wmenv.core.criterion import Criterion
from wmenv.core.errors import InvalidArgument, InvalidCase
from wmenv.core.protocols import Judger
from wmenv.core.verdict import Judgement, fail_all
from wmenv.envs.base import SuiteEnv, check_option, check_split, judger_identity
from wmenv.envs.prompted.cases import CaseSource, PromptedCase
from wmenv.official.benchmarks import benchmark
from wmenv.official.subset import chosen

Condition = Literal["text", "image"]
CONDITIONS: tuple[Condition, ...] = ("text", "image")
CASES = ("wmenv", "official", "copy")
SIZES = range(16, 2049)
MAX_FRAMES = 1024


class PromptedEnv(SuiteEnv):
    """Make a clip as a prompt says; a judger answers the criteria.

    Observation: `{"prompt": str, "frames": uint8 (K, size, size, 3)}`, K = 1 in condition `image` and 0 in `text`.
    Action: uint8 (frames, size, size, 3), the given frame included. Reward: the scheme's total over its maximum.

    A suite is data: a source of cases, criteria and schemes. A subclass states the names below and writes `published`,
    `own` and `scheme_criteria`.

    Attributes:
        family: First part of environment ids, and name of the benchmark in titles.
        benchmark: Name of the published benchmark, as `wmenv data check` knows it.
        domains: Names that `domain` may have.
        schemes: Names that `scheme` may have, the default one first.
        own_judger: Judger of wmenv's own cases; published ones have none that needs no weights.
        own_condition: Default condition of wmenv's own cases; `image` where their judger measures from the first frame.
    """

    family: ClassVar[str]
    benchmark: ClassVar[str]
    domains: ClassVar[tuple[str, ...]] = ()
    schemes: ClassVar[tuple[str, ...]]
    own_judger: ClassVar[str | None] = None
    own_condition: ClassVar[Condition] = "text"
    version: ClassVar[int] = 0

    def __init__(
        self,
        domain: str | None = None,
        *,
        cases: str = "wmenv",
        data: str | Path | None = None,
        condition: Condition | None = None,
        subset: str | None = None,
        scheme: str | None = None,
        size: int = 128,
        frames: int = 32,
        fps: str | int | float = 16,
        judger: str | Judger | None = None,
        render_mode: str | None = None,
    ) -> None:
        """Make the environment; every argument but `data`, `judger` and `render_mode` is part of the protocol.

        Args:
            domain: One of the suite's domains; all by default.
            cases: `wmenv` (its own), `official` (the published ones from your copy, whose hashes must agree) or `copy`
                (from a copy of any state, told as such).
            data: Folder of your copy, for `official` and `copy`.
            condition: `text`, or `image` with the first frame given; by default as `own_condition` has it for wmenv's
                own cases, `text` for others.
            subset: `hard:FILE`: the 45 cases of lowest mean in an official result file, or in several joined by `+`;
                `hard-100:FILE` for another number.
            scheme: How verdicts become a total; see the suite.
            size: Side of the picture in pixels, 16 to 2048.
            frames: Length of the clip, 2 to 1024, the given frame included.
            fps: Frames per second, such as 16 or "30000/1001".
            judger: A specification such as `answers:FILE`, or a judger object.
            render_mode: `rgb_array` or `rgb_array_list`.
        """
        self.domain = check_option("domain", domain, (None, *self.domains))
        check_option("cases", cases, CASES)
        usual = self.own_condition if cases == "wmenv" else CONDITIONS[0]
        self.condition: Condition = check_option("condition", condition or usual, CONDITIONS)
        if size not in SIZES:
            raise InvalidArgument(f"size must lie in {SIZES.start} to {SIZES.stop - 1} pixels, got {size}")
        if not 2 <= frames <= MAX_FRAMES:
            raise InvalidArgument(f"frames must lie in 2 to {MAX_FRAMES}, got {frames}")
        self.given = int(self.condition == "image")
        self.clip_spec = ClipSpec(frames, size, size, _rate(fps))
        self.scheme, self.criteria = self.scheme_criteria(
            check_option("scheme", scheme or self.schemes[0], self.schemes)
        )
        if cases == "wmenv" and data is not None:
            raise InvalidArgument("data= (--data) goes with cases='official' or cases='copy'; give one of them")
        if cases != "wmenv" and data is None:
            repository = benchmark(self.benchmark).repository
            raise InvalidArgument(f"cases={cases!r} needs data= (--data), your copy of github.com/{repository}")
        if data is None:
            self._source = self.own()
        else:
            self._source = self.published(Path(data).expanduser(), verified=cases == "official")
        self.case_set = self._source.case_set
        self._ids, self.subset = _narrowed(self._source.ids(), self.benchmark, subset)
        self.default_split = next(iter(self._ids))
        self._split_of = {case_id: split for split, ids in self._ids.items() for case_id in ids}
        if judger is None:
            judger = self.own_judger if cases == "wmenv" and self.own_judger is not None else NoJudger()
        super().__init__(judger, render_mode)
        other = self.judger.card.get("benchmark", self.benchmark)
        if other != self.benchmark:
            raise InvalidArgument(f"judger {self.judger.name} holds answers to {other}, not to {self.benchmark}")

    # What a family states.

    @abstractmethod
    def published(self, folder: Path, verified: bool) -> CaseSource:
        """The cases of a copy, which must be the published ones where `verified`."""

    def own(self) -> CaseSource:
        """The cases that ship with wmenv.

        Raises:
            InvalidArgument: There are none.
        """
        raise InvalidArgument(f"{self.suite} has no cases of wmenv's own; use cases='official' with data=DIR")

    @abstractmethod
    def scheme_criteria(self, scheme: str) -> tuple[str, tuple[Criterion, ...]]:
        """Versioned name of one of the suite's schemes, and the suite's criteria under it."""

    @property
    def suite(self) -> str:
        """Name of the suite in its protocol."""
        return self.family if self.domain is None else f"{self.family}-{self.domain}"

    def weighted(self, criteria: Sequence[Criterion]) -> tuple[Criterion, ...]:
        """Criteria of a case under the environment's scheme; by default they are weighted already."""
        return tuple(criteria)

    # The suite.

    def splits(self) -> tuple[str, ...]:
        """Splits of the case set."""
        return tuple(self._ids)

    def protocol(self) -> dict[str, Any]:
        """Suite, cases, condition, clip, criteria, scheme and judger."""
        return {
            "suite": self.suite,
            "version": self.version,
            "case_set": self.case_set,
            "cases": dict(self._source.identity),
            "subset": self.subset,
            "condition": self.condition,
            "clip": self.clip_spec.plain(),
            "given": self.given,
            "scheme": self.scheme,
            "criteria": [criterion.plain() for criterion in self.criteria],
            "judger": judger_identity(self.judger),
        }

    def case_ids(self, n: int, rng: np.random.Generator, split: str | None = None) -> list[str]:
        """Ids of n cases in random order; all of them before one comes again."""
        ids = self._ids[check_split(split or self.default_split, self.splits())]
        drawn: list[str] = []
        while len(drawn) < n:
            drawn += [ids[k] for k in rng.permutation(len(ids)).tolist()]
        return drawn[:n]

    def cases(self, ids: Sequence[str]) -> list[Case]:
        """Rebuild cases."""
        return [self._asked(case_id) for case_id in ids]

    def true_clip(self, case: Case) -> Clip | None:
        """What really happens, where the case set knows it."""
        return self._source.true_clip(case.id, self.clip_spec)

    def _asked(self, case_id: str) -> Case:
        if case_id not in self._split_of:
            told = f"; it is not in the subset {self.subset}" if self.subset is not None else ""
            raise InvalidCase(f"case id {case_id!r} is not one of {self.suite}, {self.case_set}{told}")
        found: PromptedCase = self._source.case(case_id)
        if self.condition not in found.prompts:
            raise InvalidCase(f"case {case_id} of {self.case_set} has no prompt for condition {self.condition!r}")
        assert self.clip_spec.height is not None and self.clip_spec.width is not None
        frames = np.zeros((0, self.clip_spec.height, self.clip_spec.width, 3), dtype=np.uint8)
        if self.condition == "image":
            if found.first_frame is None:
                raise InvalidCase(f"case {case_id} of {self.case_set} has no first frame; use condition='text'")
            frames = found.first_frame(self.clip_spec)[None].copy()
        return Case(
            request=Request(case_id, found.prompts[self.condition], frames, self.clip_spec),
            criteria=self.weighted(found.criteria),
            scheme=self.scheme,
            tags=MappingProxyType({"split": self._split_of[case_id], **found.tags}),
            load_truth=found.load_truth,
            load_facts=found.load_facts,
        )


class NoJudger:
    """Stands where no judger was given: everything fails with the way out, nothing passes."""

    name: str = "none"
    accepts: tuple[str, ...] = ("clip",)
    reads_truth: bool = False
    exact: bool = True

    def __init__(self) -> None:
        self.card: Mapping[str, Any] = {"identity": "none-v0"}

    def judge(self, cases: Sequence[Case], responses: Sequence[Response]) -> list[Judgement]:
        """Fail every criterion."""
        reason = "no judger was given; set judger='answers:FILE' (--judger), or see wmenv list judgers"
        return [fail_all(case, reason, "none-v0") for case in cases]


def _narrowed(
    ids: Mapping[str, Sequence[str]], benchmark: str, subset: str | None
) -> tuple[dict[str, tuple[str, ...]], str | None]:
    """Ids by split within a subset, and the subset as it stands in the protocol: its rule and the hash of its ids."""
    if subset is None:
        return {split: tuple(found) for split, found in ids.items()}, None
    everything = [case_id for found in ids.values() for case_id in found]
    rule, kept = chosen(subset, benchmark, everything)
    inside = {split: tuple(one for one in found if one in kept) for split, found in ids.items()}
    return {split: found for split, found in inside.items() if found}, f"{rule} {digest(sorted(kept))}"


def _rate(fps: str | int | float) -> Fraction:
    try:
        rate = Fraction(fps).limit_denominator(1001)
    except (ValueError, ZeroDivisionError, OverflowError, TypeError):
        rate = Fraction(0)
    if rate <= 0:
        raise InvalidArgument(f"fps must be a positive number such as 16 or 30000/1001, got {fps!r}")
    return rate
