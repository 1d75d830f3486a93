"""How the same replies are read: by the scripts of three benchmarks, and strictly."""

from __future__ import annotations

from collections.abc import Sequence

from wmenv.core.reading import read_grade, read_yes_no
from wmenv.official.videoverse import results as videoverse
from wmenv.official.worldmodelbench import results as worldmodelbench
from wmenv.official.worldreasonbench import results as worldreasonbench
from wmenv.studies.blocks import markdown

YES_NO = (
    "No",
    "Yes",
    "Yes, noticeable flicker.",
    "Another ball appears.",
    "The snow falls upwards.",
    "I cannot tell.",
    "Nothing changes. Yes",
    "The ball stays round, so no.",
    "no violation",
    "Yes, no doubt.",
    "yes or no",
    "",
)
GRADES = (
    "Score: 2",
    "**Score: 2**",
    "Score: 2/3",
    "Score: 2. It stops early.",
    "Score: 2.5",
    "Score: 7",
    "Score: .5",
    "",
)


def readings_table() -> str:
    """Replies to a yes/no question and to a question for a grade from 0 to 3, as each reading takes them."""
    rows = [
        [
            _told(reply),
            _word(not worldmodelbench.read_pass(reply)),
            videoverse.read_yes_no(reply),
            _word(worldreasonbench.read_yes_no(reply)),
            _word(read_yes_no(reply)),
        ]
        for reply in YES_NO
    ]
    graded = [[_told(reply), f"{worldmodelbench.read_grade(reply):g}", _grade(reply)] for reply in GRADES]
    return "\n\n".join(
        [
            _table(["reply to a yes/no question", "WorldModelBench", "VideoVerse", "WorldReasonBench", "strict"], rows),
            _table(["reply to a question for a grade, 0 to 3", "WorldModelBench", "strict"], graded),
        ]
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return markdown(list(head), [list(row) for row in rows])


def _told(reply: str) -> str:
    return f"`{reply}`" if reply else "(empty)"


def _word(value: bool | None) -> str:
    return "missing" if value is None else "yes" if value else "no"


def _grade(reply: str) -> str:
    grade = read_grade(reply, 0, 3)
    return "missing" if grade is None else str(grade)
