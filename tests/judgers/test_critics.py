"""Learned critics: planted clips are what labels say, critics find them, have a right gradient, refuse what is bad."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wmenv
from wmenv.core.clip import Clip
from wmenv.core.errors import InvalidArgument
from wmenv.core.registries import JUDGERS
from wmenv.judgers.critics.recipe import Recipe
from wmenv.worlds.discs.draw import draw_clips
from wmenv.worlds.discs.planted import CRITERIA, FAULTS, SPEEDS, planted_clips
from wmenv.worlds.discs.splits import SEED_BITS, draw_starts
from wmenv.worlds.discs.world import FPS, frame_times

torch = pytest.importorskip("torch")

SMALL = Recipe(steps=150, batch=32, size=16, frames=10, width=16, examined=400, seed=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from wmenv.judgers.critics.training import train_critic

    out = tmp_path_factory.mktemp("critic") / "small"
    train_critic(SMALL, out)
    return out


@pytest.fixture(scope="module")
def critic(folder: Path) -> Any:
    return JUDGERS.create(f"critic:{folder}")


@pytest.fixture(scope="module")
def suite() -> Any:
    return wmenv.make("PhyWorld-uniform_motion-v0", size=16, frames=10, scheme="laws").unwrapped


def case_seeds(n: int, seed: int) -> Any:
    return np.random.default_rng(seed).integers(1 << SEED_BITS, size=n, dtype=np.uint64)


def test_exact_physics_agrees_with_the_labels_of_planted_clips() -> None:
    """Each fault alone is flagged by the criterion it breaks; clips without one are the true ones to the pixel."""
    env: Any = wmenv.make("PhyWorld-uniform_motion-v0", size=64, frames=16, scheme="laws").unwrapped
    seeds = case_seeds(240, 1)
    planted = planted_clips("uniform_motion", "wide_v", seeds, np.random.default_rng(2), size=64, frames=16, given=3)
    starts, _ = draw_starts("uniform_motion", "wide_v", seeds)
    true = draw_clips(starts, frame_times(16), 64)
    cases = env.cases([f"wide_v-{int(seed):0{SEED_BITS // 4}x}" for seed in seeds])
    for case, clip in zip(cases, true, strict=True):
        np.testing.assert_array_equal(case.request.frames, clip[:3])
    np.testing.assert_array_equal(planted.frames[:, :3], true[:, :3])
    judged = env.score(cases, [Clip(clip, FPS) for clip in planted.frames])
    seen = dict.fromkeys(FAULTS, 0)
    for k, names in enumerate(planted.faults):
        if not names:
            np.testing.assert_array_equal(planted.frames[k], true[k])
            assert not planted.broken[k].any()
            assert all(v.score is None or v.score > 0.5 for v in judged[k].verdicts if v.state == "answered")
        if len(names) == 1 and planted.broken[k].any():
            (name,) = names
            assert {CRITERIA[c] for c in np.flatnonzero(planted.broken[k])} == set(FAULTS[name])
            seen[name] += 1
            verdict = judged[k][FAULTS[name][0]]
            lost = judged[k]["count"].score == 0.0 or judged[k]["velocity"].state == "forfeited"
            if name in ("size", "colour", "speed", "vanish"):  # what is far from red counts as gone
                assert lost or verdict.score is None or verdict.score < 0.5, (name, judged[k])
            if name == "speed" and verdict.state == "answered":
                assert verdict.native is not None and verdict.native > 0.8 * SPEEDS[0]
    assert min(seen.values()) >= 1 and seen["speed"] > 20, seen
    assert 0.2 < np.mean([not names for names in planted.faults]) < 0.45


def test_a_critic_finds_what_it_was_taught(folder: Path) -> None:
    from wmenv.judgers.critics.checkpoint import read_critic
    from wmenv.judgers.critics.network import network
    from wmenv.judgers.critics.training import examine

    model, card = read_critic(folder)
    fresh = replace(SMALL, seed=77)
    exam, untaught = examine(model, fresh), examine(network(SMALL, len(CRITERIA)), fresh)
    for name in ("count", "colour"):
        assert exam[name]["balanced"] > 0.75 > untaught[name]["balanced"] + 0.1, (exam, untaught)
    assert all(card["exam"][name]["passed"] > 0.7 for name in CRITERIA)


@pytest.mark.parametrize("kind", ["flat", "deep"])
def test_a_recipe_decides_the_weights(kind: Any, tmp_path: Path) -> None:
    from wmenv.judgers.critics.training import train_critic

    recipe = replace(SMALL, kind=kind, steps=2, batch=4, examined=8)
    hashes = [
        train_critic(one, tmp_path / str(k))["weights"]
        for k, one in enumerate((recipe, recipe, replace(recipe, seed=4), replace(recipe, steps=3)))
    ]
    assert hashes[0] == hashes[1] and len(set(hashes)) == 3
    assert JUDGERS.create(f"critic:{tmp_path / '0'}").card["identity"].endswith(hashes[0][:12])


def test_scores_are_the_probabilities_of_the_reward(critic: Any, suite: Any) -> None:
    cases = suite.draw(6, np.random.default_rng(0))
    clips = [suite.true_clip(case) for case in cases]
    frames = torch.from_numpy(np.stack([np.moveaxis(c.frames, -1, 1) for c in clips]).astype(np.float32) / 255.0)
    values, valid = critic.reward([case.without_truth("critic") for case in cases], frames)
    columns = [c.id for c in cases[0].criteria]
    assert [name for name, there in zip(columns, valid[0].tolist(), strict=True) if there] == [
        name for name in columns if name in CRITERIA
    ]
    for row, judgement in enumerate(critic.judge(cases, clips)):
        for column, name in enumerate(columns):
            verdict = judgement[name]
            if name in CRITERIA:
                assert verdict.score == pytest.approx(torch.sigmoid(values[row, column]).item(), abs=1e-5)
            else:
                assert verdict.state == "not_applicable" and values[row, column] == 0.0


def test_the_gradient_is_that_of_the_reward(critic: Any, suite: Any) -> None:
    """Against central differences along random directions; none on given frames; a step along it raises the reward."""
    cases = suite.draw(3, np.random.default_rng(1))
    frames = torch.rand((3, 10, 3, 16, 16), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    frames = (0.25 + 0.5 * frames).requires_grad_()
    critic.network.double()
    try:
        total = critic.reward(cases, frames)[0].sum()
        (gradient,) = torch.autograd.grad(total, frames)
        assert not gradient[:, :3].any() and gradient[:, 3:].any()
        for seed in range(3):
            along = torch.randn(frames.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
            with torch.no_grad():
                up, down = (critic.reward(cases, frames + s * 1e-5 * along)[0].sum() for s in (1, -1))
            assert ((up - down) / 2e-5).item() == pytest.approx((gradient * along).sum().item(), rel=1e-5)
        with torch.no_grad():
            assert critic.reward(cases, frames + 1e-3 * gradient / gradient.norm())[0].sum() > total
    finally:
        critic.network.float()


def test_given_frames_are_those_of_the_request(critic: Any, suite: Any) -> None:
    """So that another case is another question, which is what a shuffled control needs, and a clip cannot alter it."""
    cases = suite.draw(4, np.random.default_rng(2))
    frames = torch.rand((4, 10, 3, 16, 16), generator=torch.Generator().manual_seed(1))
    altered = frames.clone()
    altered[:, :3] = 0.0
    own, _ = critic.reward(cases, frames)
    assert torch.equal(critic.reward(cases, altered)[0], own)
    other, _ = critic.reward([*cases[1:], cases[0]], frames)
    taught = own[0] != 0.0
    assert (other[:, taught] != own[:, taught]).all()


def test_bad_input(critic: Any, suite: Any, folder: Path, tmp_path: Path) -> None:
    cases = suite.draw(2, np.random.default_rng(3))
    with pytest.raises(InvalidArgument, match="taught on 10 frames of 16 x 16 at 10 fps; got"):
        critic.reward(cases, torch.zeros(2, 9, 3, 16, 16))
    with pytest.raises(InvalidArgument, match="tensor of floats"):
        critic.reward(cases, torch.zeros(2, 10, 3, 16, 16, dtype=torch.uint8))
    other = wmenv.make("PhyWorld-uniform_motion-v0", size=32, frames=10).unwrapped
    with pytest.raises(InvalidArgument, match="given frames are"):
        critic.reward(other.draw(2, np.random.default_rng(0)), torch.zeros(2, 10, 3, 16, 16))
    (judged,) = critic.judge(cases[:1], [Clip(np.zeros((10, 32, 32, 3), np.uint8), FPS)])
    assert {v.state for v in judged.verdicts} == {"failed"} and "got 10 of 32 x 32" in judged.verdicts[0].reason
    with pytest.raises(InvalidArgument, match="no critic in"):
        JUDGERS.create(f"critic:{tmp_path}")
    for name, change, word in (
        ("model.safetensors", lambda data: data[:-1] + b"x", "is not the file that card.json names"),
        ("card.json", lambda data: b"{}", "not the card of a critic"),
        ("card.json", lambda data: data.replace(b'"width": 16', b'"width": 32'), "cannot be read"),
    ):
        for path in folder.iterdir():
            (tmp_path / path.name).write_bytes(path.read_bytes())
        (tmp_path / name).write_bytes(change((folder / name).read_bytes()))
        with pytest.raises(InvalidArgument, match=word):
            JUDGERS.create(f"critic:{tmp_path}")
    for options in (
        {"kind": "round"},
        {"size": 20},
        {"given": 8, "frames": 10},
        {"width": 24},
        {"steps": 0},
        {"precision": "int8"},
    ):
        with pytest.raises(InvalidArgument):
            Recipe(**options)  # type: ignore[arg-type]


def test_the_card_says_how_it_was_made(critic: Any) -> None:
    card = json.loads(json.dumps(critic.card))
    assert card["model"]["recipe"] == SMALL.plain() and set(card["model"]["faults"]) == set(FAULTS)
    assert card["units"] == dict.fromkeys(CRITERIA, "log-odds") and not critic.reads_truth


def test_the_command_teaches_a_critic_that_aligns(tmp_path: Path) -> None:
    pytest.importorskip("diffusers")

    def wmenv_command(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "wmenv", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    form = ("--size", 32, "--steps", 2, "--batch", 6, "--every", 1, "--hold-cases", 0.5)
    done = wmenv_command("judge", "train", "--on", "planted:PhyWorld-uniform_motion,clips=60", "--out", "flat", *form)
    assert done.returncode == 0 and "--judger critic:flat" in done.stdout, done.stderr
    assert "held cases" in done.stdout and "velocity" in done.stdout
    over = wmenv_command(
        "judge", "train", "--on", "planted:PhyWorld-uniform_motion,clips=60", "--out", "flat", *form, "--resume"
    )
    assert over.returncode == 2 and "is finished" in over.stderr
    held = ("--judger", "critic:flat", "--held-out-judger", "physics", "--out", "aligned", "--no-guard")
    small = ("--updates", 1, "--cases", 2, "--option", "look_cases=2", "--option", "precision=float32")
    done = wmenv_command("align", "PhyWorld-uniform_motion", "--agent", "flow,steps=2", *held, *small)
    assert done.returncode == 0, done.stderr
    facts = json.loads((tmp_path / "aligned" / "alignment.json").read_text())["protocol"]
    assert facts["suite"]["judger"].startswith("critic-v0-") and facts["held_out"].startswith("physics")
