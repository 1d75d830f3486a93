"""`diffusers:DIR` on tiny pipelines of the real classes, end to end."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wmenv
from wmenv.core.case import ClipSpec, Request
from wmenv.core.clip import Clip
from wmenv.core.errors import InvalidArgument, InvalidResponse, MissingExtra
from wmenv.core.registries import AGENTS
from wmenv.core.video import read_clip

pytest.importorskip("diffusers")

ENV = "PhyWorld-uniform_motion-v0"
CLIP = {"size": 32, "frames": 10, "given": 2}
OPTIONS = {"wan": ",max_sequence_length=16", "wan-image": ",max_sequence_length=16"}
TEXT = ["wan", "ltx", "cogvideox"]
IMAGE = ["wan-image", "ltx-image", "cogvideox-image", "svd"]
SVD = pytest.param("svd", marks=pytest.mark.slow)
ALL = [*TEXT, *IMAGE[:-1], SVD]

Tiny = Callable[[str], Path]


def spec(tiny: Tiny, kind: str, more: str = "") -> str:
    return f"diffusers:{tiny(kind)},steps=2{OPTIONS.get(kind, '')}{more}"


@pytest.fixture(scope="module")
def requests() -> list[Request]:
    suite = wmenv.make(ENV, **CLIP).unwrapped
    return list(suite.observe(suite.draw(4, np.random.default_rng(3))))


def levels(a: Any, b: Any) -> int:
    """Largest difference of two clips in levels of 256."""
    return int(np.abs(a.frames.astype(int) - b.frames).max())


@pytest.mark.parametrize("kind", ALL)
def test_evaluated_end_to_end(kind: str, tiny: Tiny, tmp_path: Path) -> None:
    """Twice the same: results, and every pixel of the clips."""
    run, again = tmp_path / "run", tmp_path / "again"
    for out in (run, again):
        results = wmenv.evaluate(ENV, [spec(tiny, kind)], episodes=2, out=out, keep="all", batch=2, **CLIP)
    (row,) = results.rows
    assert results.complete and not results.failed and row.coverage == 1.0
    clips = sorted(run.glob("clips/*/*/step_0.npz"))
    assert len(clips) == 2
    suite = wmenv.make(ENV, **CLIP).unwrapped
    for path in clips:
        clip = read_clip(path)
        assert clip.frames.shape == (10, 32, 32, 3) and clip.fps == 10
        assert clip.frames[2:].std() > 1, "a clip, not a blank"
        (case,) = suite.cases([path.parent.name.removesuffix("_0")])
        begins = np.array_equal(clip.frames[:2], case.request.frames)
        assert begins == (kind in IMAGE), "given frames first where they were gone on from"
        assert clip.digest == read_clip(again / path.relative_to(run)).digest
    told = [json.loads((out / "results.json").read_text()) for out in (run, again)]
    for one in told:
        del one["environment"]
    assert told[0] == told[1]
    (agent,) = told[0]["agents"]
    card = agent["card"]
    assert agent["name"] == f"diffusers:{kind},steps=2{OPTIONS.get(kind, '')}"
    assert card["conditioning"] == ("last given frame" if kind in IMAGE else "none")
    assert card["steps"] == 2 and card["dtype"] == "float32" and card["scheduler"] and "clip" not in card


@pytest.mark.parametrize("kind", ALL)
def test_a_batch_gives_what_single_calls_give(kind: str, tiny: Tiny, requests: list[Request]) -> None:
    alone = AGENTS.create(spec(tiny, kind)).act(requests, [5, 6, 7, 8])
    batch = AGENTS.create(spec(tiny, kind, ",batch=3")).act(requests, [5, 6, 7, 8])
    assert max(levels(a, b) for a, b in zip(alone, batch, strict=True)) <= 1
    other = AGENTS.create(spec(tiny, kind)).act(requests[:1], [6])
    assert levels(alone[0], other[0]) > 20, "another seed, another clip"


@pytest.mark.parametrize("kind", ["ltx", "cogvideox-image"])
def test_a_seed_is_a_clip_whoever_else_is_asked(kind: str, tiny: Tiny, requests: list[Request]) -> None:
    agent = AGENTS.create(spec(tiny, kind))
    whole = agent.act(requests, [5, 6, 7, 8])
    assert [one.digest for one in agent.act(requests[::-1], [8, 7, 6, 5])] == [one.digest for one in whole[::-1]]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("wan-image", "refuses several requests (ValueError: `image` has to be of type"),
        ("ltx-stochastic", "draws random numbers that no case's seed decides"),
        ("ltx-condition", "clips of a batch are not those of single calls"),
    ],
)
def test_batches_that_would_lie_are_not_made(
    kind: str, reason: str, tiny: Tiny, requests: list[Request], caplog: pytest.LogCaptureFixture
) -> None:
    """Stock pipelines that take a list for something else than several requests, or share noise among them."""
    batch = AGENTS.create(spec(tiny, kind, ",batch=4"))
    found = batch.act(requests, [5, 6, 7, 8])
    told = [record.getMessage() for record in caplog.records if record.name == "wmenv"]
    assert len(told) == 1 and "one request at a time" in told[0] and reason in told[0]
    alone = AGENTS.create(spec(tiny, kind)).act(requests, [5, 6, 7, 8])
    again = batch.act(requests, [5, 6, 7, 8])
    assert [one.digest for one in found] == [one.digest for one in alone] == [one.digest for one in again]
    assert len([record for record in caplog.records if record.name == "wmenv"]) == 1


def test_the_random_numbers_of_others_are_left_alone(tiny: Tiny, requests: list[Request]) -> None:
    import torch

    agent = AGENTS.create(spec(tiny, "ltx-stochastic"))
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    agent.act(requests[:1], [5])
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("kind", ["wan", "ltx", "cogvideox-image", SVD])
@pytest.mark.parametrize("frames", [3, 5, 12])
def test_any_number_of_frames(kind: str, frames: int, tiny: Tiny, requests: list[Request]) -> None:
    """More are made where the VAE wants more; the first ones are those of a longer clip's call."""
    agent: Any = AGENTS.create(spec(tiny, kind))
    asked = Request("case", "a disc", requests[0].frames, ClipSpec(frames, 32, 32, Fraction(10)))
    (clip,) = agent.act([asked], [5])
    assert clip.spec() == {"frames": frames, "height": 32, "width": 32, "fps": "10"}
    made = agent.makes.enough_frames(frames - agent.signature.image)
    whole = Request("case", "a disc", requests[0].frames, ClipSpec(made + agent.signature.image, 32, 32, Fraction(10)))
    (longer,) = agent.act([whole], [5])
    assert made >= frames - 1 and np.array_equal(longer.frames[:frames], clip.frames)


def asks(given: int = 0, **spec: Any) -> Request:
    """A request that states what is named, after so many black frames."""
    return Request("case", "two discs", np.zeros((given, 32, 32, 3), np.uint8), ClipSpec(**spec))


def test_what_nobody_states_is_what_the_pipeline_makes(tiny: Tiny) -> None:
    """Defaults of the call (Stable Video Diffusion's size and rate) or of the model's configuration (CogVideoX)."""
    agent: Any = AGENTS.create(spec(tiny, "cogvideox", ",frames=5,size=32x16,fps=12.5"))
    (clip,) = agent.act([asks()], [1])
    assert clip.spec() == {"frames": 5, "height": 32, "width": 16, "fps": "25/2"}
    assert agent.card["clip"] == clip.spec()
    assert agent.card["unasked"] == {"frames": 9, "height": 16, "width": 16, "fps": None}
    assert agent.card["makes"] == "4 k + 1 frames, of which the first are used; sizes are multiples of 16 x 16"
    own = AGENTS.create(spec(tiny, "cogvideox"))
    (clip,) = own.act([asks(frames=9, fps=Fraction(8))], [1])
    assert clip.spec() == {"frames": 9, "height": 16, "width": 16, "fps": "8"}
    svd: Any = AGENTS.create(spec(tiny, "svd"))
    assert svd.card["unasked"] == {"frames": 25, "height": 576, "width": 1024, "fps": "7"}
    (clip,) = svd.act([asks(1, frames=3)], [1])
    assert clip.spec() == {"frames": 3, "height": 32, "width": 32, "fps": "7"}, "the size of the given frame"


def test_the_rate_reaches_pipelines_that_take_one(tiny: Tiny) -> None:
    agent = AGENTS.create(spec(tiny, "ltx"))
    slow, fast = (agent.act([asks(frames=9, height=32, width=32, fps=Fraction(f))], [1])[0] for f in (5, 50))
    assert isinstance(slow, Clip) and isinstance(fast, Clip) and slow.fps == 5 and levels(slow, fast) > 0


@pytest.mark.parametrize(
    ("kind", "options", "request_", "message"),
    [
        ("wan", "", asks(frames=5, height=32, width=32), "states a frame rate .*; add fps="),
        ("wan", ",fps=16", asks(fps=Fraction(10)), "asks for fps 10, the agent's options for 16"),
        ("ltx", ",size=64", asks(frames=9, height=32, width=32), "height 32, the agent's options for 64"),
        ("ltx", "", asks(1, frames=9, height=64, width=64), "height 64; its given frames have 32"),
        ("svd", "", asks(frames=9), "gives no frame, and StableVideoDiffusionPipeline goes on from one"),
        ("svd", "", asks(9, frames=8), "gives 9 frames of a clip of 8"),
    ],
)
def test_requests_that_cannot_be_answered(kind: str, options: str, request_: Request, message: str, tiny: Tiny) -> None:
    with pytest.raises(InvalidArgument, match=message):
        AGENTS.create(spec(tiny, kind, options)).act([request_], [1])


def test_a_command_is_not_ignored(tiny: Tiny) -> None:
    request = Request("case", "", np.zeros((1, 32, 32, 3), np.uint8), ClipSpec(9, 32, 32, Fraction(8)), ("left",))
    with pytest.raises(InvalidArgument, match="gives a command; LTXPipeline takes none"):
        AGENTS.create(spec(tiny, "ltx")).act([request], [1])


@pytest.mark.parametrize(
    ("kind", "size", "nearest"),
    [
        ("wan", 40, "32 and 48 high, 32 and 48 wide"),
        ("ltx", 40, "32 and 64 high, 32 and 64 wide"),
        ("cogvideox", 24, "16 and 32 high, 16 and 32 wide"),
        ("svd", 42, "40 and 48 high, 40 and 48 wide"),
    ],
)
def test_a_size_that_the_model_cannot_make(kind: str, size: int, nearest: str, tiny: Tiny, tmp_path: Path) -> None:
    agent = spec(tiny, kind)
    results = wmenv.evaluate(ENV, [agent], episodes=2, out=tmp_path / "run", size=size, frames=9, given=2)
    assert results.failed and len(results.failures) == 2
    for failure in results.failures:
        assert f"cannot make {size} x {size} pixels" in failure.reason and nearest in failure.reason


def test_oblong_sizes_are_told_apart(tiny: Tiny) -> None:
    agent = AGENTS.create(spec(tiny, "ltx", ",size=64x48"))
    with pytest.raises(InvalidArgument, match=r"64 x 48 pixels .* are 64 high, 32 and 64 wide"):
        agent.act([asks(frames=9)], [1])


def test_nan_is_forfeited_and_the_run_goes_on(tiny: Tiny, tmp_path: Path) -> None:
    from wmenv.runs.store import RunStore

    agents = [spec(tiny, "ltx-nan"), "law"]
    results = wmenv.evaluate(ENV, agents, episodes=3, out=tmp_path / "run", **CLIP)
    bad, good = (next(row for row in results.rows if row.agent.startswith(name)) for name in ("diffusers", "law"))
    assert (bad.forfeited, bad.failed, bad.coverage) == (3, 0, 1.0) and not results.failed
    assert good.reward is not None and good.reward.mean > 0.5
    store = RunStore(tmp_path / "run")
    reasons = [r.final["velocity"].reason for r in store.rollouts() if r.final is not None and r.agent != "law"]
    store.close()
    assert len(reasons) == 3 and all("frame values are NaN or infinite" in reason for reason in reasons)


def test_a_pipeline_that_makes_pictures(tiny: Tiny) -> None:
    with pytest.raises(InvalidArgument, match="DDPMPipeline makes no clips of a wanted length"):
        AGENTS.create(f"diffusers:{tiny('pictures')}")


def test_a_call_that_returns_pictures(tiny: Tiny) -> None:
    """Where the signature does not give it away: `.images` of diffusers' own output class."""
    from diffusers.pipelines.pipeline_utils import ImagePipelineOutput

    from wmenv.agents.diffusers.calling import frames_of
    from wmenv.agents.diffusers.form import Form

    form = Form(9, 9, 32, 32, Fraction(10))
    with pytest.raises(InvalidResponse, match=r"returned images, not \.frames"):
        frames_of(ImagePipelineOutput(images=np.zeros((9, 32, 32, 3))), 1, form, "Some")


def outputs() -> Iterator[tuple[str, Any]]:
    """One clip in every form that pipelines return."""
    import torch
    from PIL import Image

    clip = np.random.default_rng(0).integers(0, 256, (5, 8, 16, 3), dtype=np.uint8)
    floats = (clip / 255).astype(np.float32)
    yield "PIL", [[Image.fromarray(frame) for frame in clip]]
    yield "arrays", [list(floats)]
    yield "array", floats[None]
    yield "uint8", clip[None]
    yield "tensor", torch.from_numpy(floats).movedim(-1, 1)[None]
    yield "channels last", torch.from_numpy(floats)[None]
    yield "double", torch.from_numpy(floats).movedim(-1, 1)[None].double()


def test_every_form_of_frames() -> None:
    from diffusers.pipelines.wan.pipeline_output import WanPipelineOutput

    from wmenv.agents.diffusers.calling import frames_of, response_of
    from wmenv.agents.diffusers.form import Form

    wanted = np.random.default_rng(0).integers(0, 256, (5, 8, 16, 3), dtype=np.uint8)
    form = Form(5, 4, 8, 16, Fraction(10))
    for name, frames in outputs():
        (made,) = frames_of(WanPipelineOutput(frames=frames), 1, form, "Some")
        clip = response_of(asks(), made, form, image=False)
        assert isinstance(clip, Clip) and np.array_equal(clip.frames, wanted[:4]), name
    for bad in (np.zeros((1, 3, 8, 16, 3)), np.zeros((1, 5, 16, 8, 3)), np.zeros((2, 5, 8, 16, 3))):
        with pytest.raises(InvalidResponse, match="returned"):
            frames_of(WanPipelineOutput(frames=bad), 1, form, "Some")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (",guidence_scale=3", "takes no 'guidence_scale'; did you mean guidance_scale"),
        (",num_frames=9", "num_frames comes from the case"),
        (",dtype=float8", "dtype must be auto, float32"),
        (",device=gpu0", "device must be auto, cpu or cuda"),
        (",offload=model,device=cpu", "offload=model is for a GPU"),
        (",offload=disk", "offload must be none, model, sequential"),
        (",batch=0", "batch must be a whole number from 1"),
        (",steps=2.5", "steps must be a whole number from 1"),
        (",steps=2,num_inference_steps=3", "two words for one thing"),
        (",size=0x16", "size must read 256 or 480x832"),
        (",fps=0", "fps must be a positive number"),
        (",fps=nan", "fps must be a positive number"),
        (",revision=main", "revision=main belongs to a hub id"),
    ],
)
def test_options(options: str, message: str, tiny: Tiny) -> None:
    with pytest.raises(InvalidArgument, match=message):
        AGENTS.create(f"diffusers:{tiny('ltx')}{options}")


def test_another_pipeline_of_the_same_parts(tiny: Tiny, requests: list[Request]) -> None:
    """LTX publishes one folder for both: it names the text pipeline, and the image pipeline loads from it too."""
    agent: Any = AGENTS.create(spec(tiny, "ltx", ",pipeline=LTXImageToVideoPipeline"))
    assert agent.name == "diffusers:ltx,pipeline=LTXImageToVideoPipeline,steps=2"
    assert agent.card["conditioning"] == "last given frame" and agent.card["pipeline"] == "LTXImageToVideoPipeline"
    (clip,) = agent.act(requests[:1], [5])
    assert clip.digest == AGENTS.create(spec(tiny, "ltx-image")).act(requests[:1], [5])[0].digest
    with pytest.raises(InvalidArgument, match="cannot be loaded as StableVideoDiffusionPipeline"):
        AGENTS.create(f"diffusers:{tiny('ltx')},pipeline=StableVideoDiffusionPipeline")
    with pytest.raises(InvalidArgument, match="has no pipeline 'AutoModel'"):
        AGENTS.create(f"diffusers:{tiny('ltx')},pipeline=AutoModel")


def test_options_of_the_call_reach_it(tiny: Tiny, requests: list[Request]) -> None:
    plain, steered, against = (
        AGENTS.create(spec(tiny, "ltx", more)).act(requests[:1], [5])[0]
        for more in ("", ",guidance=9", ",negative_prompt=two discs collide")
    )
    assert levels(plain, steered) > 1 and levels(plain, against) > 0


def test_dtypes(tiny: Tiny, requests: list[Request]) -> None:
    exact, rounded = (
        AGENTS.create(spec(tiny, "ltx", f",dtype={dtype}")).act(requests[:1], [5])[0]
        for dtype in ("float32", "bfloat16")
    )
    assert 0 < levels(exact, rounded) < 64


def test_without_the_extra(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tiny("ltx")
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(MissingExtra, match=r"pip install 'wmenv\[gen\]'"):
        AGENTS.create(f"diffusers:{folder}")


def test_importing_the_package_is_light() -> None:
    code = "import wmenv.agents.diffusers, sys; print([m for m in ('torch', 'diffusers', 'PIL') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
