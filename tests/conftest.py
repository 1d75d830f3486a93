"""Settings of all tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# Wall times on a shared machine are noise, so no test has a deadline; runs are the same every time.
settings.register_profile(
    "wmenv", deadline=None, derandomize=True, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("wmenv")


@pytest.fixture(scope="session")
def official() -> dict[str, Any]:
    """Official positions by law: outputs of phyworld/phyworld ee0e473 with pybox2d 2.3.10 (see `meta` in the files)."""
    folder = Path(__file__).parent / "fixtures"
    names = {"uniform_motion": "uniform", "parabola": "parabola", "collision": "collision"}
    return {law: json.loads((folder / f"phyworld_{name}.json").read_text()) for law, name in names.items()}
