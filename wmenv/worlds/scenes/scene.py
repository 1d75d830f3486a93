"""Scenes and their cases: from a seed to words, pictures and truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.scenes.dice import Dice
from wmenv.worlds.scenes.edits import Edit
from wmenv.worlds.scenes.render import Rendering, render
from wmenv.worlds.scenes.rollout import Rollout
from wmenv.worlds.scenes.simulate import simulate, start
from wmenv.worlds.scenes.world import World

FloatArray = NDArray[np.float64]
Parameters = Mapping[str, Any]
Tracks = Mapping[str, FloatArray]

FRAMES, FPS, SIZE = 32, Fraction(16), 128


def share(value: Any) -> FloatArray:
    """Numbers cut to 0 to 1: how much of the way."""
    cut: FloatArray = np.clip(np.asarray(value, float), 0.0, 1.0)
    return cut


@dataclass(frozen=True, slots=True)
class Scene:
    """One kind of scene.

    Attributes:
        domain: One of the seven; `exam` where it ships with no benchmark.
        name: Short name; `domain/name` is its key.
        subdomain: The published subdomain of WorldModelBench that it stands for; in words of our own for `exam`.
        draw: Parameters of a case, from dice.
        build: The world of parameters.
        describe: The first frame in words.
        instruct: What shall happen, in words.
        progress: How far the instruction is carried out at each frame, from parameters and tracks: (T,), 0 at the
            start, 1 when complete. It reads what pixels can tell too, so judgers may call it.
        tasked: Names, from parameters, of what the instruction wants moved.
        hidden: Parameters that the first frame and the words do not show, with the range, or the values, that lawful
            alternatives draw them from.
    """

    domain: str
    name: str
    subdomain: str
    draw: Callable[[Dice], dict[str, Any]]
    build: Callable[[Parameters], World]
    describe: Callable[[Parameters], str]
    instruct: Callable[[Parameters], str]
    progress: Callable[[Parameters, Tracks], FloatArray]
    tasked: Callable[[Parameters], tuple[str, ...]]
    hidden: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """`domain/name`."""
        return f"{self.domain}/{self.name}"

    def parameters(self, seed: int) -> dict[str, Any]:
        """Parameters of a case."""
        return self.draw(Dice(self.key, seed))

    def simulate(
        self, parameters: Parameters, edits: Sequence[Edit] = (), frames: int = FRAMES, fps: Fraction = FPS
    ) -> Rollout:
        """What happens; see `simulate.simulate`."""
        return simulate(self.build(parameters), frames, fps, edits)

    def case(self, seed: int) -> SceneCase:
        """A case."""
        return SceneCase(self, seed)


@dataclass(frozen=True, eq=False)
class SceneCase:
    """One case; everything but its parameters is made when first asked for.

    Attributes:
        scene: Its scene.
        seed: Its seed.
        frames: Length of the true clip.
        fps: Rate of the true clip.
        size: Width and height, pixels.
    """

    scene: Scene
    seed: int
    frames: int = FRAMES
    fps: Fraction = FPS
    size: int = SIZE

    @property
    def id(self) -> str:
        """Stable name, safe as a file name: `robotics-slide-0003`."""
        return f"{self.scene.domain}-{self.scene.name}-{self.seed:04d}"

    @cached_property
    def parameters(self) -> Parameters:
        """Drawn parameters."""
        return self.scene.parameters(self.seed)

    @property
    def description(self) -> str:
        """The first frame in words."""
        return self.scene.describe(self.parameters)

    @property
    def instruction(self) -> str:
        """What shall happen, in words."""
        return self.scene.instruct(self.parameters)

    @cached_property
    def world(self) -> World:
        """The world at t = 0."""
        return self.scene.build(self.parameters)

    @cached_property
    def first(self) -> Rendering:
        """The first frame, without simulating the rest."""
        return render(start(self.world, self.fps), self.size)

    @property
    def first_frame(self) -> NDArray[np.uint8]:
        """(H, W, 3)."""
        frame: NDArray[np.uint8] = self.first.clip.frames[0]
        return frame

    @cached_property
    def rollout(self) -> Rollout:
        """What really happens."""
        return simulate(self.world, self.frames, self.fps)

    @cached_property
    def rendering(self) -> Rendering:
        """The true clip with masks and depth."""
        return render(self.rollout, self.size)
