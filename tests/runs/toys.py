"""Two toy suites, each with a judger and agents, written against the public base class alone.

They stand for the suites to come: `Film` has three steps (interactive suites), `Quiz` asks for an index (choice
suites). Nothing in wmenv knows them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from wmenv.core.case import Case, ClipSpec, Request
from wmenv.core.clip import Clip, Response
from wmenv.core.criterion import Criterion
from wmenv.core.errors import InvalidCase, InvalidResponse
from wmenv.core.rollout import Rollout
from wmenv.core.spaces import PromptSpace, VideoSpace
from wmenv.core.verdict import Judgement, Verdict, judgement
from wmenv.envs.base import SuiteEnv, check_split, judger_identity

SIZE, MORE, STEPS, FPS = 16, 4, 3, Fraction(4)
COMMANDS = ("left", "right")


def picture(column: int) -> NDArray[np.uint8]:
    """A white picture with a dark bar two pixels wide."""
    frame = np.full((SIZE, SIZE, 3), 255, dtype=np.uint8)
    frame[:, column % SIZE] = frame[:, (column + 1) % SIZE] = 20
    return frame


def column_of(frame: NDArray[np.uint8]) -> int:
    """Where the bar of a picture begins; -1 without one."""
    dark = frame.mean(axis=(0, 2)) < 128
    starts = np.flatnonzero(dark & ~np.roll(dark, 1))
    return int(starts[0]) if len(starts) == 1 else -1


def moved(column: int, command: str, frames: int) -> NDArray[np.uint8]:
    """The frames in which the bar follows a command, one pixel a frame."""
    sign = 1 if command == "right" else -1
    return np.stack([picture(column + sign * (k + 1)) for k in range(frames)])


class AnyLength(VideoSpace):
    """Frames of one size and any number: the past of an episode grows."""

    def contains(self, x: Any) -> bool:
        return isinstance(x, np.ndarray) and x.dtype == np.uint8 and x.shape[1:] == self._shape[1:]


class Film(SuiteEnv):
    """Three steps of four frames: a bar has to follow the command of each step."""

    case_set = "Film toy, cases v0"
    criteria = (
        Criterion("obeys", "film", "Does the bar follow the command?", "continuous", 1),
        Criterion("smooth", "film", "Does it move one pixel a frame?", "binary", 1, weight=0.5),
    )
    clip_spec = ClipSpec(MORE, SIZE, SIZE, FPS)
    given = 1
    default_split = "easy"

    def __init__(self, judger: Any = None, render_mode: str | None = None) -> None:
        super().__init__(judger or FilmJudger(), render_mode)

    def splits(self) -> tuple[str, ...]:
        return ("easy", "hard")

    def protocol(self) -> dict[str, Any]:
        return {
            "suite": "Film",
            "case_set": self.case_set,
            "criteria": [c.plain() for c in self.criteria],
            "scheme": "weighted-sum-v0",
            "judger": judger_identity(self.judger),
        }

    def case_ids(self, n: int, rng: np.random.Generator, split: str | None = None) -> list[str]:
        split = check_split(split or self.default_split, self.splits())
        return [f"{split}-{k:08x}" for k in rng.integers(1 << 32, size=n).tolist()]

    def cases(self, ids: Sequence[str]) -> list[Case]:
        return [self._case_of(case_id) for case_id in ids]

    def _case_of(self, case_id: str) -> Case:
        split, _, seed = case_id.partition("-")
        if split not in self.splits() or len(seed) != 8:
            raise InvalidCase(f"case id {case_id!r} is not one of {self.case_set}")
        rng = np.random.default_rng(int(seed, 16))
        commands = tuple(COMMANDS[k] for k in rng.integers(2, size=STEPS))
        frames = picture(int(rng.integers(SIZE)))[None]
        request = Request(case_id, "Move the bar as commanded.", frames, self.clip_spec, commands[:1])
        return Case(request, self.criteria, "weighted-sum-v0", {"split": split}, load_truth=lambda: commands)

    def advance(self, rollouts: Sequence[Rollout]) -> list[Case | None]:
        return [self._next(rollout) for rollout in rollouts]

    def _next(self, rollout: Rollout) -> Case | None:
        case, response, _ = rollout.steps[-1]
        if len(rollout.steps) == STEPS or not isinstance(response, Clip):
            return None
        past = np.concatenate([case.request.frames, response.frames])
        command = case.truth[len(rollout.steps)]
        # Built anew, as suites do that keep no state: which sample this is, only the run knows.
        request = Request(case.id, case.request.prompt, past, self.clip_spec, (command,))
        return replace(case, request=request, step=case.step + 1)

    def _observation_space(self) -> gym.spaces.Dict:
        return gym.spaces.Dict({"prompt": PromptSpace(), "frames": AnyLength(self.given, SIZE, SIZE, 3)})


class FilmJudger:
    """Reads columns off the frames; the command is in the request, so it needs no truth."""

    name, accepts, reads_truth, exact = "film", ("clip",), False, True
    card: ClassVar[Mapping[str, Any]] = {"identity": "film-v0"}

    def judge(self, cases: Sequence[Case], responses: Sequence[Response]) -> list[Judgement]:
        return [self._one(case, response) for case, response in zip(cases, responses, strict=True)]

    def _one(self, case: Case, response: Response) -> Judgement:
        assert isinstance(response, Clip)
        start = column_of(case.request.frames[-1])
        found = [column_of(frame) for frame in response.frames]
        if start < 0 or min(found) < 0:
            verdicts = [Verdict.forfeited(c.id, "the bar is gone") for c in case.criteria]
            return judgement(case, verdicts, "film-v0")
        wanted = [column_of(frame) for frame in moved(start, case.request.command[0], MORE)]
        right = sum(a == b for a, b in zip(found, wanted, strict=True)) / MORE
        steps = np.diff([start, *found]) % SIZE
        smooth = float(all(step in (1, SIZE - 1) for step in steps))
        verdicts = [Verdict.answered("obeys", right, right), Verdict.answered("smooth", smooth)]
        return judgement(case, verdicts, "film-v0")


class Obedient:
    """Follows the command; `wrong` steps against it."""

    name, privileged = "obedient", False
    card: ClassVar[Mapping[str, Any]] = {"identity": "obedient-v0"}

    def __init__(self, wrong: tuple[int, ...] = ()) -> None:
        self.wrong = wrong
        self.asked: list[tuple[str, int, int]] = []
        if wrong:
            self.name, self.card = "disobedient", {"identity": "disobedient-v0", "wrong": list(wrong)}

    def act(self, requests: Sequence[Request], seeds: Sequence[int]) -> list[Response]:
        return [self._clip(request) for request in requests]

    def _clip(self, request: Request) -> Clip:
        step = (len(request.frames) - 1) // MORE
        self.asked.append((request.case_id, step, request.sample))
        command = request.command[0]
        if step in self.wrong:
            command = COMMANDS[1 - COMMANDS.index(command)]
        return Clip(moved(column_of(request.frames[-1]), command, MORE), FPS)


@dataclass(frozen=True)
class Choice:
    """An index."""

    index: int
    kind: ClassVar[str] = "choice"

    @property
    def digest(self) -> str:
        return hashlib.sha256(str(self.index).encode()).hexdigest()[:32]

    def spec(self) -> dict[str, Any]:
        return {"options": 3}


class Quiz(SuiteEnv):
    """Which of three columns holds the bar? The response is an index."""

    case_set = "Quiz toy, cases v0"
    criteria = (Criterion("right", "quiz", "Is the answer right?", "choice", 1),)
    clip_spec = ClipSpec(None, SIZE, SIZE, None)
    given = 1
    default_split = "all"

    def __init__(self, judger: Any = None, render_mode: str | None = None) -> None:
        super().__init__(judger or QuizJudger(), render_mode)

    def splits(self) -> tuple[str, ...]:
        return ("all",)

    def protocol(self) -> dict[str, Any]:
        return {
            "suite": "Quiz",
            "case_set": self.case_set,
            "criteria": [c.plain() for c in self.criteria],
            "scheme": "weighted-mean-v0",
            "judger": judger_identity(self.judger),
        }

    def case_ids(self, n: int, rng: np.random.Generator, split: str | None = None) -> list[str]:
        check_split(split or self.default_split, self.splits())
        return [f"all-{k:03d}" for k in rng.permutation(999)[:n].tolist()]

    def cases(self, ids: Sequence[str]) -> list[Case]:
        found = []
        for case_id in ids:
            number = case_id.removeprefix("all-")
            if not number.isdecimal():
                raise InvalidCase(f"case id {case_id!r} is not one of {self.case_set}")
            answer = int(number) % 3
            request = Request(case_id, "Left, middle or right?", picture(5 * answer + 1)[None], self.clip_spec)
            case = Case(request, self.criteria, "weighted-mean-v0", load_truth=lambda answer=answer: answer)
            found.append(case)
        return found

    def as_response(self, action: Any) -> Response:
        if not self.action_space.contains(action):
            raise InvalidResponse(f"expected an index 0 to 2, got {action!r}")
        return Choice(int(action))

    def _action_space(self) -> gym.Space[Any]:
        return gym.spaces.Discrete(3)


class QuizJudger:
    """Compares with the truth."""

    name, accepts, reads_truth, exact = "quiz", ("choice",), True, True
    card: ClassVar[Mapping[str, Any]] = {"identity": "quiz-v0"}

    def judge(self, cases: Sequence[Case], responses: Sequence[Response]) -> list[Judgement]:
        return [
            judgement(case, [Verdict.answered("right", float(response.index == case.truth))], "quiz-v0")  # type: ignore[attr-defined]
            for case, response in zip(cases, responses, strict=True)
        ]


class Chooser:
    """Looks at the picture; `slip` answers every such case wrongly."""

    name, privileged = "chooser", False

    def __init__(self, slip: int = 0) -> None:
        self.slip = slip
        self.card: dict[str, Any] = {"identity": "chooser-v0", "slip": slip}

    def act(self, requests: Sequence[Request], seeds: Sequence[int]) -> list[Response]:
        return [self._choice(request) for request in requests]

    def _choice(self, request: Request) -> Choice:
        seen = (column_of(request.frames[-1]) - 1) // 5
        wrong = self.slip and int(request.case_id[-3:]) % self.slip == 0
        return Choice((seen + 1) % 3 if wrong else seen)
