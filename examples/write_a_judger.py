"""A judger in twenty lines: does the clip keep its colours? Compared with the exact judger on the same agents.

    python examples/write_a_judger.py

The judger reads pixels alone and answers one question a criterion; here all criteria get the same answer. That is
enough to tell a vanishing disc from one that moves on, and no more: it is fooled by a disc that stands still.
"""

import tempfile

import numpy as np

import wmenv


class Palette:
    """Compares the colours of a clip's last frame with those of the frame that was given last."""

    name, accepts, reads_truth, exact = "palette", ("clip",), False, True
    card = {"identity": "palette-v0"}  # noqa: RUF012

    def judge(self, cases, responses):
        """One judgement a response. `reads_truth = False`: the truth of these cases raises if it is read."""
        return [self.judged(case, response.frames[-1]) for case, response in zip(cases, responses, strict=True)]

    def judged(self, case, frame):
        """1 minus the share of coloured pixels that came or went. What was given is in the case: clips may lie."""
        given, last = self.histogram(case.request.frames[-1]), self.histogram(frame)
        ink = given[:-1].sum()  # all but the white background
        if ink == 0:
            reason = "the given frames show nothing but background"
            return wmenv.judgement(case, [wmenv.Verdict.failed(c.id, reason) for c in case.criteria], "palette-v0")
        score = max(0.0, 1.0 - float(np.abs(given - last).sum()) / (2 * ink))
        return wmenv.judgement(case, [wmenv.Verdict.answered(c.id, score) for c in case.criteria], "palette-v0")

    def histogram(self, frame):
        """Pixels by colour, eight levels of each channel cut to two."""
        index = (frame >= 128) @ np.array([4, 2, 1])
        return np.bincount(index.ravel(), minlength=8)


def main() -> None:
    """Judge three agents by both judgers."""
    agents = ["law", "copy-last", "sanity:noise"]
    for judger in (Palette(), "physics"):
        with tempfile.TemporaryDirectory() as place:
            # Slow discs stay in view. All criteria are answered; the reward is that of the suite's scheme.
            results = wmenv.evaluate(
                wmenv.make("PhyWorld-uniform_motion", size=64, frames=16, judger=judger),
                agents,
                episodes=5,
                splits=["ood_low_v"],
                out=f"{place}/run",
            )
        told = ", ".join(f"{row.agent} {row.reward.mean:.3f}" for row in results.rows)
        print(f"{judger if isinstance(judger, str) else judger.name}: {told}")


if __name__ == "__main__":
    main()
