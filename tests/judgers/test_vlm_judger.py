"""`vlm:` end to end: the command, identity, options, alignment; and what is refused with which words."""

from __future__ import annotations

import gc
import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wmenv
from wmenv.core.clip import Clip
from wmenv.core.errors import InvalidArgument, MissingExtra, OutOfMemory
from wmenv.core.registries import JUDGERS

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")


@pytest.fixture
def folder(tiny_vlm: Callable[[str], Path]) -> Path:
    return tiny_vlm("qwen3-vl")


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


@pytest.fixture(scope="module")
def suite() -> Any:
    return wmenv.make("WorldModelBench-v0", size=32, frames=8).unwrapped


def noise(n: int, seed: int = 0) -> list[Clip]:
    frames = np.random.default_rng(seed).integers(0, 256, (n, 8, 32, 32, 3), dtype=np.uint8)
    return [Clip(one, Fraction(16)) for one in frames]


def test_the_command(folder: Path, tmp_path: Path) -> None:
    judger = f"vlm:{folder},sampler=uniform:4,least_mass=0"
    command = [sys.executable, "-m", "wmenv", "evaluate", "VideoVerse", "--agent", "copy-last", "--judger", judger,
               "--episodes", "2", "--size", "32", "--frames", "8", "--keep-clips", "all", "--out", "run"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr + done.stdout
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["protocol"]["judger"].startswith("vlm-v0 qwen3_vl ")
    (row,) = results["rows"]
    assert row["coverage"] == 1.0 and 0 < row["reward"]["mean"] < 1
    again = JUDGERS.create(judger)
    env = wmenv.make("VideoVerse", size=32, frames=8, judger=again).unwrapped
    ids = env.case_ids(2, np.random.default_rng(0))
    cases = env.cases(ids)
    stills = [Clip(np.repeat(case.request.frames, 8, axis=0), Fraction(16)) for case in cases]
    assert again.card["identity"] == results["protocol"]["judger"]
    assert all(one.coverage == 1.0 for one in env.score(cases, stills))


@pytest.mark.parametrize("kind", ["qwen3-vl", "llava-onevision"])
def test_all_kinds_of_questions(kind: str, tiny_vlm: Callable[[str], Path]) -> None:
    judger: Any = JUDGERS.create(f"vlm:{tiny_vlm(kind)},least_mass=0,sampler=uniform:3")
    json.dumps(judger.card, allow_nan=False)
    for name in ("WorldModelBench", "VideoVerse", "WorldReasonBench"):
        env = wmenv.make(name, size=32, frames=8, judger=judger).unwrapped
        cases = env.draw(2, np.random.default_rng(0))
        for case, judged in zip(cases, env.score(cases, [env.true_clip(case) for case in cases]), strict=True):
            for criterion, verdict in zip(case.criteria, judged.verdicts, strict=True):
                asked = len(criterion.questions)
                assert verdict.state == ("answered" if asked else "not_applicable"), verdict
                assert len(verdict.evidence.get("answers", ())) == asked
                assert all(0 < mass <= 1 for mass in verdict.evidence.get("mass", ()))


def test_abstention_is_no_score(folder: Path, suite: Any) -> None:
    judger: Any = JUDGERS.create(f"vlm:{folder},least_mass=1")
    case = suite.draw(1, np.random.default_rng(0))[0]
    (judged,) = judger.judge([case], noise(1))
    assert judged.reward is None and {v.state for v in judged.verdicts} == {"failed"}
    assert all("abstains" in v.reason and v.evidence["mass"][0] < 1 for v in judged.verdicts)
    values, valid = judger.reward([case], torch.rand(1, 8, 3, 32, 32))
    assert not valid.any() and not values.any()


def test_hard_answers_are_counted(folder: Path, suite: Any) -> None:
    soft, hard = (JUDGERS.create(f"vlm:{folder},least_mass=0,hard={hard}") for hard in (False, True))
    cases = suite.draw(1, np.random.default_rng(0)) * 3
    clips = noise(len(cases))
    for one, other in zip(soft.judge(cases, clips), hard.judge(cases, clips), strict=True):
        for criterion, a, b in zip(cases[0].criteria, one.verdicts, other.verdicts, strict=True):
            if criterion.answer == "binary":
                assert a.probability == b.probability == a.score and b.score == float(a.score >= 0.5)
            else:
                assert b.native in (0.0, 1.0, 2.0, 3.0) and a.native not in (0.0, 1.0, 2.0, 3.0)


def test_the_identity_is_whatever_decides_an_answer(folder: Path, copy: Path, tmp_path: Path) -> None:
    def identity(target: Path = folder, **options: Any) -> str:
        made: Any = JUDGERS.create(",".join([f"vlm:{target}", *(f"{k}={v}" for k, v in options.items())]))
        found: str = made.card["identity"].rpartition(" ")[2]
        return found

    questions = tmp_path / "questions.json"
    questions.write_text('{"velocity": "Is it fast?"}')
    own = identity()
    assert identity() == own == identity(copy) == identity(checkpoint=True), "wherever it lies, whatever it costs"
    chat = json.loads((copy / "tokenizer_config.json").read_text())
    chat["chat_template"] = "<|video_pad|>{{ messages[0].content[1].text }}"
    (copy / "tokenizer_config.json").write_text(json.dumps(chat))
    others = [
        identity(sampler="uniform:4"), identity(dtype="bfloat16"), identity(least_mass=0.1), identity(hard=True),
        identity(task=True), identity(questions=questions), identity(form="packed"), identity(batch=2),
        identity(outer=False), identity(copy),
    ]  # fmt: skip
    assert len({own, *others}) == 1 + len(others)


def test_judgers_of_the_same_weights_share_them(folder: Path) -> None:
    from wmenv.judgers.vlm.loading import _held

    one, other = JUDGERS.create(f"vlm:{folder}"), JUDGERS.create(f"vlm:{folder},sampler=uniform:2")
    assert one.asker.adapter.model is other.asker.adapter.model  # type: ignore[attr-defined]
    held = len(_held)
    del one, other
    gc.collect()
    assert len(_held) < held


def test_the_task_can_be_told(folder: Path, suite: Any) -> None:
    case = suite.draw(1, np.random.default_rng(0))[0]
    (clip,) = noise(1)
    told, untold = (JUDGERS.create(f"vlm:{folder},least_mass=0,task={task}") for task in (True, False))
    assert told.judge([case], [clip])[0].verdicts != untold.judge([case], [clip])[0].verdicts


QUESTIONS = {
    "count": {"text": "Does a disc vanish?", "polarity": -1},
    "velocity": ["Does it move at a constant speed?", {"text": "How smooth is it?", "answer": "ordinal", "highest": 3}],
}


def test_measured_criteria_are_not_asked_unless_somebody_gives_questions(folder: Path, tmp_path: Path) -> None:
    env: Any = wmenv.make("PhyWorld-parabola", size=32, frames=8).unwrapped
    case = env.draw(1, np.random.default_rng(0))[0]
    clip = env.true_clip(case)
    plain: Any = JUDGERS.create(f"vlm:{folder},least_mass=0")
    (judged,) = plain.judge([case], [clip])
    assert {v.state for v in judged.verdicts} == {"not_applicable"} and "questions=FILE" in judged.verdicts[0].reason
    (tmp_path / "q.json").write_text(json.dumps(QUESTIONS))
    asked: Any = JUDGERS.create(f"vlm:{folder},least_mass=0,questions={tmp_path / 'q.json'}")
    (judged,) = asked.judge([case], [clip])
    assert {v.criterion for v in judged.verdicts if v.state == "answered"} == set(QUESTIONS)
    assert len(judged["velocity"].evidence["answers"]) == 2 and asked.card["questions"]["count"][0]["polarity"] == -1


def test_a_vlm_can_align(folder: Path, tmp_path: Path) -> None:
    """Reward gradients through pixels, vision tower and language model into a generator."""
    pytest.importorskip("diffusers")
    from wmenv.core.registries import METHODS
    from wmenv.judgers.vlm import VlmJudger

    questions = {"count": {"text": "Does a disc vanish?", "polarity": -1}}
    judger = VlmJudger(str(folder), least_mass=0.0, questions=questions, sampler="uniform:4")
    env = wmenv.make("PhyWorld-uniform_motion", size=32, frames=16)
    make: Any = METHODS.load("reward-gradient")
    method = make(
        env, "flow,steps=2", judger, updates=2, cases=2, warm_up=0, look_every=0, look_cases=2, learning_rate=1e-3,
        precision="float32", criteria="count:1",
    )  # fmt: skip
    records = method.learn(2)
    assert records[-1].look.reward != records[0].look.reward


def test_a_clip_is_decoded_once(folder: Path, tmp_path: Path, suite: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a folder of videos through eight questions to the run folder: each file and each clip is looked at once."""
    from wmenv.core import video
    from wmenv.runs.plan import planned_cases

    (ids,) = planned_cases(suite, None, 2, 0).values()
    (tmp_path / "clips").mkdir()
    for case_id, clip in zip(ids, noise(2), strict=True):
        wmenv.write_clip(tmp_path / "clips" / f"{case_id}.mp4", clip)
    read: list[Path] = []
    plain = video._read_av
    monkeypatch.setattr(video, "_read_av", lambda path: (read.append(path), plain(path))[1])
    judger: Any = JUDGERS.create(f"vlm:{folder},least_mass=0")
    looks: list[int] = []
    hook = judger.asker.adapter.model.model.visual.register_forward_hook(lambda *_: looks.append(1))
    env = wmenv.make("WorldModelBench", size=32, frames=8, judger=judger)
    try:
        results = wmenv.evaluate(env, [f"videos:{tmp_path / 'clips'}"], episodes=2, out=tmp_path / "run")
    finally:
        hook.remove()
    assert results.rows[0].coverage == 1.0 and len(suite.criteria) == 8
    assert sorted(read) == sorted((tmp_path / "clips").iterdir()) and len(looks) == 2


def test_the_example_of_the_documentation(folder: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "judgers.md").read_text()
    (example,) = [block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "VlmJudger" in block]
    names: dict[str, Any] = {"clip": noise(1)[0]}
    exec(example.replace("models/qwen3-vl", str(folder)).replace("fps:8:64", "all"), names)
    assert names["answer"].log_odds is None, "a random model abstains"
    for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL):
        if "Does a disc vanish?" in block:
            own: Any = JUDGERS.load("vlm")
            assert set(own(str(folder), questions=json.loads(block)).questions) == {"count", "velocity"}


def test_units_are_known_to_alignment(folder: Path) -> None:
    pytest.importorskip("diffusers")
    from wmenv.alignment.rewards import _units

    env: Any = wmenv.make("VideoVerse", size=32, frames=8).unwrapped
    case = env.draw(1, np.random.default_rng(0))[0]
    judger: Any = JUDGERS.create(f"vlm:{folder}")
    assert set(_units(judger, case)) == {"log-odds"}
    graded: Any = wmenv.make("WorldModelBench", size=32, frames=8).unwrapped
    assert _units(judger, graded.draw(1, np.random.default_rng(0))[0])[0] == "expected grade"


# What is refused.


def test_hub_ids_offline(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in the cache; all of it; half of it. Not a byte goes over the network."""
    from huggingface_hub import constants

    def no_network(*arguments: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    monkeypatch.setattr(socket.socket, "connect", no_network)
    with pytest.raises(InvalidArgument, match=r"not in the cache .*hf download tiny/vlm .*online=true"):
        JUDGERS.create("vlm:tiny/vlm")
    with pytest.raises(InvalidArgument, match="tiny/vlm cannot be fetched"):
        JUDGERS.create("vlm:tiny/vlm,online=true")
    repository = tmp_path / "hub" / "models--tiny--vlm"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("abc")
    shutil.copytree(folder, repository / "snapshots" / "abc")
    judger: Any = JUDGERS.create("vlm:tiny/vlm,least_mass=0")
    assert judger.name == "vlm:vlm"
    (repository / "snapshots" / "abc" / "model.safetensors").unlink()
    with pytest.raises(InvalidArgument, match=r"model\.safetensors is missing.*hf download tiny/vlm"):
        JUDGERS.create("vlm:tiny/vlm")


def test_missing_packages(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtra, match=r"wmenv\[judge\]"):
        JUDGERS.create(f"vlm:{folder}")


@pytest.mark.parametrize(
    ("option", "word"),
    [
        ("sampler=2", "sampler must read"),
        ("batch=0", "batch must be"),
        ("form=fast", "form must be auto, prefix"),
        ("least_mass=2", "probability in"),
        ("dtype=int8", "dtype must be"),
        ("device=tpu", "device must be"),
        ("device=cuda:7", "sees no GPU"),
        ("revision=main", "belongs to a hub id"),
        ("frames=8", "frames"),
        ("questions=/no/such.json", "cannot be read as JSON"),
    ],
)
def test_options_that_make_no_sense(folder: Path, option: str, word: str) -> None:
    if "cuda" in option and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(InvalidArgument, match=word):
        JUDGERS.create(f"vlm:{folder},{option}")


@pytest.mark.parametrize(
    "text", ["[1]", '{"a": 3}', '{"a": {"words": "?"}}', '{"a": {"text": "?", "answer": "order"}}']
)
def test_questions_that_are_none(folder: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "q.json").write_text(text)
    with pytest.raises(InvalidArgument, match=r"q\.json"):
        JUDGERS.create(f"vlm:{folder},questions={tmp_path / 'q.json'}")


def test_no_model_there(folder: Path, copy: Path, tmp_path: Path) -> None:
    def refused(target: object, word: str) -> None:
        with pytest.raises(InvalidArgument, match=word):
            JUDGERS.create(f"vlm:{target}")

    refused("", "vlm: takes a folder")
    refused(tmp_path / "nowhere", "no folder at")
    refused(tmp_path, "config.json is missing")
    refused(folder / "config.json", "single file")
    refused("Nobody/no-such-model", "hf download Nobody/no-such-model")
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    refused(copy, "pickle")
    (copy / "pytorch_model.bin").unlink()
    refused(copy, r"model\.safetensors is missing")
    (copy / "model.safetensors.index.json").write_text('{"weight_map": {"a": "model-00001-of-00002.safetensors"}}')
    refused(copy, r"shard .*model-00001-of-00002\.safetensors is missing")
    (copy / "model.safetensors.index.json").write_text("no")
    refused(copy, "cannot be read")
    (copy / "tokenizer.json").unlink()
    (copy / "tokenizer_config.json").unlink()
    refused(copy, "no tokenizer")


def test_damaged_models(folder: Path, copy: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = copy / "model.safetensors"
    whole = weights.read_bytes()

    def refused(word: str) -> None:
        with pytest.raises(InvalidArgument, match=word):
            JUDGERS.create(f"vlm:{copy}")

    weights.write_bytes(whole[:-10])
    refused("cut short")
    weights.write_bytes(b"not at all")
    refused("no safetensors")
    tensors = load_file(folder / "model.safetensors")
    lost = next(name for name in tensors if "q_proj" in name)
    save_file({name: one for name, one in tensors.items() if name != lost}, weights, {"format": "pt"})
    refused("lacks 1 weights .*q_proj.*random")
    weights.write_bytes(whole)
    config = json.loads((copy / "config.json").read_text())
    for change, word in (
        ({"model_type": "qwen9_vl"}, "no adapter for models of type 'qwen9_vl'; vlm: knows qwen3_vl"),
        ({"model_type": None}, "names no model_type"),
        ({"text_config": {**config["text_config"], "hidden_size": 48}}, "cannot be loaded"),
    ):
        (copy / "config.json").write_text(json.dumps({**config, **change}))
        refused(word)
    (copy / "config.json").write_text("{")
    refused("cannot be read")
    (copy / "config.json").write_text(json.dumps(config))
    processing = json.loads((copy / "video_preprocessor_config.json").read_text())
    (copy / "video_preprocessor_config.json").write_text(json.dumps({**processing, "resample": 1}))
    refused("PIL's filter 1")


def test_processing_is_found_wherever_checkpoints_keep_it(copy: Path) -> None:
    from wmenv.judgers.vlm.checkpoint import look_over

    stated = json.loads((copy / "video_preprocessor_config.json").read_text())
    (copy / "video_preprocessor_config.json").unlink()
    assert look_over(copy, "x").processing == {}
    (copy / "preprocessor_config.json").write_text(json.dumps({"resample": 2}))
    assert look_over(copy, "x").processing == {"resample": 2}
    (copy / "processor_config.json").write_text(json.dumps({"video_processor": stated}))
    assert look_over(copy, "x").processing == stated


def test_a_model_that_does_not_fit_is_not_loaded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from wmenv.judgers.vlm import memory
    from wmenv.judgers.vlm.checkpoint import look_over

    found = look_over(folder, "x")
    assert found.weights * 4 == memory.estimate(found, "float32").weights
    assert memory.estimate(found, "bfloat16").total == pytest.approx(memory.estimate(found, "float32").total / 2, abs=1)
    model: Any = JUDGERS.create(f"vlm:{folder}")
    assert found.weights == sum(one.numel() for one in model.asker.adapter.model.parameters())
    assert model.card["memory_estimate_bytes"] == memory.estimate(found, "float32").total
    assert memory.available("cpu") is None or memory.available("cpu") > 1 << 20
    monkeypatch.setattr(memory, "available", lambda device: 1000)
    with pytest.raises(OutOfMemory, match="dtype=bfloat16"):
        JUDGERS.create(f"vlm:{folder}")


def test_memory_that_runs_out_while_judging(folder: Path, suite: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    judger: Any = JUDGERS.create(f"vlm:{folder},least_mass=0,batch=3")
    cases = suite.draw(1, np.random.default_rng(0)) * 3
    clips = noise(len(cases))
    right = [judger.judge([case], [clip])[0].total for case, clip in zip(cases, clips, strict=True)]
    plain, sizes = judger._judged, list[int]()

    def tight(some: Any, shown: Any) -> Any:
        sizes.append(len(some))
        if len(some) > most:
            raise RuntimeError("CUDA out of memory. Tried to allocate 3 GiB")
        return plain(some, shown)

    monkeypatch.setattr(judger, "_judged", tight)
    most = 1
    assert [one.total for one in judger.judge(cases, clips)] == right and sizes == [3, 1, 2, 1, 1]
    most = 0
    with pytest.raises(OutOfMemory, match=r"8 frames of 32 x 32 pixels.*sampler=uniform:16"):
        judger.judge(cases, clips)


def test_a_question_that_cannot_be_asked_fails_alone(folder: Path, suite: Any) -> None:
    from wmenv.judgers.vlm import VlmJudger

    questions = {"gravity": {"text": "Why?", "answer": "text"}, "mass": "Is it solid?"}
    judger = VlmJudger(str(folder), least_mass=0.0, questions=questions)
    case = suite.draw(1, np.random.default_rng(0))[0]
    (judged,) = judger.judge([case], noise(1))
    assert judged["gravity"].state == "failed" and "no reference" in judged["gravity"].reason
    assert judged["mass"].state == "answered"
    _, valid = judger.reward([case], torch.rand(1, 8, 3, 32, 32))
    assert [c.id for c, there in zip(case.criteria, valid[0].tolist(), strict=True) if not there] == ["gravity"]


def test_weights_that_diverged(copy: Path, suite: Any) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(copy / "model.safetensors")
    name = next(one for one in tensors if one.endswith("norm.weight"))
    save_file({**tensors, name: tensors[name] * float("nan")}, copy / "model.safetensors", {"format": "pt"})
    judger: Any = JUDGERS.create(f"vlm:{copy}")
    case = suite.draw(1, np.random.default_rng(0))[0]
    (judged,) = judger.judge([case], noise(1))
    assert {v.state for v in judged.verdicts} == {"failed"} and "not finite" in judged.verdicts[0].reason
    json.dumps([dict(v.evidence) for v in judged.verdicts], allow_nan=False)


def test_clips_of_one_frame_and_of_odd_shapes(tiny_vlm: Callable[[str], Path], suite: Any) -> None:
    case = suite.draw(1, np.random.default_rng(0))[0]
    for kind in ("qwen3-vl", "llava-onevision"):
        judger: Any = JUDGERS.create(f"vlm:{tiny_vlm(kind)},least_mass=0")
        for shape in ((1, 32, 32), (3, 5, 90), (2, 33, 17)):
            frames = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
            (judged,) = judger.judge([case], [Clip(frames, Fraction(30000, 1001))])
            assert judged.coverage == 1.0, (kind, shape)
    judger = JUDGERS.create(f"vlm:{tiny_vlm('qwen3-vl')},least_mass=0")
    with pytest.raises(InvalidArgument, match="200 : 1"):
        judger.judge([case], [Clip(np.zeros((2, 20, 5000, 3), np.uint8), Fraction(8))])
