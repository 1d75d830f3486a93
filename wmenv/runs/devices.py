"""Devices of worker processes: each process sees its own and no other."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from wmenv.core.errors import InvalidArgument

VISIBLE = "CUDA_VISIBLE_DEVICES"
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class Seat:
    """Where one worker runs.

    Attributes:
        number: Which worker, from 1.
        told: The device as the user wrote it; empty where none was asked for.
        device: The device as the worker sees it; None leaves every model its own default.
        environment: Environment variables of the process, beyond the parent's.
    """

    number: int
    told: str
    device: str | None
    environment: dict[str, str]

    def __str__(self) -> str:
        return f"worker {self.number}{f' ({self.told})' if self.told else ''}"


def seats(workers: int | None, devices: Sequence[str]) -> list[Seat]:
    """Place workers on devices, in turn.

    A worker of `cuda:1` sees that GPU alone, as `cuda`: models that name no number, of plugins too, land on it, and the
    cards of all workers are the same. Where nobody set a number of threads, the workers share the cores: many threads
    on few cores are many times slower. A model on a processor may then compute other last bits than with more threads.

    Args:
        workers: How many; as many as devices by default.
        devices: `cpu`, `cuda`, `cuda:N`, or another kind of torch's.

    Raises:
        InvalidArgument: No worker, fewer workers than devices, or no such device.
    """
    count = len(devices) if workers is None else workers
    if count < 1:
        raise InvalidArgument(f"workers must be at least 1, got {count}")
    if len(devices) > count:
        raise InvalidArgument(f"{count} worker(s) would leave {', '.join(devices[count:])} idle; ask for more or none")
    threads = {} if count == 1 else _threads(count)
    found = []
    for k in range(count):
        told = devices[k % len(devices)] if devices else ""
        device, environment = _placed(told) if devices else (None, {})
        found.append(Seat(k + 1, told, device, {**threads, **environment}))
    return found


def _threads(workers: int) -> dict[str, str]:
    if any(name in os.environ for name in THREADS):
        return {}
    return dict.fromkeys(THREADS, str(max((os.cpu_count() or 1) // workers, 1)))


def _placed(told: str) -> tuple[str, dict[str, str]]:
    match = re.fullmatch(r"([a-z]+)(?::(\d{1,3}))?", told)
    if match is None:
        raise InvalidArgument(f"a device reads cpu, cuda or cuda:N; got {told!r}")
    if match[1] != "cuda":
        return told, {VISIBLE: ""} if match[1] == "cpu" else {}
    if match[2] is None:
        return told, {}
    number, visible = int(match[2]), os.environ.get(VISIBLE)
    if visible is None:
        return "cuda", {VISIBLE: str(number)}
    names = [name.strip() for name in visible.split(",") if name.strip()]
    if number >= len(names):
        raise InvalidArgument(f"{told}: {VISIBLE}={visible!r} shows {len(names)} GPU(s) to this process")
    return "cuda", {VISIBLE: names[number]}
