"""What the commands share: consoles, error lines, a progress display, parsing of `--set`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich import markup
from rich.console import Console

from wmenv.core.errors import InvalidArgument, printable
from wmenv.core.registry import literal

if TYPE_CHECKING:
    from pathlib import Path

    from wmenv.agents.flow.training import Tick as TrainingTick
    from wmenv.runs.progress import Tick


def out() -> Console:
    """Console on standard output; 120 columns where it is no terminal, so that logs do not wrap."""
    return Console(soft_wrap=False, width=None if sys.stdout.isatty() else 120, highlight=False)


def escape(text: str) -> str:
    """Text from outside for a console: it neither styles anything nor moves the cursor."""
    return markup.escape(printable(text))


def say_error(message: str) -> None:
    """One error line on standard error."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"[red]error:[/red] {escape(message)}")


def say_path(path: Path) -> None:
    """A path on a line of its own on standard output; what would drive a terminal is replaced in it."""
    print(printable(str(path)))


def env_options(settings: Sequence[str], **named: Any) -> dict[str, Any]:
    """Options of an environment or method from `KEY=VALUE` and named flags (None means not given).

    Raises:
        InvalidArgument: A setting has no key or no `=`, or a key comes twice.
    """
    options = {key: value for key, value in named.items() if value is not None}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key.isidentifier():
            raise InvalidArgument(f"--set takes KEY=VALUE, such as --set mode=box2d; got {setting!r}")
        if key in options:
            raise InvalidArgument(f"{key} is given twice")
        options[key] = literal(value)
    return options


@contextmanager
def progress(unit: str = "clips") -> Iterator[Callable[[Tick], None]]:
    """A progress bar on a terminal, a plain line now and then elsewhere."""
    if sys.stderr.isatty():
        with _bar(unit) as show:
            yield show
    else:
        yield _lines(unit)


@contextmanager
def _bar(unit: str) -> Iterator[Callable[[Tick], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def show(tick: Tick) -> None:
            bar.update(task, description=escape(_state(tick)), completed=tick.done, total=tick.total)

        yield show


def _lines(unit: str) -> Callable[[Tick], None]:
    """A line for every tenth of the work and whenever agent or split change."""
    shown: set[tuple[str, str, int]] = set()

    def show(tick: Tick) -> None:
        mark = (tick.agent, tick.split, tick.done * 10 // tick.total)
        if mark not in shown:
            shown.add(mark)
            print(f"{tick.done}/{tick.total} {unit}  {printable(_state(tick))}", file=sys.stderr, flush=True)

    return show


def _state(tick: Tick) -> str:
    reward = "" if tick.reward is None else f"  reward {tick.reward:.3f}"
    failed = f"  {tick.failed} failed" if tick.failed else ""
    return f"{tick.agent} on {tick.split}{reward}{failed}"


@contextmanager
def training_progress() -> Iterator[Callable[[TrainingTick], None]]:
    """A line a point of the learning curve; on a terminal a bar with the loss below them."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("starting", total=None)

        def show(tick: TrainingTick) -> None:
            bar.update(task, description=f"loss {tick.loss:.4f}", completed=tick.step, total=tick.steps)
            if tick.point is not None:
                errors = "  ".join(f"{one.split} {one.error:.3f}" for one in tick.point.held_out)
                at = f"step {tick.step}/{tick.steps}  {tick.point.cpu_seconds:.0f} CPU-s"
                console.print(f"{at}  loss {tick.point.loss:.4f}  velocity error: {errors}", soft_wrap=True)

        yield show
