"""`answers:FILE`: replays recorded answers, of official scripts, people or anybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from wmenv.core.case import Case
from wmenv.core.clip import Response
from wmenv.core.criterion import Criterion
from wmenv.core.errors import InvalidArgument
from wmenv.core.question import Question, Value, score_of
from wmenv.core.reading import read, verdict_of
from wmenv.core.verdict import Judgement, Verdict, judgement
from wmenv.official.answers import load
from wmenv.official.reply import Reply


class AnswersJudger:
    """Looks up what a file says about a case; the clip itself is not looked at.

    Words are read strictly: an answer that cannot be read is missing and lowers the coverage. With `parse=official`
    they are read as the benchmark's own script reads them, faults included; a grade out of range, which the script
    counts, is missing here, where scores lie in [0, 1] (`wmenv answers score --official` has its totals).

    A case that the file does not answer has failed. So has one whose clip is not the clip that was judged, where the
    file says which it was.
    """

    accepts: tuple[str, ...] = ("clip",)
    reads_truth = False
    exact = True

    def __init__(self, file: str, parse: Literal["strict", "official"] = "strict") -> None:
        """Read a file.

        Args:
            file: A result file (.json) of WorldModelBench, VideoVerse or WorldReasonBench, a table of labels (.csv:
                clip, criterion, annotator, value) or lines of answers (.jsonl); see `wmenv.official.answers`.
            parse: `strict` or `official`.

        Raises:
            InvalidArgument: No such file, or no official reading for it.
            InvalidCase: It is damaged.
        """
        if parse not in ("strict", "official"):
            raise InvalidArgument(f"parse must be 'strict' or 'official', got {parse!r}")
        self.parse = parse
        self.answers = load(Path(file).expanduser())
        if parse == "official" and not self.answers.benchmark:
            raise InvalidArgument(f"{file} is no result file of an official script, so there is no official reading")
        self.name = f"answers:{self.answers.path.name}"
        self.card: Mapping[str, Any] = {
            "identity": f"answers-v0 {self.answers.digest} {parse}",
            **({"benchmark": self.answers.benchmark} if self.answers.benchmark else {}),
        }

    def judge(self, cases: Sequence[Case], responses: Sequence[Response]) -> list[Judgement]:
        """Look up each case."""
        identity = self.card["identity"]
        return [
            judgement(case, [self._verdict(case.id, c, response) for c in case.criteria], identity)
            for case, response in zip(cases, responses, strict=True)
        ]

    def _verdict(self, case_id: str, criterion: Criterion, response: Response) -> Verdict:
        if case_id not in self.answers.replies:
            return Verdict.failed(criterion.id, f"{self.answers.path.name} holds no answer on case {case_id}")
        replies = self.answers.replies[case_id].get(criterion.id, ())
        other = next((one.clip for one in replies if one.clip not in ("", response.digest)), None)
        if other is not None:
            return Verdict.failed(criterion.id, f"the answer is on another clip, {other}, not on {response.digest}")
        if len(replies) == 1 and replies[0].label is not None:
            return _labelled(criterion, replies[0].label)
        if any(question.turned for question in criterion.questions):
            replies = self._turned(case_id, criterion, replies)
        if len(replies) != len(criterion.questions):
            found = f"{len(replies)} answers to {len(criterion.questions)} questions"
            return Verdict.failed(criterion.id, f"{self.answers.path.name} holds {found} on case {case_id}")
        values = [self._value(q, reply) for q, reply in zip(criterion.questions, replies, strict=True)]
        reasons = {k: one.reason for k, one in enumerate(replies) if one.reason}
        try:
            return verdict_of(criterion, values, [one.raw for one in replies], reasons)
        except ValueError as error:
            return Verdict.failed(criterion.id, str(error))

    def _turned(self, case_id: str, criterion: Criterion, replies: tuple[Reply, ...]) -> tuple[Reply, ...]:
        """Replies to questions of which some are put in their opposite wording."""
        other = self.answers.opposite.get(case_id, {}).get(criterion.id, ())
        none = Reply(reason=f"{self.answers.path.name} holds no answer to the opposite wording")
        return tuple(
            (other[k] if k < len(other) else none) if question.turned else (replies[k] if k < len(replies) else none)
            for k, question in enumerate(criterion.questions)
        )

    def _value(self, question: Question, reply: Reply) -> Value | None:
        if self.parse == "official":
            return reply.official
        return reply.strict if reply.strict is not None else read(question, reply.raw)


def _labelled(criterion: Criterion, label: float) -> Verdict:
    """The verdict of a label: a grade of a single ordinal question, else a score."""
    question = criterion.questions[0] if len(criterion.questions) == 1 else None
    try:
        score = score_of(question, label) if question is not None and question.answer == "ordinal" else label
        return Verdict.answered(criterion.id, score, label)
    except ValueError:
        return Verdict.failed(criterion.id, f"the label {label:g} is out of range")
