"""Simulation of a world: from t = 0 to a rollout."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wmenv.core.errors import InvalidArgument
from wmenv.worlds.scenes.edits import Edit, LiquidEdit, Push, Soften
from wmenv.worlds.scenes.engine import mujoco
from wmenv.worlds.scenes.mjcf import touching, write
from wmenv.worlds.scenes.rollout import Contact, Look, Rollout
from wmenv.worlds.scenes.world import World

FloatArray = NDArray[np.float64]

RATE = 480
"""Simulation steps per second, or the next larger multiple of the frame rate: a step must divide a frame."""


def simulate(world: World, frames: int = 32, fps: Fraction = Fraction(16), edits: Sequence[Edit] = ()) -> Rollout:
    """Let a world run.

    Args:
        world: The world.
        frames: Number of frames, the one at t = 0 included.
        fps: Frames per second.
        edits: Forced violations; none in a lawful clip.

    Returns:
        The rollout; a pure function of the arguments.

    Raises:
        InvalidArgument: No frame, or a frame rate that is not positive.
    """
    if frames < 1 or fps <= 0:
        raise InvalidArgument(f"expected at least one frame and a positive rate, got {frames} frames at {fps} fps")
    per_frame = int(np.ceil(RATE / float(fps)))
    step = 1.0 / (float(fps) * per_frame)
    run = _Run(world, frames, per_frame, step, edits)
    run.go()
    return Rollout(
        world=world,
        fps=Fraction(fps),
        pose=run.pose,
        velocity=run.velocity,
        impulse=run.impulse,
        unlawful=run.unlawful,
        contacts=run.found(),
        particles=_particles(world, frames, per_frame, step, edits),
        look=Look.neutral(world, np.arange(frames) / float(fps)),
    )


def start(world: World, fps: Fraction = Fraction(16)) -> Rollout:
    """The rollout's frame at t = 0 alone, without an engine; nothing is known of contacts yet."""
    poses = [
        (*part.at, part.angle) if part.path is None else tuple(_path(part.path, np.zeros(1))[0]) for part in world.parts
    ]
    none = np.zeros((1, len(world.parts), 2))
    return Rollout(
        world=world,
        fps=Fraction(fps),
        pose=np.array([poses]),
        velocity=np.array([[part.velocity for part in world.parts]]),
        impulse=none,
        unlawful=none,
        contacts=(),
        particles=_particles(world, 1, 1, 1.0 / float(fps), ()),
        look=Look.neutral(world, np.zeros(1)),
    )


def _particles(world: World, frames: int, per_frame: int, step: float, edits: Sequence[Edit]) -> FloatArray:
    if world.liquid is None:
        return np.zeros((frames, 0, 2))
    from wmenv.worlds.scenes.liquid import flow

    return flow(world, frames, per_frame * step, [e for e in edits if isinstance(e, LiquidEdit)])


class _Run:
    """One simulation in progress."""

    def __init__(self, world: World, frames: int, per_frame: int, step: float, edits: Sequence[Edit]) -> None:
        self.world, self.frames, self.per_frame, self.step = world, frames, per_frame, step
        self.engine = mujoco()
        self.model = self.engine.MjModel.from_xml_string(write(world, step))
        self.data = self.engine.MjData(self.model)
        self.edits = edits
        shape = (frames, len(world.parts))
        self.pose = np.tile(np.array([(*p.at, p.angle) for p in world.parts]), (frames, 1, 1))
        self.velocity, self.impulse, self.unlawful = (np.zeros((*shape, n)) for n in (3, 2, 2))
        self.touched: dict[tuple[int, int], tuple[list[float], FloatArray]] = {}
        self.pairs = touching(world)
        self._index()

    def _index(self) -> None:
        model, parts = self.model, self.world.parts
        self.moving = [k for k, p in enumerate(parts) if p.moves]
        self.geom_part = np.array([int(model.geom(g).name[1:]) for g in range(model.ngeom)])
        self.geoms = np.array([model.geom(f"g{k}").id for k in self.moving], dtype=int)
        self.first_dof = {k: int(model.body_dofadr[model.body(f"b{k}").id]) for k in self.moving}
        self.bodies = {k: int(model.body(f"b{k}").id) for k in self.moving}
        self.actors = [k for k in self.moving if parts[k].path is not None]
        self.free = [k for k in self.moving if parts[k].role == "mover" and parts[k].pivot is None]
        self.free_dofs = np.array([(self.first_dof[k], self.first_dof[k] + 1) for k in self.free], int).reshape(-1, 2)
        steps = np.arange((self.frames - 1) * self.per_frame + 2, dtype=np.float64) * self.step
        self.paths = np.zeros((len(steps), 0))
        if self.actors:
            self.paths = np.concatenate([_path(parts[k].path, steps) for k in self.actors], axis=1)
        self.actor_dofs = np.array([self.first_dof[k] + j for k in self.actors for j in range(3)], dtype=int)
        for k in self.moving:
            part, dof = parts[k], self.first_dof[k]
            if part.pivot is not None:
                self.data.qvel[dof] = part.velocity[2]
            elif part.path is None:
                self.data.qpos[dof : dof + 3] = (*part.at, part.angle)
                self.data.qvel[dof : dof + 3] = part.velocity

    def go(self) -> None:
        """Run through all frames."""
        self._drive(0)
        self.engine.mj_forward(self.model, self.data)
        self._see_contacts(0, 0.0)
        before = self._read()
        self._record(0, before, before)
        self._start_velocities()
        for frame in range(1, self.frames):
            for sub in range(self.per_frame):
                count = (frame - 1) * self.per_frame + sub
                time = count * self.step
                self._drive(count)
                self._grip(time)
                self._force(frame, time)
                self.engine.mj_step(self.model, self.data)
                self._see_contacts(frame, time + self.step)
                self._add_impulses(frame)
                if sub == self.per_frame - 2:
                    self.engine.mj_kinematics(self.model, self.data)
                    before = self._read()
            self._drive(frame * self.per_frame)
            self.engine.mj_kinematics(self.model, self.data)
            now = self._read()
            self._record(frame, now, before)

    def _drive(self, count: int) -> None:
        """Put the actors where they belong, with the velocity that takes them to the next step."""
        if self.actors:
            self.data.qpos[self.actor_dofs] = self.paths[count]
            self.data.qvel[self.actor_dofs] = (self.paths[count + 1] - self.paths[count]) / self.step

    def _grip(self, time: float) -> None:
        for k, grip in enumerate(self.world.grips):
            active = grip.start <= time < grip.stop
            if active and not self.data.eq_active[k]:
                self.model.eq_data[k, 3:10] = self._relative(self.world.index(grip.actor), self.world.index(grip.mover))
            self.data.eq_active[k] = active

    def _relative(self, actor: int, mover: int) -> FloatArray:
        """Pose of a mover in an actor's axes, as position and quaternion."""
        self.engine.mj_kinematics(self.model, self.data)
        a, m = self.bodies[actor], self.bodies[mover]
        position, rotation, inverse = np.zeros(3), np.zeros(4), np.zeros(4)
        self.engine.mju_negQuat(inverse, self.data.xquat[a])
        self.engine.mju_rotVecQuat(position, self.data.xpos[m] - self.data.xpos[a], inverse)
        self.engine.mju_mulQuat(rotation, inverse, self.data.xquat[m])
        return np.concatenate([position, rotation])

    def _force(self, frame: int, time: float) -> None:
        if not self.edits:
            return
        self.data.xfrc_applied[:] = 0
        for edit in self.edits:
            if isinstance(edit, Push) and edit.start <= time < edit.stop:
                k = self.world.index(edit.mover)
                body = self.bodies[k]
                self.data.xfrc_applied[body, [0, 2]] += np.array(edit.acceleration) * self.world.parts[k].mass
                self.unlawful[frame, k] += np.array(edit.acceleration) * self.step
            elif isinstance(edit, Soften) and time >= edit.start:
                a, b = sorted((self.world.index(edit.first), self.world.index(edit.second)))
                self.model.pair_margin[self.pairs.index((a, b))] = -edit.depth

    def _see_contacts(self, frame: int, time: float) -> None:
        if not self.data.ncon:
            return
        contacts = self.data.contact
        for (first, second), distance in zip(contacts.geom.tolist(), contacts.dist.tolist(), strict=True):
            pair = (int(self.geom_part[first]), int(self.geom_part[second]))
            _, depth = self.touched.setdefault(pair, ([time], np.full(self.frames, np.nan)))
            depth[frame] = np.fmax(depth[frame], max(0.0, -distance))

    def _add_impulses(self, frame: int) -> None:
        if self.free:
            impulse = self.data.qfrc_constraint[self.free_dofs] * self.step
            self.impulse[frame, self.free] += impulse / np.array([[self.world.parts[k].mass] for k in self.free])

    def _read(self) -> FloatArray:
        """(M, 3) poses of the moving parts."""
        frames = self.data.geom_xmat[self.geoms]
        angle = np.arctan2(frames[:, 6], frames[:, 0])
        return np.column_stack([self.data.geom_xpos[self.geoms][:, [0, 2]], angle])

    def _record(self, frame: int, now: FloatArray, before: FloatArray) -> None:
        if frame:
            last = self.pose[frame - 1, self.moving, 2]
            now[:, 2] += 2 * np.pi * np.rint((last + self._turn(frame) - now[:, 2]) / (2 * np.pi))
            self.velocity[frame, self.moving] = (now - before) / self.step
            turn = self.velocity[frame, self.moving, 2] * self.step
            turn -= 2 * np.pi * np.rint(turn / (2 * np.pi))
            self.velocity[frame, self.moving, 2] = turn / self.step
        self.pose[frame, self.moving] = now

    def _turn(self, frame: int) -> Any:
        """Angle turned since the frame before, to unwrap with: what the last known rate predicts."""
        return self.velocity[frame - 1, self.moving, 2] * self.step * self.per_frame

    def _start_velocities(self) -> None:
        for k in self.moving:
            part, dof = self.world.parts[k], self.first_dof[k]
            if part.pivot is not None:
                arm = np.array(part.at) - np.array(part.pivot)
                self.velocity[0, k] = part.velocity[2] * np.array([-arm[1], arm[0], 1.0])
            else:
                self.velocity[0, k] = self.data.qvel[dof : dof + 3]

    def found(self) -> tuple[Contact, ...]:
        """The contacts, by time."""
        names = [part.name for part in self.world.parts]
        contacts = [
            Contact(names[a], names[b], start[0], ~np.isnan(depth), np.nan_to_num(depth))
            for (a, b), (start, depth) in self.touched.items()
        ]
        return tuple(sorted(contacts, key=lambda c: (c.start, c.first, c.second)))


def _path(path: Any, times: FloatArray) -> FloatArray:
    poses = np.asarray(path(times), float)
    if poses.shape != (len(times), 3) or not np.isfinite(poses).all():
        raise InvalidArgument(f"an actor's path must give finite poses of shape {(len(times), 3)}, got {poses.shape}")
    return poses
