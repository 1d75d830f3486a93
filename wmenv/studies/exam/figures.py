"""From answers to a card: shares, curves and agreement, each with its number and interval.

Intervals are bootstrapped over cases, since clips of one case err together. Where all values are alike a bootstrap has
nothing to draw from and would give an interval of no width; there Wilson's interval (1927) for as many trials as there
are cases stands in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wmenv.core.agreement import cohen_kappa, krippendorff_alpha
from wmenv.core.calibration import expected_calibration_error
from wmenv.core.canonical import digest
from wmenv.core.classification import auroc, balanced_accuracy
from wmenv.core.correlation import spearman
from wmenv.core.statistics import Estimate, bootstrap, bootstrap_mean, wilson
from wmenv.runs.card import SCHEMA, Attack, Card, Control, CriterionCard, Figures, Flip, Point, Second
from wmenv.runs.interval import Interval
from wmenv.studies.exam.attack import WHAT
from wmenv.studies.exam.shown import AGAIN, CONTROLS, ORDER, POLARITY

REPLICATES = 400
HALF = 0.5
NO_OPPOSITE = "no question of these cases has an opposite wording"
NO_CHOICE = "these cases ask no questions, or have fewer than four instructions"
NO_WORDS = "an exact judger measures, and reads no words"
NOT_ANSWERED = "the judger gave no such answer"

Answer = Mapping[str, Any]
Verdict = Sequence[Any]
"""State, score, probability, reason."""


@dataclass(frozen=True, slots=True)
class Row:
    """One clip under one criterion.

    Attributes:
        case: Its case.
        good: Whether the criterion holds for the clip.
        verdict: What the judger said; None where the question does not concern the case.
    """

    case: str
    good: bool
    verdict: Verdict | None

    @property
    def score(self) -> float | None:
        """The score; None where there is none."""
        return None if self.verdict is None else self.verdict[1]


def good(verdict: Verdict | None) -> bool | None:
    """What a verdict decides: whether the score exceeds one half; None where there is none."""
    return None if verdict is None or verdict[1] is None else bool(verdict[1] > HALF)


def card_of(
    settings: Mapping[str, Any],
    name: str,
    answers: Mapping[str, Sequence[Answer]],
    words: bool,
    attack_reason: str,
    environment: Mapping[str, Any],
) -> Card:
    """The card of an exam.

    Args:
        settings: What decided the answers.
        name: The judger as it was asked for.
        answers: By case, in the order in which clips were shown.
        words: Whether questions were put in other words, too.
        attack_reason: Why the judger was not attacked; empty where it was.
        environment: What may differ.
    """
    exam = settings["exam"]
    every = [answer for one in answers.values() for answer in one]
    states = [verdict for answer in every for verdict in answer["verdicts"].values()]
    failed = [verdict[3] for verdict in states if verdict[0] == "failed"]
    return Card(
        schema=SCHEMA,
        judger=settings["judger"],
        name=name,
        second=settings["second"],
        exam=dict(exam),
        exam_digest=digest(exam),
        verdicts=len(states),
        failed=len(failed),
        reasons=dict(Counter(failed).most_common()),
        criteria=list(_criteria(answers, exam["plants"])),
        controls=[_control(kind, answers) for kind in CONTROLS],
        flips=[_flip(kind, answers, words) for kind in AGAIN],
        attack=_attack(answers) if not attack_reason else None,
        attack_reason=attack_reason,
        agreement=list(_agreement(every)) if settings["second"] is not None else [],
        environment=dict(environment),
    )


def _criteria(answers: Mapping[str, Sequence[Answer]], plants: Mapping[str, Any]) -> Iterator[CriterionCard]:
    every = [answer for one in answers.values() for answer in one]
    true = {answer["case"]: answer for answer in every if answer["kind"] == "true"}
    lawful = [answer for answer in every if answer["kind"] in ("true", "alternative")]
    planted = [answer for answer in every if answer["kind"] == "planted"]
    for name in dict.fromkeys(name for answer in lawful for name in answer["verdicts"]):
        held = [_row(answer, name, True) for answer in lawful if name in answer["holds"]]
        broken = [answer for answer in planted if answer["broken"] == name]

        def figures(some: Sequence[Answer], name: str = name, held: Sequence[Row] = held) -> Figures:
            rows = [_row(answer, name, False) for answer in some]
            return _figures(rows, held, [_row(true[answer["case"]], name, True) for answer in some])

        points = [
            Point(plant=plant, size=size, unit=facts["unit"], figures=figures(some))
            for plant, facts in plants.items()
            for size in facts["sizes"]
            if (some := [one for one in broken if (one["how"], one["size"]) == (plant, size)])
        ]
        yield CriterionCard(criterion=name, whole=figures(broken), points=points)


def _row(answer: Answer, name: str, holds: bool) -> Row:
    return Row(answer["case"], holds, answer["verdicts"].get(name))


def _figures(broken: Sequence[Row], lawful: Sequence[Row], true: Sequence[Row]) -> Figures:
    """Figures of broken clips, lawful ones, and the true clip to each broken one."""
    rows = [row for row in (*broken, *lawful) if row.verdict is not None]
    known = [row for row in rows if row.score is not None]
    kinds = {kind: [row for row in known if row.good == kind] for kind in (False, True)}
    flagged = {kind: [float(not good(row.verdict)) for row in some] for kind, some in kinds.items()}
    told = known if all(kinds.values()) else []  # without both there is nothing to tell apart
    pairs = [
        (one.case, float(other.score > one.score) + 0.5 * (other.score == one.score))
        for one, other in zip(broken, true, strict=True)
        if one.score is not None and other.score is not None
    ]
    return Figures(
        broken=len(kinds[False]),
        lawful=len(kinds[True]),
        failed=len(rows) - len(known),
        found=rate(flagged[False], _cases(kinds[False])),
        false_alarms=rate(flagged[True], _cases(kinds[True])),
        balanced=_balanced(told),
        auroc=_auroc(told),
        paired=rate([value for _, value in pairs], [case for case, _ in pairs]),
        calibration=_calibration(told),
    )


def _balanced(rows: Sequence[Row]) -> Interval | None:
    truth, said = [row.good for row in rows], [good(row.verdict) for row in rows]

    def statistic(index: NDArray[np.int64]) -> float | None:
        drawn = [truth[k] for k in index]
        return balanced_accuracy(drawn, [said[k] for k in index]) if len(set(drawn)) == 2 else None

    return _widened(bootstrap(statistic, _cases(rows), replicates=REPLICATES))


def _auroc(rows: Sequence[Row]) -> Interval | None:
    truth, scores = np.array([row.good for row in rows]), np.array([row.score for row in rows], dtype=np.float64)
    found = bootstrap(lambda index: auroc(truth[index], scores[index]), _cases(rows), replicates=REPLICATES)
    return _widened(found)


def _calibration(rows: Sequence[Row]) -> Interval | None:
    sure = [row for row in rows if row.verdict is not None and row.verdict[2] is not None]
    labels = np.array([row.good for row in sure], dtype=np.float64)
    chances = np.array([row.verdict[2] for row in sure if row.verdict is not None], dtype=np.float64)
    return _over(lambda index: expected_calibration_error(labels[index], chances[index]), _cases(sure))


def _cases(rows: Sequence[Row]) -> list[str]:
    return [row.case for row in rows]


def rate(values: Sequence[float], cases: Sequence[str]) -> Interval | None:
    """Mean of values in [0, 1] with an interval over cases; None of no values."""
    return _widened(bootstrap_mean([float(one) for one in values], cases))


def _widened(found: Estimate | None) -> Interval | None:
    """The interval of a share; Wilson's over cases where the bootstrap's has no width."""
    if found is None or found.low < found.high:
        return _interval(found)
    low, high = wilson(found.mean * found.clusters, found.clusters)
    return _interval(Estimate(found.mean, low, high, found.n, found.clusters))


def _interval(found: Estimate | None) -> Interval | None:
    if found is None:
        return None
    mean, low, high = (round(value, 6) for value in (found.mean, found.low, found.high))
    return Interval(mean=mean, low=low, high=high, n=found.n, cases=found.clusters)


def _control(kind: str, answers: Mapping[str, Sequence[Answer]]) -> Control:
    shown = [
        (case, one[0], answer)
        for case, one in answers.items()
        for answer in one
        if answer["kind"] == "control" and answer["how"] == kind
    ]
    judged = [(case, true, answer) for case, true, answer in shown if answer["reward"] is not None]
    caught = [float(any(good(verdict) is False for verdict in one["verdicts"].values())) for _, _, one in judged]
    compared = [(case, true["reward"] - one["reward"]) for case, true, one in judged if true["reward"] is not None]
    return Control(
        name=kind,
        what=CONTROLS[kind],
        clips=len(shown),
        failed=len(shown) - len(judged),
        caught=rate(caught, [case for case, _, _ in judged]),
        below=_interval(bootstrap_mean([value for _, value in compared], [case for case, _ in compared])),
    )


def _flip(kind: str, answers: Mapping[str, Sequence[Answer]], words: bool) -> Flip:
    found: dict[str, list[tuple[str, float]]] = {}
    failed = tried = 0
    for case, one in answers.items():
        for k, answer in enumerate(one):
            if answer["kind"] != "again" or answer["how"] != kind or answer["base"] == k:
                continue
            for name, verdict in answer["verdicts"].items():
                tried += 1
                now, before = good(verdict), good(one[answer["base"]]["verdicts"].get(name))
                failed += now is None
                if now is not None and before is not None:
                    found.setdefault(name, []).append((case, float(now != before)))
    every = [pair for pairs in found.values() for pair in pairs]
    untried = {POLARITY: NO_OPPOSITE, ORDER: NO_CHOICE}.get(kind, "") if words else NO_WORDS
    reason = "" if every else NOT_ANSWERED if tried else untried
    by_name = {name: rate([x for _, x in pairs], [case for case, _ in pairs]) for name, pairs in found.items()}
    return Flip(
        name=kind,
        what=AGAIN[kind],
        reason=reason,
        failed=failed,
        rate=rate([flipped for _, flipped in every], [case for case, _ in every]),
        criteria={name: one for name, one in by_name.items() if one is not None},
    )


def _attack(answers: Mapping[str, Sequence[Answer]]) -> Attack:
    flipped: dict[str, list[tuple[str, float]]] = {"attack": [], "noise": []}
    oracle: list[tuple[str, float, float]] = []
    name = ""
    for case, one in answers.items():
        for answer in one:
            if answer["kind"] != "attack" or answer["broken"] not in answer["verdicts"]:
                continue
            verdict = answer["verdicts"][answer["broken"]]
            before = good(one[answer["base"]]["verdicts"][answer["broken"]])
            now = good(verdict)
            if now is not None and before is not None:
                flipped[answer["how"]].append((case, float(now != before)))
            was, then = answer.get("oracle", (None, None))
            name = answer.get("oracle_name", name)
            if was is not None and then is not None and was[1] is not None and then[1] is not None:
                oracle.append((case, float(good(was) != good(then)), abs(then[1] - was[1])))
    return Attack(
        what=WHAT,
        clips=len(flipped["attack"]),
        flipped=rate([x for _, x in flipped["attack"]], [case for case, _ in flipped["attack"]]),
        noise=rate([x for _, x in flipped["noise"]], [case for case, _ in flipped["noise"]]),
        oracle=name,
        oracle_flipped=rate([x for _, x, _ in oracle], [case for case, _, _ in oracle]),
        oracle_moved=round(max(moved for _, _, moved in oracle), 6) if oracle else None,
    )


def _agreement(every: Sequence[Answer]) -> Iterator[Second]:
    shown = [answer for answer in every if "second" in answer]
    for name in dict.fromkeys(name for answer in shown for name in answer["verdicts"] if name in answer["second"]):
        asked = [answer for answer in shown if name in answer["verdicts"] and name in answer["second"]]
        told = [(answer["case"], answer["verdicts"][name], answer["second"][name]) for answer in asked]
        known = [(case, one, two) for case, one, two in told if good(one) is not None and good(two) is not None]
        cases = [case for case, _, _ in known]
        first, second = (np.array([good(row[k]) for row in known], dtype=float) for k in (1, 2))
        scores, others = (np.array([row[k][1] for row in known], dtype=float) for k in (1, 2))
        yield Second(
            criterion=name,
            missing=len(told) - len(known),
            same=rate((first == second).tolist(), cases),
            kappa=_over(lambda i, a=first, b=second: cohen_kappa(a[i].tolist(), b[i].tolist()), cases),
            alpha=_over(
                lambda i, a=first, b=second: krippendorff_alpha(np.stack([a[i], b[i]], 1).tolist(), "nominal"), cases
            ),
            spearman=_over(lambda i, a=scores, b=others: spearman(a[i], b[i]), cases),
        )


def _over(statistic: Callable[..., float | None], cases: Sequence[str]) -> Interval | None:
    return _interval(bootstrap(statistic, cases, replicates=REPLICATES))
