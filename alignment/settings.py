"""What every method can be told, and what decides its weights."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from typing import Any, Literal, Self

from wmenv.alignment.clipping import Unit
from wmenv.core.errors import InvalidArgument

PassPrecision = Literal["float32", "bfloat16"]
Train = Literal["auto", "full", "lora"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of every method; subclasses add their own.

    Attributes:
        updates: Updates of the whole run; the learning rate falls linearly to 0 after the last one.
        warm_up: Updates over which the learning rate rises first: the first steps of Adam are blind to the size of
            gradients.
        seed: Decides cases, noise and everything else that is drawn.
        prompts: Where cases come from, such as `id:2,ood_high_v:1`; empty is the environment's split.
        cases: Cases an update.
        micro_batch: Clips that go through the generator at once; memory, not the result, depends on it.
        criteria: Weights of the criteria in the reward, such as `velocity:1,radius:0.5`; empty is the suite's scheme.
        train: `full` weights or a `lora` adapter; `auto` takes the adapter for networks of over 50 million weights and
            for those that come frozen, as pipelines of diffusers do, and leaves one that is there as it is.
        rank: Of the adapter.
        targets: Regular expression that names of adapted layers match; empty leaves the choice to `add_lora`.
        learning_rate: Of AdamW, at the first update.
        weight_decay: Of AdamW.
        clip_norm: Largest norm of the gradient.
        average: Share that the moving average of the weights keeps an update; 0 is no average. The average is what
            is looked at, kept and exported.
        kl_weight: Weight of the exact divergence to the reference along a noisy path, in `unit`.
        data_weight: Weight of the generator's training loss on true clips of the update's cases.
        unit: Whether log-ratios and divergences in the loss are nats a dimension or joint.
        kernel: How steps are taken where a path needs noise, see `wmenv.alignment.kernels`.
        precision: Of the passes, float32 or bfloat16; weights and optimiser are float32. `auto` takes the faster one,
            by a probe of a second; a run that goes on keeps what it began with.
        shuffled: The control: each clip gets the reward of another one. Nothing can be learnt from it.
        look_every: Updates between evaluations on held-out cases, 0 for the first and last alone.
        look_cases: Cases a split of an evaluation.
        look_samples: Clips a case there; diversity needs two.
        look_splits: Further splits to look at, joined by commas.
    """

    updates: int = 100
    warm_up: int = 5
    seed: int = 0
    prompts: str = ""
    cases: int = 24
    micro_batch: int = 64
    criteria: str = ""
    train: Train = "auto"
    rank: int = 16
    targets: str = ""
    learning_rate: float = 3e-4
    weight_decay: float = 0.0
    clip_norm: float = 1.0
    average: float = 0.9
    kl_weight: float = 0.0
    data_weight: float = 0.0
    unit: Unit = "per_dimension"
    kernel: str = "flow-sde"
    precision: Literal["auto"] | PassPrecision = "auto"
    shuffled: bool = False
    look_every: int = 20
    look_cases: int = 32
    look_samples: int = 2
    look_splits: str = ""

    def __post_init__(self) -> None:
        for one in fields(self):
            value, default = getattr(self, one.name), one.default
            kinds = (int, float) if type(default) is float else (type(default),)
            if type(value) not in kinds:
                raise InvalidArgument(f"{one.name} must be of type {kinds[-1].__name__}, got {value!r}")
        positive = (
            "updates",
            "cases",
            "micro_batch",
            "rank",
            "learning_rate",
            "clip_norm",
            "look_cases",
            "look_samples",
        )
        for name in positive:
            if not 0 < getattr(self, name) < float("inf"):
                raise InvalidArgument(f"{name} must be positive, got {getattr(self, name)}")
        for name in ("seed", "warm_up", "weight_decay", "kl_weight", "data_weight", "look_every"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise InvalidArgument(f"{name} must not be negative, got {getattr(self, name)}")
        if not 0.0 <= self.average < 1.0:
            raise InvalidArgument(f"average must lie in 0 to 1, 1 excluded, got {self.average}")
        try:
            re.compile(self.targets)
        except re.error as error:
            raise InvalidArgument(f"targets is a regular expression, got {self.targets!r}: {error}") from error
        if self.train not in ("auto", "full", "lora"):
            raise InvalidArgument(f"train is auto, full or lora, got {self.train!r}")
        for name, known in (("unit", ("per_dimension", "joint")), ("precision", ("auto", "float32", "bfloat16"))):
            if getattr(self, name) not in known:
                raise InvalidArgument(f"{name} is one of {', '.join(known)}; got {getattr(self, name)!r}")

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """From options by name.

        Raises:
            InvalidArgument: No such setting, with the nearest known ones, or a value out of range.
        """
        known = [one.name for one in fields(cls)]
        for name in options:
            if name not in known:
                near = get_close_matches(name, known, n=3)
                hint = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(known)}"
                raise InvalidArgument(f"no setting {name!r}; {hint}")
        return cls(**options)

    def plain(self) -> dict[str, Any]:
        """As JSON values; what is infinite, which JSON cannot say, as None."""
        return {name: None if value == float("inf") else value for name, value in asdict(self).items()}


def shares_of(text: str) -> dict[str, float]:
    """Read `velocity:1,radius:0.5`; a name without a number counts 1; empty is none.

    Raises:
        InvalidArgument: It does not read so, or a name comes twice.
    """
    shares: dict[str, float] = {}
    for part in filter(None, text.split(",")):
        name, colon, share = (one.strip() for one in part.partition(":"))
        try:
            value = float(share) if colon else 1.0
        except ValueError:
            value = float("nan")
        if not name or name in shares or value != value:
            raise InvalidArgument(f"expected names with numbers, such as velocity:1,radius:0.5; got {text!r}")
        shares[name] = value
    return shares
