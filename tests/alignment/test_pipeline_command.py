"""`wmenv align` on a stock pipeline, by a judger of somebody else's package; the adapter goes back to diffusers."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wmenv
from wmenv.core.registries import AGENTS

pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("peft")

from alignment_kinds import QUIET

pytestmark = [pytest.mark.slow, *QUIET]

PLUGIN = '''
from wmenv.core.verdict import Verdict, judgement


class Redness:
    """Red minus the mean of green and blue; 0.5 is grey. Every criterion gets the same answer."""

    name, accepts, reads_truth, exact = "redness", ("clip",), False, True
    card = {"identity": "redness-v0"}

    def judge(self, cases, responses):
        found = []
        for case, response in zip(cases, responses, strict=True):
            frames = response.frames / 255.0
            red = 0.5 + float((frames[..., 0] - frames[..., 1:].mean(-1)).mean()) / 2
            found.append(judgement(case, [Verdict.answered(c.id, red) for c in case.criteria], "redness-v0"))
        return found

    def reward(self, cases, frames):
        red = 0.5 + (frames[:, :, 0] - frames[:, :, 1:].mean(dim=2)).flatten(1).mean(dim=1) / 2
        values = red[:, None].expand(-1, len(cases[0].criteria))
        return values, values.isfinite()
'''
STOCK = """
import sys, json, numpy, torch, diffusers
base, lora, out, prompt, options = *sys.argv[1:5], json.loads(sys.argv[5])
pipeline = diffusers.DiffusionPipeline.from_pretrained(base)
pipeline.load_lora_weights(lora)
numpy.save(out, pipeline(prompt, generator=torch.Generator().manual_seed(7), output_type="np", **options).frames[0])
assert not any(name.startswith("wmenv") for name in sys.modules)
"""
OPTIONS = {"num_inference_steps": 3, "max_sequence_length": 32, "height": 32, "width": 32, "num_frames": 9}
HOW = "steps=3,max_sequence_length=32,device=cpu,dtype=float32"
METHOD = {
    "reward-gradient": ("--updates", "20", "--cases", "4", "--learning-rate", "2e-2", "--option", "average=0.5"),
    "policy-gradient": (
        "--updates", "12", "--cases", "2", "--learning-rate", "1e-2", "--option", "average=0.0",
        "--option", "group=8", "--option", "kernel=dance-sde", "--option", "clip=1.0",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def plugged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process in which a distribution with the judger is installed."""
    site = tmp_path_factory.mktemp("site")
    info = site / "reddish-1.0.dist-info"
    info.mkdir()
    (site / "reddish.py").write_text(PLUGIN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: reddish\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[wmenv.judgers]\nredness = reddish:Redness\n")
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))}


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def aligned(pipeline: Path, method: str, out: Path, env: dict[str, str], *more: str) -> dict[str, Any]:
    """What `wmenv align` leaves in alignment.json; within its CPU time."""
    fixed = [
        "--agent", f"diffusers:{pipeline},{HOW}", "--method", method, "--judger", "redness", "--size", "32",
        "--frames", "9", "--look-every", "0", "--option", "look_cases=4", "--option", "rank=4",
        "--option", "precision=float32", "--no-guard", "--out", str(out),
    ]  # fmt: skip
    before = cpu_seconds()
    line = [sys.executable, "-m", "wmenv", "align", "PhyWorld-uniform_motion", *fixed, *METHOD[method], *more]
    done = subprocess.run(line, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    assert "by redness" in done.stdout and cpu_seconds() - before < 150
    found: dict[str, Any] = json.loads((out / "alignment.json").read_text())
    return found


def gains(results: dict[str, Any]) -> np.ndarray[Any, Any]:
    """Last minus first look by case, all of them with the same seeds."""
    looks = [record["look"]["splits"]["id"]["by_case"]["reward"] for record in results["history"] if record["look"]]
    return np.array(looks[-1]) - np.array(looks[0])


@pytest.mark.parametrize("method", METHOD)
def test_01_a_toy_reward_rises_and_stock_diffusers_shows_the_same_clip(
    method: str, tiny: Callable[[str], Path], plugged: dict[str, str], tmp_path: Path
) -> None:
    """On seeds of no update, in every case, by far more than from the rewards of other clips."""
    base = tiny("ltx")
    results = aligned(base, method, tmp_path / "run", plugged)
    gain = gains(results)
    assert (gain > 0).all() and gain.mean() > 1e-3, gain
    if method == "policy-gradient":  # no reward of a clip depends on its case: shuffling leaves a gradient as it is
        control = gains(aligned(base, method, tmp_path / "control", plugged, "--shuffled"))
        assert abs(control.mean()) < 0.5 * gain.mean(), (control, gain)

    suite: Any = wmenv.make("PhyWorld-uniform_motion-v0", size=32, frames=9).unwrapped
    (request,) = suite.observe(suite.draw(1, np.random.default_rng(0)))
    arguments = [base, tmp_path / "run" / "model", tmp_path / "stock.npy", request.prompt]
    options = json.dumps({**OPTIONS, "frame_rate": float(request.spec.fps)})
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", STOCK, *map(str, arguments), options], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    stock = np.load(tmp_path / "stock.npy") * 255
    ours, before = (
        AGENTS.create(f"{spec},{HOW}").act([request], [7])[0].frames.astype(float)  # type: ignore[attr-defined]
        for spec in (results["agent"], f"diffusers:{base}")
    )
    assert np.abs(ours - stock).max() <= 1.0
    assert np.abs(before - stock).max() > 2.0, "not the base model"
