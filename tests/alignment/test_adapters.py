"""Adapters: trained alone, and read back by stock diffusers with the same clip."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wmenv.core.case import ClipSpec, Request
from wmenv.core.errors import InvalidArgument
from wmenv.core.registries import AGENTS

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("peft")

from safetensors.torch import load_file  # noqa: E402

from wmenv.agents.adapters import (  # noqa: E402
    adapters_off,
    add_lora,
    has_lora,
    merged_weights,
    train_all,
)
from wmenv.agents.diffusers.generator import DiffusersGenerator  # noqa: E402
from wmenv.agents.flow.checkpoint import write_checkpoint  # noqa: E402
from wmenv.agents.flow.generator import FlowGenerator  # noqa: E402
from wmenv.agents.flow.network import Architecture, Denoiser  # noqa: E402

pytestmark = [  # what diffusers, transformers and numpy deprecate among each other
    pytest.mark.filterwarnings(f"ignore::{category}")
    for category in ("DeprecationWarning", "PendingDeprecationWarning", "FutureWarning")
]

FORMS = {"wan": (9, 16), "ltx": (9, 32), "cogvideox": (9, 16), "svd": (2, 16)}
TEXT = ["wan", "ltx", "cogvideox"]
TINY = Architecture(size=16, frames=6, given=2, patch=1, widths=(8, 16))


def ask(kind: str) -> Request:
    frames, size = FORMS.get(kind, (6, 16))
    given = {"svd": 1, "flow": 2}.get(kind, 0)
    shown = np.full((given, size, size, 3), 100, np.uint8)
    return Request("case", "a disc moves", shown, ClipSpec(frames, size, size, Fraction(10)))


@pytest.fixture
def made(tiny: Callable[[str], Path]) -> Callable[[str], Any]:
    def make(kind: str) -> Any:
        words = {} if kind == "svd" else {"max_sequence_length": 16}
        return DiffusersGenerator(str(tiny(kind)), steps=2, device="cpu", dtype="float32", **words)

    return make


@pytest.fixture
def flow(tmp_path: Path) -> FlowGenerator:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        denoiser = Denoiser(TINY).eval()
    card = {"architecture": TINY.plain(), "prompt": "a disc moves", "recipe": {"law": "uniform_motion"}}
    (tmp_path / "base").mkdir()
    write_checkpoint(tmp_path / "base", denoiser.state_dict(), card)
    return FlowGenerator.read(tmp_path / "base", steps=3)


def moved(weights: Any) -> None:
    with torch.no_grad():
        for weight in weights:
            weight.normal_(std=0.2, generator=torch.Generator().manual_seed(len(weight)))


@pytest.mark.parametrize("kind", TEXT)
def test_01_the_adapter_alone_is_trained(made: Any, kind: str) -> None:
    generator = made(kind)
    weights = add_lora(generator.networks(), rank=3)
    (network,) = generator.networks().values()
    trained = {name for name, weight in network.named_parameters() if weight.requires_grad}
    assert trained == {name for name, _ in network.named_parameters() if "lora_" in name}
    assert len(weights) == len(trained) and all(w.dtype == torch.float32 and 3 in w.shape for w in weights)
    layers = {name.split(".lora_")[0].rpartition(".attn")[2][2:] for name in trained}
    assert layers == {"to_q", "to_k", "to_v", "to_out.0"}
    with pytest.raises(InvalidArgument, match="has an adapter already"):
        add_lora(generator.networks(), rank=3)


@pytest.mark.parametrize("kind", TEXT)
@pytest.mark.parametrize("alpha", [None, 6])
def test_02_stock_diffusers_reads_an_exported_adapter_with_the_same_clip(
    made: Any, tiny: Callable[[str], Path], tmp_path: Path, kind: str, alpha: int | None
) -> None:
    """Also where alpha is not the rank, which a reader who is told nothing takes it to be."""
    import diffusers

    generator, request = made(kind), ask(kind)
    base = generator.act([request], [1])[0]
    moved(add_lora(generator.networks(), rank=4, alpha=alpha))
    spec = generator.export(tmp_path / "lora", {"method": "a test"})
    ours = generator.act([request], [1])[0]
    stock: Any = diffusers.DiffusionPipeline.from_pretrained(tiny(kind))
    stock.load_lora_weights(tmp_path / "lora")
    frames, size = FORMS[kind]
    options = {"num_inference_steps": 2, "max_sequence_length": 16, "output_type": "np"}
    shape = {"height": size, "width": size, "num_frames": frames}
    theirs = stock(
        prompt=request.prompt, generator=torch.Generator().manual_seed(1), **shape, **options, **_rate(kind)
    ).frames[0]
    assert np.abs(ours.frames - theirs * 255).max() <= 1.0
    assert np.abs(base.frames - theirs * 255).max() > 3.0, "not the base model"
    agent: Any = AGENTS.create(f"{spec},steps=2,max_sequence_length=16,device=cpu,dtype=float32")
    assert np.abs(agent.act([request], [1])[0].frames.astype(int) - ours.frames).max() <= 1
    assert agent.card["lora"] in agent.card["identity"] and "lora=" in agent.name
    assert json.loads((tmp_path / "lora" / "alignment.json").read_text())["alignment"] == {"method": "a test"}


def _rate(kind: str) -> dict[str, Any]:
    return {"frame_rate": 10} if kind == "ltx" else {}


@pytest.mark.slow
def test_03_a_pipeline_without_adapter_files_is_exported_whole(made: Any, tmp_path: Path) -> None:
    generator, request = made("svd"), ask("svd")
    moved(add_lora(generator.networks(), rank=2))
    spec = generator.export(tmp_path / "whole", {})
    ours = generator.act([request], [1])[0]
    agent: Any = AGENTS.create(f"{spec},steps=2,device=cpu,dtype=float32")
    assert np.abs(agent.act([request], [1])[0].frames.astype(int) - ours.frames).max() <= 1


def test_04_full_weights_are_exported_whole(made: Any, tmp_path: Path) -> None:
    generator, request = made("ltx"), ask("ltx")
    weights = train_all(generator.networks())
    with torch.no_grad():
        weights[0] += 0.3
    spec = generator.export(tmp_path / "whole", {})
    assert spec == f"diffusers:{tmp_path / 'whole'}"
    agent: Any = AGENTS.create(f"{spec},steps=2,max_sequence_length=16,device=cpu,dtype=float32")
    assert agent.act([request], [1])[0].digest == generator.act([request], [1])[0].digest
    with pytest.raises(InvalidArgument, match="no adapter to switch off"), adapters_off(generator.networks()):
        pass


def test_05_a_flow_model_is_exported_merged_and_in_full_precision(flow: FlowGenerator, tmp_path: Path) -> None:
    """Its convolutions are adapted too, and a change that bfloat16 would round away arrives."""
    request = ask("flow")
    before = {name: weight.clone() for name, weight in flow.denoiser.state_dict().items()}
    weights = add_lora(flow.networks(), rank=2)
    adapted = {name.split(".lora_")[0] for name, _ in flow.denoiser.named_parameters() if "lora_" in name}
    assert any("conv1.base" not in name and name.endswith("conv1") for name in adapted)
    with torch.no_grad():
        for weight in weights:
            weight.normal_(std=0.004, generator=torch.Generator().manual_seed(0))
    (tmp_path / "aligned").mkdir()
    spec = flow.export(tmp_path / "aligned", {"method": "a test"})
    again: Any = FlowGenerator.read(tmp_path / "aligned", steps=3)
    assert spec == f"flow:{tmp_path / 'aligned'}" and again.card["model"]["alignment"] == {"method": "a test"}
    ours, theirs = (g.sample([request], [1]).latents for g in (flow, again))
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    stored = load_file(tmp_path / "aligned" / "model.safetensors")
    assert set(stored) == set(before)
    name = next(iter(sorted(adapted))) + ".weight"
    changed = (stored[name] - before[name]).abs().max()
    rounding = (before[name].abs().max() * 2.0**-9).item()
    assert 0 < changed < rounding, "less than bfloat16 can hold beside such weights"


def test_06_merging_twice_is_not_merging_once(flow: FlowGenerator) -> None:
    """Exporting leaves the generator as it was."""
    moved(add_lora(flow.networks(), rank=2))
    first, second = merged_weights(flow.denoiser), merged_weights(flow.denoiser)
    for name, weight in first.items():
        assert torch.equal(weight, second[name])
    assert has_lora(flow.denoiser)


def test_07_targets_and_refusals(made: Any, flow: FlowGenerator) -> None:
    generator = made("ltx")
    add_lora(generator.networks(), rank=2, targets=r"ff\.net")
    names = {n for n, w in generator.networks()["transformer"].named_parameters() if w.requires_grad}
    assert names and all("ff.net" in name for name in names)
    for options, reason in (({"targets": "nowhere"}, "no layers that match 'nowhere'"), ({"rank": 0}, "at least 1")):
        with pytest.raises(InvalidArgument, match=reason):
            add_lora(flow.networks(), **options)


@pytest.mark.parametrize(("harm", "reason"), [("missing", "is missing"), ("cut", "cut short")])
def test_08_damaged_adapters_are_refused(
    made: Any, tiny: Callable[[str], Path], tmp_path: Path, harm: str, reason: str
) -> None:
    generator = made("ltx")
    add_lora(generator.networks(), rank=2)
    spec = generator.export(tmp_path / "lora", {})
    path = tmp_path / "lora" / "pytorch_lora_weights.safetensors"
    if harm == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InvalidArgument, match=reason):
        AGENTS.create(f"{spec},device=cpu")


def test_09_adapters_of_another_model_are_refused(made: Any, tiny: Callable[[str], Path], tmp_path: Path) -> None:
    generator = made("ltx")
    add_lora(generator.networks(), rank=2)
    generator.export(tmp_path / "lora", {})
    with pytest.raises(InvalidArgument, match="with the adapters of"):
        AGENTS.create(f"diffusers:{tiny('wan')},lora={tmp_path / 'lora'},device=cpu")
