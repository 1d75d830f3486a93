"""In which precision a study trains when nobody says: as its folder did before, or what is faster on this machine."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from wmenv.core.errors import MissingExtra
from wmenv.studies.training.declare import Precision
from wmenv.studies.training.folder import DECLARATION

BATCH = 16
"""Clips of the probe's passes, as the runs' own."""


def settled_precision(out: Path, probe: bool = True) -> Precision:
    """The precision of the study in a folder; for a new one that of a probe of a second.

    Args:
        out: The folder; it need not exist.
        probe: Whether a new one is worth the probe; float32 otherwise.

    Raises:
        MissingExtra: torch or diffusers is not installed.
    """
    path = out / DECLARATION
    if path.is_file():
        with suppress(ValueError, KeyError, TypeError):  # whoever opens the folder reports a damaged declaration
            before: Precision = json.loads(path.read_text(encoding="utf-8"))["experiment"]["precision"]
            return before
    if not probe:
        return "float32"
    try:
        from wmenv.agents.flow.network import Architecture, Denoiser
        from wmenv.agents.flow.precision import faster_precision
    except ModuleNotFoundError as error:
        raise MissingExtra(f"studies that train need {error.name}: pip install 'wmenv[gen]'") from error
    return faster_precision(Denoiser(Architecture()), BATCH)
