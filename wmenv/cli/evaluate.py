"""`wmenv evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter


def evaluate(
    env: str,
    /,
    *,
    agent: Annotated[list[str], Parameter(negative="", consume_multiple=False)],
    out: Path,
    split: Annotated[list[str] | None, Parameter(negative="", consume_multiple=False)] = None,
    episodes: int = 100,
    samples: int = 1,
    seed: int = 0,
    judger: str | None = None,
    max_requests: int | None = None,
    max_cost: float | None = None,
    size: int | None = None,
    frames: int | None = None,
    cases: Literal["wmenv", "official", "copy"] | None = None,
    data: Path | None = None,
    condition: Literal["text", "image"] | None = None,
    subset: str | None = None,
    set_: Annotated[list[str] | None, Parameter(name="--set", negative="", consume_multiple=False)] = None,
    resume: Annotated[bool, Parameter(negative="")] = False,
    retry_failed: Annotated[bool, Parameter(negative="")] = False,
    keep_clips: Literal["all", "worst", "none"] = "worst",
    batch: int = 8,
    sanity: Annotated[bool, Parameter(negative="")] = False,
    shard: str | None = None,
    workers: int | None = None,
    devices: str | None = None,
    card: Path | None = None,
    report: bool = True,
) -> int:
    """Evaluate agents on an environment and write a run folder with a report.

    For example: wmenv evaluate PhyWorld-collision --agent law --agent copy-last --split id --split ood_high
    --episodes 200 --out runs/first

    The folder holds run.sqlite (every judgement, the moment it exists), results.json, report.html and the kept
    clips. The exit status is 1 when anything failed, 2 when the command was refused.

    Args:
        env: Environment, with or without its version; see wmenv list envs.
        agent: Agent under test, repeatable: law, videos:DIR, nearest-neighbour,velocity=10; see wmenv list agents.
        out: Run folder; made if missing.
        split: Split to draw cases from, repeatable; see wmenv show ENV.
        episodes: Cases a split.
        samples: Answers a case, each with its own seed; intervals cluster by case.
        seed: Decides the cases and every agent's seeds.
        judger: Judger instead of the environment's own: physics, vlm:DIR, server:URL; see wmenv list judgers.
        max_requests: Requests that a server:URL may get in all, resumptions included; what cannot be asked has failed.
        max_cost: What they may cost in all; needs server:URL,price_in=P,price_out=Q, prices of a million tokens.
        size: Side of the picture in pixels; by default what the agents make, else what the environment has.
        frames: Frames of a clip; likewise.
        cases: Cases of a prompted suite: wmenv's own, the official ones, or those of a copy of any state.
        data: Your copy of the benchmark, for --cases official and copy.
        condition: Whether a prompted suite gives the first frame.
        subset: Only some cases of a prompted suite: hard:FILE, those of lowest mean in official result files.
        set_: Further option of the environment as KEY=VALUE, repeatable; see wmenv show ENV.
        resume: Go on with the run in OUT; nothing finished is repeated.
        retry_failed: With --resume, try failed rollouts again.
        keep_clips: Keep all clips, the worst 12 and 12 at random of each agent and split, or none.
        batch: Rollouts handed to an agent at once.
        sanity: Add the sanity panel (the true clip, its first frame frozen, reversed, shuffled, noise, another case's
            clip) and warn where the judger cannot tell the true clip from the others.
        shard: Make only a share of the run, such as 2/4: one of the four folders that wmenv merge puts together.
        workers: Processes that play episodes at once on this machine; the results do not depend on their number.
        devices: Where the workers' models go, in turn, such as cpu or cuda:0,cuda:1; one worker a device by default.
        card: Card of the judger, written by wmenv judge exam: its key figures stand beside the scores, and it is kept
            in the run folder. A card of another judger is refused.
        report: Write report.html.
    """
    from wmenv.cli.budget import within_budget
    from wmenv.cli.console import env_options, escape, progress
    from wmenv.cli.console import out as console
    from wmenv.runs.evaluate import evaluate as run

    cast = {"cases": cases, "data": None if data is None else str(data), "condition": condition, "subset": subset}
    judger = within_budget(judger, max_requests, max_cost)
    screen = console()
    with progress() as show:
        results = run(
            env,
            agent,
            splits=split,
            episodes=episodes,
            samples=samples,
            seed=seed,
            out=out,
            resume=resume,
            retry_failed=retry_failed,
            keep=keep_clips,
            batch=batch,
            sanity=sanity,
            shard=shard,
            card=card,
            workers=workers,
            devices=[] if devices is None else devices.split(","),
            progress=show,
            told=lambda line: screen.print(escape(line), soft_wrap=True),
            **env_options(set_ or [], judger=judger, size=size, frames=frames, **cast),
        )
    return finish(results, out, report, screen)


def finish(results, out: Path, report: bool, console) -> int:  # type: ignore[no-untyped-def]
    """Print the table and the paths; returns the exit status."""
    from wmenv.cli.console import escape
    from wmenv.report.tables import terminal_table

    console.print(terminal_table(results))
    for failure in results.failures[:5]:
        console.print(f"[red]failed[/red] {escape(f'{failure.agent} {failure.case_id}: {failure.reason}')}")
    if len(results.failures) > 5:
        console.print(f"[red]failed[/red] {len(results.failures) - 5} more, all in {escape(str(out / 'results.json'))}")
    if not results.complete:
        made = sum(row.rollouts for row in results.rows)
        console.print(f"[red]incomplete[/red] {made} rollouts are there, others are missing: go on with --resume")
    if results.sanity is not None:
        for name, reason in results.sanity.left_out.items():
            console.print(f"left out of the sanity panel: {escape(f'{name}: {reason}')}", soft_wrap=True)
        for warning in results.sanity.warnings:
            console.print(f"[yellow]warning[/yellow] sanity panel on {escape(warning)}", soft_wrap=True)
        if not results.sanity.compared:
            console.print("without a true clip the sanity panel says nothing about the judger")
        elif not results.sanity.warnings:
            console.print("sanity panel: the judger tells the true clip from all others")
    if report:
        from wmenv.report.html import write_report

        console.print(f"report   {escape(str(write_report([out])))}", soft_wrap=True)
    console.print(f"results  {escape(str(out / 'results.json'))}", soft_wrap=True)
    return 1 if results.failed else 0
