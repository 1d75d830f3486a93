"""The families that have an adapter, by `model_type`."""

from __future__ import annotations

import importlib
from typing import cast

from wmenv.core.errors import InvalidArgument
from wmenv.judgers.vlm.adapter import Adapter

FAMILIES = {
    "qwen3_vl": "wmenv.judgers.vlm.qwen3_vl:Qwen3Vl",
    "llava_onevision": "wmenv.judgers.vlm.llava_onevision:LlavaOnevision",
}
"""`model_type` -> adapter; a new family is one file and one line."""


def adapter_class(kind: str) -> type[Adapter]:
    """The adapter of a `model_type`.

    Raises:
        InvalidArgument: There is none.
    """
    if kind not in FAMILIES:
        raise InvalidArgument(
            f"no adapter for models of type {kind!r}; vlm: knows {', '.join(FAMILIES)}. An adapter is one file, see "
            "wmenv/judgers/vlm/llava_onevision.py"
        )
    module, _, name = FAMILIES[kind].partition(":")
    return cast("type[Adapter]", getattr(importlib.import_module(module), name))
