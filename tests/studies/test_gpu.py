"""The GPU checks run on a processor too, so that they are sound before a GPU sees them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from wmenv.studies.gpu import CHECKS, NOT_YET, gpu_table

GPU_TESTS = Path(__file__).parents[1] / "gpu"


def test_rows_without_figures_say_so(tmp_path: Path) -> None:
    empty = gpu_table(tmp_path / "gpu.json")
    assert empty.count(NOT_YET) == sum(len(check.figures) for check in CHECKS.values())
    found = {"device": "H", "cuda": "13", "versions": {"torch": "2"}}
    found["checks"] = {"flow sampling, float32": {"clips_per_second": 812.25}}  # type: ignore[assignment]
    (tmp_path / "gpu.json").write_text(json.dumps(found))
    table = gpu_table(tmp_path / "gpu.json")
    assert "| flow sampling, float32: clips per second | 812.2 |" in table and "CUDA 13" in table
    assert table.count(NOT_YET) == empty.count(NOT_YET) - 1


@pytest.mark.slow
@pytest.mark.long  # a processor without bfloat16 arithmetic takes some ten minutes
def test_every_check_runs_and_is_written(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "--import-mode=importlib", "-q", str(GPU_TESTS)]
    config = ["-c", str(GPU_TESTS.parents[1] / "pyproject.toml"), "--figures", str(tmp_path / "gpu.json")]
    ran = subprocess.run(
        [*command, *config, "--device", "cpu", "--brief"], capture_output=True, text=True, cwd=tmp_path, env=os.environ
    )
    assert ran.returncode == 0, ran.stdout[-3000:]
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert set(found["checks"]) == set(CHECKS)
    assert found["checks"]["flow training, bfloat16"]["same_weights_after_resume"] == 1.0
    assert NOT_YET not in gpu_table(tmp_path / "gpu.json")
