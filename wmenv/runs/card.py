"""The card of an examined judger: what an exam found, and the figures that travel with its scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from wmenv.core.errors import InvalidArgument, ProtocolMismatch
from wmenv.core.files import write_whole
from wmenv.runs.results import Interval

FILE = "card.json"
SCHEMA: Literal["wmenv.card/0"] = "wmenv.card/0"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Figures(_Model):
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


class Point(_Model):
    """One size of one plant: a point of a psychometric curve."""

    plant: str
    size: float
    unit: str
    figures: Figures


class CriterionCard(_Model):
    """One criterion: all plants together, then each in its sizes."""

    criterion: str
    whole: Figures
    points: list[Point]


class Control(_Model):
    """One kind of clip that no judger may take for the true one."""

    name: str
    what: str
    clips: int
    failed: int = Field(description="Clips of which nothing could be judged.")
    caught: Interval | None = Field(description="Share of clips that are flagged under any criterion.")
    below: Interval | None = Field(description="By how much its reward is below the true clip's, in [-1, 1].")


class Flip(_Model):
    """The same thing shown or asked in another way."""

    name: str
    what: str
    reason: str = Field(description="Why it was not tried; empty where it was.")
    failed: int
    rate: Interval | None = Field(description="Share of answers that flip, over clips and criteria.")
    criteria: dict[str, Interval]


class Attack(_Model):
    """Clips changed along the judger's own gradient, within a few grey levels, until it errs."""

    what: str
    clips: int = Field(description="Clips attacked: those that the judger had right.")
    flipped: Interval | None = Field(description="Share of them on which the judger then errs.")
    noise: Interval | None = Field(description="The same of random changes of the same size.")
    oracle: str = Field(description="Identity of the exact judger.")
    oracle_flipped: Interval | None = Field(description="Share of the attacked clips on which its answer flips.")
    oracle_moved: float | None = Field(description="Largest change of its score.")


class Second(_Model):
    """Agreement with a second judger on the same clips under one criterion."""

    criterion: str
    missing: int = Field(description="Clips that one of the two failed on.")
    same: Interval | None
    kappa: Interval | None
    alpha: Interval | None
    spearman: Interval | None


class Card(_Model):
    """What an exam found."""

    schema_: Literal["wmenv.card/0"] = Field(alias="schema")
    judger: str = Field(description="Full identity of the judger, as in the protocols of runs.")
    name: str = Field(description="The judger as it was asked for.")
    judger_digest: str = Field(description="Hash of its whole card.")
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
    if identity is not None and card.judger != identity:
        raise ProtocolMismatch(
            f"{file} is the card of another judger: it examines {card.judger}, and the scores are by {identity}; "
            "examine that one: wmenv judge exam JUDGER --out DIR"
        )
    return card
