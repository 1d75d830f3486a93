"""`alignment-critic`: a reward that was learned from planted faults; does following it help, or exploit it?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from wmenv.judgers.critics.recipe import Recipe
from wmenv.studies.alignment.run import Alignment, brief, shuffled
from wmenv.studies.alignment.table import FAST, SPLIT_NOTES, TESTS
from wmenv.studies.training.declare import Claim, Experiment, Plot, TrainingStudy
from wmenv.studies.training.outcome import Outcome
from wmenv.studies.training.quantity import read

CRITICS = {
    "flat-critic": Recipe("flat", seed=0, precision="bfloat16"),
    "deep-critic": Recipe("deep", seed=1000),
}
"""The first one rewards, the second is held out: another architecture, other weights, other clips."""

DRAFT: dict[str, Any] = {"updates": 100, "learning_rate": 5e-4, "cases": 24}

_COMMON: dict[str, Any] = {
    "judges": {"reward": "flat-critic", "second": "deep-critic"}, "critics": CRITICS, "asked": "laws"
}  # fmt: skip
_DRAFT = Alignment(
    "draft", "reward-gradient", TESTS, "flat-critic", "physics", settings=DRAFT, update_seconds=0.40, **_COMMON
)
RUNS = (Alignment("start", "", TESTS, **_COMMON), _DRAFT, shuffled(_DRAFT))
_REAL = Experiment("alignment-critic", "real", RUNS, seeds=(20, 21, 22, 23, 24), cases=192)

JUDGES = {"reward": "the critic that rewards", "second": "the second critic", "score": "exact physics"}


def conclude(outcome: Outcome) -> str:
    """Improved or exploited: by exact physics against the shuffled control, over training seeds."""
    start, draft, control = (outcome.row(name, FAST).readouts for name in ("start", "draft", "draft-shuffled"))
    moved = ", ".join(f"{told} {draft[name].mean - start[name].mean:+.3f}" for name, told in JUDGES.items())
    exact, other = draft["score"], control["score"]
    better = exact.seeds > 1 and exact.low > other.high
    word = "The generator improves" if better else "The critic was exploited"
    lies = "above" if better else "not above"
    return (
        f"{word}: on fast balls the exact score is {exact.mean:.3f} [{exact.low:.3f}, {exact.high:.3f}], {lies} the "
        f"shuffled control's {other.mean:.3f} [{other.low:.3f}, {other.high:.3f}]. Changes of the score: {moved}."
    )


def _change(readout: str, run: str) -> Any:
    return read(readout, run, FAST) - read(readout, "start", FAST)


STUDY = TrainingStudy(
    name="alignment-critic",
    question=(
        "Where no law can be written down, a reward has to be learned. A small network is taught planted faults on "
        "true clips and never sees a generated one. Does a generator that follows its gradient obey the laws better?"
    ),
    hypothesis=(
        "The critic's own score rises in any case: that is what its gradient is for. A second critic of another "
        "architecture and seed follows part of the way, exact physics less. On fast balls, whose wrong speed both "
        "critics were taught to see, exact physics improves against a control with shuffled cases."
    ),
    sizes={
        "real": _REAL,
        "smoke": replace(_REAL, size="smoke", runs=tuple(map(brief, RUNS)), seeds=(0, 1), cases=3, points=1),
    },
    claims=(
        Claim(
            "the critic sees wrong speeds",
            "The critic scores the generator lower on fast balls, which it gets wrong, than in distribution.",
            "what it was taught",
            read("reward", "start", "id") - read("reward", "start", FAST), "above", 0.05, premise=True,
        ),
        Claim(
            "reward: rises", "On fast balls the score of the critic that rewards rises.", "its gradient was followed",
            _change("reward", "draft"), "above", 0.0,
        ),
        Claim(
            "second critic: rises", "The score of a second critic of another architecture and seed rises with it.",
            "marks that one network takes for lawful need not please another",
            _change("second", "draft"), "above", 0.0,
        ),
        Claim(
            "exact: better than the control", "The exact score ends above that of the shuffled control, seed by seed.",
            "the judger that was never learned nor followed",
            read("score", "draft", FAST) - read("score", "draft-shuffled", FAST), "above", 0.0,
        ),
        Claim(
            "exact: fast balls", "The exact velocity error on fast balls falls.", "the same",
            _change("error", "draft"), "below", 0.0,
        ),
        Claim(
            "exact: in distribution", "The exact error in distribution stays within 1.25 times the start's.",
            "the bound of alignment-table",
            read("error", "draft", "id") / read("error", "start", "id"), "below", 1.25,
        ),
        Claim(
            "control: no improvement", "With shuffled cases the exact velocity error on fast balls does not fall.",
            "a shuffled control has nothing to learn from",
            _change("error", "draft-shuffled"), "not below", 0.0,
        ),
    ),
    limits=(
        "Scores are means over the criteria that a judger answers: seven laws of exact physics, five of the critics. "
        "Their sizes do not compare, their changes are to be read side by side.",
        "In the control the critic sees each clip behind the given frames of another case.",
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
