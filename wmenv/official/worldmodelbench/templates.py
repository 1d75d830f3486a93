"""The exact words that WorldModelBench puts to its judge, out of a copy of its script."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wmenv.core.errors import InvalidCase
from wmenv.core.files import taking_apart
from wmenv.official.source import Script, Texts, text_of
from wmenv.official.worldmodelbench.results import GROUPS

SCRIPT = ("evaluation.py",)


@dataclass(frozen=True, slots=True)
class Templates:
    """The script's templates.

    Attributes:
        words: Template of each group, with one field.
        questions: What fills the field, by criterion; the instruction of the case for the group `instruction`.
        shortened: What is replaced where the judge does not reason first, the script's default.
    """

    words: Mapping[str, str]
    questions: Mapping[str, str]
    shortened: tuple[tuple[str, str], ...]

    def prompt(self, criterion: str, instruction: str, reasoned: bool = False) -> str:
        """The prompt of a criterion, byte by byte as the script makes it.

        Args:
            criterion: Name of the criterion.
            instruction: `text_instruction` of the case; braces in it stay as they are.
            reasoned: Whether the judge reasons first (`--cot`).
        """
        group = next(group for group, names in GROUPS.items() if criterion in names)
        filled = self.words[group].format(**{group: self.questions.get(criterion, instruction)})
        for old, new in () if reasoned else self.shortened:
            filled = filled.replace(old, new)
        return filled


def load(path: Path) -> Templates:
    """Templates of a copy's evaluation.py.

    Raises:
        InvalidCase: The file is missing, no Python, or not the published script.
    """
    script = Script(path)
    words, pool = (_one(script, f"get_default_{name}") for name in ("prompt_templates", "question_pool"))
    questions: dict[str, str] = {}
    for group, criteria in GROUPS.items():
        asked = pool.get(group) if isinstance(pool, dict) else None
        if asked is None and group == "instruction":
            continue
        if not isinstance(asked, list) or len(asked) != len(criteria):
            raise InvalidCase(f"{path} should ask {len(criteria)} questions on {group}; is it the published script?")
        questions |= {criterion: str(text).lower() for criterion, text in zip(criteria, asked, strict=True)}
    templates = {group: text_of(words, group, str(path)) for group in GROUPS}
    with taking_apart(path, InvalidCase, "is it the published script?"):
        for group, template in templates.items():
            template.format(**{group: ""})
    return Templates(templates, questions, tuple(script.replacements("evaluate_video")))


def _one(script: Script, name: str) -> Texts:
    """What a function returns, in the one place where it does."""
    found = script.returned(name)
    if len(found) != 1:
        raise InvalidCase(f"{name} in {script.path} returns in {len(found)} places; is it the published script?")
    return found[0]
