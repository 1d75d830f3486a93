"""`wmenv align`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

if TYPE_CHECKING:
    from wmenv.alignment.learner import Callback

TWINS = {"physics": "physics-soft"}
"""A judger and the one that answers the same with a gradient: one gives the reward, the other is held out."""

ALARMED = 3
"""Exit status of a run that the guard stopped."""


def align(
    env: str,
    /,
    *,
    agent: str,
    out: Path,
    method: str = "reward-gradient",
    judger: str | None = None,
    held_out_judger: str | None = None,
    updates: int = 100,
    seed: int = 0,
    prompts: str | None = None,
    cases: int | None = None,
    learning_rate: float | None = None,
    shuffled: Annotated[bool, Parameter(negative="")] = False,
    look_every: int | None = None,
    look_splits: str | None = None,
    guard: bool = True,
    option: Annotated[list[str] | None, Parameter(negative="", consume_multiple=False)] = None,
    size: int | None = None,
    frames: int | None = None,
    set_: Annotated[list[str] | None, Parameter(name="--set", negative="", consume_multiple=False)] = None,
    resume: Annotated[bool, Parameter(negative="")] = False,
    stop_after: int | None = None,
    save_every: int = 10,
    report: bool = True,
) -> int:
    """Improve a generator by the rewards of a judger; another judger is held out and chooses what is kept.

    For example: wmenv align PhyWorld-uniform_motion --agent flow,steps=4 --prompts id:2,ood_high_v:1 --updates 100
    --out runs/aligned

    The folder holds the state to go on from, alignment.json (every update), report.html and model/, the weights that
    were best on held-out cases; they are an agent: --agent flow:OUT/model. Ctrl-C or a kill lose at most --save-every
    updates: --resume goes on and ends in the same weights, bit for bit.

    The guard stops a run that pleases its reward at the cost of the clips, goes back to the best look that nothing was
    wrong with, and says why; the exit status is then 3.

    Args:
        env: Environment, with or without its version; see wmenv list envs.
        agent: Generator to align: flow, flow:DIR, diffusers:DIR.
        out: Folder of the run; made if missing.
        method: reward-gradient (DRaFT-1), policy-gradient (GRPO), ddpo, best-of-n, supervised; see wmenv list methods.
        judger: Gives the reward; by default the environment's own, for reward-gradient its twin with a gradient.
        held_out_judger: Never rewards; by default the twin of the judger. none leaves it out.
        updates: Updates of the whole run; the learning rate falls linearly to 0 after the last one.
        seed: Decides cases and noise.
        prompts: Splits that cases are drawn from, with shares: id:2,ood_high_v:1. Keep those in that must stay right.
        cases: Cases an update.
        learning_rate: Of AdamW, at its peak.
        shuffled: The control: every clip gets the reward of another one, so that nothing can be learnt.
        look_every: Updates between looks at held-out cases.
        look_splits: Further splits to look at, joined by commas.
        guard: Stop and roll back on an alarm. --resume --no-guard goes on from the weights rolled back to.
        option: Further setting of the method as KEY=VALUE, repeatable: route=draft,k=4, kernel=dance-sde, group=16.
        size: Side of the picture in pixels; by default what the agent makes.
        frames: Frames of a clip; likewise.
        set_: Further option of the environment as KEY=VALUE, repeatable; see wmenv show ENV.
        resume: Go on with the run in OUT.
        stop_after: Stop after so many more updates; --resume goes on.
        save_every: Updates between saved states.
        report: Write report.html.
    """
    from wmenv.cli.console import env_options, escape
    from wmenv.cli.console import out as console
    from wmenv.core.errors import MissingExtra
    from wmenv.core.registries import METHODS
    from wmenv.runs.form import make_suited, told_form
    from wmenv.runs.plan import crew_of

    entry = METHODS.entry(method)  # before anything heavy
    try:
        from wmenv.alignment.folder import align as run
        from wmenv.alignment.guard import Guard

        kind: Any = METHODS.load(method)
    except ModuleNotFoundError as error:
        raise MissingExtra(f"wmenv align needs {error.name}: pip install 'wmenv[align]'") from error
    named = {
        "updates": updates, "seed": seed, "prompts": prompts, "cases": cases, "learning_rate": learning_rate,
        "shuffled": shuffled, "look_every": look_every, "look_splits": look_splits,
    }  # fmt: skip
    settings = env_options(option or [], **named)
    crew = crew_of([agent])
    (generator,) = crew.values()
    made = make_suited(env, crew, **env_options(set_ or [], size=size, frames=frames))
    gradient = entry.tags.get("gradient") == "true"
    rewarding, held_out = judgers(made.unwrapped.judger.name, gradient, judger, held_out_judger)
    learner = kind(made, generator, rewarding, held_out, **settings)
    screen = console()
    screen.print(escape(f"{learner.suite.protocol()['case_set']}: {made.spec.id}"), style="bold")
    screen.print(
        escape(f"{told_form(made.unwrapped.protocol())}; {method} by {rewarding}, held out: {held_out or 'none'}")
    )
    with align_progress(updates) as show:
        callbacks: list[Callback] = [Guard(), show] if guard else [show]
        results = run(learner, out, resume=resume, updates=stop_after, save_every=save_every, callbacks=callbacks)
    return _finish(results, out, report, updates)


def judgers(own: str, gradient: bool, judger: str | None, held_out: str | None) -> tuple[str, str | None]:
    """The judger that rewards and the one held out.

    Args:
        own: Name of the environment's judger.
        gradient: Whether the method needs a gradient.
        judger: As asked for.
        held_out: As asked for; `none` is none.
    """
    rewarding = judger or (TWINS.get(own, own) if gradient else own)
    twins = TWINS | {soft: hard for hard, soft in TWINS.items()}
    other = held_out or twins.get(rewarding.partition(",")[0])
    return rewarding, None if other == "none" else other


@contextmanager
def align_progress(updates: int) -> Iterator[Callback]:
    """A line a look; on a terminal a bar with the last update below them."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("starting", total=updates)

        def show(method: Any, record: Any) -> None:
            bar.update(task, description=told_figures(record.figures), completed=record.update)
            if record.look is not None:
                console.print(f"{record.update}/{updates}  {record.cpu_seconds:.0f} CPU-s  {told_look(record.look)}")

        yield show


def told_figures(figures: dict[str, float]) -> str:
    """The figures of an update that fit a line."""
    shown = [name for name in ("reward", "loss", "kl", "ratio_joint", "first_ratio_joint", "masked") if name in figures]
    return "  ".join(f"{name} {figures[name]:.4g}" for name in shown) or "starting"


def told_look(look: Any) -> str:
    """A look as a line: rewards, divergence, and the canaries of each split."""

    def number(value: float | None) -> str:
        return "-" if value is None else f"{value:.4g}"

    head = f"reward {number(look.reward)}  held out {number(look.held_out)}  KL {look.kl:.3g} nats"
    splits = []
    for name, one in look.splits.items():
        natives = "".join(f" {k} {v:.3f}" for k, v in list(one.native.items())[:1])
        slope = "".join(f" slope {v:.2f}" for v in one.slope.values() if v is not None)
        splits.append(
            f"{name}:{natives}{slope} motion {one.motion:.4f} diversity {number(one.diversity)} mass {number(one.mass)}"
        )
    return "  ".join([head, *splits])


def _finish(results: dict[str, Any], out: Path, report: bool, updates: int) -> int:
    """Print what came of it."""
    from wmenv.alignment.folder import RESULTS
    from wmenv.cli.console import escape
    from wmenv.cli.console import out as console

    screen = console()
    guard = results["guard"] or {"alarm": None}
    if not results["complete"] and guard["alarm"] is None:
        screen.print(f"stopped at update {results['history'][-1]['update']} of {updates}; go on with --resume")
    if results["best"] is not None:
        screen.print(f"best     update {results['best']['update']}, held-out value {results['best']['value']:.4g}")
    for line in told_guard(results["guard"]):
        screen.print(escape(f"guard    {line}"), style=None if guard["alarm"] is None else "red", soft_wrap=True)
    if report:
        from wmenv.report.alignment import write_alignment_report

        screen.print(escape(f"report   {write_alignment_report(results, out / 'report.html')}"), soft_wrap=True)
    screen.print(escape(f"results  {out / RESULTS}"), soft_wrap=True)
    screen.print(escape(f"model    {out / 'model'}  (--agent {results['agent']})"), soft_wrap=True)
    return 0 if guard["alarm"] is None else ALARMED


def told_guard(guard: dict[str, Any] | None) -> list[str]:
    """What the guard has to say, as lines."""
    if guard is None:
        return ["off"]
    if guard["blind"]:
        return [f"blind: {guard['blind']}"]
    alarm = guard["alarm"]
    if alarm is None:
        found = [f"at update {update}, passing or not yet lasting: {told}" for update, told in guard["findings"]]
        return ["no alarm", *found]
    head = f"alarm at update {alarm['update']}, since update {alarm['since']}; rolled back to {guard['rolled_back']}"
    return [head, *(one["told"] for one in alarm["findings"])]
