"""Makes toys.py and kinds.py importable, as `alignment_toys` and `alignment_kinds`."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

if all(map(importlib.util.find_spec, ("torch", "diffusers", "peft"))):  # without them every module that asks is skipped
    for name in ("toys", "kinds"):
        spec = importlib.util.spec_from_file_location(f"alignment_{name}", Path(__file__).parent / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)


@pytest.fixture
def made(tiny: Callable[[str], Path]) -> Callable[..., Any]:
    """`made("ltx", steps=3)`: a generator of its own, since tests change weights."""
    from alignment_kinds import make

    return partial(make, tiny)
