"""`calibrated:JUDGER`: probabilities with their log-odds divided by a temperature."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wmenv.core.calibration import scaled
from wmenv.core.canonical import digest
from wmenv.core.case import Case
from wmenv.core.clip import Response
from wmenv.core.criterion import Criterion
from wmenv.core.errors import InvalidArgument
from wmenv.core.protocols import Judger
from wmenv.core.verdict import Judgement, Verdict, judgement
from wmenv.judgers.wrappers.temperatures import Temperatures, read, temperature
from wmenv.judgers.wrappers.wrapper import Wrapper, identity_of, made, moved, probability_of, refuse

IDENTITY = "calibrated-v0"


class Calibrated(Wrapper):
    """Moves probabilities nearer to one half (temperature above 1) or away from it; no decision and no rank changes.

    Verdicts without a probability, such as grades, pass unchanged.
    """

    word = "calibrated"

    def __init__(
        self, judger: str | Judger, *, temperature: float | None = None, file: str | None = None, **others: Any
    ) -> None:
        """Make the judger.

        Args:
            judger: The judger inside.
            temperature: One temperature for all criteria.
            file: Temperatures by criterion, as `wmenv judge calibrate` writes them.
            **others: None: refused.

        Raises:
            InvalidArgument: Both or neither is given, a temperature is not positive, or the file calibrates another
                judger.
        """
        refuse(self.word, others)
        inside = made(judger, self.word)
        if (temperature is None) == (file is None):
            raise InvalidArgument(f"{self.word} takes either temperature=T or file=FILE (wmenv judge calibrate)")
        if file is None:
            self.temperatures = Temperatures(identity_of(inside), _positive(temperature), {})
            told = f"temperature={self.temperatures.others:g}"
        else:
            self.temperatures = read(Path(str(file)).expanduser())
            if self.temperatures.judger != identity_of(inside):
                raise InvalidArgument(
                    f"{file} calibrates {self.temperatures.judger}, not {identity_of(inside)}; fit this judger's own "
                    "with wmenv judge calibrate"
                )
            told = f"temperatures {digest(self.temperatures.plain())}"
        facts = {"temperatures": self.temperatures.plain()}
        super().__init__(
            [inside], f"{IDENTITY}({identity_of(inside)}; {told})", facts, [judger], temperature=temperature, file=file
        )

    def judge(self, cases: Sequence[Case], responses: Sequence[Response]) -> list[Judgement]:
        """Judge by the judger inside, and scale."""
        return [
            judgement(
                case,
                [self._scaled(c, v) for c, v in zip(case.criteria, one.verdicts, strict=True)],
                self.card["identity"],
            )
            for case, one in zip(cases, self.inside[0].judge(cases, responses), strict=True)
        ]

    def gradient(self, cases: Sequence[Case], frames: Any) -> tuple[Any, Any]:
        """Log-odds divided by the temperature; values of other units unchanged."""
        import torch

        inside: Any = self.inside[0]
        values, valid = inside.reward(cases, frames)
        by = [temperature(self.temperatures, criterion.id) for criterion in cases[0].criteria]
        divided = values / torch.tensor(by, dtype=values.dtype, device=values.device)
        return torch.where(self.odds(cases, values), divided, values), valid

    def _scaled(self, criterion: Criterion, verdict: Verdict) -> Verdict:
        sure = probability_of(criterion, verdict)
        if sure is None:
            return verdict
        by = temperature(self.temperatures, criterion.id)
        return moved(verdict, float(scaled([sure], by)[0]), uncalibrated=sure, temperature=by)


def _positive(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise InvalidArgument(f"calibrated: temperature must be a positive number, got {value!r}")
    return float(value)
