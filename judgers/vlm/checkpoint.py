"""What lies in a vision-language model's folder: found offline, complete, nothing that could unpickle."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wmenv.core.errors import InvalidArgument, told
from wmenv.core.weights import PICKLES, check_whole, feed, refusal_of_pickles, shards

CONFIG, WEIGHTS = "config.json", "model.safetensors"
PROCESSING = (
    ("video_preprocessor_config.json", None),
    ("processor_config.json", "video_processor"),
    ("video_processor/preprocessor_config.json", None),
    ("preprocessor_config.json", None),
)
"""Files, and the key in them, where checkpoints of any age state how frames become pixels; the first one holds."""

KINDS_OF_FILES = ("*.safetensors", "*.json", "*.txt", "*.jinja", "*.model")
"""What is fetched of a hub id: no pickle, no code."""

_CONVERT = "model.save_pretrained(NEW_FOLDER)"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder as `save_pretrained` writes it, looked over.

    Attributes:
        folder: Where it lies.
        kind: Its `model_type`, which names the adapter.
        config: Its configuration.
        processing: How it wants frames prepared; empty where it does not say.
        digest: Content hash, 32 hex digits; see `wmenv.core.weights.HASHED`.
        weights: Numbers that its weights are.
    """

    folder: Path
    kind: str
    config: Mapping[str, Any]
    processing: Mapping[str, Any]
    digest: str
    weights: int


def find_folder(target: str, *, online: bool, revision: str | None) -> Path:
    """The folder of a model: a path, or what the hub's local cache holds of an id.

    Args:
        target: Path, or a hub id such as `Qwen/Qwen3-VL-2B-Instruct`.
        online: Whether files that the cache lacks may be fetched.
        revision: Branch, tag or commit of a hub id.

    Raises:
        InvalidArgument: Neither; the message says where to get it.
    """
    path = Path(target).expanduser()
    if target and path.is_dir():
        if revision is not None:
            raise InvalidArgument(f"revision={revision} belongs to a hub id; {target} is a folder")
        return path
    if path.is_file():
        raise InvalidArgument(
            f"{path} is a single file; vlm: takes a folder with {CONFIG}, as save_pretrained writes it"
        )
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", target):
        raise InvalidArgument(f"no folder at {target!r}; vlm: takes a folder with {CONFIG}, or a hub id OWNER/NAME")
    from huggingface_hub import constants, snapshot_download, try_to_load_from_cache

    if online:
        try:
            return Path(snapshot_download(target, revision=revision, allow_patterns=list(KINDS_OF_FILES)))
        except Exception as error:
            raise InvalidArgument(f"{target} cannot be fetched: {told(error)}") from error
    cached = try_to_load_from_cache(target, CONFIG, revision=revision)
    if not isinstance(cached, str):
        raise InvalidArgument(
            f"{target} is no folder here, and {CONFIG} of that hub id is not in the cache {constants.HF_HUB_CACHE}. "
            f"{_fetch(target)}"
        )
    return Path(cached).parent


def look_over(folder: Path, target: str) -> Checkpoint:
    """Check that a folder is a complete model of safetensors.

    Args:
        folder: The folder.
        target: What the user called it, for messages.

    Raises:
        InvalidArgument: No model, a missing or cut file, pickled weights.
    """
    if not (folder / CONFIG).is_file():
        raise InvalidArgument(
            f"{folder} is no model: {CONFIG} is missing. vlm: takes a folder as save_pretrained writes it"
        )
    config = _json(folder / CONFIG)
    if not isinstance(config.get("model_type"), str):
        raise InvalidArgument(f"{folder / CONFIG} names no model_type. {_fetch(target)}")
    if not (folder / "tokenizer.json").is_file() and not (folder / "tokenizer_config.json").is_file():
        raise InvalidArgument(f"{folder} has no tokenizer: tokenizer.json is missing. {_fetch(target)}")
    files = _weights(folder, target)
    tensors = [one for path in files for one in check_whole(path, _fetch(target)).values()]
    texts = sorted(path for path in folder.iterdir() if path.suffix in (".json", ".txt", ".jinja", ".model"))
    hasher = hashlib.blake2b(digest_size=16)
    feed(hasher, folder, [path for path in texts if path.is_file()])
    feed(hasher, folder, files)
    return Checkpoint(
        folder,
        config["model_type"],
        config,
        _processing(folder),
        hasher.hexdigest(),
        sum(_size(one["shape"]) for one in tensors),
    )


def _processing(folder: Path) -> Mapping[str, Any]:
    for name, key in PROCESSING:
        if (folder / name).is_file():
            found = _json(folder / name)
            stated = found if key is None else found.get(key)
            if isinstance(stated, dict):
                return stated
    return {}


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidArgument(f"{path} cannot be read: {told(error)}") from error
    if not isinstance(found, dict):
        raise InvalidArgument(f"{path} holds no JSON object")
    return found


def _weights(folder: Path, target: str) -> list[Path]:
    """The safetensors: one file, or the shards that an index names."""
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if (folder / f"{WEIGHTS}.index.json").is_file():
        return shards(folder / f"{WEIGHTS}.index.json", _fetch(target), _CONVERT)
    pickles = sorted(path for path in folder.iterdir() if path.suffix in PICKLES)
    if pickles:
        raise InvalidArgument(refusal_of_pickles(pickles[0], _CONVERT))
    raise InvalidArgument(f"{folder / WEIGHTS} is missing (and no index names shards). {_fetch(target)}")


def _size(shape: list[int]) -> int:
    total = 1
    for side in shape:
        total *= side
    return total


def _fetch(target: str) -> str:
    """What to do about a missing file."""
    if Path(target).expanduser().exists():
        return "Copy the folder again, or save it anew with save_pretrained"
    return f"Fetch it once with `hf download {target} --local-dir DIR` and use vlm:DIR, or add ,online=true"
