"""The exact words that WorldReasonBench puts to its judge and its grader, out of a copy of its script."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wmenv.core.errors import InvalidCase
from wmenv.official.source import Script

SCRIPT = ("evaluation/eval_qa.py", "eval_qa.py")


@dataclass(frozen=True, slots=True)
class Templates:
    """The script's templates, for `str.format` with fields of the names in them.

    Attributes:
        binary: Asks a yes/no question; field `payload`, the case and the question as JSON.
        open: Asks an open question; likewise.
        grade: Has an answer graded; fields `question`, `qtype`, `predicted_answer`, `ground_truth` and others.
    """

    binary: str
    open: str
    grade: str


def load(path: Path) -> Templates:
    """Templates of a copy's eval_qa.py.

    Raises:
        InvalidCase: The file is missing, no Python, or not the published script.
    """
    script = Script(path)
    asked, graded = (script.returned(f"build_{name}_prompt") for name in ("single_answer", "binary_judge"))
    texts = [one for one in (*asked, *graded) if isinstance(one, str)]
    if len(asked) != 2 or len(graded) != 1 or len(texts) != 3:
        raise InvalidCase(f"{path} should build three prompts; is it the published script?")
    binary, free, grade = sorted(texts[:2], key=lambda text: "yes/no" not in text) + texts[2:]
    return Templates(binary, free, grade)
