"""Damaged files of every kind that a stranger can hand us: read or refused in words, within memory and time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

HERE = Path(__file__).parent
FEW, MANY = 12, 250
Samples = Callable[[str], Any]
THOROUGH = [pytest.param(False, id="brief"), pytest.param(True, id="thorough", marks=pytest.mark.slow)]


def check(sample: Any, what: str) -> str:
    """Read a changed sample; returns what came of it."""
    found = sample.read()
    assert found["outcome"] in ("read", "refused"), f"{sample.place}, {what}: {found['outcome']}\n{found['told']}"
    if found["outcome"] == "refused":
        assert len(found["told"]) > 25, found
    return str(found["outcome"])


@pytest.mark.parametrize("thorough", THOROUGH)
def test_damaged_anyhow(place: str, thorough: bool, samples: Samples, damage: ModuleType) -> None:
    sample = samples(place)
    outcomes = []

    @settings(max_examples=MANY if thorough else FEW, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, len(sample.files) - 1), damage.strategy())
    def damaged(k: int, one: Any) -> None:
        file = sample.files[k]
        path = sample.fresh() / file
        path.write_bytes(damage.apply(path.read_bytes(), one))
        outcomes.append(check(sample, f"{file} {one}"))

    damaged()
    assert "refused" in outcomes


@pytest.mark.parametrize("thorough", THOROUGH)
def test_cut_short_and_bits_turned(place: str, thorough: bool, samples: Samples, damage: ModuleType) -> None:
    """A corpus: each file cut at points from nothing to all but a byte, and with a bit turned at as many."""
    sample = samples(place)
    points = 12 if thorough else 2
    for file in sample.files:
        data = (sample.good / file).read_bytes()
        for k in range(points):
            at = k * max(0, len(data) - 1) // max(1, points - 1)
            turned = bytes([data[at] ^ 1 << (k % 8)]) if data else b"x"
            for what, changed in (("cut", data[:at]), ("turned", data[:at] + turned + data[at + 1 :])):
                (sample.fresh() / file).write_bytes(changed)
                check(sample, f"{file} {what} at {at} of {len(data)}")


def test_no_file_or_a_folder_in_its_place(place: str, samples: Samples) -> None:
    sample = samples(place)
    for file in sample.files:
        (sample.fresh() / file).unlink()
        check(sample, f"no {file}")
        path = sample.fresh() / file
        path.unlink()
        path.mkdir()
        check(sample, f"{file} is a folder")
