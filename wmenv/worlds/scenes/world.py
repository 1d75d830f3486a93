"""What a scene is made of: parts that move in one plane, a liquid, a camera. Plain data, no engine.

Everything happens in the plane y = 0: x to the right, z up in the picture, angles counter-clockwise. Seen from the
side, gravity pulls along -z; seen from above it pulls away from the camera, and the ground carries what lies on it.
Motion in one plane makes a pixel a place: what a judger measures in the picture is metres of the world.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from wmenv.core.errors import InvalidCase

FloatArray = NDArray[np.float64]
Colour = tuple[int, int, int]
Shape = Literal["ball", "box", "capsule", "disc"]
Role = Literal["mover", "actor", "static", "decor"]
View = Literal["side", "top"]
Path = Callable[[FloatArray], FloatArray]

GRAVITY = 9.81
"""m/s^2."""

COLOURS: dict[str, Colour] = {
    "red": (214, 40, 40),
    "yellow": (226, 206, 30),
    "green": (40, 176, 60),
    "teal": (20, 184, 176),
    "blue": (44, 84, 220),
    "purple": (186, 50, 206),
}
"""The saturated colours, their hues at least 50 degrees apart; everything that cannot move is grey."""


def grey(level: int) -> Colour:
    """A grey of 0 to 255."""
    return (level, level, level)


@dataclass(frozen=True, slots=True)
class Detail:
    """Something drawn on a part that does not collide: a wheel, a window, an eye.

    Attributes:
        shape: As for parts.
        size: As for parts.
        at: Offset from the part's centre in its own axes, metres.
        colour: RGB.
        angle: Radians, relative to the part.
        y: Offset away from the camera, metres; negative is nearer.
        depth: Half extent along the view, metres.
    """

    shape: Shape
    size: tuple[float, ...]
    at: tuple[float, float]
    colour: Colour
    angle: float = 0.0
    y: float = -0.1
    depth: float = 0.06


@dataclass(frozen=True, slots=True)
class Part:
    """One thing of a scene.

    Attributes:
        name: What prompts call it; unique in its scene.
        shape: `ball` (size: radius), `box` (half width, half height), `capsule` along its own z axis (radius, half
            length of the straight piece) or `disc`, a flat round thing that faces the camera (radius).
        size: Metres; see shape.
        at: Centre at t = 0, metres.
        colour: RGB; saturated for what moves, grey for what does not.
        role: `mover` obeys the laws, `actor` follows its path whatever it meets, `static` never moves, `decor` is
            drawn only.
        angle: Radians at t = 0.
        depth: Half extent along the view, metres; balls have their radius.
        y: Offset away from the camera, metres; only decor and the limbs of actors should have one.
        mass: Kilograms, of movers.
        friction: Coulomb coefficient; a pair has the smaller of its two.
        restitution: Rebound speed over impact speed; a pair has the product of its movers'.
        velocity: Metres per second at t = 0, and radians per second.
        drag: Loss of speed in 1/s, for what rolls on the ground in a view from above.
        pivot: Where a mover hangs on or turns about, metres; None for one that is free.
        path: Of an actor: times (S,) in seconds to poses (S, 3), which are x, z and angle.
        stretch: Of an actor in a cartoon: times (S,) to scales (S, 2) along its axes, as drawn; only where the words
            ask for it.
        belt: Surface speed of a static belt along +x, m/s.
        solid: Whether it collides.
        details: Drawn on it.
    """

    name: str
    shape: Shape
    size: tuple[float, ...]
    at: tuple[float, float]
    colour: Colour
    role: Role = "static"
    angle: float = 0.0
    depth: float = 0.15
    y: float = 0.0
    mass: float = 1.0
    friction: float = 1.0
    restitution: float = 0.0
    velocity: tuple[float, float, float] = (0.0, 0.0, 0.0)
    drag: float = 0.0
    pivot: tuple[float, float] | None = None
    path: Path | None = None
    stretch: Path | None = None
    belt: float = 0.0
    solid: bool = True
    details: tuple[Detail, ...] = ()

    @property
    def moves(self) -> bool:
        """Whether its pose can change."""
        return self.role in ("mover", "actor")

    @property
    def extent(self) -> float:
        """The smallest width across it, metres."""
        return 2.0 * min(self.size) if self.shape == "box" else 2.0 * self.size[0]


@dataclass(frozen=True, slots=True)
class Grip:
    """A mover held by an actor for a while, rigidly, as by a suction cup or a hand.

    Attributes:
        actor: Name of the actor.
        mover: Name of the mover.
        start: Seconds.
        stop: Seconds; let go with the actor's velocity.
    """

    actor: str
    mover: str
    start: float
    stop: float = np.inf


@dataclass(frozen=True, slots=True)
class Liquid:
    """A liquid of particles in the plane.

    Attributes:
        name: What prompts call it.
        colour: RGB.
        boxes: Rectangles filled at t = 0: (left, bottom, right, top), metres.
        spacing: Distance of particles at t = 0, metres.
    """

    name: str
    colour: Colour
    boxes: tuple[tuple[float, float, float, float], ...]
    spacing: float = 0.06

    @property
    def centre(self) -> tuple[float, float]:
        """Centre of its area at t = 0."""
        boxes = np.array(self.boxes)
        areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        x, z = areas @ (boxes[:, :2] + boxes[:, 2:]) / (2 * areas.sum())
        return float(x), float(z)


@dataclass(frozen=True, slots=True)
class Camera:
    """A long lens that looks along +y.

    Attributes:
        centre: Point of the plane at the picture's centre, metres.
        half_width: Half of the plane's width in the picture, metres.
        distance: Distance to the plane in half widths.
    """

    centre: tuple[float, float] = (0.0, 0.0)
    half_width: float = 1.1
    distance: float = 7.3

    def scale(self, size: int) -> float:
        """Pixels per metre in the plane, for pictures `size` pixels wide."""
        return size / (2.0 * self.half_width)

    def pixels(self, points: FloatArray, size: int) -> FloatArray:
        """Where points of the plane lie in a picture.

        Args:
            points: (..., 2) metres.
            size: Width of the picture.

        Returns:
            (..., 2) column and row; the centre of the top left pixel is (0, 0).
        """
        offset = (points - np.asarray(self.centre)) * self.scale(size)
        return np.stack([size / 2 - 0.5 + offset[..., 0], size / 2 - 0.5 - offset[..., 1]], axis=-1)


@dataclass(frozen=True, slots=True)
class World:
    """A scene at t = 0 and what will be done to it.

    Attributes:
        parts: Everything, the first drawn being of no meaning: nearer parts hide others.
        view: `side` or `top`.
        camera: The camera.
        grips: What is held when.
        liquid: A liquid, or None.
        backdrop: Grey levels of the background at the bottom and at the top of the picture.
        style: `solid` with light and hard shadows, or `flat` without.
        light: Direction to the light; its length does not matter.
    """

    parts: tuple[Part, ...]
    view: View = "side"
    camera: Camera = field(default_factory=Camera)
    grips: tuple[Grip, ...] = ()
    liquid: Liquid | None = None
    backdrop: tuple[int, int] = (214, 236)
    style: Literal["solid", "flat"] = "solid"
    light: tuple[float, float, float] = (-0.45, -1.0, 1.1)

    def __post_init__(self) -> None:
        names = [part.name for part in self.parts]
        for name in {one for one in names if names.count(one) > 1}:
            raise InvalidCase(f"two parts of one scene are called {name!r}; names must be unique")
        for part in self.parts:
            if (part.role == "actor") != (part.path is not None):
                raise InvalidCase(f"{part.name}: actors have a path and nothing else has; role is {part.role!r}")
        for grip in self.grips:
            if self.part(grip.actor).role != "actor" or self.part(grip.mover).role != "mover":
                raise InvalidCase(f"a grip joins an actor to a mover, got {grip.actor!r} and {grip.mover!r}")

    def index(self, name: str) -> int:
        """Place of a part in `parts`.

        Raises:
            InvalidCase: No part has that name.
        """
        for index, part in enumerate(self.parts):
            if part.name == name:
                return index
        raise InvalidCase(f"no part is called {name!r}; there are {', '.join(p.name for p in self.parts)}")

    def part(self, name: str) -> Part:
        """A part by name."""
        return self.parts[self.index(name)]

    @property
    def movers(self) -> tuple[int, ...]:
        """Indices of the parts that obey the laws."""
        return tuple(k for k, part in enumerate(self.parts) if part.role == "mover")

    @property
    def labelled(self) -> tuple[int, ...]:
        """Indices of what is tracked and named: movers and solid actors."""
        return tuple(k for k, part in enumerate(self.parts) if part.moves and part.solid)
