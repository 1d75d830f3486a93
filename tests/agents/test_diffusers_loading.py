"""Folders that are not what `diffusers:` can load: each is refused with the file and the way out."""

from __future__ import annotations

import importlib.util
import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wmenv.core.case import ClipSpec, Request
from wmenv.core.errors import InvalidArgument
from wmenv.core.registries import AGENTS

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

Tiny = Callable[[str], Path]
WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture
def copy(tiny: Tiny, tmp_path: Path) -> Path:
    """A tiny pipeline to be broken."""
    return Path(shutil.copytree(tiny("ltx"), tmp_path / "ltx"))


def refused(target: object, options: str = "") -> str:
    """The message with which a target is refused."""
    with pytest.raises(InvalidArgument) as caught:
        AGENTS.create(f"diffusers:{target}{options}")
    return str(caught.value)


def test_no_folder(tmp_path: Path) -> None:
    assert "no folder at '/nowhere/at/all'" in refused("/nowhere/at/all")
    assert "no folder at ''" in refused("")


def test_a_folder_that_is_no_pipeline(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    message = refused(tmp_path)
    assert "is no diffusers pipeline" in message and f"{tmp_path / 'model_index.json'} is missing" in message
    (tmp_path / "modular_model_index.json").write_text("{}")
    assert "is a modular pipeline" in refused(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", '{"_class_name": ["mine", "Pipeline"]}', '{"_class_name": 3}', "\xff"])
def test_a_damaged_table_of_contents(text: str, copy: Path) -> None:
    (copy / "model_index.json").write_text(text, "latin-1")
    message = refused(copy)
    assert "model_index.json" in message and ("cannot be read" in message or "names no class" in message)


def test_an_unknown_pipeline(copy: Path) -> None:
    index = json.loads((copy / "model_index.json").read_text())
    (copy / "model_index.json").write_text(json.dumps({**index, "_class_name": "TomorrowPipeline"}))
    assert "has no pipeline 'TomorrowPipeline'" in refused(copy)


@pytest.mark.parametrize("suffix", [".ckpt", ".pt", ".bin"])
def test_a_pickled_checkpoint(suffix: str, copy: Path, tmp_path: Path) -> None:
    """As a file, alone in a folder, in place of a component's safetensors; it is never opened."""
    single = tmp_path / "single" / f"model{suffix}"
    single.parent.mkdir()
    torch.save({"weight": torch.zeros(3)}, single)
    part = copy / "transformer" / WEIGHTS
    pickled = part.with_name(f"diffusion_pytorch_model{suffix}")
    torch.save({"weight": torch.zeros(3)}, pickled)
    part.unlink()
    for target, file in ((single, single), (single.parent, single), (copy, pickled)):
        message = refused(target)
        assert f"{file} is a pickle, which can run code" in message and "safe_serialization=True" in message


def test_a_pickle_beside_safetensors_is_not_read(copy: Path) -> None:
    (copy / "transformer" / "diffusion_pytorch_model.bin").write_bytes(b"not even a pickle")
    AGENTS.create(f"diffusers:{copy}")


def test_a_single_safetensors_file(tmp_path: Path, copy: Path) -> None:
    assert "is a single file" in refused(copy / "vae" / WEIGHTS)
    (tmp_path / "single").mkdir()
    shutil.copy(copy / "vae" / WEIGHTS, tmp_path / "single" / "ltxv-2b.safetensors")
    assert "ltxv-2b.safetensors is a single file" in refused(tmp_path / "single")


@pytest.mark.parametrize(
    "file", [f"transformer/{WEIGHTS}", "transformer/config.json", "text_encoder/model.safetensors", "vae", "tokenizer"]
)
def test_a_missing_file(file: str, copy: Path) -> None:
    path = copy / file
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    message = refused(copy)
    assert f"{path} is missing" in message and "Copy the folder again" in message


def test_a_missing_shard(tmp_path: Path) -> None:
    path = Path(__file__).parent / "tiny_pipelines.py"
    module_spec = importlib.util.spec_from_file_location("tiny_pipelines", path)
    assert module_spec is not None and module_spec.loader is not None
    builder = importlib.util.module_from_spec(module_spec)
    module_spec.loader.exec_module(builder)
    folder = builder.save("ltx", tmp_path, max_shard_size="60KB")
    whole: Any = AGENTS.create(f"diffusers:{folder}")
    assert whole.signature.pipeline == "LTXPipeline"
    shards = sorted((folder / "transformer").glob("*-of-*.safetensors"))
    assert len(shards) > 1
    shards[1].unlink()
    message = refused(folder)
    assert f"shard {shards[1]} is missing, one of {len(shards)}" in message
    (folder / "transformer" / f"{WEIGHTS}.index.json").write_text('{"weight_map": [1]}')
    assert "index.json cannot be read" in refused(folder)


@pytest.mark.parametrize("kept", [0, 5, 300, -1])
def test_a_file_that_is_cut_short(kept: int, copy: Path) -> None:
    path = copy / "vae" / WEIGHTS
    data = path.read_bytes()
    path.write_bytes(data[:kept])
    message = refused(copy)
    assert str(path) in message and "cut short" in message


def test_weights_of_another_model(copy: Path, tiny: Tiny) -> None:
    """Whole files that do not belong together: what diffusers says about them, in one line."""
    shutil.copy(tiny("wan") / "transformer" / "config.json", copy / "transformer" / "config.json")
    message = refused(copy)
    assert f"{copy} cannot be loaded" in message and "\n" not in message


def test_code_in_the_folder_is_not_run(copy: Path) -> None:
    marker = copy / "ran"
    (copy / "vae" / "mine.py").write_text(f"open({str(marker)!r}, 'w')")
    index = json.loads((copy / "model_index.json").read_text())
    (copy / "model_index.json").write_text(json.dumps({**index, "vae": ["mine", "Thing"]}))
    assert "is code that loading would run" in refused(copy)
    (copy / "vae" / "mine.py").unlink()
    assert "cannot be loaded" in refused(copy) and not marker.exists()


def test_variants(copy: Path) -> None:
    part = copy / "transformer"
    (part / WEIGHTS).rename(part / "diffusion_pytorch_model.fp16.safetensors")
    assert "diffusion_pytorch_model.fp16.safetensors: is there a variant= of that name?" in refused(copy)
    AGENTS.create(f"diffusers:{copy},variant=fp16")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub, and no way to the network."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))

    def no_network(*arguments: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    monkeypatch.setattr(socket.socket, "connect", no_network)
    return tmp_path / "hub"


def test_hub_ids_offline(cache: Path, tiny: Tiny) -> None:
    """Not in the cache; half in it; all of it: then it loads, and not a byte goes over the network."""
    message = refused("tiny/ltx")
    assert "model_index.json of that hub id is not in the cache" in message and str(cache) in message
    assert "hf download tiny/ltx --local-dir DIR" in message and "online=true" in message
    repository = cache / "models--tiny--ltx"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("abc")
    shutil.copytree(tiny("ltx"), repository / "snapshots" / "abc")
    agent: Any = AGENTS.create("diffusers:tiny/ltx,steps=1")
    assert agent.name == "diffusers:ltx,steps=1"
    request = Request("case", "two discs", np.zeros((0, 32, 32, 3), np.uint8), ClipSpec(9, 32, 32))
    assert len(agent.act([request], [1])[0]) == 9
    gone = repository / "snapshots" / "abc" / "transformer" / WEIGHTS
    gone.unlink()
    message = refused("tiny/ltx")
    assert f"{gone} is missing" in message and "hf download tiny/ltx" in message
    assert "model_index.json of that hub id is not in the cache" in refused("tiny/ltx", ",revision=v2")


def test_online_without_a_network(cache: Path) -> None:
    assert "tiny/ltx cannot be fetched" in refused("tiny/ltx", ",online=true")


def test_content_has_a_name(copy: Path, tiny: Tiny) -> None:
    """Another folder is the same model; another weight, another configuration is not."""

    def identity(folder: Path) -> str:
        agent: Any = AGENTS.create(f"diffusers:{folder}")
        return str(agent.card["identity"])

    original = identity(tiny("ltx"))
    assert identity(copy) == original and original.startswith("LTXPipeline-")
    scheduler = copy / "scheduler" / "scheduler_config.json"
    text = scheduler.read_text()
    scheduler.write_text(text.replace('"shift": 1.0', '"shift": 2.0'))
    assert scheduler.read_text() != text and identity(copy) != original
    scheduler.write_text(text)
    weights = copy / "vae" / WEIGHTS
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert identity(copy) != original


def test_a_folder_is_loaded_once(tiny: Tiny) -> None:
    from wmenv.agents.diffusers.loading import held_pipeline

    first, second = (AGENTS.create(f"diffusers:{tiny('ltx')},steps={steps}") for steps in (1, 2))
    held = held_pipeline(first.wanted)  # type: ignore[attr-defined]
    assert held is held_pipeline(second.wanted)  # type: ignore[attr-defined]
    other: Any = AGENTS.create(f"diffusers:{tiny('wan')}")
    assert held_pipeline(other.wanted) is not held
    assert held_pipeline(first.wanted) is not held, "one in memory at a time"  # type: ignore[attr-defined]


def test_loading_prints_nothing(tiny: Tiny, capfd: pytest.CaptureFixture[str]) -> None:
    from wmenv.agents.diffusers import loading

    loading._held.clear()
    agent = AGENTS.create(f"diffusers:{tiny('ltx')},steps=1")
    agent.act([Request("case", "two discs", np.zeros((0, 32, 32, 3), np.uint8), ClipSpec(9, 32, 32))], [1])
    told = capfd.readouterr()
    assert (told.out, told.err) == ("", "")
