"""Folders of model weights, looked over before anything is loaded: whole, safetensors only, a name for their content.

Everything here reads file names, JSON and the headers of safetensors; no weights are loaded and no torch is needed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from wmenv.core.errors import InvalidArgument, told
from wmenv.core.files import FORM

PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl")
BLOCK, BLOCKS = 1 << 16, 16
HASHED = f"BLAKE2b of configurations, and of each weight file's size, header and {BLOCKS} blocks of {BLOCK >> 10} KiB"
"""What `feed` covers: all of 28 GB would take longer to read than a clip takes to make or to judge."""


def header(path: Path) -> bytes:
    """The JSON at the head of a safetensors file: 8 bytes of length, then that many."""
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > min(path.stat().st_size, 100 << 20):
            raise ValueError(f"its header announces {length} bytes")
        return stream.read(length)


def check_whole(path: Path, way_out: str) -> dict[str, Any]:
    """Hold a file's size against what its own header announces.

    Args:
        path: A safetensors file.
        way_out: What to do about a damaged one, for the message.

    Returns:
        Name -> facts (`dtype`, `shape`, `data_offsets`) of its tensors.

    Raises:
        InvalidArgument: It is cut short, or no safetensors file.
    """
    try:
        size = path.stat().st_size
        found: dict[str, Any] = json.loads(header(path))
        tensors = {name: tensor for name, tensor in found.items() if name != "__metadata__"}
        for tensor in tensors.values():
            for number in (*tensor["shape"], *tensor["data_offsets"]):
                if type(number) is not int or number < 0:
                    raise ValueError(f"{number!r} is no size")
        wanted = 8 + len(header(path)) + max((one["data_offsets"][1] for one in tensors.values()), default=0)
    except (OSError, *FORM) as error:
        raise InvalidArgument(f"{path} is no safetensors file or is cut short: {told(error)}. {way_out}") from error
    if size != wanted:
        raise InvalidArgument(f"{path} is cut short: {size} of {wanted} bytes. {way_out}")
    return tensors


def shards(index: Path, way_out: str, pickled: str) -> list[Path]:
    """The shards that an index names.

    Args:
        index: Such as `model.safetensors.index.json`.
        way_out: What to do about a missing one, for the message.
        pickled: What to do about a pickle, for the message.

    Raises:
        InvalidArgument: The index cannot be read, a shard is missing or a pickle.
    """
    try:
        names = sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
        found = [index.parent / Path(name).name for name in names]
    except (OSError, *FORM) as error:
        raise InvalidArgument(f"{index} cannot be read: {told(error)}") from error
    for shard in found:
        if shard.suffix in PICKLES:
            raise InvalidArgument(refusal_of_pickles(shard, pickled))
        if not shard.is_file():
            raise InvalidArgument(f"shard {shard} is missing, one of {len(found)} that {index} names. {way_out}")
    return found


def refusal_of_pickles(path: Path, way_out: str) -> str:
    """Why a pickle is not read."""
    return (
        f"{path} is a pickle, which can run code when it is read; wmenv reads safetensors only. Convert it where you "
        f"trust it: {way_out}"
    )


def feed(hasher: Any, folder: Path, paths: Iterable[Path]) -> None:
    """Add files to a hash: their names, sizes and content, of large weights the header and blocks spread evenly.

    Args:
        hasher: Of hashlib.
        folder: Names are relative to it.
        paths: The files.
    """
    for path in paths:
        size = path.stat().st_size
        hasher.update(f"{path.relative_to(folder).as_posix()}\n{size}\n".encode())
        with path.open("rb") as stream:
            if size <= BLOCK * BLOCKS:
                hasher.update(stream.read())
                continue
            hasher.update(header(path) if path.suffix == ".safetensors" else b"")
            for k in range(BLOCKS):
                stream.seek(k * (size - BLOCK) // (BLOCKS - 1))
                hasher.update(stream.read(BLOCK))
