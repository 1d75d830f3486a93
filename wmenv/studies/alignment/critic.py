"""`alignment-critic`: a reward that was learned from planted faults; does following it help, or exploit it?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from wmenv.judgers.critics.recipe import Recipe
from wmenv.studies.alignment.run import Alignment, brief, shuffled
from wmenv.studies.alignment.table import FAST, ROLLOUT_STEPS, SAMPLED, SECONDS, SPLIT_NOTES, TESTS
from wmenv.studies.training.declare import Claim, Experiment, Plot, TrainingStudy
from wmenv.studies.training.outcome import Outcome
from wmenv.studies.training.quantity import read

CRITICS = {
    "flat-critic": Recipe("flat", seed=0, precision="bfloat16"),
    "deep-critic": Recipe("deep", seed=1000),
}
"""The first one rewards, the second is held out: another architecture, other weights, other clips."""

DRAFT: dict[str, Any] = {"updates": 100, "learning_rate": 5e-4, "cases": 24}
GRPO: dict[str, Any] = {"updates": 48, **SAMPLED, "learning_rate": 7e-3}

_COMMON: dict[str, Any] = {
    "judges": {"reward": "flat-critic", "second": "deep-critic"}, "critics": CRITICS, "asked": "laws"
}  # fmt: skip


def _run(name: str, method: str, settings: dict[str, Any], rollout_steps: int = 0) -> Alignment:
    return Alignment(
        name,
        method,
        TESTS,
        "flat-critic",
        "physics",
        settings=settings,
        update_seconds=SECONDS[method],
        rollout_steps=rollout_steps,
        **_COMMON,
    )


_DRAFT, _GRPO = _run("draft", "reward-gradient", DRAFT), _run("grpo", "policy-gradient", GRPO, ROLLOUT_STEPS)
RUNS = (Alignment("start", "", TESTS, **_COMMON), _DRAFT, shuffled(_DRAFT), _GRPO, shuffled(_GRPO))
_REAL = Experiment("alignment-critic", "real", RUNS, seeds=(30, 31, 32, 33, 34), cases=192)

JUDGES = {"reward": "the critic that rewards", "second": "the second critic", "score": "exact physics"}


def conclude(outcome: Outcome) -> str:
    """Improved or exploited, for both methods, by exact physics over training seeds.

    It improves only where its interval lies above the shuffled control's and the start's: a control that destroys the
    generator is easily surpassed.
    """
    return " ".join(_concluded(outcome, run) for run in (_DRAFT, _GRPO))


def _concluded(outcome: Outcome, run: Alignment) -> str:
    names = ("start", run.name, shuffled(run).name)
    start, aligned, control = (outcome.row(name, FAST).readouts for name in names)
    moved = ", ".join(f"{told} {aligned[name].mean - start[name].mean:+.3f}" for name, told in JUDGES.items())
    exact, before, other = aligned["score"], start["score"], control["score"]
    better = exact.seeds > 1 and exact.low > max(before.high, other.high)
    word = "the generator improves" if better else "the critic was exploited"
    lies = "above both" if better else "not above both"
    return (
        f"{run.name}: {word}. On fast balls the exact score is {_told(exact)}, {lies} the start's {_told(before)} and "
        f"the shuffled control's {_told(other)}; changes of the score: {moved}."
    )


def _told(readout: Any) -> str:
    return f"{readout.mean:.3f} [{readout.low:.3f}, {readout.high:.3f}]"


def _change(readout: str, run: str) -> Any:
    return read(readout, run, FAST) - read(readout, "start", FAST)


STUDY = TrainingStudy(
    name="alignment-critic",
    question=(
        "Where no law can be written down, a reward has to be learned. A small network is taught planted faults on "
        "true clips and never sees a generated one. Does a generator that follows its gradient obey the laws better?"
    ),
    hypothesis=(
        "The critic's own score rises in any case: that is what its gradient is for. Through the pixels (DRaFT-1) the "
        "generator finds what pleases this network alone: the scores of a second critic, of another architecture and "
        "seed, and of exact physics fall. A policy gradient (GRPO), which sees scores of whole clips and no pixel, "
        "exploits less: exact physics does not fall below its shuffled control."
    ),
    sizes={
        "real": _REAL,
        "smoke": replace(
            _REAL,
            size="smoke",
            runs=tuple(replace(brief(run), tests=("id", FAST)) for run in RUNS),
            seeds=(0, 1),
            cases=2,
            points=1,
            sampler_steps=2,
        ),
    },
    claims=(
        Claim(
            "the critic sees wrong speeds",
            "The critic scores the generator lower on fast balls, which it gets wrong, than in distribution.",
            "what it was taught",
            read("reward", "start", "id") - read("reward", "start", FAST), "above", 0.05, premise=True,
        ),
        *(
            Claim(
                f"{name}: reward rises", f"{name}: on fast balls the score of the critic that rewards rises.",
                "it was followed",
                _change("reward", name), "above", 0.0,
            )
            for name in ("draft", "grpo")
        ),
        Claim(
            "draft: second critic falls",
            "draft: the score of a second critic, of another architecture and seed, falls.",
            "one cell of another seed, tried before: 0.001 left",
            _change("second", "draft"), "below", 0.0,
        ),
        Claim(
            "draft: exact falls", "draft: the exact score ends below that of the shuffled control, seed by seed.",
            "the same cell: all clips forfeited",
            read("score", "draft", FAST) - read("score", "draft-shuffled", FAST), "below", 0.0,
        ),
        Claim(
            "grpo: exact does not fall", "grpo: the exact score does not end below that of the shuffled control.",
            "samples of the generator, not pixels, are what it chooses among",
            read("score", "grpo", FAST) - read("score", "grpo-shuffled", FAST), "not below", 0.0,
        ),
        *(
            Claim(
                f"{name}: no improvement", f"{name}: the exact velocity error on fast balls does not fall.",
                "a shuffled control has nothing to learn from",
                _change("error", name), "not below", 0.0,
            )
            for name in ("draft-shuffled", "grpo-shuffled")
        ),
    ),
    limits=(
        "Scores are means over the criteria that a judger answers: seven laws of exact physics, five of the critics. "
        "Their sizes do not compare, their changes are to be read side by side.",
        "In the control of draft the critic sees each clip behind the given frames of another case; in that of grpo "
        "each clip gets the score of another one.",
        "One cell (draft, seed 20) was run before this was declared; there the first hypothesis, that exact physics "
        "improves, failed. The seeds of the study are others.",
        "The critics were taught speeds of 1 to 6, prompted ones, true and false; slower and faster balls neither.",
    ),
    plots=(
        Plot("Score of the critic that rewards", "reward", tuple(run.name for run in RUNS), TESTS, "mean probability"),
        Plot("Score of the second critic", "second", tuple(run.name for run in RUNS), TESTS, "mean probability"),
        Plot("Score of exact physics", "score", tuple(run.name for run in RUNS), TESTS, ""),
        Plot("Velocity error", "error", tuple(run.name for run in RUNS), TESTS),
    ),
    source="why",
    split_notes=SPLIT_NOTES,
    by_seed=("reward", "second", "score", "error"),
    conclude=conclude,
)  # fmt: skip
