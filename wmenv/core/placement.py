"""Where models of this process go, if whoever started it decided so."""

from __future__ import annotations

_device: str | None = None


def place_on(device: str | None) -> None:
    """Decide for this process: whatever takes a `device` and was told none gets this one.

    Args:
        device: Such as `cpu` or `cuda`; None leaves every part its own default.
    """
    global _device
    _device = device


def placed_on() -> str | None:
    """The device of this process; None where nobody decided."""
    return _device
