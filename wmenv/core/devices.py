"""Where a model runs and in which numbers; what its libraries say when memory runs out. torch loads inside."""

from __future__ import annotations

import gc
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from wmenv.core.errors import InvalidArgument

DTYPES = ("float32", "bfloat16", "float16")
_NO_MEMORY = re.compile(r"out of memory|can't allocate memory|ALLOC_FAILED", re.IGNORECASE)


def device_and_dtype(device: str, dtype: str) -> tuple[str, str]:
    """Resolve `auto`: the GPU if there is one; bfloat16 there (float16 where it lacks that), float32 on a CPU.

    Raises:
        InvalidArgument: No such device here, or another dtype.
    """
    import torch

    has_gpu = torch.cuda.is_available()
    if device == "auto":
        device = "cuda" if has_gpu else "cpu"
    try:
        kind = torch.device(device).type
    except RuntimeError as error:
        raise InvalidArgument(f"device must be auto, cpu or cuda (cuda:1, ...), got {device!r}") from error
    if kind == "cuda" and not has_gpu:
        raise InvalidArgument(f"device={device}: torch {torch.__version__} sees no GPU here; use device=cpu")
    if dtype == "auto":
        on_gpu = "bfloat16" if kind == "cuda" and torch.cuda.is_bf16_supported() else "float16"
        dtype = "float32" if kind == "cpu" else on_gpu
    if dtype not in DTYPES:
        raise InvalidArgument(f"dtype must be auto, {', '.join(DTYPES)}, got {dtype!r}")
    return device, dtype


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on the GPU or beside it."""
    import torch

    if isinstance(error, MemoryError | torch.cuda.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and _NO_MEMORY.search(str(error)) is not None


def free_memory() -> None:
    """Give back what a dropped model or a failed call held."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@contextmanager
def no_deprecations() -> Iterator[None]:
    """What diffusers, transformers, torch and numpy deprecate among each other is for their authors."""
    with warnings.catch_warnings():
        for category in (DeprecationWarning, PendingDeprecationWarning, FutureWarning):
            warnings.simplefilter("ignore", category)
        yield
