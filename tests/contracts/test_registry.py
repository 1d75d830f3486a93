"""Contracts of every registered agent and judger; a new one is covered without being named here.

Those that know one world, as their tag `world` says, meet the suites of that world.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import wmenv
from wmenv.core.clip import Response
from wmenv.core.protocols import Agent, Judger
from wmenv.core.registries import AGENTS, JUDGERS, SUITES
from wmenv.core.registry import Registry

WHOLE = {entry.target for entry in SUITES.entries() if not gym.spec(entry.name).kwargs}
ENVS = [e.name for e in SUITES.entries() if e.target not in WHOLE or not gym.spec(e.name).kwargs]
"""Every suite but those that are a part of another one of the same class."""
JUDGED = 5


def at_home(registry: Registry[Any], name: str, suite: Any) -> None:
    """Skip what knows another world than the suite's."""
    world = registry.entry(name).tags.get("world")
    if world is not None and world != SUITES.entry(suite.spec.id).tags["world"]:
        pytest.skip(f"{name} knows {world} only")


@pytest.fixture(scope="module", params=ENVS)
def suite(request: pytest.FixtureRequest) -> Any:
    return wmenv.make(request.param, size=64).unwrapped


@pytest.fixture(scope="module")
def cases(suite: Any) -> list[Any]:
    return list(suite.draw(JUDGED, np.random.default_rng(8)))


def made(name: str, suite: Any, cases: list[Any], folder: Path, request: pytest.FixtureRequest) -> Agent:
    """An agent by its name; those that want a folder of clips or a model get one."""
    if name == "diffusers":
        tiny: Callable[[str], Path] = request.getfixturevalue("tiny")
        return AGENTS.create(f"diffusers:{tiny('ltx-image')},steps=1")
    if name == "flow":
        pytest.importorskip("torch")
    if name != "videos":
        return AGENTS.create(name)
    for case in cases[:-1]:  # the last one is missing
        wmenv.write_clip(folder / f"{case.id}.npz", suite.true_clip(case))
    return AGENTS.create(f"videos:{folder}")


@pytest.mark.parametrize("name", [entry.name for entry in AGENTS.entries()])
def test_agents(name: str, suite: Any, cases: list[Any], tmp_path: Path, request: pytest.FixtureRequest) -> None:
    at_home(AGENTS, name, suite)
    agent = made(name, suite, cases, tmp_path, request)
    assert isinstance(agent, Agent)
    form = {"frames": 32, "height": 64, **agent.card.get("clip", {})}
    if "clip" in agent.card:  # it makes clips of one form only
        suite = wmenv.make(suite.spec.id, size=form["height"], frames=form["frames"]).unwrapped
        cases = list(suite.draw(JUDGED, np.random.default_rng(8)))
    json.dumps(dict(agent.card), allow_nan=False)
    asked = cases if agent.privileged else suite.observe(cases)
    shown = [case.request.frames.copy() for case in cases]
    seeds = list(range(JUDGED))
    batch = agent.act(asked, seeds)
    assert len(batch) == JUDGED and all(isinstance(one, Response) for one in batch)
    for k in reversed(range(JUDGED)):
        (alone,) = agent.act(asked[k : k + 1], seeds[k : k + 1])
        assert alone.digest == batch[k].digest, "a response depends on its own request and seed alone"
    for case, before in zip(cases, shown, strict=True):
        np.testing.assert_array_equal(case.request.frames, before, err_msg="an agent wrote into its request")
    for one in batch:
        json.dumps(one.spec(), allow_nan=False)
        if isinstance(one, wmenv.Clip):
            assert one.frames.shape == (form["frames"], form["height"], form["height"], 3)
            given = cases[batch.index(one)].request.frames
            np.testing.assert_array_equal(one.frames[: len(given)], given)


def vlm_that_knows_noise(folder: Path, suite: Any, cases: list[Any]) -> Judger:
    """A tiny vision-language model, taught for a second by its own reward: true clips are good, noise is not."""
    import torch

    questions = {"velocity": "Does it move as it should?", "count": {"text": "Is the disc gone?", "polarity": -1}}
    (folder / "questions.json").write_text(json.dumps(questions))
    options = f"sampler=uniform:2,least_mass=0,questions={folder / 'questions.json'}"
    judger: Any = JUDGERS.create(f"vlm:{folder},{options}")
    true = np.stack([np.moveaxis(suite.true_clip(case).frames, -1, 1) for case in cases])
    frames = torch.from_numpy(true).float() / 255
    weights = list(judger.asker.adapter.model.requires_grad_(True).parameters())
    optimiser = torch.optim.Adam(weights, lr=3e-3)
    rng = torch.Generator().manual_seed(1)
    for _ in range(12):
        good, valid = judger.reward(cases, frames)
        bad, _ = judger.reward(cases, torch.rand(frames.shape, generator=rng))
        loss = torch.nn.functional.softplus(torch.stack([-good[valid], bad[valid]])).mean()
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
    judger.asker.adapter.model.requires_grad_(False)
    return judger  # type: ignore[no-any-return]


def made_judger(name: str, cases: list[Any], suite: Any, folder: Path, request: pytest.FixtureRequest) -> Judger:
    """A judger by its name; those that want recorded answers or a server get some, worst for the second case.

    One that wraps others wraps recorded answers.
    """
    if name == "server":
        stub = request.getfixturevalue("stub_server").Stub(answer=knowing(cases, suite))
        request.addfinalizer(lambda: stub.__exit__())
        return JUDGERS.create(stub.__enter__().spec())
    if name in ("critic", "physics-soft"):
        pytest.importorskip("torch")
    if name == "vlm":
        tiny_vlms = request.getfixturevalue("tiny_vlms")
        return vlm_that_knows_noise(tiny_vlms.save("qwen3-vl", folder / "vlm"), suite, cases[:2])
    if JUDGERS.entry(name).tags.get("wraps"):
        made_judger("answers", cases, suite, folder, request)
        answers = folder / "answers.jsonl"
        (folder / "other.jsonl").write_text(answers.read_text() + "\n")
        more = {"ensemble": f"+answers:{folder / 'other.jsonl'}", "calibrated": ",temperature=2"}.get(name, "")
        return JUDGERS.create(f"{name}:answers:{answers}{more}")
    if name != "answers":
        return JUDGERS.create(name)
    lines = [
        {"case_id": case.id, "criterion": criterion.id, "value": float(case is not cases[1])}
        for case in cases
        for criterion in case.criteria
    ]
    (folder / "answers.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return JUDGERS.create(f"answers:{folder / 'answers.jsonl'}")


def knowing(cases: list[Any], suite: Any) -> Callable[[str, Any], Any]:
    """What a model says that knows the true clips: the good answer on them, the other one on any other clip."""
    from base64 import b64encode

    from wmenv.judgers.servers.frames import jpeg

    def coded(case: Any) -> tuple[str, ...]:
        return tuple(b64encode(jpeg(frame, 2)).decode() for frame in suite.true_clip(case).frames)

    true = {coded(case): case for case in cases}

    def say(words: str, frames: tuple[str, ...]) -> Any:
        case, good = true.get(frames, cases[1]), frames in true
        asked = [question for criterion in case.criteria for question in criterion.questions]
        (question, *_) = [one for one in asked if words.startswith(one.text)]
        if question.answer == "order":
            return f"<output>{', '.join('ABCDEFGHIJ'[: len(question.options)]) if good else ''}</output>"
        if question.answer == "ordinal":
            return {str(question.highest if good else question.lowest): 0.9}
        return {"Yes" if good == (question.polarity > 0) else "No": 0.9}

    return say


@pytest.mark.parametrize("name", [entry.name for entry in JUDGERS.entries()])
def test_judgers(name: str, suite: Any, cases: list[Any], tmp_path: Path, request: pytest.FixtureRequest) -> None:
    at_home(JUDGERS, name, suite)
    if JUDGERS.entry(name).tags.get("asks") == "questions" and not any(c.questions for c in cases[0].criteria):
        pytest.skip(f"{name} answers questions, and {suite.spec.id} asks none")
    judger = made_judger(name, cases, suite, tmp_path, request)
    assert isinstance(judger, Judger)
    json.dumps(dict(judger.card), allow_nan=False)
    responses = [suite.true_clip(case) for case in cases]
    responses[1] = wmenv.Clip(
        np.random.default_rng(0).integers(0, 256, (32, 64, 64, 3), dtype=np.uint8), responses[0].fps
    )
    shown = cases if judger.reads_truth else [case.without_truth(name) for case in cases]
    batch = judger.judge(shown, responses)
    for k in range(JUDGED):
        (alone,) = judger.judge(shown[k : k + 1], responses[k : k + 1])
        assert [(v.state, v.score, v.native) for v in alone.verdicts] == [
            (v.state, v.score, v.native) for v in batch[k].verdicts
        ]
        assert alone.total == batch[k].total
        assert [v.criterion for v in batch[k].verdicts] == [c.id for c in cases[k].criteria]
        assert batch[k].reward is None or 0.0 <= batch[k].reward <= 1.0
    assert batch[0].reward > batch[1].reward, "a true clip is better than noise"


def test_suites(suite: Any, cases: list[Any]) -> None:
    again = suite.cases([case.id for case in reversed(cases)])
    for case, twin in zip(reversed(cases), again, strict=True):
        assert case.id == twin.id and case.tags == twin.tags
        np.testing.assert_array_equal(case.request.frames, twin.request.frames)
        np.testing.assert_array_equal(suite.true_clip(case).frames, suite.true_clip(twin).frames)
    json.dumps(suite.protocol(), allow_nan=False)
    for split in suite.splits():
        few = suite.case_ids(3, np.random.default_rng(1), split)
        assert few == suite.case_ids(6, np.random.default_rng(1), split)[:3]
        assert {case.tags["split"] for case in suite.cases(few)} == {split}
