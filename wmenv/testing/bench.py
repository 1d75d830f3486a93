"""Fixtures for pytest-benchmark: what a part of wmenv takes, as a ratio to something that is timed in turns with it.

| fixture | timed | ratio: how many times faster than |
| :-- | :-- | :-- |
| `wmenv_bench_env` | `reset` and `step` of an environment | drawing, observing and scoring the same cases directly |
| `wmenv_bench_renderer` | true clips of a suite's cases | writing as many bytes by `ndarray.fill` |
| `wmenv_bench_judger` | judging clips by `score` | one mean over their pixels, frame by frame |
| `wmenv_bench_vector_env` | `reset` and `step` of the native vector environment | Gymnasium's `SyncVectorEnv` |
| `wmenv_bench_alignment_step` | an update of an alignment method | making as many clips by the agent |

A call returns the ratio and leaves it in `benchmark.extra_info`. Absolute times belong to a machine; assert ratios.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from wmenv.testing.ratios import ratio


@dataclass(frozen=True, slots=True)
class Pair:
    """What is timed, and what it is held against.

    Attributes:
        subject: The work.
        reference: Other work on as many items.
        against: What the reference is, in words.
        reference_items: Times that a call of `reference` does its work for a call of `subject`.
        clock: How both are timed.
    """

    subject: Callable[[], Any]
    reference: Callable[[], Any]
    against: str
    reference_items: float = 1
    clock: Callable[[], float] = time.process_time


class Bench:
    """Call it once in a test, as the functions below are called."""

    def __init__(self, request: pytest.FixtureRequest, what: str) -> None:
        self._request, self._what = request, what

    def __call__(self, *arguments: Any, rounds: int = 7, **options: Any) -> float:
        """Time and compare.

        Args:
            *arguments: Of `env`, `renderer`, `judger`, `vector_env` or `alignment_step` below.
            rounds: Of the timing and of the comparison; one where benchmarks are disabled.
            **options: Likewise.

        Returns:
            How many times faster than the reference the work is; below 1 where it is slower.
        """
        __tracebackhide__ = True
        if not self._request.config.pluginmanager.hasplugin("benchmark"):
            pytest.fail(f"wmenv_bench_{self._what} needs pytest-benchmark: pip install pytest-benchmark", pytrace=False)
        benchmark = self._request.getfixturevalue("benchmark")
        pair: Pair = _PAIRS[self._what](*arguments, **options)
        rounds = 1 if benchmark.disabled else rounds
        found = ratio(pair.reference, pair.subject, pair.reference_items, 1, rounds, pair.clock)
        benchmark.pedantic(pair.subject, rounds=rounds)
        benchmark.extra_info["ratio"] = round(found, 4)
        benchmark.extra_info["against"] = pair.against
        return found


def env(env_id: str, *, clips: int = 8, **options: Any) -> Pair:
    """Episodes of an environment against direct calls.

    Args:
        env_id: Id.
        clips: Episodes a call.
        **options: Of the environment.
    """
    made, suite, cases, responses = _clips(env_id, clips, options)

    def episodes() -> None:
        for case, response in zip(cases, responses, strict=True):
            made.reset(options={"case_id": case.id})
            made.step(response.frames)

    def directly() -> None:
        for case, response in zip(cases, responses, strict=True):
            (again,) = suite.cases([case.id])
            suite.observe([again])
            suite.score([again], [response])

    return Pair(episodes, directly, "drawing, observing and scoring directly")


def renderer(env_id: str, *, clips: int = 8, **options: Any) -> Pair:
    """True clips against writing as many bytes; arguments as of `env`."""
    _, suite, cases, responses = _clips(env_id, clips, options)
    buffers, writes = [response.frames.copy() for response in responses], 50

    def fill() -> None:
        for _ in range(writes):
            for buffer in buffers:
                buffer.fill(255)

    return Pair(lambda: [suite.true_clip(case) for case in cases], fill, "ndarray.fill of as many bytes", writes)


def judger(
    env_id: str, *, clips: int = 8, reference: Callable[[Any], Any] | None = None, against: str = "", **options: Any
) -> Pair:
    """Judging true clips against one pass over their pixels.

    Args:
        env_id: Id.
        clips: Clips a call.
        reference: Another piece of work on the frames (T, H, W, 3) of a clip.
        against: What that is, in words.
        **options: Of the environment, its `judger` among them.
    """
    _, suite, cases, responses = _clips(env_id, clips, options)
    work = reference or (lambda frames: frames.mean(axis=(1, 2, 3)))
    words = against or ("the given reference" if reference else "one mean over the pixels")
    return Pair(lambda: suite.score(cases, responses), lambda: [work(r.frames) for r in responses], words)


def vector_env(env_id: str, *, envs: int = 8, **options: Any) -> Pair:
    """The native vector environment against Gymnasium's synchronous one.

    Args:
        env_id: Id.
        envs: Number of environments.
        **options: Of the environments.
    """
    import gymnasium as gym
    import numpy as np

    from wmenv.core.registries import make_env, newest_id

    suite = make_env(env_id, **options).unwrapped
    made = {
        mode: gym.make_vec(newest_id(env_id), num_envs=envs, vectorization_mode=mode, **options)
        for mode in ("vector_entry_point", "sync")
    }
    made["vector_entry_point"].reset(seed=0)
    frames = np.stack([_clip(suite, case).frames for case in made["vector_entry_point"].unwrapped.cases])  # type: ignore[attr-defined]

    def played(mode: Any) -> None:
        made[mode].reset(seed=0)
        made[mode].step(frames)

    return Pair(lambda: played("vector_entry_point"), lambda: played("sync"), "SyncVectorEnv")


def alignment_step(
    env_id: str, agent: Any, *, method: str = "reward-gradient", judger: Any = None, cases: int = 4, **settings: Any
) -> Pair:
    """An update of a method against making as many clips.

    Args:
        env_id: Id, made in the form of clips that the agent makes.
        agent: A generator that can be aligned, or its specification. It learns.
        method: Name of the method.
        judger: Gives the reward; the environment's own by default.
        cases: Cases an update.
        **settings: Of the method.
    """
    import numpy as np

    from wmenv.core.registries import METHODS
    from wmenv.runs.form import make_suited
    from wmenv.runs.plan import crew_of

    crew = crew_of([agent])
    (generator,) = crew.values()
    made = make_suited(env_id, crew)
    learner: Any = METHODS.load(method)(
        made,
        generator,
        judger,
        None,
        **{"cases": cases, "updates": 10_000, "look_every": 0, "look_cases": 1, "precision": "float32", **settings},
    )
    learner.learn(1)  # the first look, and what is compiled on the way
    suite = learner.suite
    requests = suite.observe(suite.draw(cases, np.random.default_rng(0)))
    on_cpu = learner.device.type == "cpu"
    return Pair(
        lambda: learner.learn(1),
        lambda: learner.generator.sample(requests, range(len(requests))),
        "making as many clips",
        clock=time.process_time if on_cpu else time.perf_counter,
    )


_PAIRS: dict[str, Callable[..., Pair]] = {
    "env": env,
    "renderer": renderer,
    "judger": judger,
    "vector_env": vector_env,
    "alignment_step": alignment_step,
}


def _clips(env_id: str, count: int, options: dict[str, Any]) -> tuple[Any, Any, list[Any], list[Any]]:
    import numpy as np

    from wmenv.core.registries import make_env

    made = make_env(env_id, **options)
    suite = made.unwrapped
    cases = suite.draw(count, np.random.default_rng(0))
    return made, suite, cases, [_clip(suite, case) for case in cases]


def _clip(suite: Any, case: Any) -> Any:
    from wmenv.core.errors import InvalidArgument

    clip = suite.true_clip(case)
    if clip is None:
        raise InvalidArgument(
            f"{suite.case_set} knows no true clip of case {case.id}; time a suite of wmenv's own cases"
        )
    return clip
