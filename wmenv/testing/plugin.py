"""What pytest loads: options and fixtures. Everything of wmenv is imported when a fixture is called, and not before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from wmenv.testing.bench import Bench
from wmenv.testing.gate import UPDATED, Gate


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the command line and of pytest's configuration file."""
    group = parser.getgroup("wmenv", "regression tests of world models")
    group.addoption(
        "--wmenv-update-baseline",
        action="store_true",
        help="write what agents score now as the baselines of wmenv_regression, and pass",
    )
    group.addoption(
        "--wmenv-runs", metavar="DIR", help="keep the run folders of wmenv_regression here, each with its report.html"
    )
    parser.addini(
        "wmenv_baselines", "folder of baselines below the root folder; by default baselines/ beside each test"
    )


@pytest.fixture
def wmenv_regression(request: pytest.FixtureRequest) -> Gate:
    """Evaluates an agent and fails where it has become worse than its baseline; see `wmenv.testing.gate.Gate`."""
    return Gate(request)


def _bench(what: str) -> Any:
    @pytest.fixture(name=f"wmenv_bench_{what}")
    def bench(request: pytest.FixtureRequest) -> Bench:
        return Bench(request, what)

    bench.__doc__ = f"Times the {what.replace('_', ' ')} and records a ratio; see `wmenv.testing.bench`."
    return bench


wmenv_bench_env = _bench("env")
wmenv_bench_renderer = _bench("renderer")
wmenv_bench_judger = _bench("judger")
wmenv_bench_vector_env = _bench("vector_env")
wmenv_bench_alignment_step = _bench("alignment_step")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say which baselines were written."""
    written = list(_written(terminalreporter))
    if written:
        terminalreporter.section("wmenv baselines")
        for path in written:
            terminalreporter.line(f"wrote {path}; look at it and commit it")


def _written(terminalreporter: Any) -> Iterator[str]:
    for report in terminalreporter.getreports("passed"):
        yield from (value for name, value in getattr(report, "user_properties", ()) if name == UPDATED)
