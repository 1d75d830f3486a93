"""Laws of motion in closed form, vectorised over cases.

`mode="exact"` is the true law with the true contact time. `mode="box2d"` reproduces the official stepping of
pybox2d 2.3.10 with dt = 0.01 s: semi-implicit Euler for gravity, contact resolved at the first engine step
that starts with an overlap, and a perfectly inelastic contact when the closing speed does not exceed
`b2_velocityThreshold` = 1, whose overlap the engine then pushes out. Bodies slower than 0.01 that Box2D puts to
sleep keep moving here (see docs/phyworld.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.discs.world import BALLS, COLOURS, DISC, GRAVITY, SUBSTEP, VIEW, Law, Mode

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

STICKING_SPEED = 1.0
"""Box2D's `b2_velocityThreshold`, units/s: at or below this closing speed a contact is inelastic."""

LINEAR_SLOP, BAUMGARTE = 0.005, 0.2
"""Box2D's `b2_linearSlop` (world units) and `b2_baumgarte`: overlap beyond the slop is corrected by 20 % a step."""


@dataclass(frozen=True, slots=True)
class Starts:
    """Initial states of N cases with B balls each.

    Attributes:
        law: The law that moves them.
        radii: (N, B), world units.
        position: (N, B, 2) centres at t = 0, world units.
        velocity: (N, B, 2) at t = 0, units/s.
        colour: (N, B, 3) RGB, or None for the official colours of the law.
        shape: (N, B) indices in `world.SHAPES`, or None where shape is no matter and all are discs. The radius of a
            square is half its side, that of a ring its outer one.
    """

    law: Law
    radii: FloatArray
    position: FloatArray
    velocity: FloatArray
    colour: NDArray[np.uint8] | None = None
    shape: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return len(self.radii)

    def __getitem__(self, index: slice | NDArray[np.int64] | NDArray[np.bool_]) -> Starts:
        """Select cases; an index array or a slice, so that the case axis stays."""
        colour = None if self.colour is None else self.colour[index]
        shape = None if self.shape is None else self.shape[index]
        return Starts(self.law, self.radii[index], self.position[index], self.velocity[index], colour, shape)

    @property
    def colours(self) -> NDArray[np.uint8]:
        """(N, B, 3) RGB, the official colours where none are stated."""
        if self.colour is not None:
            return self.colour
        balls = self.radii.shape[1]
        return np.broadcast_to(COLOURS[:balls], (len(self), balls, 3))

    @property
    def shapes(self) -> NDArray[np.uint8]:
        """(N, B) indices in `world.SHAPES`, discs where none are stated."""
        return np.full(self.radii.shape, DISC, dtype=np.uint8) if self.shape is None else self.shape

    @property
    def mass(self) -> FloatArray:
        """(N, B) masses up to the common density factor: r^2."""
        return self.radii**2


def contact_time(starts: Starts, mode: Mode) -> FloatArray:
    """Time of the collision, seconds, shape (N,); infinite where the balls never meet.

    In `box2d` mode it is the start time of the engine step that resolves the contact.
    """
    if starts.law != "collision":
        return np.full(len(starts), np.inf)
    gap = starts.position[:, 1, 0] - starts.position[:, 0, 0] - starts.radii.sum(axis=1)
    closing = starts.velocity[:, 0, 0] - starts.velocity[:, 1, 0]
    meets = closing > 0
    exact: FloatArray = np.divide(gap, closing, out=np.full(len(starts), np.inf), where=meets)
    if mode == "exact":
        return exact
    # The quotient is rounded first so that a contact exactly on a step is not pushed to the next by float noise.
    return np.where(meets, np.ceil(np.round(exact / SUBSTEP, 9)) * SUBSTEP, np.inf)


def velocity_after(starts: Starts, mode: Mode) -> FloatArray:
    """Velocities after the head-on contact, (N, 2, 2), units/s.

    Elastic: v1' = ((m1 - m2) v1 + 2 m2 v2) / (m1 + m2) and the mirror image. In `box2d` mode both balls take
    the common velocity where the closing speed is at most 1.
    """
    mass = starts.mass[..., None]
    momentum = (mass * starts.velocity).sum(axis=1, keepdims=True)
    common = momentum / mass.sum(axis=1, keepdims=True)
    elastic: FloatArray = 2 * common - starts.velocity
    if mode == "exact":
        return elastic
    return np.where(sticks(starts)[:, None, None], common, elastic)


def sticks(starts: Starts) -> BoolArray:
    """Which balls Box2D lets stick: those that approach at a closing speed of at most 1; (N,)."""
    closing = starts.velocity[:, 0, 0] - starts.velocity[:, 1, 0]
    slow: BoolArray = (closing > 0) & (closing <= STICKING_SPEED)
    return slow


def positions(starts: Starts, times: FloatArray, mode: Mode = "exact") -> FloatArray:
    """Centres of all balls at the given times.

    Args:
        starts: N initial states.
        times: (T,) seconds since the initial state. `box2d` mode takes the nearest engine step.
        mode: `exact` or `box2d`.

    Returns:
        (N, T, B, 2) world units.
    """
    if mode == "box2d":
        steps = np.rint(times / SUBSTEP)
        times = steps * SUBSTEP
    elapsed = times[None, :, None, None]
    start, velocity = starts.position[:, None], starts.velocity[:, None]
    if starts.law == "uniform_motion":
        return start + velocity * elapsed
    if starts.law == "parabola":
        fallen = 0.5 * GRAVITY * times**2
        if mode == "box2d":
            fallen = 0.5 * GRAVITY * SUBSTEP**2 * steps * (steps + 1)
        path = start + velocity * elapsed
        path[..., 1] -= fallen[None, :, None]
        return path
    # Head-on along x: one coordinate moves, the other is copied, which halves the work.
    contact = contact_time(starts, mode)[:, None, None]
    after = velocity_after(starts, mode)
    path = np.empty((len(starts), len(times), 2, 2))
    x = velocity[..., 0] * np.minimum(elapsed[..., 0], contact)
    x += start[..., 0]
    x += after[:, None, :, 0] * np.maximum(elapsed[..., 0] - contact, 0.0)
    sticking = sticks(starts) if mode == "box2d" else np.zeros(len(starts), dtype=bool)
    if sticking.any():
        x[sticking] += _overlap_correction(starts[sticking], contact[sticking, :, 0], times)
    path[..., 0] = x
    path[..., 1] = start[..., 1]
    return path


def _overlap_correction(starts: Starts, contact: FloatArray, times: FloatArray) -> FloatArray:
    """How far Box2D pushes sticking balls apart: 20 % of the overlap beyond its slop in every step from the contact on.

    Args:
        starts: N collisions that stick.
        contact: (N, 1) start time of the contact step.
        times: (T,) seconds, multiples of the engine step.

    Returns:
        (N, T, 2) displacement along x.
    """
    gap = starts.position[:, 1, 0] - starts.position[:, 0, 0] - starts.radii.sum(axis=1)
    closing = starts.velocity[:, 0, 0] - starts.velocity[:, 1, 0]
    excess = np.maximum(closing * contact[:, 0] - gap - LINEAR_SLOP, 0.0)[:, None]
    steps = np.maximum(np.rint((times[None, :] - contact) / SUBSTEP), 0.0)
    pushed = excess * (1.0 - (1.0 - BAUMGARTE) ** steps)
    share = starts.mass[:, ::-1] / starts.mass.sum(axis=1, keepdims=True) * [-1.0, 1.0]
    correction: FloatArray = pushed[..., None] * share[:, None, :]
    return correction


def inside_view(centres: FloatArray, radii: FloatArray) -> BoolArray:
    """Which balls lie wholly inside the view.

    Args:
        centres: (N, T, B, 2) world units.
        radii: (N, B) world units.

    Returns:
        (N, T, B) booleans.
    """
    reach = radii[:, None, :, None]
    within: BoolArray = np.all((centres >= reach) & (centres <= VIEW - reach), axis=-1)
    return within


def scored_pairs(
    inside: BoolArray, times: FloatArray, contact: FloatArray, given: float
) -> tuple[BoolArray, BoolArray]:
    """Frame pairs (t - 1, t) on which a velocity is scored.

    A pair counts when every ball is wholly inside the view in both frames and the later frame was to be
    predicted (paper, section 3: T is the set of frames with all balls inside; collision after contact only).

    Args:
        inside: (N, T, B) from `inside_view`.
        times: (T,) seconds.
        contact: (N,) seconds, infinite where there is no contact.
        given: Time of the last given frame, seconds.

    Returns:
        `(before, after)`, each (N, T - 1): pairs wholly before the contact and pairs wholly after it. The pair
        that straddles the contact belongs to neither. Laws without contact have all their pairs in `before`.
    """
    whole: BoolArray = np.all(inside, axis=2)
    pair = whole[:, 1:] & whole[:, :-1] & (times[1:] > given + 1e-9)[None, :]
    later, earlier = times[None, 1:], times[None, :-1]
    return pair & (later <= contact[:, None] + 1e-9), pair & (earlier >= contact[:, None] - 1e-9)


def energy(law: Law, mass: FloatArray, height: FloatArray, velocity: FloatArray) -> FloatArray:
    """Mechanical energy summed over balls: kinetic, and m g y where the law has gravity.

    Args:
        law: The law.
        mass: (..., B) masses.
        height: (..., B) y of the centres, world units.
        velocity: (..., B, 2) units/s.

    Returns:
        (...,) in mass x units^2/s^2.
    """
    kinetic = 0.5 * mass * (velocity**2).sum(axis=-1)
    potential = mass * GRAVITY * height if law == "parabola" else 0.0
    total: FloatArray = (kinetic + potential).sum(axis=-1)
    return total


def rollout_reference(starts: Starts, frames: int) -> FloatArray:
    """The official stepping as a plain Python loop: the oracle of `positions(mode="box2d")`, and its speed baseline.

    Args:
        starts: N initial states.
        frames: Number of stored frames T; one frame every tenth engine step, after the step.

    Returns:
        (N, T, B, 2) world units.
    """
    path = np.empty((len(starts), frames, BALLS[starts.law], 2))
    per_frame = round(1 / (10 * SUBSTEP))
    for case in range(len(starts)):
        radii = [float(r) for r in starts.radii[case]]
        x = [float(p[0]) for p in starts.position[case]]
        y = [float(p[1]) for p in starts.position[case]]
        vx = [float(v[0]) for v in starts.velocity[case]]
        vy = [float(v[1]) for v in starts.velocity[case]]
        after = velocity_after(starts[case : case + 1], "box2d")[0] if starts.law == "collision" else None
        touching = False
        for step in range(frames * per_frame):
            if after is not None and not touching and x[1] - x[0] - radii[0] - radii[1] < 1e-12:
                touching = True
                vx = [float(after[0, 0]), float(after[1, 0])]
            for ball in range(len(x)):
                if starts.law == "parabola":
                    vy[ball] -= GRAVITY * SUBSTEP
                x[ball] += vx[ball] * SUBSTEP
                y[ball] += vy[ball] * SUBSTEP
            if step % per_frame == 0:
                for ball in range(len(x)):
                    path[case, step // per_frame, ball] = x[ball], y[ball]
    return path
