"""The native vector environment: one process, cases drawn and clips judged in batches, no action wasted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from wmenv.core.case import Case, Request
from wmenv.core.errors import InvalidResponse
from wmenv.core.rollout import Rollout, Step
from wmenv.envs.base import SuiteEnv


class SuiteVectorEnv(VectorEnv[Any, Any, Any]):
    """N episodes of one suite side by side.

    Autoreset is SAME_STEP: an episode that ends is followed by the next one in the same call, so that every
    action of a one-step suite is judged (NEXT_STEP would throw every second one away). The last observation and
    info are in `infos["final_obs"]` and `infos["final_info"]`. Where the judge fails, the reward is NaN and the
    scores are absent; the run goes on.

    Observations may share memory with the frames of `requests`: do not write into them. No array is used again for
    a later observation.

    For the same seeds it draws the cases of `SyncVectorEnv` with SAME_STEP and gives the same judgements.

    Attributes:
        suite: The environment whose cases and judger are used.
    """

    suite_class: type[SuiteEnv]

    def __init__(self, num_envs: int = 1, **kwargs: Any) -> None:
        """Make the environments.

        Args:
            num_envs: How many.
            **kwargs: Passed on to the suite.
        """
        self.suite = self.suite_class(**kwargs)
        self.num_envs = num_envs
        self.render_mode = self.suite.render_mode
        self.metadata = {**self.suite.metadata, "autoreset_mode": AutoresetMode.SAME_STEP}
        self.single_observation_space = self.suite.observation_space
        self.single_action_space = self.suite.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._rngs: list[np.random.Generator] = []
        self._cases: list[Case] = []
        self._episodes: list[list[Step]] = []

    @property
    def requests(self) -> list[Request]:
        """The current request of each environment, for `agent.act`."""
        return self.suite.observe(self._cases)

    @property
    def cases(self) -> list[Case]:
        """The current case of each environment, truth included: for judgers and privileged agents."""
        return list(self._cases)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begin an episode in every environment.

        Args:
            seed: `s` seeds environment i with s + i; a list is taken as it is.
            options: `{"case_id": [...]}` replays one case an environment.
        """
        seeds: list[int | None]
        if seed is None or isinstance(seed, int):
            seeds = [None if seed is None else seed + i for i in range(self.num_envs)]
        else:
            seeds = list(seed)
        if len(seeds) != self.num_envs:
            raise ValueError(f"expected {self.num_envs} seeds, got {len(seeds)}")
        for i, one in enumerate(seeds):
            if one is not None or len(self._rngs) <= i:
                self._rngs[i : i + 1] = [gym.utils.seeding.np_random(one)[0]]
        ids = (options or {}).get("case_id")
        self._cases = self.suite.cases(list(ids)) if ids is not None else self._draw(range(self.num_envs))
        self._episodes = [[] for _ in range(self.num_envs)]
        infos: dict[str, Any] = {}
        for i, case in enumerate(self._cases):
            infos = self._add_info(infos, self.suite.info(case), i)
        return self._observation(), infos

    def step(
        self, actions: NDArray[np.uint8]
    ) -> tuple[dict[str, Any], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Judge one response an environment, in one batch.

        Args:
            actions: (N, T, H, W, 3) uint8.

        Raises:
            InvalidResponse: Wrong number, dtype or shape; nothing was judged.
        """
        if not self._cases:
            raise gym.error.ResetNeeded("call reset() first: there are no current cases")
        if len(actions) != self.num_envs:
            raise InvalidResponse(f"expected {self.num_envs} actions, got {len(actions)}")
        responses = [self.suite.as_response(action) for action in actions]
        judgements = self.suite.score(self._cases, responses)
        for i, parts in enumerate(zip(self._cases, responses, judgements, strict=True)):
            self._episodes[i].append(Step(*parts))
        following = self.suite.advance([Rollout(steps[0].case, tuple(steps)) for steps in self._episodes])
        ended = [i for i, case in enumerate(following) if case is None]
        fresh = dict(zip(ended, self._draw(ended), strict=True))
        rewards = np.full(self.num_envs, np.nan)
        infos: dict[str, Any] = {}
        for i, (case, judgement) in enumerate(zip(self._cases, judgements, strict=True)):
            info = self.suite.info(case)
            if judgement.reward is not None:
                rewards[i] = judgement.reward
                info |= self.suite.scores(judgement)
            if i in fresh:
                infos = self._add_info(infos, {"final_obs": _last(case), "final_info": info}, i)
                info = self.suite.info(fresh[i])
                self._episodes[i] = []
            infos = self._add_info(infos, info, i)
        self._cases = [fresh.get(i) or case for i, case in enumerate(following)]  # type: ignore[misc]
        terminated = np.array([case is None for case in following])
        return self._observation(), rewards, terminated, np.zeros(self.num_envs, dtype=bool), infos

    def _draw(self, which: Sequence[int]) -> list[Case]:
        """One fresh case for each of these environments, from its own generator, rebuilt in one batch."""
        return self.suite.cases([self.suite.case_ids(1, self._rngs[i])[0] for i in which])

    def _observation(self) -> dict[str, Any]:
        return {
            "prompt": tuple(case.request.prompt for case in self._cases),
            "frames": _stacked([case.request.frames for case in self._cases]),
        }


def _stacked(frames: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Frames of all environments in one array (N, K, H, W, 3), without a copy where they were drawn into one."""
    whole = frames[0].base
    if whole is not None and whole.shape == (len(frames), *frames[0].shape) and whole.dtype == np.uint8:
        places = [one.__array_interface__["data"][0] for one in frames]
        if places == [row.__array_interface__["data"][0] for row in whole]:
            return whole
    return np.stack(frames)


def _last(case: Case) -> dict[str, Any]:
    """The last observation of an ended episode; its frames are not copied, the case is not used again."""
    return {"prompt": case.request.prompt, "frames": case.request.frames}
