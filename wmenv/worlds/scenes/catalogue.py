"""The scenes that ship, and which published subdomains they stand for."""

from __future__ import annotations

import importlib

from wmenv.core.errors import InvalidCase, UnknownName
from wmenv.worlds.scenes.scene import Scene, SceneCase

DOMAINS = ("robotics", "driving", "gaming", "human", "industrial", "natural", "animation")

KEYS = (
    "robotics/slide",
    "robotics/pick",
    "robotics/place",
    "robotics/close",
    "driving/stopping",
    "driving/overtaking",
    "driving/turning",
    "driving/yielding",
    "gaming/billiards",
    "gaming/bricks",
    "gaming/marble",
    "gaming/platformer",
    "human/pushing",
    "human/throwing",
    "human/lifting",
    "human/jumping",
    "industrial/conveyor",
    "industrial/press",
    "industrial/crane",
    "industrial/filling",
    "natural/rolling",
    "natural/water",
    "natural/fruit",
    "natural/hail",
    "animation/hop",
    "animation/tumble",
    "animation/seesaw",
    "animation/meeting",
)

EXAM_KEYS = (
    "exam/toss",
    "exam/ledge",
    "exam/ice",
    "exam/barrier",
    "exam/bumper",
    "exam/cannon",
    "exam/stairs",
    "exam/kitchen",
    "exam/yard",
    "exam/golf",
    "exam/glade",
    "exam/canteen",
)
"""Scenes that judgers frozen before them are examined on; they load by key and id, but are no cases that ship."""

CASES = 8
"""Seeds 0 to 7 of every scene ship as cases; every other seed is a case too."""

PUBLISHED: dict[str, tuple[str, ...]] = {
    "driving": (
        "Stopping",
        "Lane Changing (Maneuvering)",
        "Maintaining Speed (Steady)",
        "Turning (Slight Turns or Significant Turns)",
        "Deceleration (Slowing Down)",
        "Navigating Around Pedestrians or Stationary Objects (e.g., cones)",
        "Acceleration",
        "Overtaking (Lane Straddling)",
        "Keeping Safe Distance (Obstacle Avoidance)",
        "Yielding (Waiting for Obstruction)",
    ),
    "human": (
        "touching person",
        "dancing",
        "hands",
        "eating + drinking",
        "athletics – throwing + launching",
        "cooking",
        "athletics – jumping",
        "body motions",
        "using tools",
        "interacting with animals",
    ),
    "industrial": (
        "Machinery and equipment operation",
        "Food and beverage industrial processes",
        "Automotive and engine assembly",
        "Metalworking and manufacturing processes",
        "Aerospace and large industrial systems",
    ),
    "natural": (
        "Landscape and Scenery",
        "Animal Behavior",
        "Plant Life and Vegetation",
        "Water Bodies",
        "Weather and Natural Phenomena",
    ),
    "robotics": ("place", "pick", "turn", "close", "slide", "open", "sweep", "move", "put", "take"),
    "gaming": ("Action.", "RPG.", "RPG (Role-Playing).", "Strategy.", "Simulation.", "Adventure."),
    "animation": (
        "Comedy",
        "Adventure",
        "Action",
        "Drama",
        "Sci-Fi",
        "Boys Love",
        "Award Winning",
        "Slice of Life",
        "Fantasy",
        "Mystery",
    ),
}
"""The 56 subdomains of WorldModelBench (worldmodelbench.json of commit 00b7aa1), by our names of the domains."""


def scene(key: str) -> Scene:
    """A scene by its key, such as `robotics/slide`.

    Raises:
        UnknownName: No such scene; the message has the nearest ones.
    """
    if key not in KEYS and key not in EXAM_KEYS:
        import difflib

        near = difflib.get_close_matches(key, KEYS, n=3) or KEYS
        raise UnknownName(f"no scene {key!r}; did you mean {' or '.join(near)}?")
    loaded: Scene = importlib.import_module(f"wmenv.worlds.scenes.{key.replace('/', '.')}").SCENE
    return loaded


def scenes(domain: str | None = None) -> tuple[Scene, ...]:
    """All scenes, or those of a domain.

    Raises:
        UnknownName: No such domain.
    """
    if domain is not None and domain not in DOMAINS:
        raise UnknownName(f"no domain {domain!r}; there are {', '.join(DOMAINS)}")
    return tuple(scene(key) for key in KEYS if domain is None or key.startswith(f"{domain}/"))


def shipped(domain: str | None = None) -> tuple[SceneCase, ...]:
    """The cases that ship: eight of every scene."""
    return tuple(one.case(seed) for one in scenes(domain) for seed in range(CASES))


def case(case_id: str) -> SceneCase:
    """A case by its id, such as `robotics-slide-0003`.

    Raises:
        InvalidCase: The id does not read so, or names no scene.
    """
    domain, _, rest = case_id.partition("-")
    name, _, seed = rest.rpartition("-")
    if f"{domain}/{name}" not in (*KEYS, *EXAM_KEYS) or not (seed.isascii() and seed.isdecimal() and len(seed) == 4):
        raise InvalidCase(
            f"{case_id!r} is no scene case; expected DOMAIN-SCENE-SEED with a seed of four digits, such as "
            f"{KEYS[0].replace('/', '-')}-0003; scenes: {', '.join(KEYS)}"
        )
    return scene(f"{domain}/{name}").case(int(seed))


def uncovered() -> dict[str, tuple[str, ...]]:
    """Published subdomains that no scene stands for, by domain."""
    have = {(one.domain, one.subdomain) for one in scenes()}
    return {domain: tuple(name for name in PUBLISHED[domain] if (domain, name) not in have) for domain in DOMAINS}
