"""What lies in a pipeline's folder: found offline, complete, nothing that could unpickle, with a name for its content.

Everything here is read from file names, JSON and the headers of safetensors; no weights are loaded.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wmenv.core.errors import InvalidArgument, told
from wmenv.core.weights import PICKLES, check_whole, feed, refusal_of_pickles, shards

INDEX = "model_index.json"
LORA = "pytorch_lora_weights.safetensors"
"""The file of a folder of adapters, as `save_lora_weights` of diffusers names it."""
STEMS = {"diffusers": "diffusion_pytorch_model", "transformers": "model"}
"""How each library names the weights of a component."""

_NO_MODEL = re.compile("Tokenizer|Processor|FeatureExtractor|Scheduler")
"""In the class names of components without weights."""

_CONVERT = "pipeline.save_pretrained(NEW_FOLDER, safe_serialization=True)"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder as `save_pretrained` writes it, looked over.

    Attributes:
        folder: Where it lies.
        pipeline: Name of the pipeline's class.
        parts: Component -> (library, class name); those that the pipeline does without are left out.
        digest: Content hash, 32 hex digits; see `HASHED`.
    """

    folder: Path
    pipeline: str
    parts: dict[str, tuple[str, str]]
    digest: str


def find_folder(target: str, *, online: bool, revision: str | None, variant: str | None) -> Path:
    """The folder of a pipeline: a path, or what the hub's local cache holds of an id.

    Args:
        target: Path, or a hub id such as `Lightricks/LTX-Video`.
        online: Whether files that the cache lacks may be fetched.
        revision: Branch, tag or commit of a hub id.
        variant: Variant of the weights, such as `fp16`.

    Raises:
        InvalidArgument: Neither; the message names the file that is missing and where to get it.
    """
    path = Path(target).expanduser()
    if target and path.is_dir():
        if revision is not None:
            raise InvalidArgument(f"revision={revision} belongs to a hub id; {target} is a folder")
        return path
    if path.is_file():
        raise InvalidArgument(_single_file(path))
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", target):
        raise InvalidArgument(
            f"no folder at {target!r}; diffusers: takes a folder with {INDEX}, or a hub id OWNER/NAME"
        )
    if online:
        from diffusers import DiffusionPipeline

        try:
            return Path(DiffusionPipeline.download(target, revision=revision, variant=variant, use_safetensors=True))
        except Exception as error:
            raise InvalidArgument(f"{target} cannot be fetched: {told(error)}") from error
    from huggingface_hub import constants, try_to_load_from_cache

    cached = try_to_load_from_cache(target, INDEX, revision=revision)
    if not isinstance(cached, str):
        raise InvalidArgument(
            f"{target} is no folder here, and {INDEX} of that hub id is not in the cache {constants.HF_HUB_CACHE}. "
            f"{_fetch(target)}"
        )
    return Path(cached).parent


def look_over(folder: Path, target: str, variant: str | None) -> Checkpoint:
    """Check that a folder is a complete pipeline of safetensors without code of its own.

    Args:
        folder: The folder.
        target: What the user called it, for messages.
        variant: Variant of the weights; components without it are read as they are, as diffusers does.

    Raises:
        InvalidArgument: No pipeline, a missing or cut file, pickled weights, code.
    """
    index = _index(folder)
    parts = {name: (value[0], value[1]) for name, value in index.items() if _is_part(value)}
    hasher = hashlib.blake2b(digest_size=16)
    feed(hasher, folder, [folder / INDEX])
    for name, (library, kind) in sorted(parts.items()):
        part = folder / name
        files = sorted(path for path in part.rglob("*") if path.is_file()) if part.is_dir() else []
        if not files:
            raise InvalidArgument(f"{part} is missing or empty, and {folder / INDEX} names it. {_fetch(target)}")
        code = [path for path in files if path.suffix == ".py"]
        if code:
            raise InvalidArgument(f"{code[0]} is code that loading would run; wmenv loads classes of diffusers only")
        feed(hasher, folder, [path for path in files if path.suffix in (".json", ".txt", ".model", ".jinja")])
        if not _NO_MODEL.search(kind):
            if not (part / "config.json").is_file():
                raise InvalidArgument(f"{part / 'config.json'} is missing. {_fetch(target)}")
            weights = _weights(part, library, variant, target)
            for path in weights:
                check_whole(path, _fetch(target))
            feed(hasher, folder, weights)
    return Checkpoint(folder, index["_class_name"], parts, hasher.hexdigest())


def lora_digest(folder: Path | None) -> str | None:
    """Content hash of a folder of adapters, 32 hex digits; None for none.

    Raises:
        InvalidArgument: It has none that can be read safely.
    """
    if folder is None:
        return None
    path = folder / LORA
    if not path.is_file():
        raise InvalidArgument(f"no adapters in {folder}: {LORA} is missing; save_lora_weights of diffusers writes it")
    check_whole(path, _fetch(str(folder)))
    return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()


def _index(folder: Path) -> dict[str, Any]:
    """The pipeline's table of contents."""
    path = folder / INDEX
    if not path.is_file():
        if (folder / "modular_model_index.json").is_file():
            raise InvalidArgument(f"{folder} is a modular pipeline; diffusers: takes one with {INDEX}")
        single = [one for one in sorted(folder.iterdir()) if one.suffix in (*PICKLES, ".safetensors")]
        if single:
            raise InvalidArgument(_single_file(single[0]))
        raise InvalidArgument(
            f"{folder} is no diffusers pipeline: {path} is missing. diffusers: takes a folder as "
            "DiffusionPipeline.save_pretrained writes it"
        )
    try:
        index = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidArgument(f"{path} cannot be read: {told(error)}") from error
    if not isinstance(index, dict) or not isinstance(index.get("_class_name"), str):
        raise InvalidArgument(f"{path} names no class of diffusers as its pipeline; code of its own is not run")
    return index


def _is_part(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(word, str) for word in value)


def _weights(part: Path, library: str, variant: str | None, target: str) -> list[Path]:
    """The safetensors of a component: one file, or the shards that its index names."""
    stem = STEMS.get(library, "*model")
    for infix in dict.fromkeys((f".{variant}" if variant else "", "")):
        whole = sorted(part.glob(f"{stem}{infix}.safetensors"))
        indices = sorted(part.glob(f"{stem}.safetensors.index{infix}.json"))
        if whole or indices:
            return whole or shards(indices[0], _fetch(target), _CONVERT)
    pickles = sorted(path for path in part.iterdir() if path.suffix in PICKLES)
    if pickles:
        raise InvalidArgument(_pickled(pickles[0]))
    others = sorted(path.name for path in part.glob("*.safetensors"))
    hint = f" It has {', '.join(others[:3])}: is there a variant= of that name?" if others else f" {_fetch(target)}"
    raise InvalidArgument(f"{part / stem.replace('*', '')}.safetensors is missing (and no index names shards).{hint}")


def _single_file(path: Path) -> str:
    if path.suffix in PICKLES:
        return _pickled(path)
    return f"{path} is a single file; diffusers: takes a folder with {INDEX}, as pipeline.save_pretrained writes it"


def _pickled(path: Path) -> str:
    return refusal_of_pickles(path, _CONVERT)


def _fetch(target: str) -> str:
    """What to do about a missing file."""
    if Path(target).expanduser().exists():
        return "Copy the folder again, or save it anew with pipeline.save_pretrained"
    return f"Fetch it once with `hf download {target} --local-dir DIR` and use diffusers:DIR, or add ,online=true"
