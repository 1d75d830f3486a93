"""The scenes, their alternatives and their planted violations, as tables."""

from __future__ import annotations

from collections import Counter
from statistics import median

from wmenv.studies.blocks import markdown
from wmenv.worlds.scenes.alternatives import alternatives
from wmenv.worlds.scenes.answers import LAWS, answers
from wmenv.worlds.scenes.catalogue import CASES, DOMAINS, PUBLISHED, scenes, uncovered
from wmenv.worlds.scenes.plants import MULTIPLES, PLANTS, Planted, plant

PLANT_SEED = 0


def scenes_table() -> str:
    """Scenes, what they stand for, and in how many shipped cases each law has a witness; then what is not covered."""
    rows = []
    for scene in scenes():
        cases = [answers(scene.case(seed)) for seed in range(CASES)]
        seen = [sum(case[law] is not None for case in cases) for law in LAWS]
        rows.append([scene.key, scene.subdomain, str(CASES), *(str(n) if n else "-" for n in seen)])
    table = markdown(["scene", "stands for", "cases", *LAWS], rows, words=2)
    missing = [[domain, "; ".join(uncovered()[domain]) or "none", f"{len(PUBLISHED[domain])}"] for domain in DOMAINS]
    return table + "\n\n" + markdown(["domain", "not covered", "published subdomains"], missing, words=2)


def alternatives_table() -> str:
    """Levels of the instruction of five alternatives a case, by domain."""
    rows = []
    for domain in DOMAINS:
        levels = Counter(
            one.answers["instruction"]
            for scene in scenes(domain)
            for seed in range(CASES)
            for one in alternatives(scene.case(seed))
        )
        rows.append([domain, str(levels.total()), *(str(levels[level]) for level in (0, 1, 2, 3))])
    return markdown(["domain", "alternatives", "level 0", "level 1", "level 2", "level 3"], rows)


def violations_table() -> str:
    """Plants by how many scenes have room for them, their measured size, and what else they break (medium ones)."""
    cases = [scene.case(PLANT_SEED) for scene in scenes()]
    rows = []
    for name, kind in PLANTS.items():
        made: dict[int, list[Planted]] = {m: [] for m in MULTIPLES}
        for case in cases:
            for multiple in MULTIPLES:
                one = plant(case, name, multiple)
                if one is not None:
                    made[multiple].append(one)
        sizes = [f"{median(one.effects[one.label] for one in made[m]):.1f}" if made[m] else "-" for m in MULTIPLES]
        room = [str(len(made[m])) for m in MULTIPLES]
        stray = Counter(label for one in made[MULTIPLES[1]] for label in one.side_effects)
        beside = ", ".join(f"{label} {n}" for label, n in sorted(stray.items())) or "nothing"
        rows.append([name, kind.criterion, kind.magnitude, " / ".join(room), " / ".join(sizes), beside])
    return markdown(
        ["plant", "breaks", "one just-visible change is", "scenes", "measured size", "besides, medium"], rows, words=3
    )
