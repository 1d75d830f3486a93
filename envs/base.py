"""The environment behind every suite: requests are observations, responses are actions, judgements are rewards."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from wmenv.core.canonical import digest
from wmenv.core.case import Case, ClipSpec, Request
from wmenv.core.clip import Clip, Response, describe
from wmenv.core.criterion import Criterion
from wmenv.core.errors import InvalidArgument, InvalidResponse, JudgeFailed, told
from wmenv.core.protocols import Judger
from wmenv.core.registries import JUDGERS
from wmenv.core.rollout import Rollout, Step
from wmenv.core.spaces import PromptSpace, VideoSpace
from wmenv.core.verdict import Judgement, fail_all, forfeit_all

Observation = dict[str, Any]


class SuiteEnv(gym.Env[Observation, Any], ABC):
    """A suite as an environment.

    A subclass draws and rebuilds cases (`case_ids`, `cases`), states its `protocol`, and sets `clip_spec`,
    `given` and `criteria` before it calls `super().__init__`. Everything else, the batch side that `evaluate`,
    vector environments and alignment use included, is here.

    One-step suites end after one action. A suite of several steps overrides `advance`.

    Attributes:
        metadata: Render modes and rate.
        judger: The judger in force.
        request: The current request, so that `agent.act([env.unwrapped.request], [seed])` is the whole loop.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array", "rgb_array_list"], "render_fps": 10}  # noqa: RUF012

    case_set: str
    criteria: tuple[Criterion, ...]
    clip_spec: ClipSpec
    given: int
    default_split: str

    def __init__(self, judger: str | Judger, render_mode: str | None = None) -> None:
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise InvalidArgument(f"render_mode must be one of {self.metadata['render_modes']}, got {render_mode!r}")
        self.render_mode = render_mode
        self.judger: Judger = JUDGERS.create(judger) if isinstance(judger, str) else judger
        self.observation_space = self._observation_space()
        self.action_space = self._action_space()
        self._case: Case | None = None
        self._steps: tuple[Step, ...] = ()

    # The suite: what a subclass states.

    @abstractmethod
    def case_ids(self, n: int, rng: np.random.Generator, split: str | None = None) -> list[str]:
        """Draw the ids of n cases of a split; the ids of a shorter draw are the first of a longer one."""

    @abstractmethod
    def cases(self, ids: Sequence[str]) -> list[Case]:
        """Rebuild cases exactly from their ids.

        Raises:
            InvalidCase: An id is not one of this suite.
        """

    @abstractmethod
    def protocol(self) -> dict[str, Any]:
        """Everything that decides a score, as plain JSON."""

    @abstractmethod
    def splits(self) -> tuple[str, ...]:
        """Names of the splits, headline splits first."""

    def advance(self, rollouts: Sequence[Rollout]) -> list[Case | None]:
        """Next step's case of each episode, None where it has ended; one-step suites end at once."""
        return [None] * len(rollouts)

    def true_clip(self, case: Case) -> Clip | None:
        """The true clip of a case, where the suite knows it."""
        return None

    # The batch side.

    def draw(self, n: int, rng: np.random.Generator) -> list[Case]:
        """Draw n cases of the environment's split."""
        return self.cases(self.case_ids(n, rng))

    def observe(self, cases: Sequence[Case]) -> list[Request]:
        """What an agent gets to see of the cases."""
        return [case.request for case in cases]

    def score(self, cases: Sequence[Case], responses: Sequence[Response]) -> list[Judgement]:
        """Judge responses.

        A response of a kind that the judger does not accept is forfeited. A judger that raises is asked once more
        case by case, so that one bad pair costs one judgement; what still raises is `failed` with its reason.

        Args:
            cases: N cases.
            responses: One a case; clips may have any length, size and rate that the suite admits.
        """
        if len(cases) != len(responses):
            raise InvalidArgument(f"{len(cases)} cases do not go with {len(responses)} responses")
        identity = judger_identity(self.judger)
        result: list[Judgement | None] = [None] * len(cases)
        fit = []
        for k, (case, response) in enumerate(zip(cases, responses, strict=True)):
            if response.kind in self.judger.accepts:
                fit.append(k)
            else:
                reason = getattr(response, "reason", f"a response of kind {response.kind!r} is not accepted")
                result[k] = forfeit_all(case, reason, identity)
        shown = [c if self.judger.reads_truth else c.without_truth(f"judger {self.judger.name}") for c in cases]
        try:
            judged = self._judgements([shown[k] for k in fit], [responses[k] for k in fit])
        except Exception:
            judged = [self._judge_alone(shown[k], responses[k], identity) for k in fit]
        for k, one in zip(fit, judged, strict=True):
            result[k] = one
        return [one for one in result if one is not None]

    def _judgements(self, cases: Sequence[Case], responses: Sequence[Response]) -> list[Judgement]:
        """What the judger says, if it says what was asked."""
        judged = list(self.judger.judge(cases, responses)) if cases else []
        if len(judged) != len(cases):
            raise ValueError(f"{len(judged)} judgements for {len(cases)} responses")
        for case, one in zip(cases, judged, strict=True):
            if not isinstance(one, Judgement):
                raise TypeError(f"expected a Judgement, got {describe(one)}")
            if [v.criterion for v in one.verdicts] != [c.id for c in case.criteria]:
                raise ValueError(f"the verdicts of case {case.id} are not on its criteria, in their order")
        return judged

    def _judge_alone(self, case: Case, response: Response, identity: str) -> Judgement:
        try:
            (alone,) = self._judgements([case], [response])
        except Exception as error:
            return fail_all(case, f"judger {self.judger.name}: {told(error)}", identity)
        return alone

    # The Gymnasium side.

    @property
    def request(self) -> Request:
        """The current request.

        Raises:
            gymnasium.error.ResetNeeded: Before the first `reset`.
        """
        return self.case.request

    @property
    def case(self) -> Case:
        """The current case, truth included: for judgers and privileged agents."""
        if self._case is None:
            raise gym.error.ResetNeeded("call env.reset() first: there is no current case")
        return self._case

    @property
    def response(self) -> Response | None:
        """What was judged last in this episode; None before its first step."""
        return self._steps[-1].response if self._steps else None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode.

        Args:
            seed: Seeds `np_random`, from which cases are drawn.
            options: `{"case_id": ...}` replays that case exactly.
        """
        super().reset(seed=seed)
        case_id = (options or {}).get("case_id")
        ids = self.case_ids(1, self.np_random) if case_id is None else [str(case_id)]
        return self.begin(self.cases(ids)[0])

    def begin(self, case: Case) -> tuple[Observation, dict[str, Any]]:
        """Make a case the current one; returns observation and info as `reset` does."""
        self._case, self._steps = case, ()
        return case.request.observation(), self.info(case)

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Judge one response.

        Args:
            action: For clip suites a uint8 array of exactly the env's action space, given frames included.

        Raises:
            InvalidResponse: Wrong dtype or shape; nothing was judged and the episode goes on.
            JudgeFailed: The judge is at fault for every weighted criterion.
        """
        case, response = self.case, self.as_response(action)
        (judgement,) = self.score([case], [response])
        return self.take(Step(case, response, judgement))

    def take(self, step: Step) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Enter a judged step into the episode; the second half of `step`."""
        if step.judgement.reward is None:
            reasons = sorted({v.reason for v in step.judgement.verdicts if v.state == "failed"})
            raise JudgeFailed(f"case {step.case.id}: nothing could be judged: {'; '.join(reasons) or 'no criterion'}")
        self._steps = (*self._steps, step)
        (following,) = self.advance([Rollout(self._steps[0].case, self._steps)])
        if following is not None:
            self._case = following
        observation = self.request.observation()
        info = self.info(step.case) | self.scores(step.judgement)
        return observation, float(step.judgement.reward), following is None, False, info

    def as_response(self, action: Any) -> Response:
        """The response that an action means; checks dtype and shape."""
        if not self.action_space.contains(action):
            raise InvalidResponse(f"expected an action in {self.action_space}, got {describe(action)}")
        assert self.clip_spec.fps is not None
        return Clip(action, self.clip_spec.fps)

    def info(self, case: Case) -> dict[str, Any]:
        """Facts about a case that every info holds; no wall-clock times."""
        return {"case_id": case.id, "case_set": self.case_set, "record_id": f"{case.id}/{case.step}", **case.tags}

    def scores(self, judgement: Judgement) -> dict[str, Any]:
        """Flat scores of a judgement: `score/<criterion>` and `native/<criterion>`, absent where there is none."""
        values: dict[str, Any] = {"total": np.float64(judgement.total), "coverage": np.float64(judgement.coverage)}
        for verdict in judgement.verdicts:
            if verdict.score is not None:
                values[f"score/{verdict.criterion}"] = np.float64(verdict.score)
            if verdict.native is not None:
                values[f"native/{verdict.criterion}"] = np.float64(verdict.native)
        return values

    def render(self) -> Any:
        """`rgb_array`: a contact sheet of given, predicted and true frames; `rgb_array_list`: the predicted frames."""
        if self.render_mode is None:
            gym.logger.warn("render() needs a render_mode: gym.make(..., render_mode='rgb_array')")
            return None
        last = self.response
        given, true = self.case.request.frames, self.true_clip(self.case)
        blank = np.full((1, *given.shape[1:]), 255, dtype=np.uint8)
        predicted = last.frames if isinstance(last, Clip) else given if len(given) else blank
        if self.render_mode == "rgb_array_list":
            return list(predicted)
        return contact_sheet(given, predicted, true.frames if true else predicted)

    def _observation_space(self) -> gym.spaces.Dict:
        height, width = self.clip_spec.height, self.clip_spec.width
        assert height is not None and width is not None
        return gym.spaces.Dict({"prompt": PromptSpace(), "frames": VideoSpace(self.given, height, width, 3)})

    def _action_space(self) -> gym.Space[Any]:
        spec = self.clip_spec
        assert spec.frames is not None and spec.height is not None and spec.width is not None
        return VideoSpace(spec.frames, spec.height, spec.width, 3)

    def __repr__(self) -> str:
        name = self.spec.id if self.spec is not None else type(self).__name__
        return f"<{name}: {self.case_set}, protocol {digest(self.protocol())}>"

    __str__ = __repr__  # Gymnasium's wrappers print the environment inside by str


def judger_identity(judger: Judger) -> str:
    """Identity of a judger as it stands in judgements and protocols."""
    return str(judger.card.get("identity", judger.name))


def contact_sheet(
    given: NDArray[np.uint8], predicted: NDArray[np.uint8], true: NDArray[np.uint8], columns: int = 8
) -> NDArray[np.uint8]:
    """Three rows of frames, given | predicted | true, evenly spaced in time; uint8 (3 H, 8 W, 3)."""

    def row(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        index = np.linspace(0, len(frames) - 1, columns).round().astype(int)
        return np.concatenate(list(frames[index]), axis=1)

    shown = given if len(given) else np.full_like(predicted[:1], 255)
    return np.concatenate([row(shown), row(predicted), row(true)], axis=0)


def check_split(split: str, splits: Sequence[str]) -> str:
    """Return the split if the suite has it.

    Raises:
        InvalidArgument: It does not.
    """
    if split not in splits:
        raise InvalidArgument(f"no split {split!r}; this suite has {', '.join(splits)}")
    return split


def check_option(name: str, value: Any, options: Sequence[Any]) -> Any:
    """Return the value if it is one of the options.

    Raises:
        InvalidArgument: It is not.
    """
    if value not in options:
        raise InvalidArgument(f"{name} must be one of {', '.join(map(repr, options))}, got {value!r}")
    return value
