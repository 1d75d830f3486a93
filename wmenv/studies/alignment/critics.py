"""Critics of a study: taught where they are missing, one a training seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from wmenv.core.protocols import Judger
from wmenv.core.registries import JUDGERS
from wmenv.judgers.critics.recipe import Recipe
from wmenv.studies.training.declare import Precision
from wmenv.studies.training.kinds import Told

CARD = "card.json"
"""Written last: a critic that has it is finished."""


def taught(critics: Mapping[str, Recipe], seed: int, out: Path, precision: Precision, told: Told) -> dict[str, Judger]:
    """The critics of a training seed by name.

    Two cells that ask at once teach the same critic twice; the file comes out the same.

    Args:
        critics: Recipes by name; the training seed is added to theirs.
        seed: The training seed.
        out: Folder of the study; a critic goes to `critics/<name>-<seed>`.
        precision: Of the study; where it is float32 no critic is taught in another one.
        told: Told how far it is.
    """
    found = {}
    for k, (name, recipe) in enumerate(critics.items()):
        folder = out / "critics" / f"{name}-{seed}"
        if not (folder / CARD).is_file():
            from wmenv.judgers.critics.training import train_critic

            def stepped(step: int, k: int = k, steps: int = recipe.steps) -> None:
                told("", (k + step / steps) / len(critics))

            passes = recipe.precision if precision == "bfloat16" else precision
            train_critic(replace(recipe, seed=recipe.seed + seed, precision=passes), folder, stepped)
        found[name] = JUDGERS.load("critic")(str(folder))
    return found


def exams(critics: Mapping[str, Judger]) -> dict[str, dict[str, float | None]]:
    """Balanced accuracy on fresh planted clips, by critic and criterion; None where they were too few."""
    return {
        name: {criterion: one.get("balanced") for criterion, one in critic.card["model"]["exam"].items()}
        for name, critic in critics.items()
    }
