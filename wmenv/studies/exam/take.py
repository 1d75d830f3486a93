"""Taking an exam: every case judged once and written down at once, so that a stopped exam goes on.

A folder holds `exam.json`, what decides the answers; `answers.jsonl`, a line a case; and at the end the card. What a
server answered lies beside them.
"""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wmenv.core.errors import ProtocolMismatch, RunFolderError, told
from wmenv.core.files import write_whole
from wmenv.core.protocols import DifferentiableJudger, Judger
from wmenv.core.verdict import COUNTED, Judgement
from wmenv.envs.base import judger_identity
from wmenv.runs.card import FILE, Card
from wmenv.runs.folder import answers_kept, differing, on_disk
from wmenv.runs.lock import FolderLock
from wmenv.runs.results import environment_block
from wmenv.studies.exam.attack import attacked, noised
from wmenv.studies.exam.figures import card_of, good
from wmenv.studies.exam.shown import Shown, Tell, World, everything

SETTINGS, ANSWERS = "exam.json", "answers.jsonl"
SECOND = "second"
"""Key of a second judger's verdicts, and name of the folder of its replies where it asks a server."""
ATTACK, NOISE = "attack", "noise"
NO_GRADIENT = "the judger has no gradient"

Answer = dict[str, Any]


@dataclass(frozen=True)
class Sitting:
    """Who sits which exam.

    Attributes:
        world: Where clips come from.
        judger: The judger.
        name: Its specification, for the card.
        second: A second judger, or None.
    """

    world: World
    judger: Judger
    name: str
    second: Judger | None = None

    @property
    def words(self) -> bool:
        """Whether the judger is asked in other words, too: an exact one measures, and reads none."""
        return not self.judger.exact

    @property
    def attack_reason(self) -> str:
        """Why the judger is not attacked; empty where it is."""
        return "" if isinstance(self.judger, DifferentiableJudger) else NO_GRADIENT

    def card(self, answers: Mapping[str, Sequence[Answer]], environment: Mapping[str, Any]) -> Card:
        """The card of answers by case."""
        return card_of(self.settings(), self.name, answers, self.words, self.attack_reason, environment)

    def settings(self) -> dict[str, Any]:
        """Everything that decides the answers."""
        from wmenv import __version__

        return {
            "wmenv": __version__,
            "judger": judger_identity(self.judger),
            "second": None if self.second is None else judger_identity(self.second),
            "exam": {
                **self.world.identity(),
                "plants": {name: one.plain() for name, one in self.world.plants.items()},
            },
        }


def take_exam(sitting: Sitting, folder: Path, *, retry_failed: bool = False, tell: Tell | None = None) -> Card:
    """Take an exam, or go on with one, and write its card.

    Args:
        sitting: Who sits what.
        folder: Made if missing.
        retry_failed: Judge cases again in which a verdict failed.
        tell: Called after every case.

    Returns:
        The card, also written to `card.json`. All but its `environment` is a function of the sitting.

    Raises:
        RunFolderError: The folder is locked, damaged, holds a card of something else, or cannot be written.
        ProtocolMismatch: It holds another exam.
    """
    if (folder / FILE).exists() and not (folder / SETTINGS).exists():
        raise RunFolderError(f"{folder / FILE} is of something else, such as a critic; choose another --out")
    settings = sitting.settings()
    started = time.time()
    with ExitStack() as stack:
        stack.enter_context(on_disk(folder))
        folder.mkdir(parents=True, exist_ok=True)
        stack.callback(FolderLock(folder).release)
        done = _opened(folder, settings)
        for judger, place in ((sitting.judger, folder), (sitting.second, folder / SECOND)):
            if judger is not None:
                stack.enter_context(_kept(judger, place))
        if retry_failed:
            done = {case: answers for case, answers in done.items() if not failures(answers)}
            _rewrite(folder, done)
        cases = sitting.world.cases
        with (folder / ANSWERS).open("a", encoding="utf-8") as file:
            for case_id in cases:
                if case_id not in done:
                    done[case_id] = examined(sitting, case_id)
                    file.write(json.dumps([case_id, done[case_id]]) + "\n")
                    file.flush()
                    os.fsync(file.fileno())
                if tell is not None:
                    tell(case_id, len(done), len(cases), sum(failures(one) for one in done.values()))
        block = environment_block(started=round(started, 3), seconds=round(time.time() - started, 3))
        card = sitting.card({case: done[case] for case in cases}, block)
        card.write(folder)
    return card


def examined(sitting: Sitting, case_id: str) -> list[Answer]:
    """Everything about one case, judged; a dictionary a clip, in the order of `everything`, attacked clips last."""
    world = sitting.world
    shown = everything(world, case_id, sitting.words)
    suite = world.suite(sitting.judger)
    judged = suite.score([one.case for one in shown], [one.clip for one in shown])
    answers = [_answer(one, judgement) for one, judgement in zip(shown, judged, strict=True)]
    if sitting.second is not None:
        own = [k for k, one in enumerate(shown) if one.kind in ("true", "alternative", "planted")]
        said = world.suite(sitting.second).score([shown[k].case for k in own], [shown[k].clip for k in own])
        for k, judgement in zip(own, said, strict=True):
            answers[k][SECOND] = _verdicts(judgement)
    if not sitting.attack_reason:
        answers += _attacks(sitting, suite, shown, answers)
    return answers


def failures(answers: Sequence[Answer]) -> int:
    """Number of verdicts that failed."""
    return sum(
        verdict[0] == "failed"
        for answer in answers
        for key in ("verdicts", SECOND)
        for verdict in answer.get(key, {}).values()
    )


def _attacks(sitting: Sitting, suite: Any, shown: Sequence[Shown], answers: Sequence[Answer]) -> list[Answer]:
    """Each largest plant that is found is attacked until it passes, and the true clip until it is flagged by that."""
    targets: list[tuple[int, str, int]] = []
    for k, one in enumerate(shown):
        if one.kind != "planted" or one.size != sitting.world.plants[one.how].sizes[-1]:
            continue
        for index, sign in ((k, +1), (0, -1)):
            if good(answers[index]["verdicts"][one.broken]) is (sign < 0) and (index, one.broken, sign) not in targets:
                targets.append((index, one.broken, sign))
    if not targets:
        return []
    cases, clips = [shown[k].case for k, _, _ in targets], [shown[k].clip for k, _, _ in targets]
    criteria, signs = [name for _, name, _ in targets], [sign for _, _, sign in targets]
    try:
        changed = attacked(sitting.judger, cases, clips, criteria, signs)
    except Exception as error:  # a judger is foreign code and may raise anything
        return [_attack_row(ATTACK, 0, "", {"reward": ["failed", None, None, told(error)]})]
    seeds = [zlib.crc32(f"{case.id} {name}".encode()) for case, name in zip(cases, criteria, strict=True)]
    random = [noised(*one) for one in zip(cases, clips, seeds, strict=True)]
    oracle = sitting.world.suite(sitting.world.oracle)
    before, after = oracle.score(cases, clips), oracle.score(cases, changed)
    rows = []
    for how, now in ((ATTACK, changed), (NOISE, random)):
        for (k, name, _), judgement in zip(targets, suite.score(cases, now), strict=True):
            rows.append(_attack_row(how, k, name, {name: _verdicts(judgement)[name]}))
    for row, was, then in zip(rows, before, after, strict=False):  # the attacked ones come first
        row |= {"oracle": [_verdicts(one).get(row["broken"]) for one in (was, then)], "oracle_name": was.judger}
    return rows


def _attack_row(how: str, base: int, criterion: str, verdicts: Mapping[str, Any]) -> Answer:
    return {"kind": "attack", "how": how, "base": base, "broken": criterion, "verdicts": dict(verdicts)}


def _answer(one: Shown, judgement: Judgement) -> Answer:
    answer: Answer = {"kind": one.kind, "case": one.case.id, "how": one.how, "size": one.size, "broken": one.broken}
    answer |= {"base": one.base, "holds": list(one.holds), "reward": judgement.reward}
    return answer | {"verdicts": _verdicts(judgement)}


def _verdicts(judgement: Judgement) -> dict[str, list[Any]]:
    """By criterion: state, score, probability and reason, those that do not concern the case left out.

    A probability is the one that a verdict states, else a score between 0 and 1: one of 0 or 1 is a decision.
    """
    found = {}
    for verdict in judgement.verdicts:
        if verdict.state == "not_applicable":
            continue
        sure = verdict.probability
        if sure is None and verdict.score not in (None, 0.0, 1.0):
            sure = verdict.score
        score = None if verdict.state not in COUNTED else _round(verdict.score)
        probability = _round(sure) if verdict.state == "answered" else None
        found[verdict.criterion] = [verdict.state, score, probability, verdict.reason if score is None else ""]
    return found


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _kept(judger: Judger, folder: Path) -> Any:
    """Replies of a server lie in the exam's folder; of a second one in a folder of its own."""
    if callable(getattr(judger, "keep_answers", None)):
        folder.mkdir(exist_ok=True)
    return answers_kept(judger, folder)


def _opened(folder: Path, settings: Mapping[str, Any]) -> dict[str, list[Answer]]:
    """What is answered already; a new folder gets its settings.

    Raises:
        ProtocolMismatch: The folder holds another exam.
        RunFolderError: Its settings are damaged.
    """
    path = folder / SETTINGS
    if not path.exists():
        write_whole(path, (json.dumps(settings, indent=1, ensure_ascii=False) + "\n").encode())
        return {}
    try:
        known = dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise RunFolderError(f"{path} is damaged; remove {folder} or choose another --out") from error
    if difference := differing(known, json.loads(json.dumps(settings)), "was", "now"):
        raise ProtocolMismatch(f"{folder} holds another exam: {difference}. Choose another --out")
    done: dict[str, list[Answer]] = {}
    for line in (folder / ANSWERS).read_text(encoding="utf-8").splitlines() if (folder / ANSWERS).exists() else ():
        try:
            case_id, answers = json.loads(line)
        except ValueError:  # the line that was being written when the exam was stopped
            break
        done[case_id] = answers
    _rewrite(folder, done)
    return done


def _rewrite(folder: Path, done: Mapping[str, list[Answer]]) -> None:
    text = "".join(json.dumps([case, answers]) + "\n" for case, answers in done.items())
    write_whole(folder / ANSWERS, text.encode())
