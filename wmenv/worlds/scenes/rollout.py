"""What really happened in a scene: poses, contacts, energies, and how the drawing may differ from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.scenes.world import GRAVITY, Colour, World

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Contact:
    """Two parts that touched.

    Attributes:
        first: Name of one part.
        second: Name of the other.
        start: Seconds of the first touch.
        touched: (T,) whether they touched since the frame before.
        depth: (T,) deepest overlap since the frame before, metres; 0 without one.
    """

    first: str
    second: str
    start: float
    touched: NDArray[np.bool_]
    depth: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """The render copy: how what is drawn differs from what happened. Neutral in every lawful clip.

    Attributes:
        shift: (T, N, 2) metres.
        scale: (T, N, 2) along the part's own axes.
        colour: (T, N, 3) RGB as floats.
        visible: (T, N).
        gain: (T,) brightness of the picture.
        blur: (T,) standard deviation of a Gaussian, pixels at a width of 128.
        noise: (T,) standard deviation, grey levels.
        noise_seed: Of the noise.
    """

    shift: FloatArray
    scale: FloatArray
    colour: FloatArray
    visible: NDArray[np.bool_]
    gain: FloatArray
    blur: FloatArray
    noise: FloatArray
    noise_seed: int = 0

    @classmethod
    def neutral(cls, world: World, times: FloatArray) -> Look:
        """The look of a lawful clip at (T,) seconds."""
        frames, parts = len(times), len(world.parts)
        scale = np.ones((frames, parts, 2))
        for k, part in enumerate(world.parts):
            if part.stretch is not None:
                scale[:, k] = part.stretch(times)
        colours: list[Colour] = [part.colour for part in world.parts]
        return cls(
            shift=np.zeros((frames, parts, 2)),
            scale=scale,
            colour=np.tile(np.array(colours, float).reshape(1, parts, 3), (frames, 1, 1)),
            visible=np.ones((frames, parts), bool),
            gain=np.ones(frames),
            blur=np.zeros(frames),
            noise=np.zeros(frames),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Rollout:
    """The truth of one clip.

    Attributes:
        world: What was simulated.
        fps: Frames per second.
        pose: (T, N, 3) x, z in metres and angle in radians of every part.
        velocity: (T, N, 3) their rates.
        impulse: (T, N, 2) what contacts and grips gave a free mover since the frame before, over its mass, m/s.
        unlawful: (T, N, 2) what forced edits gave it, m/s; zero in lawful clips.
        contacts: Pairs that touched, by time.
        particles: (T, P, 2) of the liquid, metres, NaN where removed; P = 0 without one.
        look: How it is drawn.
    """

    world: World
    fps: Fraction
    pose: FloatArray
    velocity: FloatArray
    impulse: FloatArray
    unlawful: FloatArray
    contacts: tuple[Contact, ...]
    particles: FloatArray
    look: Look

    def __len__(self) -> int:
        return len(self.pose)

    @property
    def times(self) -> FloatArray:
        """(T,) seconds."""
        return np.arange(len(self)) / float(self.fps)

    def path(self, name: str) -> FloatArray:
        """(T, 3) pose of a part."""
        path: FloatArray = self.pose[:, self.world.index(name)]
        return path

    @property
    def drawn(self) -> FloatArray:
        """(T, N, 3) poses as drawn."""
        pose = self.pose.copy()
        pose[..., :2] += self.look.shift
        return pose

    def tracks(self) -> Mapping[str, FloatArray]:
        """(T, 3) by name of what moves, as drawn: pose of a part; centre and half spread along x of a liquid.

        The same three numbers can be measured in a picture, so that one predicate serves truth and pixels.
        """
        drawn = self.drawn
        found = {self.world.parts[k].name: drawn[:, k] for k in self.world.labelled}
        if self.world.liquid is not None:
            found[self.world.liquid.name] = np.concatenate(
                [np.nanmean(self.particles, axis=1), 2 * np.nanstd(self.particles[..., :1], axis=1)], axis=1
            )
        return found

    @property
    def events(self) -> tuple[tuple[float, str, str], ...]:
        """First touches after the first frame: seconds and the two names, in order."""
        return tuple((c.start, c.first, c.second) for c in self.contacts if not c.touched[0])

    @property
    def energy(self) -> tuple[FloatArray, FloatArray]:
        """Kinetic and potential energy of the movers, (T,) joules each; hinged ones count with their centre only."""
        kinetic = np.zeros(len(self))
        potential = np.zeros(len(self))
        for k in self.world.movers:
            part = self.world.parts[k]
            rates = self.velocity[:, k]
            kinetic += 0.5 * part.mass * (rates[:, :2] ** 2).sum(-1) + 0.5 * inertia(
                part.shape, part.size, part.mass
            ) * (rates[:, 2] ** 2)
            if self.world.view == "side":
                potential += part.mass * GRAVITY * self.pose[:, k, 1]
        return kinetic, potential


def inertia(shape: str, size: tuple[float, ...], mass: float) -> float:
    """Moment of inertia about the view axis through the centre, kg m^2, of a homogeneous solid; a disc is a ball."""
    if shape == "box":
        return mass * (size[0] ** 2 + size[1] ** 2) / 3
    if shape == "capsule":
        radius, half = size
        rod, ends = 2 * half, 4 * radius / 3
        rod_mass, ends_mass = mass * rod / (rod + ends), mass * ends / (rod + ends)
        across = rod_mass * (radius**2 / 4 + half**2 / 3)
        return across + ends_mass * (0.4 * radius**2 + half**2 + 0.75 * radius * half)
    return 0.4 * mass * size[0] ** 2
