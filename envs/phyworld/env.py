"""PhyWorld environments: closed form, vectorised, no physics engine."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Any, get_args

import numpy as np

from wmenv.core.case import Case, ClipSpec, Request
from wmenv.core.clip import Clip
from wmenv.core.errors import InvalidArgument, InvalidCase
from wmenv.core.protocols import Judger
from wmenv.envs.base import SuiteEnv, check_option, check_split, judger_identity
from wmenv.envs.phyworld.protocol import CASE_SET, VERSION, prompt, scheme_criteria
from wmenv.envs.vector import SuiteVectorEnv
from wmenv.worlds.discs.discs import Discs
from wmenv.worlds.discs.draw import draw
from wmenv.worlds.discs.laws import positions
from wmenv.worlds.discs.splits import SEED_BITS, analysis_splits, draw_starts, parameter_ranges, split_names
from wmenv.worlds.discs.truth import DiscTruth, split_mean_speed
from wmenv.worlds.discs.world import FPS, FRAMES, GIVEN_FRAMES, LAWS, PICTURE, Edge, Law, Mode, Ranges, frame_times

_CASE_ID = re.compile(rf"(?P<split>[a-z0-9_]+)-(?P<seed>[0-9a-f]{{{SEED_BITS // 4}}})")
SIZES = range(16, 1025)


class PhyWorldEnv(SuiteEnv):
    """Given the first three frames, draw the whole clip.

    Observation: `{"prompt": str, "frames": uint8 (given, size, size, 3)}`. Action: uint8
    (frames, size, size, 3), the given frames included; scoring starts after them. Reward: the score of the
    velocity error, 1 / (1 + (error / 0.25)^2), in [0, 1] (scheme `velocity`), or the mean over all criteria
    (scheme `laws`); scheme `attributes` asks what is kept in the `conflict_*` splits. Every other error is in
    `info["native/..."]`, its score in `info["score/..."]`.
    """

    case_set = CASE_SET

    def __init__(
        self,
        law: Law,
        *,
        split: str = "id",
        mode: Mode = "exact",
        ranges: Ranges = "code",
        size: int = PICTURE,
        frames: int = FRAMES,
        given: int = GIVEN_FRAMES,
        edge: Edge = "area",
        scheme: str = "velocity",
        judger: str | Judger = "physics",
        render_mode: str | None = None,
    ) -> None:
        """Make the environment; every argument but the last two is part of the protocol.

        Args:
            law: `uniform_motion`, `parabola` or `collision`.
            split: Where cases come from, see `splits()`.
            mode: `exact` (true laws) or `box2d` (the official stepping).
            ranges: Parameter ranges of the official `code` or of the `paper`.
            size: Side of the picture in pixels, 16 to 1024.
            frames: Length of the clip; 0.1 s of world time a frame.
            given: Conditioning frames, at least 2 (a velocity needs two).
            edge: How pictures under 256 pixels are made: `area` average or the `official` formula at that size.
            scheme: `velocity` (the paper's measure), `laws` (mean of all criteria) or `attributes` (what is kept of
                colour, size, velocity and shape in the `conflict_*` splits; with `judger="attribute-conflict"`).
            judger: A specification such as `physics`, or a judger object.
            render_mode: `rgb_array` or `rgb_array_list`.
        """
        self.law: Law = check_option("law", law, LAWS)
        self.mode: Mode = check_option("mode", mode, get_args(Mode))
        self.ranges: Ranges = check_option("ranges", ranges, get_args(Ranges))
        self.edge: Edge = check_option("edge", edge, get_args(Edge))
        self.default_split = check_split(split, split_names(self.law))
        if size not in SIZES:
            raise InvalidArgument(f"size must lie in {SIZES.start} to {SIZES.stop - 1} pixels, got {size}")
        if not 2 <= given < frames <= 10 * FRAMES:
            raise InvalidArgument(f"expected 2 <= given < frames <= {10 * FRAMES}, got given={given}, frames={frames}")
        self.scheme, self.criteria = scheme_criteria(scheme)
        if scheme == "attributes" and not analysis_splits(self.law):
            raise InvalidArgument(f"scheme 'attributes' concerns splits of uniform_motion, got law={law!r}")
        self.size, self.given = size, given
        self.clip_spec = ClipSpec(frames, size, size, FPS)
        super().__init__(judger, render_mode)

    def splits(self) -> tuple[str, ...]:
        """`id`, `ood_low`, `ood_high`, `ood_cross`, then one split a level, then those of the analysis experiments."""
        return split_names(self.law)

    def protocol(self) -> dict[str, Any]:
        """Suite, law, ranges, picture, criteria, scheme and judger."""
        sides = parameter_ranges(self.law, self.ranges)
        return {
            "suite": f"PhyWorld-{self.law}",
            "version": VERSION,
            "case_set": CASE_SET,
            "mode": self.mode,
            "ranges": {"source": self.ranges, **{k: {s: list(i) for s, i in v.items()} for k, v in sides.items()}},
            "clip": self.clip_spec.plain(),
            "given": self.given,
            "edge": self.edge,
            "scheme": self.scheme,
            "criteria": [criterion.plain() for criterion in self.criteria],
            "judger": judger_identity(self.judger),
        }

    def case_ids(self, n: int, rng: np.random.Generator, split: str | None = None) -> list[str]:
        """Ids of n fresh cases: the split and a 48-bit seed."""
        split = check_split(split or self.default_split, self.splits())
        return [f"{split}-{seed:0{SEED_BITS // 4}x}" for seed in rng.integers(1 << SEED_BITS, size=n).tolist()]

    def cases(self, ids: Sequence[str]) -> list[Case]:
        """Rebuild cases; each depends on its own id alone."""
        groups: dict[str, list[int]] = defaultdict(list)
        seeds = []
        for k, case_id in enumerate(ids):
            match = _CASE_ID.fullmatch(case_id)
            if match is None or match["split"] not in self.splits():
                raise InvalidCase(
                    f"case id {case_id!r} is not one of {self.case_set}; "
                    f"expected a split and {SEED_BITS // 4} hex digits, such as 'id-0000000003e8'"
                )
            groups[match["split"]].append(k)
            seeds.append(int(match["seed"], 16))
        cases: list[Case | None] = [None] * len(ids)
        times = frame_times(self.given)
        shown = np.empty((len(ids), self.given, self.size, self.size, 3), dtype=np.uint8)
        for split, members in groups.items():
            drawn = np.array([seeds[k] for k in members], dtype=np.uint64)
            starts, levels = draw_starts(self.law, split, drawn, ranges=self.ranges, mode=self.mode)
            mean_speed = split_mean_speed(self.law, split, self.ranges, self.mode)
            paths = positions(starts, times, self.mode)
            for row, (k, level) in enumerate(zip(members, levels, strict=True)):
                one = starts[row : row + 1]
                truth = DiscTruth(one, self.mode, self.edge, self.given, self.clip_spec.frames or 0, mean_speed)
                discs = Discs.of(paths[row], truth.radii, truth.colours, truth.shapes)
                frames = draw(discs, self.size, self.edge, out=shown[k])
                request = Request(ids[k], prompt(truth), frames, self.clip_spec)
                cases[k] = Case(
                    request=request,
                    criteria=self.criteria,
                    scheme=self.scheme,
                    tags={"split": split, "level": level},
                    load_truth=partial(_same, truth),
                )
        return [case for case in cases if case is not None]

    def true_clip(self, case: Case) -> Clip:
        """The true clip, drawn as the given frames are."""
        truth: DiscTruth = case.truth
        return Clip(draw(truth.discs(frame_times(truth.frames)), self.size, self.edge), FPS)


class PhyWorldVectorEnv(SuiteVectorEnv):
    """N PhyWorld episodes side by side; see `SuiteVectorEnv`."""

    suite_class = PhyWorldEnv


def _same(truth: DiscTruth) -> DiscTruth:
    return truth
