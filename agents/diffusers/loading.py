"""From a looked-over folder to a pipeline in memory: safetensors only, no network, no code of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wmenv.agents.diffusers.checkpoint import LORA
from wmenv.core.devices import free_memory, no_deprecations, ran_out_of_memory
from wmenv.core.errors import InvalidArgument, MissingExtra, OutOfMemory, told


@dataclass(frozen=True, slots=True)
class Wanted:
    """Everything that decides how a pipeline lies in memory.

    Attributes:
        pipeline: Name of its class.
        folder: Its files.
        digest: Hash of their content, so that a changed folder is read anew.
        variant: Variant of the weights, or None.
        dtype: Name of a torch dtype.
        device: Such as `cpu` or `cuda:1`.
        offload: `none`, `model` or `sequential`.
        lora: Folder of adapters, or None.
        lora_digest: Hash of their content.
    """

    pipeline: str
    folder: Path
    digest: str
    variant: str | None
    dtype: str
    device: str
    offload: str
    lora: Path | None = None
    lora_digest: str | None = None


def need_libraries() -> None:
    """Import what the agent stands on.

    Raises:
        MissingExtra: They are not installed.
    """
    try:
        import diffusers
        import torch
        import transformers
    except ImportError as error:
        raise MissingExtra(
            f"diffusers: needs packages that are not installed ({error}): pip install 'wmenv[gen]'"
        ) from error
    del diffusers, torch, transformers


def pipeline_class(name: str) -> type[Any]:
    """A pipeline class of the installed diffusers.

    Raises:
        InvalidArgument: It has none of that name, or cannot import it.
    """
    import diffusers

    try:
        with quiet():
            found = getattr(diffusers, name, None)
    except Exception as error:
        hint = "a torchvision that does not fit torch is the usual reason, and nothing here needs one"
        raise InvalidArgument(f"diffusers cannot import {name} ({told(error)}); {hint}") from error
    if not (isinstance(found, type) and issubclass(found, diffusers.DiffusionPipeline)):
        raise InvalidArgument(
            f"diffusers {diffusers.__version__} has no pipeline {name!r}; a newer one may: pip install -U diffusers"
        )
    return found


_held: dict[Wanted, Any] = {}
"""The pipeline in memory, at most one: two generators of one run are loaded one after the other, not side by side."""


def held_pipeline(wanted: Wanted) -> Any:
    """The pipeline; loaded unless it is the one in memory.

    Raises:
        InvalidArgument: The files do not make one.
        OutOfMemory: It does not fit.
    """
    if wanted not in _held:
        _held.clear()
        free_memory()
        _held[wanted] = load_pipeline(wanted)
    return _held[wanted]


def own_pipeline(wanted: Wanted) -> Any:
    """A pipeline for one owner, who may change its weights; the one in memory makes room for it."""
    _held.clear()
    free_memory()
    return load_pipeline(wanted)


def load_pipeline(wanted: Wanted) -> Any:
    """Read a pipeline from its files; see `held_pipeline`."""
    import diffusers
    import torch

    kind: Any = pipeline_class(wanted.pipeline)
    dtype = "torch_dtype" if int(diffusers.__version__.split(".")[0]) < 1 else "dtype"
    try:
        with quiet():
            loaded = kind.from_pretrained(
                wanted.folder,
                local_files_only=True,
                use_safetensors=True,
                variant=wanted.variant,
                **{dtype: getattr(torch, wanted.dtype)},
            )
            loaded.set_progress_bar_config(disable=True)
            if wanted.lora is not None:
                loaded.load_lora_weights(wanted.lora, weight_name=LORA, local_files_only=True, use_safetensors=True)
            for part in loaded.components.values():
                if isinstance(part, torch.nn.Module):
                    part.eval().requires_grad_(False)
            if wanted.offload == "model":
                loaded.enable_model_cpu_offload(device=wanted.device)
            elif wanted.offload == "sequential":
                loaded.enable_sequential_cpu_offload(device=wanted.device)
            else:
                loaded.to(wanted.device)
    except Exception as error:
        if ran_out_of_memory(error):
            way = "offload=model, then offload=sequential" if wanted.offload == "none" else "a smaller dtype"
            raise OutOfMemory(f"{wanted.folder} does not fit into memory as {wanted.dtype}; try {way}") from error
        also = "" if wanted.lora is None else f" with the adapters of {wanted.lora}"
        raise InvalidArgument(f"{wanted.folder} cannot be loaded as {wanted.pipeline}{also}: {told(error)}") from error
    return loaded


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bars and no chatter while the libraries load; as they were afterwards."""
    from diffusers.utils import logging as of_diffusers
    from transformers.utils import logging as of_transformers

    libraries = (of_diffusers, of_transformers)
    before = [(one.get_verbosity(), one.is_progress_bar_enabled()) for one in libraries]
    try:
        for one in libraries:
            one.set_verbosity_error()
            one.disable_progress_bar()
        with no_deprecations():
            yield
    finally:
        for one, (verbosity, bar) in zip(libraries, before, strict=True):
            one.set_verbosity(verbosity)
            if bar:
                one.enable_progress_bar()
