"""Random numbers addressed by (seed, counter): every case has its own stream, drawn for many cases at once.

A numpy Generator per case would cost more than the whole simulation, and one Generator for a batch would make
a case depend on its neighbours. SplitMix64 (Steele, Lea and Flood 2014, the seeding function of xoshiro) hashes
seed and counter instead.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def _mix(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    value = (value ^ (value >> np.uint64(30))) * _MIX_1
    value = (value ^ (value >> np.uint64(27))) * _MIX_2
    return value ^ (value >> np.uint64(31))


def uniforms(seeds: NDArray[np.uint64], stream: int, count: int) -> NDArray[np.float64]:
    """Uniform numbers in [0, 1), a pure function of (seed, stream, index).

    Args:
        seeds: (N,) one seed a case.
        stream: Which stream of the case, for instance the attempt of a rejection sampler.
        count: How many numbers a case.

    Returns:
        (N, count) float64 with 53 random bits.
    """
    with np.errstate(over="ignore"):
        start = _mix(seeds.astype(np.uint64) * _MIX_2 + _STEP * np.uint64(stream + 1))
        counters = (np.arange(1, count + 1, dtype=np.uint64) * _STEP)[None, :]
        bits = _mix(start[:, None] + counters)
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53
