"""An agent in ten lines, compared with the weakest baseline on the same cases.

    python examples/write_an_agent.py

The agent copies what changed between the last two given frames: it shifts the last one by the motion of the
centre of everything dark. It knows no disc, no law and no truth.
"""

import tempfile

import numpy as np

import wmenv


class ShiftLast:
    """Moves the last given frame on by whole pixels."""

    name = "shift-last"
    privileged = False
    card = {"identity": "shift-last-v0"}  # noqa: RUF012

    def act(self, requests, seeds):
        """One clip a request."""
        return [self.clip(request) for request in requests]

    def clip(self, request):
        """The given frames, then the last one, shifted."""
        centres = np.array([np.argwhere(frame.min(axis=-1) < 200).mean(axis=0) for frame in request.frames])
        step = (centres[-1] - centres[0]) / (len(centres) - 1)
        shifts = [np.rint(step * k).astype(int) for k in range(1, request.spec.frames - len(request.frames) + 1)]
        future = [np.roll(request.frames[-1], shift, axis=(0, 1)) for shift in shifts]
        return wmenv.Clip(np.concatenate([request.frames, future]), request.spec.fps)


def main() -> None:
    """Evaluate both on the same cases."""
    with tempfile.TemporaryDirectory() as place:
        results = wmenv.evaluate(
            "PhyWorld-uniform_motion-v0", [ShiftLast(), "copy-last"], episodes=20, seed=1, out=f"{place}/run"
        )
    for row in results.rows:
        error = row.criteria["velocity"].native
        print(f"{row.agent}: reward {row.reward.mean:.3f}, velocity error {error.mean:.3f} units/s")


if __name__ == "__main__":
    main()
