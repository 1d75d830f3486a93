"""What `make gpu-check` measures, and the table of what it found."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wmenv.studies.blocks import markdown

NOT_YET = "not yet measured"
_TRAINING = ("steps_per_second", "final_loss", "peak_memory_megabytes", "same_weights_after_resume")
_ALIGNMENT = (
    "updates_per_second",
    "reward_gain",
    "largest_first_log_ratio_per_dimension",
    "same_weights_after_resume",
    "peak_memory_megabytes",
)
_VLM = (
    "clips_per_second",
    "forms_apart_log_odds",
    "float32_apart_log_odds",
    "same_decisions",
    "reward_gain_along_gradient",
    "peak_memory_megabytes",
)
_ADAPTER = ("clips_per_second", "batch_against_single_levels", "peak_memory_megabytes")


@dataclass(frozen=True, slots=True)
class Check:
    """One check of tests/gpu.

    Attributes:
        figures: Names of what it measures, units included.
    """

    figures: tuple[str, ...]


CHECKS: dict[str, Check] = {
    "flow training, bfloat16": Check(_TRAINING),
    "flow training, float32": Check(_TRAINING),
    "flow sampling, float32": Check(
        ("clips_per_second", "largest_difference_to_cpu_levels", "mean_difference_to_cpu_levels")
    ),
    **{
        f"diffusers adapter, {kind}, bfloat16": Check(_ADAPTER)
        for kind in ("ltx-image", "cogvideox-image", "wan-image")
    },
    **{
        f"alignment, {method}, {kind}, bfloat16": Check(_ALIGNMENT)
        for method in ("reward-gradient", "policy-gradient")
        for kind in ("flow", "ltx")
    },
    **{f"vlm judging, {kind}, bfloat16": Check(_VLM) for kind in ("qwen3-vl", "llava-onevision")},
}


def gpu_table(path: Path) -> str:
    """Figures by check from the file that `make gpu-check` writes; rows without any say so.

    Args:
        path: docs/gpu.json, which need not exist.
    """
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    checks = found.get("checks", {})
    rows = [
        [f"{check}: {figure.replace('_', ' ')}", _cell(checks.get(check, {}).get(figure))]
        for check, one in CHECKS.items()
        for figure in one.figures
    ]
    versions = ", ".join(f"{name} {number}" for name, number in found.get("versions", {}).items())
    machine = f"`make gpu-check` on {found['device']}, CUDA {found['cuda']}; {versions}." if found else ""
    return (
        markdown(["check", "figure"], rows) + f"\n\n{machine or 'No machine with a GPU has run `make gpu-check` yet.'}"
    )


def _cell(value: float | None) -> str:
    return NOT_YET if value is None else f"{value:.4g}"
