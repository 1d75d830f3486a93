"""A suite in sixty lines: a bar that has to cross the picture. Evaluated with a judger of its own.

    python examples/write_a_suite.py

A suite is a set of cases and a few questions. It states its form (`clip_spec`, `given`), draws ids and rebuilds a case
from its id alone; environment, run store, statistics and report come with the base class.
"""

import tempfile
from fractions import Fraction

import numpy as np

import wmenv
from wmenv.core.registries import AGENTS
from wmenv.envs.base import SuiteEnv, check_split

SIZE, FRAMES = 16, 8


def picture(column):
    """A black bar one pixel wide on white."""
    frame = np.full((SIZE, SIZE, 3), 255, np.uint8)
    frame[:, column] = 0
    return frame


class BarJudger:
    """Asks whether the bar ends where it was told to."""

    name, accepts, reads_truth, exact = "bar", ("clip",), True, True
    card = {"identity": "bar-v0"}  # noqa: RUF012

    def judge(self, cases, responses):
        """The score falls with the distance in pixels."""
        return [
            wmenv.judgement(case, [self.verdict(case.truth, response.frames[-1])], "bar-v0")
            for case, response in zip(cases, responses, strict=True)
        ]

    def verdict(self, wanted, frame):
        """No bar to be seen is the response's fault, hence forfeited."""
        dark = np.flatnonzero(frame.mean(axis=(0, 2)) < 128)
        if len(dark) != 1:
            return wmenv.Verdict.forfeited("arrives", f"{len(dark)} bars in the last frame")
        return wmenv.Verdict.answered("arrives", 1.0 - abs(int(dark[0]) - wanted) / SIZE)


class Bar(SuiteEnv):
    """Move the bar to the column that the prompt names."""

    case_set = "Bar, cases v0"
    criteria = (wmenv.Criterion("arrives", "bar", "Does the bar end where it was told to?", "continuous", 1),)
    clip_spec = wmenv.ClipSpec(FRAMES, SIZE, SIZE, Fraction(8))
    given = 1
    default_split = "all"

    def __init__(self, judger=None, render_mode=None):
        super().__init__(judger or BarJudger(), render_mode)

    def splits(self):
        """One split."""
        return ("all",)

    def protocol(self):
        """All that decides a score; runs are compared only where it is the same."""
        return {
            "suite": "Bar",
            "case_set": self.case_set,
            "criteria": [criterion.plain() for criterion in self.criteria],
            "clip": self.clip_spec.plain(),
            "scheme": "weighted-mean-v0",
            "judger": self.judger.card["identity"],
        }

    def case_ids(self, n, rng, split=None):
        """An id holds the start and the end of the bar."""
        check_split(split or self.default_split, self.splits())
        return [f"all-{start}-{end}" for start, end in rng.integers(SIZE, size=(n, 2))]

    def cases(self, ids):
        """From the ids alone."""
        return [self.case_of(case_id) for case_id in ids]

    def case_of(self, case_id):
        """The truth is loaded by those who may read it."""
        start, end = map(int, case_id.removeprefix("all-").split("-"))
        request = wmenv.Request(case_id, f"Move the bar to column {end}.", picture(start)[None], self.clip_spec)
        return wmenv.Case(request, self.criteria, "weighted-mean-v0", {"split": "all"}, load_truth=lambda: end)


class Mover:
    """Reads the prompt and moves the bar."""

    name, privileged = "mover", False
    card = {"identity": "mover-v0"}  # noqa: RUF012

    def act(self, requests, seeds):
        """One clip a request."""
        return [self.clip(request) for request in requests]

    def clip(self, request):
        """In equal steps from where it is to where it shall be."""
        start = int(request.frames[0].mean(axis=(0, 2)).argmin())
        end = int(request.prompt.split()[-1].rstrip("."))
        columns = np.linspace(start, end, request.spec.frames).round().astype(int)
        return wmenv.Clip(np.stack([picture(column) for column in columns]), request.spec.fps)


def main() -> None:
    """Evaluate two agents."""
    with tempfile.TemporaryDirectory() as place:
        results = wmenv.evaluate(Bar(), [Mover(), AGENTS.create("copy-last")], episodes=40, out=f"{place}/run")
    for row in results.rows:
        print(f"{row.agent}: reward {row.reward.mean:.3f} [{row.reward.low:.3f}, {row.reward.high:.3f}]")


if __name__ == "__main__":
    main()
