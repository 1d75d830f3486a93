"""One decorator for numba kernels: compiled on first use, cached on disk where a cache folder can be written."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numba

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile with `numba.njit`, without fast-math so that results equal the numpy reference to the bit.

    numba refuses to cache where neither the package folder nor the user's cache folder is writable; the kernel
    is then compiled in every process instead.
    """
    try:
        kernel: Callable[P, R] = numba.njit(cache=True, error_model="numpy")(function)
    except RuntimeError:
        kernel = numba.njit(error_model="numpy")(function)
    return kernel
