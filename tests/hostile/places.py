"""Every place that takes somebody's files: how a good sample is made, and what reads it.

`PLACES[name]` has `make(folder)`, `read(folder)`, and the names of files in the sample that may be damaged without a
refusal (`forgiving`), because what is wrong with them is told in another way.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

TESTS = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Place:
    make: Callable[[Path], object]
    read: Callable[[Path], object]
    needs: tuple[str, ...] = ()
    forgiving: tuple[str, ...] = ()


PLACES: dict[str, Place] = {}


def place(name: str, make: Callable[[Path], object], **more: Any) -> Callable[[Callable[[Path], object]], object]:
    def added(read: Callable[[Path], object]) -> object:
        PLACES[name] = Place(make, read, **more)
        return read

    return added


def module(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(path).stem, TESTS / path)
    assert spec is not None and spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def each(folder: Path, read: Callable[[Path], object], pattern: str = "*") -> None:
    for path in sorted(folder.glob(pattern)):
        read(path)


# Clips.


def make_clips(folder: Path) -> None:
    import av

    from wmenv.core.clip import Clip
    from wmenv.core.video import write_clip

    frames = np.random.default_rng(0).integers(0, 256, (6, 32, 48, 3), dtype=np.uint8)
    for name in ("a.npz", "b.mp4"):
        write_clip(folder / name, Clip(frames, Fraction(10)))
    for name, codec, form in (("c.mkv", "mpeg4", "yuv420p"), ("d.avi", "mjpeg", "yuvj420p"), ("e.gif", "gif", "rgb8")):
        with av.open(str(folder / name), "w") as container:
            stream: Any = container.add_stream(codec, rate=10)
            stream.width, stream.height, stream.pix_fmt = 48, 32, form
            for image in frames:
                frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=form)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())


@place("clips", make_clips)
def read_clips(folder: Path) -> None:
    from wmenv.core.video import read_clip

    each(folder, read_clip)


# Copies of published benchmarks, and what their scripts write.


def make_copy(name: str, folder: Path) -> None:
    getattr(module("envs/conftest.py"), f"write_{name}")(folder)
    if name == "worldmodelbench":
        module("official/test_copies.py").script(folder)


def read_copy(name: str, folder: Path) -> None:
    from wmenv.official import copies

    copies.check(name, folder)
    env = module("envs/conftest.py").made(name, folder)
    env.observe(env.cases(env.case_ids(3, np.random.default_rng(0))))
    copies.templates(name, folder)


for benchmark in ("worldmodelbench", "videoverse", "worldreasonbench"):
    forgiving = ("*.mp4",) if benchmark == "worldmodelbench" else ()
    place(f"copy of {benchmark}", partial(make_copy, benchmark), forgiving=forgiving)(partial(read_copy, benchmark))


def make_results(folder: Path) -> None:
    from wmenv.official.videoverse import results as videoverse
    from wmenv.official.worldmodelbench import results as worldmodelbench
    from wmenv.official.worldreasonbench import results as worldreasonbench

    wmb = worldmodelbench.collect(["a", "b"], lambda stem, criterion: "Score: 2", "m")
    (folder / "worldmodelbench.json").write_text(worldmodelbench.dumps(wmb))
    make_copy("videoverse", folder)
    prompts = json.loads((folder / "prompts_of_VideoVerse.json").read_text())
    (folder / "prompts_of_VideoVerse.json").unlink()
    found = videoverse.collect(prompts, lambda key, lines: "<output>A,B</output>", lambda key, question: "yes")
    (folder / "videoverse.json").write_text(videoverse.dumps(found))
    asked = {"question": "Does it?", "question_type": "factual", "difficulty": "easy", "ground_truth": "yes"}
    rows = [{**asked, "predicted_answer": "Yes", "score": 1} for _ in range(2)]
    row = {
        "id": "1-a-1",
        "category": "World-Knowledge",
        "sub_category_v2": "x",
        "binary_qa": [asked],
        "open_ended_qa": [],
    }
    videos = [worldreasonbench.video_result(row, "1-a-1.mp4", rows)]
    whole = {"summary": worldreasonbench.summary(videos), "per_video": videos, "skipped": []}
    (folder / "worldreasonbench.json").write_text(worldreasonbench.dumps(whole))


@place("official results", make_results)
def read_results(folder: Path) -> None:
    from wmenv.official.subset import chosen
    from wmenv.studies.answers import score_file

    for path in sorted(folder.glob("*.json")):
        score_file(path)
        chosen(f"hard-1:{path}", path.stem, ["a", "b", "1-a-1", "key-0", "key-1"])


LABELS = "clip,criterion,annotator,value,group\na,mass,ann,1,p\nb,mass,ann,0,p\na,mass,bob,1,p\nb,mass,bob,1,p\n"


def make_tables(folder: Path) -> None:
    (folder / "labels.csv").write_text(LABELS)
    target = {
        "video_path": "x/a.mp4",
        "t2v_prompt": "p",
        "dimension": "Mechanics",
        "question": "Is it?",
        "target": "yes",
    }
    (folder / "targets.jsonl").write_text("\n".join(json.dumps({**target, "question": str(k)}) for k in range(3)))
    (folder / "targets.json").write_text(json.dumps([target]))
    pair = {"task_id": "1", "model_1": "a", "model_2": "b", "score_1": 2.0, "score_2": 3.0, "pair_type": "gap"}
    (folder / "pairs.json").write_text(
        json.dumps([{**pair, "task_id": str(k), "is_order_swapped": False} for k in range(3)])
    )
    answers = [
        {"case_id": "a", "criterion": "mass", "answer": "yes"},
        {"case_id": "b", "criterion": "mass", "value": 1},
    ]
    (folder / "answers.jsonl").write_text("\n".join(map(json.dumps, answers)))


@place("tables", make_tables)
def read_tables(folder: Path) -> None:
    from wmenv.judgers.answers import AnswersJudger
    from wmenv.official import labels, targets
    from wmenv.official.agreement import agreement_of
    from wmenv.official.worldreasonbench import pairs

    agreement_of(labels.load(folder / "labels.csv"))
    for name in ("labels.csv", "answers.jsonl"):
        AnswersJudger(str(folder / name))
    for name in ("targets.jsonl", "targets.json"):
        targets.load(folder / name)
    pairs.human_scores(pairs.load(folder / "pairs.json"))


# Runs.


def make_run(folder: Path) -> None:
    import wmenv

    wmenv.evaluate("PhyWorld-uniform_motion-v0", ["law", "copy-last"], episodes=2, size=32, out=folder, keep="none")


@place("run", make_run, forgiving=(".lock", "report.html"))
def read_run(folder: Path) -> None:
    from wmenv.report.html import write_report
    from wmenv.runs.compare import compare
    from wmenv.runs.groups import grouped
    from wmenv.runs.results import Results
    from wmenv.runs.store import RunStore
    from wmenv.runs.summary import summarise

    Results.read(folder)
    store = RunStore(folder)
    try:
        summarise(store, {})
    finally:
        store.close()
    compare(f"{folder}:law", f"{folder}:copy-last")
    grouped(folder, "split")
    write_report([folder], clips_per_group=1)


# Small files.


def make_files(folder: Path) -> None:
    import wmenv
    from wmenv.core.case import Case, ClipSpec, Request
    from wmenv.core.criterion import Criterion
    from wmenv.core.verdict import Verdict, judgement
    from wmenv.judgers.servers.reply import Reply
    from wmenv.judgers.servers.store import Store
    from wmenv.judgers.wrappers import temperatures
    from wmenv.judgers.wrappers.memory import Memory
    from wmenv.runs.baseline import Baseline

    run = folder / "run"
    wmenv.evaluate("PhyWorld-uniform_motion-v0", ["law"], episodes=2, size=32, out=run, keep="none")
    Baseline.of(run).write(folder / "baseline.json")
    for path in run.iterdir():
        path.unlink()
    run.rmdir()
    temperatures.write(folder / "temperatures.json", temperatures.Temperatures("j", 1.0, {"mass": 2.0}), {})
    request = Request("a", "", np.zeros((0, 16, 16, 3), np.uint8), ClipSpec())
    case = Case(request, (Criterion("mass", "x", "Is it?", "binary", 1),), "weighted-sum-v0")
    memory = Memory(folder / "memory.sqlite")
    memory.put({"a": judgement(case, [Verdict.answered("mass", 1.0, track=np.zeros((2, 2)))], "j")})
    memory.close()
    store = Store(folder / "answers.sqlite")
    store.put("a", Reply("yes", (("yes", -0.1),)))
    store.close()
    (folder / "questions.json").write_text(json.dumps({"mass": {"text": "Is it?", "polarity": -1}, "x": ["Is it?"]}))
    (folder / "key.txt").write_text("secret-key-0123456789\n")
    (folder / "clips.jsonl").write_text('{"file": "a.mp4", "case": "a"}\n{"file": "b.mp4", "case": "b"}\n')
    (folder / "manifest.json").write_text('{"data": "planted violations", "seeds": [0, 1]}')


@place("files", make_files, forgiving=("key.txt",))
def read_files(folder: Path) -> None:
    from wmenv.judgers.servers.key import read_key
    from wmenv.judgers.servers.store import Store
    from wmenv.judgers.vlm.own_questions import own_questions
    from wmenv.judgers.wrappers import temperatures
    from wmenv.judgers.wrappers.memory import Memory
    from wmenv.runs.baseline import Baseline
    from wmenv.worlds.folders import data_folder
    from wmenv.worlds.scenes.violations import read_table

    baseline = Baseline.read(folder / "baseline.json")
    baseline.values(), baseline.measured(), baseline.identity()
    temperatures.read(folder / "temperatures.json")
    memory = Memory(folder / "memory.sqlite")
    memory.get(["a"])
    memory.close()
    store = Store(folder / "answers.sqlite")
    store.get("a"), store.spent()
    store.close()
    own_questions(str(folder / "questions.json"))
    read_key(None, str(folder / "key.txt"))
    read_table(folder)
    with data_folder(folder, json.loads('{"data": "planted violations", "seeds": [0, 1]}')):
        pass


# Weights.


def make_models(folder: Path) -> None:
    from safetensors.numpy import save_file

    weights = {"a": np.zeros((2, 3), np.float32), "b": np.ones(4, np.float16)}
    vlm, pipeline, lora = (folder / name for name in ("vlm", "pipeline", "lora"))
    for one in (vlm, pipeline / "unet", lora):
        one.mkdir(parents=True)
    (vlm / "config.json").write_text(json.dumps({"model_type": "qwen3_vl", "vision_config": {"patch_size": 16}}))
    (vlm / "tokenizer.json").write_text("{}")
    (vlm / "preprocessor_config.json").write_text(json.dumps({"size": {"shortest_edge": 4}}))
    save_file(weights, vlm / "model-1.safetensors")
    (vlm / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "model-1.safetensors"}}))
    index = {"_class_name": "LTXPipeline", "unet": ["diffusers", "UNet2DModel"]}
    (pipeline / "model_index.json").write_text(json.dumps(index))
    (pipeline / "unet" / "config.json").write_text("{}")
    save_file(weights, pipeline / "unet" / "diffusion_pytorch_model.safetensors")
    save_file(weights, lora / "pytorch_lora_weights.safetensors")


@place("models", make_models, needs=("safetensors",), forgiving=("tokenizer.json", "unet/config.json"))
def read_models(folder: Path) -> None:
    from wmenv.agents.diffusers import checkpoint as pipelines
    from wmenv.judgers.vlm import checkpoint as vlms

    vlms.look_over(folder / "vlm", str(folder / "vlm"))
    pipelines.look_over(folder / "pipeline", str(folder / "pipeline"), None)
    pipelines.lora_digest(folder / "lora")


def make_critic(folder: Path) -> None:
    from wmenv.judgers.critics.checkpoint import write_critic
    from wmenv.judgers.critics.form import Form
    from wmenv.judgers.critics.network import network

    form = Form("flat", size=16, frames=8, width=16, fps="10")
    card = {"form": form.plain(), "criteria": ["velocity"], "exam": {"velocity": {"auc": 0.9}}}
    write_critic(folder, network(form, 1), card)


@place("critic", make_critic, needs=("torch",))
def read_critic_folder(folder: Path) -> None:
    from wmenv.judgers.critics.checkpoint import read_critic

    read_critic(folder)


def make_flow(folder: Path) -> None:
    from wmenv.agents.flow.checkpoint import write_checkpoint
    from wmenv.agents.flow.network import Architecture, Denoiser

    architecture = Architecture(size=16, frames=4, given=1, widths=(8, 8))
    card = {"architecture": architecture.plain(), "prompt": "p", "recipe": {}}
    write_checkpoint(folder, Denoiser(architecture).state_dict(), card)


@place("flow", make_flow, needs=("torch", "diffusers"))
def read_flow(folder: Path) -> None:
    from wmenv.agents.flow.checkpoint import card_digest, read_checkpoint

    _, card = read_checkpoint(folder)
    card_digest(card)


def make_states(folder: Path) -> None:
    import torch
    from safetensors.torch import save_file

    tensors = {"weights/a": torch.zeros(2, 2)}
    plain = {"protocol": {"method": "x"}, "progress": {"update": 3}}
    save_file(tensors, folder / "alignment.safetensors", {"alignment": json.dumps(plain)})
    save_file(tensors, folder / "training.safetensors", {"state": json.dumps({"recipe": {}, "step": 3})})


@place("states", make_states, needs=("torch", "diffusers", "peft"))
def read_states(folder: Path) -> None:
    from wmenv.agents.flow import training
    from wmenv.alignment import folder as alignment

    alignment._saved(folder / "alignment.safetensors")
    training._saved(folder / "training.safetensors")
