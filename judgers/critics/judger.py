"""`critic` and `critic:DIR`: learned judgers with a gradient."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wmenv.core.case import Case
from wmenv.core.clip import Clip, Response
from wmenv.core.errors import InvalidArgument, MissingExtra
from wmenv.core.verdict import Judgement, Verdict, judgement
from wmenv.judgers.critics.form import Form

if TYPE_CHECKING:
    from torch import Tensor

IDENTITY = "critic-v0"
SHIPPED = Path(__file__).parent / "weights" / "discs"
"""Taught discs with planted faults, by `make critic`; its card has the commands and its exam."""
UNIT = "log-odds"
SHORT = 12


class Critic:
    """Says by a small network, which was taught by labelled clips, which criteria a clip meets.

    It reads no truth: the given frames show how things move. They are taken from the request, whatever a clip shows in
    their place. Its gradient leads wherever the network says yes, and that need not be where the law holds: hold
    another judger out.
    """

    name = "critic"
    accepts = ("clip",)
    reads_truth = False
    exact = True

    def __init__(self, folder: str = "") -> None:
        """Read a critic.

        Args:
            folder: As `wmenv judge train` wrote it; empty is the one that ships, which knows PhyWorld.

        Raises:
            MissingExtra: torch is not installed.
            InvalidArgument: No critic there, or a damaged one.
        """
        try:
            from wmenv.judgers.critics.checkpoint import read_critic
        except ModuleNotFoundError as error:
            raise MissingExtra(f"judger 'critic' needs {error.name}: pip install 'wmenv[gen]'") from error
        self.network, model = read_critic(Path(folder).expanduser() if folder else SHIPPED)
        self.form = Form.of(model["form"])
        self.criteria: tuple[str, ...] = tuple(model["criteria"])
        self.card: dict[str, Any] = {
            "identity": f"{IDENTITY}-{model['weights'][:SHORT]}",
            "units": dict.fromkeys(self.criteria, UNIT),
            "model": model,
        }

    def judge(self, cases: Sequence[Case], responses: Sequence[Response]) -> list[Judgement]:
        """Judge clips one by one; a score is the probability that a criterion is met."""
        return [self._judge(case, response) for case, response in zip(cases, responses, strict=True)]

    def dimensions(self, clip: Clip) -> dict[str, float]:
        """Probability that each criterion is met, such as `{"event_following": 0.82}`; no case is needed.

        Raises:
            InvalidArgument: A clip of another form than the critic was taught on.
        """
        import torch

        told = self._other_form(clip)
        if told:
            raise InvalidArgument(told)
        with torch.no_grad():
            odds = self._odds(_frames(clip))[0].tolist()
        return {name: _probability(one) for name, one in zip(self.criteria, odds, strict=True)}

    def reward(self, cases: Sequence[Case], frames: Tensor) -> tuple[Tensor, Tensor]:
        """Judge a batch and keep the graph; see `wmenv.core.protocols.DifferentiableJudger`.

        Args:
            cases: N cases, all with the same criteria.
            frames: Floats (N, T, 3, H, W) in [0, 1] at the rate that the critic was taught on: of its length and size,
                or of any where it looks through windows.

        Returns:
            values: (N, C) log-odds that a criterion is met.
            valid: (N, C) booleans; False for criteria that it was not taught.

        Raises:
            InvalidArgument: Frames of another shape or type, or cases whose criteria differ.
        """
        import torch

        if not isinstance(frames, torch.Tensor) or not frames.is_floating_point():
            found = getattr(frames, "dtype", frames)
            raise InvalidArgument(f"frames must be a tensor of floats in [0, 1], got {found!r}")
        length, size = (frames.shape[1], frames.shape[-1]) if frames.ndim == 5 else (0, 0)
        square = frames.shape == (len(cases), length, 3, size, size)
        if not square or not self.form.takes(length, size):
            raise InvalidArgument(f"this critic was taught on {self.form.told}; got frames of {tuple(frames.shape)}")
        if len({tuple(criterion.id for criterion in case.criteria) for case in cases}) != 1:
            raise InvalidArgument("all cases of a batch must have the same criteria: its columns are theirs")
        columns = [criterion.id for criterion in cases[0].criteria]
        said = self._said(cases, frames).to(frames.dtype)
        taught = [k for k, name in enumerate(columns) if name in self.criteria]
        into = torch.tensor(taught, dtype=torch.long, device=frames.device)
        answers = said[:, [self.criteria.index(columns[k]) for k in taught]]
        values = frames.new_zeros(len(cases), len(columns)).index_copy(1, into, answers)
        valid = torch.zeros(values.shape, dtype=torch.bool, device=frames.device)
        valid[:, into] = True
        return values, valid

    def _said(self, cases: Sequence[Case], frames: Tensor) -> Tensor:
        """Log-odds (N, criteria of the critic) of frames, those that were given taken from the requests."""
        import torch

        given = [case.request.frames for case in cases]
        if len({one.shape for one in given}) != 1 or (len(given[0]) and given[0].shape[1:3] != frames.shape[-2:]):
            shapes = sorted({one.shape for one in given})
            raise InvalidArgument(f"clips are of {tuple(frames.shape[-2:])} pixels; given frames are {shapes}")
        if not len(given[0]):
            return self._odds(frames)
        first = torch.from_numpy(np.moveaxis(np.stack(given), -1, 2)).to(frames.device, frames.dtype) / 255.0
        return self._odds(torch.cat([first, frames[:, len(given[0]) :]], dim=1))

    def _odds(self, frames: Tensor) -> Tensor:
        from wmenv.judgers.critics.network import brought

        dtype = next(self.network.parameters()).dtype
        said: Tensor = self.network.to(frames.device)(brought(frames.to(dtype), self.form.size))
        return said

    def _other_form(self, clip: Clip) -> str:
        """What is wrong with the form of a clip; empty where nothing is."""
        length, height, width, _ = clip.frames.shape
        if height == width and self.form.takes(length, width) and clip.fps == Fraction(self.form.fps):
            return ""
        return f"this critic was taught on {self.form.told}, got {length} of {width} x {height} at {clip.fps} fps"

    def _judge(self, case: Case, response: Response) -> Judgement:
        import torch

        identity = str(self.card["identity"])
        assert isinstance(response, Clip)
        reason, given = self._other_form(response), case.request.frames
        if not reason and len(given) and given.shape[1:] != response.frames.shape[1:]:
            reason = f"given frames are of {given.shape[2]} x {given.shape[1]}, the clip is not"
        if reason:
            return judgement(case, [Verdict.failed(c.id, reason) for c in case.criteria], identity)
        with torch.no_grad():
            odds = dict(zip(self.criteria, self._said([case], _frames(response))[0].tolist(), strict=True))
        return judgement(case, [_verdict(c.id, odds) for c in case.criteria], identity)


def _frames(clip: Clip) -> Tensor:
    """Floats (1, T, 3, H, W) in [0, 1]."""
    import torch

    return torch.from_numpy(np.moveaxis(clip.frames, -1, 1).astype(np.float32) / 255.0)[None]


def _probability(odds: float) -> float:
    return float(0.5 * (1.0 + np.tanh(odds / 2.0)))


def _verdict(name: str, odds: dict[str, float]) -> Verdict:
    if name not in odds:
        return Verdict.not_applicable(name, f"this critic was taught {', '.join(odds)} alone")
    met = _probability(odds[name])
    return Verdict(name, "answered", met, probability=met, evidence={"log_odds": odds[name]})
