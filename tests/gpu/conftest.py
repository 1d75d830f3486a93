"""GPU checks: `make gpu-check` runs them and keeps their figures in docs/gpu.json.

Each check measures; what it finds goes through the `figures` fixture into the file. Without a GPU they are skipped.
`--device cpu --brief` runs the same code with few steps on a processor, to try the checks themselves.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import pytest

Record = Callable[..., None]


class Length(NamedTuple):
    """Steps of a training, those of them before the clock starts, and updates of an alignment on the clock."""

    steps: int
    warm: int
    updates: int


FULL, BRIEF = Length(200, 20, 20), Length(6, 2, 1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--device", default="cuda", help="where the GPU checks run")
    parser.addoption("--brief", action="store_true", help="few steps: whether the checks run, not what they measure")
    parser.addoption("--figures", default=None, help="JSON file for what the GPU checks measured")


@pytest.fixture(scope="session")
def device(request: pytest.FixtureRequest) -> str:
    import torch

    chosen = str(request.config.getoption("--device", "cuda"))  # unknown where the tests are collected from above
    if chosen.startswith("cuda") and not torch.cuda.is_available():
        pytest.skip("no CUDA device; make gpu-check runs this on a machine that has one")
    return chosen


@pytest.fixture(scope="session")
def length(request: pytest.FixtureRequest) -> Length:
    return BRIEF if request.config.getoption("--brief", False) else FULL


@pytest.fixture(scope="session")
def measured(request: pytest.FixtureRequest, device: str) -> Iterator[dict[str, Any]]:
    """What is written at the end: machine, versions, figures by check."""
    import torch

    machine = torch.cuda.get_device_name(device) if device.startswith("cuda") else platform.machine()
    versions = {name: version(name) for name in ("wmenv", "torch", "diffusers", "transformers")}
    checks: dict[str, dict[str, Any]] = {}
    yield checks
    path = request.config.getoption("--figures", None)
    if path and checks:
        found = {"device": machine, "cuda": torch.version.cuda, "versions": versions, "checks": checks}
        Path(str(path)).write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")


@pytest.fixture
def figures(measured: dict[str, Any]) -> Record:
    """`figures("check", name=value, ...)` keeps figures of a check; names carry their units."""
    from wmenv.studies.gpu import CHECKS

    def record(check: str, **values: float) -> None:
        assert set(values) == set(CHECKS[check].figures), "what the documentation lists is what a check measures"
        measured[check] = {name: round(float(value), 6) for name, value in values.items()}

    return record
