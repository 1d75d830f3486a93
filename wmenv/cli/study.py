"""`wmenv study`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

if TYPE_CHECKING:
    from wmenv.studies.training.outcome import Outcome


def study(
    name: str | None = None,
    /,
    *,
    smoke: Annotated[bool, Parameter(negative="")] = False,
    real: Annotated[bool, Parameter(negative="")] = False,
    out: Path | None = None,
    jobs: int | None = None,
    precision: Literal["bfloat16", "float32"] | None = None,
    reanalyse: Annotated[bool, Parameter(negative="")] = False,
    docs: Annotated[list[Path] | None, Parameter(negative="", consume_multiple=True)] = None,
    check: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Make a table of the documentation anew, or run a study that trains models.

    For example: wmenv study phyworld-ood --real --out ood

    A study that trains states its question, hypothesis, runs and claims (wmenv study NAME), trains every run with every
    seed (--smoke or --real), and judges each claim by the 95 % interval over training seeds: agrees, disagrees or
    undecided. OUT holds study.json, report.html, the models and their run folders. The same command goes on after an
    interruption; finished cells are never repeated. The exit status is 1 when a cell failed.

    Args:
        name: Name of the study, or all; without a name the studies are listed.
        smoke: Run a training study at a size that only shows that it runs: under a minute, numbers mean nothing.
        real: Run it at its real size: within an hour on two cores.
        out: Folder of a training study; ./study-NAME-smoke or ./study-NAME-real by default.
        jobs: Models trained at once, one thread each; by default the number of cores, for --smoke one.
        precision: Of training, part of the results; by default as OUT was begun, and in a new one the faster one here
            (float32 for --smoke).
        reanalyse: Judge the models of OUT anew after the claims have changed; study.json says so.
        docs: Files or folders whose marked blocks are rewritten; without them tables are only printed. Tables of
            training studies are rendered from studies/NAME.json in the first folder (docs by default).
        check: Do not write; exit with 1 if a block differs from what is printed now.
    """
    from wmenv.cli.console import out as console
    from wmenv.core.errors import InvalidArgument
    from wmenv.studies.registry import DOCS, STUDIES, run_study, training_study

    sized = smoke or real
    if not sized and (out is not None or jobs is not None or precision is not None or reanalyse):
        raise InvalidArgument("--out, --jobs, --precision and --reanalyse go with --smoke or --real")
    if sized and ((smoke and real) or docs or check):
        raise InvalidArgument("--smoke and --real run a training study: one of them, without --docs or --check")
    if sized and name in (None, "all"):
        raise InvalidArgument("--smoke and --real run one training study: name it")
    if check and not docs:
        raise InvalidArgument("--check goes with --docs: it compares the blocks of those files")
    if name is None and not docs:
        width = max(map(len, STUDIES))
        for one in STUDIES.values():
            console().print(f"[bold]{one.name:<{width}}[/bold]  {one.summary}")
        return 0
    if name is None:
        raise InvalidArgument("--docs needs the name of a study, or all")
    if sized:
        return _train(name, "smoke" if smoke else "real", out, jobs, precision, reanalyse)
    if name in STUDIES and STUDIES[name].trains and not docs:
        from wmenv.studies.training.table import describe

        print(describe(training_study(name)))
        return 0
    tables = run_study(name, next((place for place in docs or () if place.is_dir()), DOCS))
    return _print(tables, docs, check)


def _print(tables: dict[str, str], docs: list[Path] | None, check: bool) -> int:
    from wmenv.studies.blocks import differing_blocks, write_blocks

    for title, text in tables.items():
        print(f"\n{title}\n\n{text}")
    if docs and check:
        different = differing_blocks(docs, tables)
        for line in different:
            print(f"differs: {line}")
        return 1 if different else 0
    if docs:
        for line in write_blocks(docs, tables):
            print(f"wrote {line}")
    return 0


def _train(
    name: str,
    size: Literal["smoke", "real"],
    out: Path | None,
    jobs: int | None,
    precision: Literal["bfloat16", "float32"] | None,
    reanalyse: bool,
) -> int:
    import sys

    from wmenv.core.errors import printable
    from wmenv.report.study import write_study_report
    from wmenv.studies.registry import training_study
    from wmenv.studies.training.precision import settled_precision
    from wmenv.studies.training.runner import run_training_study

    def told(line: str) -> None:
        print(printable(line), file=sys.stderr, flush=True)

    declared = training_study(name)
    folder = Path(f"study-{name}-{size}") if out is None else out
    if size == "smoke" and jobs is None:
        jobs = 1  # to start another process would take longer than the models do
    if precision is None:
        precision = settled_precision(folder, probe=size == "real")
        told(f"training in {precision}; --precision says otherwise")
    experiment = declared.experiment(size, precision)
    command = f"wmenv study {name} --{size} --precision {precision}"

    outcome = run_training_study(
        declared, experiment, folder, jobs=jobs, command=command, reanalyse=reanalyse, told=told
    )
    report = write_study_report(outcome, folder / "report.html", declared)
    return _finish(outcome, folder, report)


def _finish(outcome: Outcome, folder: Path, report: Path) -> int:
    """Print verdicts and paths; returns the exit status."""
    from wmenv.cli.console import escape
    from wmenv.cli.console import out as console
    from wmenv.report.study import claims_terminal_table

    screen = console()
    screen.print(claims_terminal_table(outcome))
    if outcome.size == "smoke":
        screen.print("smoke: the machinery runs; the models are far too small for these numbers to mean anything")
    for failure in outcome.failures:
        screen.print(f"[red]failed[/red] {escape(f'{failure.run} seed {failure.seed}: {failure.reason}')}")
    if outcome.failures:
        logs = escape(str(folder / "logs"))
        screen.print(f"the same command tries failed cells again; what they printed is in {logs}", soft_wrap=True)
    screen.print(f"report   {escape(str(report))}", soft_wrap=True)
    screen.print(f"results  {escape(str(folder / 'study.json'))}", soft_wrap=True)
    return 1 if outcome.failures or not outcome.complete else 0
