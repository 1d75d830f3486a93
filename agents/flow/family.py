"""The models that ship with wmenv, chosen by the prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from wmenv.agents.flow.checkpoint import card_digest, read_card
from wmenv.agents.flow.generator import STEPS, FlowGenerator
from wmenv.core.case import Request
from wmenv.core.clip import Clip
from wmenv.core.errors import InvalidArgument

SHIPPED = Path(__file__).parent / "weights"


class FlowFamily:
    """One model a law; each answers the prompt it was trained under."""

    name = "flow"
    privileged = False

    def __init__(self, *, steps: int = STEPS, device: str = "cpu", folder: Path = SHIPPED) -> None:
        """Make the agent; weights are read when they are needed.

        Args:
            steps: Euler steps.
            device: Where to run.
            folder: Folder of the models' folders.
        """
        self.steps, self.device = steps, device
        cards = {path.parent.name: read_card(path.parent) for path in sorted(folder.glob("*/card.json"))}
        if not cards:
            raise InvalidArgument(f"no trained flow model in {folder}; train one: wmenv train flow --help")
        self.folders = {card["prompt"]: folder / name for name, card in cards.items()}
        first = self.of(next(iter(self.folders))).card
        self.card: Mapping[str, Any] = {
            "identity": "flow-v0-" + "-".join(card_digest(card) for card in cards.values()),
            "clip": first["clip"],
            "steps": steps,
            "models": {name: {k: v for k, v in card.items() if k != "curve"} for name, card in cards.items()},
        }

    def act(self, requests: Sequence[Request], seeds: Sequence[int]) -> list[Clip]:
        """Answer each request by the model of its prompt."""
        clips: dict[int, Clip] = {}
        for prompt in dict.fromkeys(r.prompt for r in requests):
            members = [k for k, r in enumerate(requests) if r.prompt == prompt]
            made = self.of(prompt).act([requests[k] for k in members], [seeds[k] for k in members])
            clips |= dict(zip(members, made, strict=True))
        return [clips[k] for k in range(len(requests))]

    def of(self, prompt: str) -> FlowGenerator:
        """The model that was trained under a prompt.

        Raises:
            InvalidArgument: There is none.
        """
        if prompt not in self.folders:
            known = " / ".join(repr(p) for p in self.folders)
            raise InvalidArgument(f"flow was trained on the prompts {known}; got {prompt!r}. Use flow:DIR with a model")
        return _read(self.folders[prompt], self.steps, self.device)


@lru_cache(maxsize=8)
def _read(folder: Path, steps: int, device: str) -> FlowGenerator:
    return FlowGenerator.read(folder, steps=steps, device=device)
