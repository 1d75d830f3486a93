"""A world written as MJCF, for MuJoCo to simulate.

Every pair that can touch is an explicit contact pair: friction, restitution and depth belong to pairs. A restitution e
is the damper `solref="0 -(1 + e) / dt"`, which is exact for any step (the spring term is zero); pairs without rebound
have a stiff, overdamped spring of twice the step, which leaves 0.015 of the impact speed (a test holds it under 0.03).
"""

from __future__ import annotations

from itertools import combinations

from wmenv.worlds.scenes.world import GRAVITY, Part, World

ACTOR_MASS = 1e4
"""Kilograms: nothing that an actor meets shows in its path, which is set anyway at every step."""


def geometry(shape: str, size: tuple[float, ...], depth: float) -> tuple[str, tuple[float, ...]]:
    """MuJoCo's type and size for simulating a shape; a disc rolls as a ball."""
    if shape == "box":
        return "box", (size[0], depth, size[1])
    if shape == "capsule":
        return "capsule", (size[0], size[1])
    return "sphere", (size[0],)


def touching(world: World) -> list[tuple[int, int]]:
    """Pairs of parts that may collide: at least one mover, the other a mover, an actor or a static."""
    pairs = []
    for (a, first), (b, second) in combinations(enumerate(world.parts), 2):
        roles = {first.role, second.role}
        if first.solid and second.solid and "mover" in roles and "decor" not in roles:
            pairs.append((a, b))
    return pairs


def restitution(first: Part, second: Part) -> float:
    """Restitution of a pair."""
    e = 1.0
    for part in (first, second):
        e *= part.restitution if part.role == "mover" else 1.0
    return e


def _numbers(values: tuple[float, ...]) -> str:
    return " ".join(repr(float(v)) for v in values)


def _geom(index: int, part: Part, at: tuple[float, float], angle: float) -> str:
    kind, size = geometry(part.shape, part.size, part.depth)
    mass = {"mover": part.mass, "actor": ACTOR_MASS}.get(part.role, 0.0)
    belt = f' surfacevel="{part.belt!r} 0 0 0 0 0"' if part.belt else ""
    return (
        f'<geom name="g{index}" type="{kind}" size="{_numbers(size)}" pos="{_numbers((at[0], part.y, at[1]))}" '
        f'euler="0 {-angle!r} 0" mass="{mass!r}" contype="0" conaffinity="0"{belt}/>'
    )


def _body(index: int, part: Part) -> str:
    if not part.moves:
        return _geom(index, part, part.at, part.angle)
    if part.pivot is not None:
        at = (part.at[0] - part.pivot[0], part.at[1] - part.pivot[1])
        joints = f'<joint type="hinge" axis="0 -1 0" damping="{part.drag!r}"/>'
        return (
            f'<body name="b{index}" pos="{_numbers((part.pivot[0], 0.0, part.pivot[1]))}">{joints}'
            f"{_geom(index, part, at, part.angle)}</body>"
        )
    drag = part.drag * part.mass
    joints = "".join(
        f'<joint type="{kind}" axis="{axis}" damping="{drag if kind == "slide" else 0.0!r}"/>'
        for kind, axis in (("slide", "1 0 0"), ("slide", "0 0 1"), ("hinge", "0 -1 0"))
    )
    return f'<body name="b{index}">{joints}{_geom(index, part, (0.0, 0.0), 0.0)}</body>'


def _pair(a: int, b: int, world: World, step: float) -> str:
    first, second = world.parts[a], world.parts[b]
    e = restitution(first, second)
    spring = f"0 {-(1.0 + e) / step!r}" if e > 0 else f"{2.2 * step!r} 4"
    hard = ".9999 .9999 .001" if e > 0 else ".95 .99 .001"
    friction = min(first.friction, second.friction)
    return (
        f'<pair name="p{a}-{b}" geom1="g{a}" geom2="g{b}" condim="3" friction="{friction!r} {friction!r} .005 .0001 '
        f'.0001" solref="{spring}" solimp="{hard}"/>'
    )


def write(world: World, step: float) -> str:
    """The world as MJCF.

    Args:
        world: The world.
        step: Seconds.

    Returns:
        XML. Free movers and actors have the joints slide x, slide z and hinge, zero at the origin.
    """
    gravity = f"0 0 {-GRAVITY!r}" if world.view == "side" else f"0 {GRAVITY!r} 0"
    bodies = "\n".join(_body(k, part) for k, part in enumerate(world.parts) if part.solid or part.moves)
    pairs = "\n".join(_pair(a, b, world, step) for a, b in touching(world))
    welds = "\n".join(
        f'<weld body1="b{world.index(g.actor)}" body2="b{world.index(g.mover)}" active="false" '
        f'solref="{2.2 * step!r} 1" solimp=".99 .999 .001"/>'
        for g in world.grips
    )
    return (
        f'<mujoco><compiler angle="radian" autolimits="true"/><option timestep="{step!r}" integrator="implicitfast" '
        f'cone="pyramidal" gravity="{gravity}"/><worldbody>\n{bodies}\n</worldbody>\n'
        f"<contact>\n{pairs}\n</contact>\n<equality>\n{welds}\n</equality></mujoco>"
    )
