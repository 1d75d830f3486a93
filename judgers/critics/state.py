"""A training that can be gone on with: `training.safetensors`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from wmenv.core.errors import InvalidArgument
from wmenv.core.files import write_whole
from wmenv.judgers.critics.descent import Descent

FILE, CARD = "training.safetensors", "card.json"


@dataclass(slots=True)
class State:
    """How far a training is.

    Attributes:
        step: Steps done.
        least: Least loss on held clips.
        waited: Looks since then.
        cpu_seconds: Spent.
        looks: All looks, as JSON values.
        best: The weights of the least loss.
    """

    step: int = 0
    least: float = math.inf
    waited: int = 0
    cpu_seconds: float = 0.0
    looks: list[dict[str, Any]] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)


def save_state(folder: Path, identity: Mapping[str, Any], descent: Descent, state: State) -> None:
    """Write all that is needed to go on; the file appears whole or not at all."""
    tensors = {f"best/{name}": tensor for name, tensor in state.best.items()}
    for name, weight in descent.weights.items():
        moments = descent.optimiser.state[weight]
        tensors |= {f"weights/{name}": weight.detach()}
        tensors |= {f"first/{name}": moments["exp_avg"], f"second/{name}": moments["exp_avg_sq"]}
    plain = {name: getattr(state, name) for name in ("step", "least", "waited", "cpu_seconds", "looks")}
    told = json.dumps({"identity": identity, "state": plain})
    write_whole(folder / FILE, save({name: t.contiguous() for name, t in tensors.items()}, {"training": told}))


def finished(folder: Path) -> None:
    """Remove what was needed to go on: five times the weights."""
    (folder / FILE).unlink(missing_ok=True)


def restored(folder: Path, identity: Mapping[str, Any], descent: Descent, resume: bool) -> State:
    """The state of the training in a folder, which goes on to the bit; a new one where there is none.

    Raises:
        InvalidArgument: A finished training is there; or one to go on with and `resume` is not set, or it is another
            one, or damaged.
    """
    path = folder / FILE
    if not path.exists():
        if (folder / CARD).exists():
            raise InvalidArgument(f"the training in {folder} is finished; choose another --out")
        return State()
    if not resume:
        raise InvalidArgument(f"{folder} holds a training already; go on with it (--resume) or choose another --out")
    try:
        with safe_open(path, "pt") as file, torch.no_grad():
            told = json.loads(file.metadata()["training"])
            if told["identity"] != json.loads(json.dumps(identity)):
                raise InvalidArgument(
                    f"{folder} holds a training with other clips or settings; give the same ones, or another --out"
                )
            state = State(**told["state"])
            for name, weight in descent.weights.items():
                weight.copy_(file.get_tensor(f"weights/{name}"))
                descent.optimiser.state[weight] = {
                    "step": torch.tensor(float(state.step)),
                    "exp_avg": file.get_tensor(f"first/{name}"),
                    "exp_avg_sq": file.get_tensor(f"second/{name}"),
                }
            state.best = {k.removeprefix("best/"): file.get_tensor(k) for k in file.keys() if k.startswith("best/")}
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, InvalidArgument):
            raise
        raise InvalidArgument(f"{path} is damaged ({error}); remove it and train again") from error
    return state
