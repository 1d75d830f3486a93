"""`wmenv train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

train = App(name="train", help="Train a model of our own.", help_format="plaintext")


@train.command
def flow(
    *,
    law: Literal["uniform_motion", "parabola", "collision"],
    out: Path,
    steps: int = 4000,
    seed: int = 0,
    minutes: float | None = None,
    resume: Annotated[bool, Parameter(negative="")] = False,
    split: str = "id",
    clips: int | None = None,
    batch: int = 16,
    learning_rate: float = 3e-3,
    size: int = 32,
    frames: int = 16,
    given: int = 3,
    patch: int = 2,
    widths: Annotated[tuple[int, ...], Parameter(converter=lambda _, tokens: _widths(tokens))] = (48, 56, 56),
    layers: int = 1,
    precision: Literal["auto", "bfloat16", "float32"] = "auto",
    device: str = "cpu",
    points: int = 10,
    save_every: int = 250,
    final_clips: int = 512,
) -> int:
    """Train a flow-matching video model on a law; the result is an agent: --agent flow:OUT.

    For example: wmenv train flow --law uniform_motion --steps 2000 --out models/uniform

    Clips are made on the fly. The learning curve shows the velocity error (units/s) on cases of the training split
    and on faster ones (ood_high_v, ood_high_v1). Ctrl-C, a kill or --minutes lose at most --save-every steps:
    --resume goes on and ends in the same weights, bit for bit.

    Args:
        law: The law to learn.
        out: Folder of the model; made if missing.
        steps: Optimiser steps; the learning rate falls by a cosine until the last one.
        seed: Decides initial weights, clips, times and noise.
        minutes: Stop after this time; the model is written as it is and --resume goes on.
        resume: Go on with the training in OUT.
        split: Split that training clips are drawn from; see wmenv show PhyWorld-LAW.
        clips: Size of the training set; new clips for ever by default.
        batch: Clips a step.
        learning_rate: Peak learning rate of AdamW.
        size: Side of the picture in pixels.
        frames: Frames of a clip.
        given: Frames that are given.
        patch: Side of the pixel patches that become channels.
        widths: Channels at each resolution, such as 48,56,56.
        layers: Residual blocks a resolution.
        precision: Of the passes; auto takes the faster one by a probe of a second.
        device: Where to train, such as cpu or cuda.
        points: Points of the learning curve.
        save_every: Steps between saved states.
        final_clips: Clips a split for the error on the card.
    """
    from wmenv.cli.console import escape, training_progress
    from wmenv.cli.console import out as console
    from wmenv.core.errors import MissingExtra

    try:
        from wmenv.agents.flow.network import Architecture
        from wmenv.agents.flow.training import Recipe, Schedule
        from wmenv.agents.flow.training import train as run
    except ModuleNotFoundError as error:
        raise MissingExtra(f"wmenv train flow needs {error.name}: pip install 'wmenv[gen]'") from error

    architecture = Architecture(size, frames, given, patch, widths, layers)
    recipe = Recipe(law, steps, seed, split, clips, batch, learning_rate, architecture, precision, device)
    schedule = Schedule(points, final_clips=final_clips, save_every=save_every, minutes=minutes)
    with training_progress() as show:
        card = run(recipe, out, resume=resume, schedule=schedule, progress=show)
    screen = console()
    for one in card.get("held_out", []):
        slope = "-" if one["slope"] is None else f"{one['slope']:.2f}"
        screen.print(f"{one['split']:<12} velocity error {one['error']:.3f}, slope {slope}, {one['clips']} clips")
    if card["steps_done"] < steps:
        screen.print(f"stopped at step {card['steps_done']} of {steps}; go on with --resume")
    screen.print(escape(f"model    {out}  (--agent flow:{out})"), soft_wrap=True)
    return 0


def _widths(tokens) -> tuple[int, ...]:  # type: ignore[no-untyped-def]
    return tuple(int(number) for token in tokens for number in token.value.split(","))
