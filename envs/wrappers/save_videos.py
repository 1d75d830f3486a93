"""Every judged clip as a video file."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
from gymnasium.utils import RecordConstructorArgs

from wmenv.core.case import check_case_id
from wmenv.core.clip import Clip
from wmenv.core.errors import InvalidArgument
from wmenv.core.spaces import VideoSpace
from wmenv.core.video import write_clip
from wmenv.envs.wrappers.samples import suite_of


class SaveVideos(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Writes what the suite judges to `FOLDER/<case id>_<sample>.mp4`; observations and rewards stay as they are.

    `gymnasium.wrappers.RecordVideo` takes one picture a step: of an episode that is one step and one clip it keeps two
    frames. This wrapper keeps the clip, whole and at its own rate, whatever wrappers made it out of an action.

    Samples of a case are counted from 0, past the files that are there, so that nothing is overwritten and
    `--agent videos:FOLDER` judges them again. Later steps of an episode add `_step<k>` to the name. Processes side by
    side need a folder each. The path of the file is `info["video"]`.

    Attributes:
        folder: Where the files are.
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        folder: str | os.PathLike[str],
        episode_trigger: Callable[[int], bool] | None = None,
    ) -> None:
        """Wrap an environment.

        Args:
            env: A single environment of wmenv whose responses are clips.
            folder: Is made where it is missing.
            episode_trigger: Which episodes are kept, by their number from 0; all by default.

        Raises:
            InvalidArgument: A vector environment, one that is not wmenv's, or one whose responses are no clips.
            OSError: The folder cannot be made.
        """
        RecordConstructorArgs.__init__(self, folder=folder, episode_trigger=episode_trigger)
        given: object = env
        if isinstance(given, gym.vector.VectorEnv):
            raise InvalidArgument(
                f"SaveVideos expects a single environment, got {type(given).__name__}; wrap each one: "
                "gym.make_vec(ID, N, vectorization_mode='sync', wrappers=[lambda env: SaveVideos(env, FOLDER)])"
            )
        gym.Wrapper.__init__(self, env)
        self._suite = suite_of(env, "SaveVideos")
        if not isinstance(self._suite.action_space, VideoSpace):
            raise InvalidArgument(
                f"SaveVideos expects responses that are clips, {self._suite!r} takes {self._suite.action_space}"
            )
        self.folder = Path(folder).expanduser()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._wanted = episode_trigger or (lambda episode: True)
        self._episode = -1
        self._stem = ""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode, and choose a name for its clips."""
        observation, info = super().reset(seed=seed, options=options)
        self._episode += 1
        case_id = check_case_id(self._suite.case.id)
        sample = 0
        while any(self.folder.glob(f"{case_id}_{sample}[._]*")):
            sample += 1
        self._stem = f"{case_id}_{sample}"
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Have the action judged, and keep the clip.

        Raises:
            OSError: The disk is full, the folder is read-only; no half of a file is left.
        """
        number = self._suite.case.step
        observation, reward, terminated, truncated, info = super().step(action)
        clip = self._suite.response
        if isinstance(clip, Clip) and self._wanted(self._episode):
            path = self.folder / f"{self._stem}{f'_step{number}' if number else ''}.mp4"
            write_clip(path, clip)
            info = {**info, "video": str(path)}
        return observation, reward, terminated, truncated, info
