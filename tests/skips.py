"""Which tests may be skipped: a skip that no line of allowed_skips.txt foresees fails the session, like a warning.

A line is a pattern of test names and a pattern of reasons, with `*` and `?` as in a shell. On another machine other
tests are skipped, so a line need not be used.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import pytest


def read(path: Path) -> list[tuple[str, str]]:
    """(pattern of tests, pattern of reasons) of each line; `#` begins a comment line."""
    lines = [line.split(maxsplit=1) for line in path.read_text("utf-8").splitlines()]
    return [(words[0], words[1]) for words in lines if words and not words[0].startswith("#")]


class Skips:
    """Looks at every report, also at those that processes of pytest-xdist send to the one that started them."""

    def __init__(self, allowed: list[tuple[str, str]]) -> None:
        self.allowed = allowed
        self.unforeseen: list[tuple[str, str]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            told = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            skip = (report.nodeid, told.removeprefix("Skipped: "))
            if not any(all(map(fnmatchcase, skip, one)) for one in self.allowed):
                self.unforeseen.append(skip)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        warned = reporter is not None and bool(reporter.stats.get("warnings"))
        if (self.unforeseen or warned) and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.unforeseen:
            terminalreporter.section("skips that tests/allowed_skips.txt does not foresee", red=True, bold=True)
            for name, reason in self.unforeseen:
                terminalreporter.line(f"{name}  {reason}")
        if terminalreporter.stats.get("warnings"):
            terminalreporter.line("A warning fails the tests.", red=True)
