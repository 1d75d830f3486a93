"""From a looked-over folder to a model in memory: safetensors only, no network, no code of its own."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wmenv.core.devices import no_deprecations, ran_out_of_memory
from wmenv.core.errors import InvalidArgument, MissingExtra, OutOfMemory, told
from wmenv.judgers.vlm.checkpoint import Checkpoint


@dataclass(frozen=True, slots=True)
class Wanted:
    """Everything that decides how a model lies in memory.

    Attributes:
        folder: Its files.
        digest: Hash of their content, so that a changed folder is read anew.
        dtype: Name of a torch dtype.
        device: Such as `cpu` or `cuda:1`.
    """

    folder: Path
    digest: str
    dtype: str
    device: str


class Loaded:
    """A model and its tokenizer; shared by judgers of the same weights as long as one of them lives."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self.model, self.tokenizer = model, tokenizer


_held: weakref.WeakValueDictionary[Wanted, Loaded] = weakref.WeakValueDictionary()


@contextmanager
def held_apart() -> Iterator[None]:
    """Models that are loaded in here are shared with nobody, before or after: they may be trained."""
    global _held
    shared, _held = _held, weakref.WeakValueDictionary()
    try:
        yield
    finally:
        _held = shared


def need_libraries() -> None:
    """Import what the judger stands on.

    Raises:
        MissingExtra: They are not installed.
    """
    try:
        import safetensors
        import torch
        import transformers
    except ImportError as error:
        raise MissingExtra(
            f"vlm: needs packages that are not installed ({error}): pip install 'wmenv[judge]'"
        ) from error
    del safetensors, torch, transformers


def held_model(checkpoint: Checkpoint, dtype: str, device: str) -> Loaded:
    """The model; loaded unless a judger has it.

    Raises:
        InvalidArgument: The files do not make one, or lack weights of it.
        OutOfMemory: It does not fit.
    """
    wanted = Wanted(checkpoint.folder, checkpoint.digest, dtype, device)
    found = _held.get(wanted)
    if found is None:
        found = _held[wanted] = _load(checkpoint, dtype, device)
    return found


def _load(checkpoint: Checkpoint, dtype: str, device: str) -> Loaded:
    import torch
    from transformers import AutoModelForImageTextToText, AutoTokenizer

    folder = checkpoint.folder
    library: Any = AutoModelForImageTextToText
    try:
        with quiet():
            model, found = library.from_pretrained(
                folder,
                dtype=getattr(torch, dtype),
                local_files_only=True,
                use_safetensors=True,
                attn_implementation="sdpa",
                output_loading_info=True,
            )
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:
        if ran_out_of_memory(error):
            raise OutOfMemory(f"{folder} does not fit into memory as {dtype}; try a smaller model or dtype") from error
        raise InvalidArgument(
            f"{folder} cannot be loaded as a model of type {checkpoint.kind}: {told(error)}"
        ) from error
    missing = sorted(found["missing_keys"])
    if missing:
        raise InvalidArgument(
            f"{folder} lacks {len(missing)} weights of {type(model).__name__}, such as {missing[0]}: they would be "
            "random. Copy the folder again, or save it anew with save_pretrained"
        )
    try:
        model.eval().requires_grad_(False).to(device)
    except Exception as error:
        if not ran_out_of_memory(error):
            raise
        raise OutOfMemory(f"{folder} does not fit onto {device} as {dtype}; try a smaller model or dtype") from error
    return Loaded(model, tokenizer)


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bars and no chatter of transformers while it loads; as it was afterwards."""
    from transformers.utils import logging as of_transformers

    logging: Any = of_transformers
    verbosity, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    try:
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        with no_deprecations():
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bar:
            logging.enable_progress_bar()
