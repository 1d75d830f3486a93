"""Playing a batch of episodes: ask the agent, judge, go on until each has ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from wmenv.core.canonical import canonical_json
from wmenv.core.case import Case
from wmenv.core.clip import Clip, Response, Unreadable, describe
from wmenv.core.errors import InvalidResponse, told
from wmenv.core.protocols import Agent, Suite
from wmenv.core.rollout import Rollout, Step
from wmenv.runs.plan import Planned, rollout_seed
from wmenv.runs.store import RolloutRow, StepRow

MAX_STEPS = 10_000


def play(suite: Suite, agent: Agent, todo: Sequence[Planned], seed: int) -> list[tuple[RolloutRow, Rollout | None]]:
    """Play the episodes of one batch to their end.

    Args:
        suite: Where the cases come from and who judges.
        agent: Who answers; where it raises, those rollouts fail and the others go on.
        todo: Rollouts of one agent.
        seed: Seed of the run.

    Returns:
        A row for each, and the rollout unless the agent failed.
    """
    cases = suite.cases([p.case_id for p in todo])
    open_cases: list[Case | None] = [_sampled(case, p) for case, p in zip(cases, todo, strict=True)]
    steps: list[list[Step]] = [[] for _ in todo]
    failures: dict[int, str] = {}
    for _ in range(MAX_STEPS):
        live = [k for k, case in enumerate(open_cases) if case is not None]
        if not live:
            break
        asked = [case for case in open_cases if case is not None]
        seeds = [rollout_seed(seed, todo[k].case_id, todo[k].sample) + len(steps[k]) for k in live]
        answered: list[tuple[int, Case, Response]] = []
        for k, case, response in zip(live, asked, _ask(suite, agent, asked, seeds), strict=True):
            if isinstance(response, Exception):
                failures[k] = f"agent {todo[k].agent}: {told(response)}"
                open_cases[k] = None
            else:
                answered.append((k, case, response))
        judged = suite.score([case for _, case, _ in answered], [r for _, _, r in answered])
        for (k, case, response), judgement in zip(answered, judged, strict=True):
            steps[k].append(Step(case, response, judgement))
        playing = [k for k, _, _ in answered]
        following = suite.advance([Rollout(steps[k][0].case, tuple(steps[k])) for k in playing])
        for k, case_after in zip(playing, following, strict=True):
            open_cases[k] = None if case_after is None else _sampled(case_after, todo[k])
    return [_row(p, steps[k], failures.get(k)) for k, p in enumerate(todo)]


def _ask(suite: Suite, agent: Agent, cases: Sequence[Case], seeds: Sequence[int]) -> list[Response | Exception]:
    """Responses of a batch; where the agent raises, it is asked once more case by case."""
    requests: Sequence[Any] = cases if agent.privileged else suite.observe(cases)
    try:
        answers = list(agent.act(requests, seeds))
        if len(answers) != len(cases):
            raise InvalidResponse(f"expected {len(cases)} responses, got {len(answers)}")
    except Exception as error:
        if len(cases) == 1:
            return [error]
        return [_ask(suite, agent, [case], [seed])[0] for case, seed in zip(cases, seeds, strict=True)]
    return [_as_response(answer, case) for answer, case in zip(answers, cases, strict=True)]


def _row(p: Planned, steps: Sequence[Step], failure: str | None) -> tuple[RolloutRow, Rollout | None]:
    if failure is not None or not steps:
        reason = failure or f"the episode did not begin within {MAX_STEPS} steps"
        return RolloutRow(p.agent, p.split, p.case_id, p.sample, "agent_failed", reason), None
    rollout = Rollout(steps[0].case, tuple(steps))
    rows = tuple(
        StepRow(k, s.response.kind, s.response.digest, s.response.spec(), s.judgement) for k, s in enumerate(steps)
    )
    row = RolloutRow(p.agent, p.split, p.case_id, p.sample, "judged", final=rollout.judgement, steps=rows)
    return row, rollout


def _sampled(case: Case, p: Planned) -> Case:
    """The case as this sample of it asks it."""
    return replace(case, request=replace(case.request, sample=p.sample))


def _as_response(answer: Any, case: Case) -> Response | Exception:
    """What an agent answered, as a response: arrays become clips at the case's rate, bad pixels are unreadable."""
    if not isinstance(answer, np.ndarray):
        return _checked(answer)
    fps = case.request.spec.fps
    if fps is None:
        return InvalidResponse("this suite states no frame rate; answer with Clip(frames, fps), not with an array")
    try:
        return Clip(answer, fps) if answer.dtype == np.uint8 else Clip.from_float(answer, fps)
    except InvalidResponse as error:
        return Unreadable(str(error))


def _checked(answer: Any) -> Response | Exception:
    """A response that says what the store will ask of it: a kind, a digest, a plain spec."""
    try:
        if not isinstance(answer, Clip | Response):  # the first is quick to see
            form = "a response (a Clip, say) or an array of frames"
            return InvalidResponse(f"expected {form}, got {describe(answer)}")
        canonical_json([answer.kind, answer.digest, answer.spec()])
    except Exception as error:
        return InvalidResponse(f"a response must state kind, digest and a plain spec(): {told(error)}")
    return answer
