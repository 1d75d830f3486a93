"""`alignment-table`: reward gradient, policy gradient, their controls and their honest alternatives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from wmenv.studies.alignment.run import Alignment, brief, shuffled, within_budget
from wmenv.studies.training.declare import Claim, Experiment, Plot, TrainingStudy
from wmenv.studies.training.quantity import read

DRAFT: dict[str, Any] = {"updates": 150, "learning_rate": 1e-3, "cases": 24}
SAMPLED: dict[str, Any] = {
    "cases": 12, "group": 16, "window": 1, "kernel": "ddim", "train": "lora", "rank": 4,
}  # fmt: skip
"""How GRPO samples and what it trains.

The gradient of so few samples is mostly noise, and full weights follow all of it; an adapter of low rank lets through
several times less. Samples of a case share the first of two denoising steps, the noisy and trained one, so that many of
them cost little.
"""
GRPO: dict[str, Any] = {
    "updates": 100, **SAMPLED, "targets": r"down_blocks\.[01]\.", "learning_rate": 0.012, "values": "native",
    "criteria": "velocity:1,radius:0.5,colour:1",
}  # fmt: skip
"""Blocks that see the given frames first tell the others how fast things are. Their gradient stands out of its noise
within some tens of updates; that of the last blocks, which paint, has the most noise and the least to say.

`colour` is to GRPO what the price on blur in `physics-soft` is to DRaFT-1: balls get faster by getting smeared, too,
until they are lost, and a smeared ball is pale.
"""
ROLLOUT_STEPS = 2

SECONDS = {"reward-gradient": 0.47, "policy-gradient": 1.1, "supervised": 0.19, "best-of-n": 0.78}
"""CPU seconds of an update with these settings, all measured in one process on one core."""


def _as_long(method: str) -> int:
    """Updates that take the CPU time of DRaFT-1."""
    return round(float(DRAFT["updates"]) * SECONDS["reward-gradient"] / SECONDS[method])


SUPERVISED: dict[str, Any] = {"updates": _as_long("supervised"), "cases": 24}
BEST_OF_N: dict[str, Any] = {
    "updates": _as_long("best-of-n"), "cases": 8, "samples": 8, "train": "lora", "rank": 4, "learning_rate": 1e-3,
    "criteria": GRPO["criteria"],
}  # fmt: skip
"""An adapter and the criteria of GRPO: full weights, trained on what they have drawn themselves, lose every ball."""

SPLIT_NOTES = {
    "id": "1 to 4, trained on, seen as prompts",
    "ood_high_v": "4.5 to 6, seen as prompts",
    "ood_low_v": "under 0.8, never seen",
    "faster_v": "6.5 to 8, never seen",
}
TESTS = tuple(SPLIT_NOTES)
FAST = "ood_high_v"


def _run(
    name: str, method: str, judger: str, held_out: str, settings: dict[str, Any], rollout_steps: int = 0
) -> Alignment:
    seconds = SECONDS[method]
    return Alignment(
        name, method, TESTS, judger, held_out,
        settings=settings, update_seconds=seconds, rollout_steps=rollout_steps,
    )  # fmt: skip


_DRAFT = _run("draft", "reward-gradient", "physics-soft", "physics", DRAFT)
_GRPO = replace(
    _run("grpo", "policy-gradient", "physics", "physics-soft", GRPO, ROLLOUT_STEPS),
    update_seconds=1.0,  # an adapter in two blocks takes less
)
RUNS = (
    Alignment("start", "", TESTS),
    _DRAFT,
    shuffled(_DRAFT),
    _GRPO,
    shuffled(_GRPO),
    _run("supervised", "supervised", "", "physics-soft", SUPERVISED),
    _run("best-of-n", "best-of-n", "physics", "physics-soft", BEST_OF_N),
)

_BOUND = "bound set beforehand"
_REAL = Experiment("alignment-table", "real", RUNS, seeds=(70, 71, 72, 73, 74), cases=192)


def _unimproved(run: Alignment) -> Claim:
    control = shuffled(run).name
    return Claim(
        f"{control}: no improvement",
        f"With shuffled rewards {run.name} does not lower the error on fast balls.",
        "a shuffled control has nothing to learn from",
        read("error", control, FAST) - read("error", "start", FAST), "not below", 0.0,
    )  # fmt: skip


START_IS_WRONG = Claim(
    "start: fast balls are wrong",
    "As it ships, the generator errs by over 1 unit/s on fast balls.",
    "two models of a first trial: 1.07 and 1.21",
    read("error", "start", FAST),
    "above",
    1.0,
    premise=True,
)
"""The premise of every study of alignment of this generator."""

STUDY = TrainingStudy(
    name="alignment-table",
    question=(
        "A video model has learned uniform motion for speeds of 1 to 4 and draws faster balls back into that range. "
        "Prompted with speeds of 1 to 6 and rewarded by the laws of motion, does it learn to move fast balls?"
    ),
    hypothesis=(
        "It does, by both families: the gradient of a differentiable judger (DRaFT-1) nearly to the error in "
        "distribution, a policy gradient (GRPO) part of the way; with shuffled rewards neither does. Supervised tuning "
        "on true clips of the same cases does as well, so that alignment is for rewards without such clips. Speeds "
        "that no prompt shows do not profit: what is learnt is a range of speeds, not the law."
    ),
    sizes={
        "real": _REAL,
        "smoke": replace(
            _REAL, size="smoke", runs=tuple(map(brief, RUNS)), seeds=(0, 1), cases=3, points=1, sampler_steps=2
        ),
    },
    claims=(
        START_IS_WRONG,
        Claim(
            "draft: fast balls", "DRaFT-1 brings the error on fast balls to 0.25 units/s at most.",
            f"{_BOUND}; a first trial, 2 seeds: 1.09 to 0.10",
            read("error", "draft", FAST), "below", 0.25,
        ),
        Claim(
            "draft: speed is read", "DRaFT-1: generated speed follows true speed among fast balls, slope at least 0.8.",
            f"{_BOUND}; a first trial: 0.93. \"Always the mean speed\" has slope 0",
            read("slope", "draft", FAST), "above", 0.8,
        ),
        Claim(
            "draft: in distribution", "DRaFT-1 keeps the error in distribution within 1.25 times the start's.",
            _BOUND,
            read("error", "draft", "id") / read("error", "start", "id"), "below", 1.25,
        ),
        Claim(
            "grpo: fast balls", "GRPO brings the error on fast balls to 0.75 units/s at most.",
            f"{_BOUND}; trials with seeds 65 to 67 of 90 updates at 0.015: 0.63 to 0.71",
            read("error", "grpo", FAST), "below", 0.75,
        ),
        _unimproved(_DRAFT),
        _unimproved(_GRPO),
        Claim(
            "draft: slow balls", "Slow balls, which no prompt showed, keep at least three quarters of their error.",
            "no transfer in a first trial: 0.59 to 0.60",
            read("error", "draft", "ood_low_v") / read("error", "start", "ood_low_v"), "above", 0.75,
        ),
    ),
    limits=(
        "Speeds up to 6 were seen as prompts, so that fast balls are no test of a law learnt. What was never seen: "
        "slow balls (under 0.8) and faster ones (6.5 to 8), in the same table.",
        "The last weights are tested; no judge has chosen them among earlier ones, as `wmenv align` does.",
        "Supervised tuning and best-of-N take as many updates as fit into the CPU time of DRaFT-1; the times that "
        "learning took are printed.",
        "Settings of GRPO were chosen by trials with seeds 60 to 68 and their cases, the learning rate of best-of-N by "
        "one with seed 60. The seeds of the table, 70 to 74, and their cases had not been used before. GRPO had been "
        "declared three times with other settings, an adapter in all layers: for seeds 20 to 24, on which they were "
        "chosen, and for seeds 40 to 44 and 50 to 54, which were fresh and on which it missed its bound at 0.81 and "
        "0.77.",
        "Clips of one model err together, so that the number of clips says nothing: intervals are over training seeds.",
    ),
    plots=(
        Plot("Velocity error", "error", tuple(run.name for run in RUNS), TESTS),
        Plot("Slope of generated on true speed", "slope", tuple(run.name for run in RUNS), TESTS, ""),
    ),
    source="why this bound",
    split_notes=SPLIT_NOTES,
    by_seed=("error", "slope"),
    conclude=within_budget,
)  # fmt: skip
