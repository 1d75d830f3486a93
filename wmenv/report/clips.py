"""The kept clips of a run as cards that play: worst first, by agent and split."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from wmenv.core.case import Case
from wmenv.core.clip import Clip
from wmenv.core.errors import VideoUnreadable
from wmenv.core.verdict import Judgement
from wmenv.core.video import encode_mp4, read_clip
from wmenv.report.numbers import number
from wmenv.report.rows import Headline, headline
from wmenv.report.side_by_side import enlarged, side_by_side
from wmenv.report.suite import RebuiltSuite
from wmenv.report.trajectory import find_track, trajectory, true_path
from wmenv.runs.results import Results
from wmenv.runs.store import RolloutRow, RunStore

CRF = 23
"""Quality of embedded clips; discs and edges look the same as at 18, and the file is a third smaller."""


@dataclass(frozen=True, slots=True)
class Card:
    """One kept rollout.

    Attributes:
        case_id: The case.
        detail: Sample and step, where there are several.
        reward: Its reward as text.
        error: Its headline value as text.
        remarks: Forfeited and failed criteria with their reasons.
        prompt: What was asked for; empty where the case is unknown.
        video: mp4 in base64; empty where the clip cannot be shown.
        width: Pixels.
        height: Pixels.
        paired: Whether the true clip is on the right.
        missing: Why there is no video; empty where there is one.
        world: Drawing of true paths and predicted positions, where the evidence has them.
    """

    case_id: str
    detail: str
    reward: str
    error: str
    remarks: tuple[str, ...]
    prompt: str
    video: str
    width: int
    height: int
    paired: bool
    missing: str
    world: Markup | None


@dataclass(frozen=True, slots=True)
class Group:
    """Cards of one agent on one split.

    Attributes:
        agent: Name of the agent.
        privileged: Whether it sees the truth.
        split: The split.
        cards: Worst first.
        kept: Number of rollouts whose clip is on disk, shown ones included.
    """

    agent: str
    privileged: bool
    split: str
    cards: tuple[Card, ...]
    kept: int


@dataclass(frozen=True, slots=True)
class Gallery:
    """All groups of a run.

    Attributes:
        groups: In the order of agents and splits.
        notes: What could not be shown, and why.
        prompt: The prompt that all shown cases share; empty where they differ.
    """

    groups: tuple[Group, ...]
    notes: tuple[str, ...]
    prompt: str


def gallery(store: RunStore, results: Results, limit: int) -> Gallery:
    """Read, pair and encode the worst kept clips of every agent and split.

    Args:
        store: The run's store.
        results: Its results.
        limit: Most clips of an agent on a split.
    """
    kept: dict[tuple[str, str], list[RolloutRow]] = defaultdict(list)
    for row in store.each():
        if row.clip:
            kept[row.agent, row.split].append(row)
    for rows in kept.values():
        rows.sort(key=_badness)
    suite = RebuiltSuite(results, (store.identity() or {}).get("env_options", {}))
    shown = [row.case_id for rows in kept.values() for row in rows[:limit]]
    cases = suite.cases(shown)
    maker = _Maker(store, results, suite, cases)
    groups = tuple(
        Group(agent.name, agent.privileged, split, tuple(map(maker.card, found[:limit])), len(found))
        for agent in results.agents
        for split in results.splits
        if (found := kept.get((agent.name, split)))
    )
    prompts = {case.request.prompt for case in cases.values()}
    shared = prompts.pop() if len(prompts) == 1 else ""
    note = f"True clips and paths are not shown: {suite.note}." if suite.note and shown else ""
    return Gallery(groups, (note,) if note else (), shared)


def _badness(row: RolloutRow) -> tuple[float, str, int]:
    """Lowest reward first, those without a reward before all; ties by case, so that reports repeat."""
    reward = row.final.reward if row.final is not None else None
    return (-1.0 if reward is None else reward, row.case_id, row.sample)


class _Maker:
    """Makes cards; true clips are drawn once a case."""

    def __init__(self, store: RunStore, results: Results, suite: RebuiltSuite, cases: Mapping[str, Case]) -> None:
        self.store, self.results, self.suite, self.cases = store, results, suite, cases
        self.first = headline(results)
        self._true: dict[str, Clip | None] = {}

    def card(self, row: RolloutRow) -> Card:
        """The card of one rollout, of its first step where it has several."""
        steps = self.store.steps(*row.key)
        case = self.cases.get(row.case_id)
        video, size, missing, paired = self._video(row, case)
        return Card(
            case_id=row.case_id,
            detail=_detail(row, len(steps), self.results.samples),
            reward=number(row.final.reward if row.final else None, 3),
            error=_error(row.final, self.first),
            remarks=_remarks(row.final),
            prompt=case.request.prompt if case else "",
            video=video,
            width=size[0],
            height=size[1],
            paired=paired,
            missing=missing,
            world=self._world(steps[0].judgement, case) if steps else None,
        )

    def _video(self, row: RolloutRow, case: Case | None) -> tuple[str, tuple[int, int], str, bool]:
        """The video, its (width, height), why there is none, and whether the truth is beside it."""
        folder = self.store.folder.resolve()
        path = (folder / str(row.clip) / "step_0.npz").resolve()
        if not path.is_relative_to(folder):
            return "", (1, 1), "the clip's path leaves the run folder", False
        try:
            predicted = read_clip(path)
        except Exception as error:
            # A damaged file may break any layer that reads it; the rest of the report does not depend on it.
            what = "" if isinstance(error, VideoUnreadable) else f"{type(error).__name__}: "
            return "", (1, 1), f"{what}{error}".replace(f"{folder}/", ""), False
        shown = enlarged(side_by_side(predicted, true := self._true_clip(row, case)))
        height, width = shown.frames.shape[1:3]
        return base64.b64encode(encode_mp4(shown, CRF)).decode(), (width, height), "", true is not None

    def _true_clip(self, row: RolloutRow, case: Case | None) -> Clip | None:
        if case is None:
            return None
        if row.case_id not in self._true:
            self._true[row.case_id] = self.suite.true_clip(case)
        return self._true[row.case_id]

    def _world(self, judged: Judgement, case: Case | None) -> Markup | None:
        """The drawing, where the evidence of the verdicts has a track."""
        evidence = find_track(judged.verdicts)
        if evidence is None:
            return None
        times, track = evidence
        truth = self.suite.truth(case) if case else None
        radii = [float(radius) for radius in getattr(truth, "radii", ())]
        return trajectory(track, true_path(truth, times), radii, f"World view of {case.id}" if case else "")


def _detail(row: RolloutRow, steps: int, samples: int) -> str:
    parts = [f"sample {row.sample}"] if samples > 1 else []
    return ", ".join([*parts, f"step 1 of {steps}"] if steps > 1 else parts)


def _error(final: Judgement | None, first: Headline | None) -> str:
    if final is None or first is None:
        return number(None)
    verdict = final[first.criterion]
    return number(verdict.native if first.native else verdict.score)


def _remarks(final: Judgement | None) -> tuple[str, ...]:
    """Reasons with the criteria that they concern."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for verdict in final.verdicts if final else ():
        if verdict.state in ("forfeited", "failed"):
            found[verdict.state, verdict.reason].append(verdict.criterion)
    return tuple(f"{state}: {', '.join(names)} – {reason}" for (state, reason), names in found.items())


def read_gallery(folder: Path, results: Results, limit: int) -> Gallery:
    """The gallery of a run folder; a folder with results alone has an empty one that says so."""
    if not (folder / "run.sqlite").is_file():
        return Gallery((), ("Clips are not shown: the folder has no run.sqlite.",), "")
    store = RunStore(folder)
    try:
        return gallery(store, results, limit)
    finally:
        store.close()
