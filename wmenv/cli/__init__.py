"""The command line: one small file a command, everything heavy imported inside the command."""

from __future__ import annotations

import sys

from cyclopts import App, CycloptsError

from wmenv.cli.align import align
from wmenv.cli.answers import answers
from wmenv.cli.compare import compare
from wmenv.cli.data import data
from wmenv.cli.demo import demo
from wmenv.cli.doctor import doctor
from wmenv.cli.evaluate import evaluate
from wmenv.cli.judge import judge
from wmenv.cli.list import list_names
from wmenv.cli.merge import merge
from wmenv.cli.report import report
from wmenv.cli.requests import requests
from wmenv.cli.show import show
from wmenv.cli.study import study
from wmenv.cli.table import table
from wmenv.cli.train import train

FAILED, REFUSED, INTERRUPTED = 1, 2, 130
"""Exit statuses: something of a run is missing; the command was refused; stopped by Ctrl-C. `wmenv.cli.align` has one
more, of runs that the guard stopped."""

app = App(
    name="wmenv",
    help="Is this video generator a world model? Benchmarks as Gymnasium environments, generators as agents, "
    "judgers as rewards.\n\nStart with: wmenv demo --out demo",
    version=lambda: __import__("wmenv").__version__,
    help_format="plaintext",  # markdown would load two more packages for each help page
    suppress_keyboard_interrupt=False,  # `main` says what has become of the run
)
for function, name in (
    (demo, "demo"),
    (evaluate, "evaluate"),
    (align, "align"),
    (merge, "merge"),
    (requests, "requests"),
    (report, "report"),
    (compare, "compare"),
    (table, "table"),
    (list_names, "list"),
    (show, "show"),
    (study, "study"),
    (doctor, "doctor"),
):
    app.command(function, name=name)
app.command(judge)
app.command(answers)
app.command(train)
app.command(data)


def main() -> None:
    """Entry point of the `wmenv` command."""
    from wmenv.core.errors import WmenvError

    try:
        status = app(sys.argv[1:], result_action="return_value", exit_on_error=False)
    except CycloptsError:  # printed already
        sys.exit(REFUSED)
    except WmenvError as error:
        from wmenv.cli.console import say_error

        say_error(str(error))
        sys.exit(REFUSED)
    except KeyboardInterrupt:
        told = "stopped; what is finished is safe: go on with --resume, or where there is none, with the same command"
        print(told, file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(FAILED)
    sys.exit(status if isinstance(status, int) else 0)
