"""`wmenv align` as a user types it, on a tiny flow."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from alignment_toys import tiny_flow  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

from wmenv.alignment.folder import RESULTS, STATE  # noqa: E402
from wmenv.cli import main  # noqa: E402


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flow")
    tiny_flow().export(folder, {})
    return folder


def wmenv_align(model: Path, out: Path, *more: str) -> list[str]:
    fixed = ["--agent", f"flow:{model},steps=4", "--size", "16", "--frames", "6", "--set", "given=2",
             "--updates", "12", "--cases", "4", "--look-every", "3", "--save-every", "1",
             "--option", "look_cases=4", "--option", "precision=bfloat16"]  # fmt: skip
    return [sys.executable, "-m", "wmenv", "align", "PhyWorld-uniform_motion", *fixed, "--out", str(out), *more]


def test_01_killed_and_resumed_through_the_command_line(tiny_model: Path, tmp_path: Path) -> None:
    """`kill -9` after the first looks, then --resume: state, model and history are those of the whole run."""
    done = subprocess.run(wmenv_align(tiny_model, tmp_path / "whole"), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "physics-soft" in done.stdout and "held out: physics" in done.stdout and "--agent flow:" in done.stdout
    process = subprocess.Popen(
        wmenv_align(tiny_model, tmp_path / "cut"), stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stderr is not None
    for _ in range(2):
        process.stderr.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert (tmp_path / "cut" / STATE).exists() and not (tmp_path / "cut" / RESULTS).exists()
    refused = subprocess.run(wmenv_align(tiny_model, tmp_path / "cut"), capture_output=True, text=True)
    assert refused.returncode == 2 and "--resume" in refused.stderr
    done = subprocess.run(wmenv_align(tiny_model, tmp_path / "cut", "--resume"), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    whole, cut = (load_file(tmp_path / name / STATE) for name in ("whole", "cut"))
    assert set(whole) == set(cut) and all(torch.equal(whole[name], cut[name]) for name in whole)
    moved = [name for name in whole if name.startswith("weights/")]
    assert any(not torch.equal(whole[name], whole[name.replace("weights/", "reference/")]) for name in moved)
    histories = [json.loads((tmp_path / name / RESULTS).read_text())["history"] for name in ("whole", "cut")]
    for history in histories:
        for record in history:
            record.pop("cpu_seconds")
    assert histories[0] == histories[1] and [r["update"] for r in histories[0]] == list(range(13))
    page = (tmp_path / "whole" / "report.html").read_text()
    assert "<svg" in page and "Divergence from the start" in page


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--method", "reward-gradent"], "did you mean reward-gradient"),
        (["--option", "route=drift"], "no gradient route named"),
        (["--judger", "physics"], "has no gradient"),
        (["--option", "upd=3"], "did you mean updates"),
    ],
)
def test_02_the_command_refuses_with_the_way_out(
    tiny_model: Path,
    tmp_path: Path,
    more: list[str],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Through the entry point of the command, in this process."""
    monkeypatch.setattr(sys, "argv", ["wmenv", *wmenv_align(tiny_model, tmp_path / "a", *more)[3:]])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2 and told in capsys.readouterr().err
    assert not (tmp_path / "a").exists()
