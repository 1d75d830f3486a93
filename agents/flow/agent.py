"""`flow` and `flow:DIR`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wmenv.core.errors import MissingExtra

if TYPE_CHECKING:
    from wmenv.agents.flow.family import FlowFamily
    from wmenv.agents.flow.generator import FlowGenerator


def flow(folder: str | None = None, steps: int = 8, device: str = "cpu") -> FlowFamily | FlowGenerator:
    """The flow-matching video models.

    Args:
        folder: A model that `wmenv train flow` wrote; without it the models that ship, chosen by the prompt.
        steps: Euler steps.
        device: Where to run, such as `cpu` or `cuda`.

    Raises:
        MissingExtra: torch or diffusers is not installed.
        InvalidArgument: No model there, or a damaged one.
    """
    try:
        from wmenv.agents.flow.family import FlowFamily
        from wmenv.agents.flow.generator import FlowGenerator
    except ModuleNotFoundError as error:
        raise MissingExtra(f"agent 'flow' needs {error.name}: pip install 'wmenv[gen]'") from error
    if folder is None:
        return FlowFamily(steps=steps, device=device)
    return FlowGenerator.read(folder, steps=steps, device=device)
