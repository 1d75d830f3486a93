"""The card of an examined judger: what an exam found, and the figures that travel with its scores."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from wmenv.core.errors import InvalidArgument, ProtocolMismatch
from wmenv.core.files import write_whole
from wmenv.runs.interval import Interval, Model

FILE = "card.json"
KEPT = "judger-card.json"
"""Name of a card in the folder of a run that its judger scored."""
SCHEMA: Literal["wmenv.card/0"] = "wmenv.card/0"


class Figures(Model):
    """How well a judger tells broken clips from lawful ones under one criterion."""

    broken: int = Field(description="Broken clips with an answer.")
    lawful: int = Field(description="Lawful clips with an answer: true ones and alternatives.")
    failed: int = Field(description="Clips of both kinds on which the judger failed; they enter nothing.")
    found: Interval | None = Field(description="Share of broken clips that it flags: score at most one half.")
    false_alarms: Interval | None = Field(description="Share of lawful clips that it flags.")
    balanced: Interval | None = Field(description="Balanced accuracy: mean of what is found and what is let pass.")
    auroc: Interval | None = Field(description="How often a lawful clip scores above a broken one, a tie one half.")
    paired: Interval | None = Field(description="The same for each broken clip and the true clip of its case.")
    calibration: Interval | None = Field(
        description="Expected calibration error of the probability that the criterion holds; null without any."
    )


class Point(Model):
    """One size of one plant: a point of a psychometric curve."""

    plant: str
    size: float
    unit: str
    figures: Figures


class CriterionCard(Model):
    """One criterion: all plants together, then each in its sizes."""

    criterion: str
    whole: Figures
    points: list[Point]


class Control(Model):
    """One kind of clip that no judger may take for the true one."""

    name: str
    what: str
    clips: int
    failed: int = Field(description="Clips of which nothing could be judged.")
    caught: Interval | None = Field(description="Share of clips that are flagged under any criterion.")
    below: Interval | None = Field(description="By how much its reward is below the true clip's, in [-1, 1].")


class Flip(Model):
    """The same thing shown or asked in another way."""

    name: str
    what: str
    reason: str = Field(description="Why it was not tried; empty where it was.")
    failed: int
    rate: Interval | None = Field(description="Share of answers that flip, over clips and criteria.")
    criteria: dict[str, Interval]


class Attack(Model):
    """Clips changed along the judger's own gradient, within a few grey levels, until it errs."""

    what: str
    clips: int = Field(description="Clips attacked: those that the judger had right.")
    flipped: Interval | None = Field(description="Share of them on which the judger then errs.")
    noise: Interval | None = Field(description="The same of random changes of the same size.")
    oracle: str = Field(description="Identity of the exact judger.")
    oracle_flipped: Interval | None = Field(description="Share of the attacked clips on which its answer flips.")
    oracle_moved: float | None = Field(description="Largest change of its score.")


class Second(Model):
    """Agreement with a second judger on the same clips under one criterion."""

    criterion: str
    missing: int = Field(description="Clips that one of the two failed on.")
    same: Interval | None
    kappa: Interval | None
    alpha: Interval | None
    spearman: Interval | None


class Card(Model):
    """What an exam found."""

    schema_: Literal["wmenv.card/0"] = Field(alias="schema")
    judger: str = Field(description="Full identity of the judger, as in the protocols of runs.")
    name: str = Field(description="The judger as it was asked for.")
    second: str | None = Field(description="Identity of the second judger.")
    exam: dict[str, Any] = Field(description="Everything that decides what was shown.")
    exam_digest: str
    verdicts: int = Field(description="Verdicts asked for that concern their case.")
    failed: int = Field(description="Those that failed.")
    reasons: dict[str, int] = Field(description="Why, the most frequent first.")
    criteria: list[CriterionCard]
    controls: list[Control]
    flips: list[Flip]
    attack: Attack | None
    attack_reason: str = Field(description="Why there was no attack; empty where there was.")
    agreement: list[Second]
    environment: dict[str, Any] = Field(description="Versions, machine and time: all that may differ.")

    @property
    def coverage(self) -> float:
        """Share of the verdicts that concern their case and did not fail."""
        return 1.0 - self.failed / self.verdicts if self.verdicts else 0.0

    @property
    def title(self) -> str:
        """What was shown, in words."""
        return f"{self.exam['env']}, {len(self.exam['cases'])} cases, exam {self.exam_digest}"

    def write(self, folder: Path, name: str = FILE) -> Path:
        """Write the card whole or not at all; returns its path."""
        path = folder / name
        write_whole(path, (json.dumps(self.model_dump(by_alias=True), indent=1, ensure_ascii=False) + "\n").encode())
        return path


def read_card(path: Path, identity: str | None = None) -> Card:
    """Read a card.

    Args:
        path: The file, or a folder that holds `card.json`.
        identity: Full identity of the judger that it must be of; None takes any.

    Raises:
        InvalidArgument: There is none, or it has another schema.
        ProtocolMismatch: It is of another judger.
    """
    file = path / FILE if path.is_dir() else path
    try:
        card = Card.model_validate_json(file.read_bytes())
    except OSError as error:
        raise InvalidArgument(
            f"no card at {file} ({error.strerror}); wmenv judge exam JUDGER --out DIR writes DIR/{FILE}"
        ) from error
    except ValueError as error:
        raise InvalidArgument(f"{file} is no card of schema {SCHEMA}: {str(error).splitlines()[0]}") from error
    if identity is not None:
        _check(card, file, identity)
    return card


class KeyFigures(Model):
    """What travels with a score: how far the judger is to be believed under its criterion, over all sizes of plants."""

    broken: int
    lawful: int
    balanced: Interval | None = Field(description="Balanced accuracy; null where nothing was planted.")
    auroc: Interval | None


class Examined(Model):
    """The key figures of the card of a run's judger."""

    judger: str
    on: str = Field(description="What it was examined on.")
    differs: list[str] = Field(description="In what that differs from what the run asks and shows; empty is good.")
    coverage: float
    criteria: dict[str, KeyFigures]


def examined_by(card: Card, protocol: Mapping[str, Any]) -> Examined:
    """The key figures of a card beside the scores of a run.

    Args:
        card: Of the run's judger.
        protocol: Of the run.

    Raises:
        ProtocolMismatch: The card is of another judger.
    """
    _check(card, "the card", str(protocol.get("judger", "unknown")))
    exam = card.exam["protocol"]
    differs = [
        f"{name}: examined on {_told(exam[name])}, scored on {_told(protocol[name])}"
        for name in ("suite", "condition", "clip", "given")
        if name in exam and name in protocol and exam[name] != protocol[name]
    ]
    return Examined(
        judger=card.judger,
        on=card.title,
        differs=differs,
        coverage=round(card.coverage, 6),
        criteria={
            one.criterion: KeyFigures(
                broken=one.whole.broken, lawful=one.whole.lawful, balanced=one.whole.balanced, auroc=one.whole.auroc
            )
            for one in card.criteria
        },
    )


def kept_card(folder: Path) -> Card | None:
    """The card in a run folder; None where there is none."""
    return read_card(folder / KEPT) if (folder / KEPT).exists() else None


def _told(value: Any) -> str:
    return " ".join(f"{key} {one}" for key, one in value.items()) if isinstance(value, Mapping) else str(value)


def _check(card: Card, file: object, identity: str) -> None:
    if card.judger != identity:
        raise ProtocolMismatch(
            f"{file} is of another judger: it examines {card.judger}, and the scores are by {identity}; examine that "
            "one: wmenv judge exam JUDGER --out DIR"
        )
