"""Skips that nobody foresaw, and warnings, fail a session; in one process and in several."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

TESTS = Path(__file__).resolve().parents[1]
CONFTEST = """
import importlib.util

import pytest

spec = importlib.util.spec_from_file_location("skips", {path!r})
skips = importlib.util.module_from_spec(spec)
spec.loader.exec_module(skips)

def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(skips.Skips([("test_one.py::*", "no copy of * here")]), "skips")
"""
SUITE = """
import warnings

import pytest

def test_foreseen():
    pytest.skip("no copy of it here")

@pytest.mark.xfail
def test_expected():
    raise AssertionError

def test_more():
    {more}
"""


@pytest.mark.parametrize(
    ("more", "processes", "status", "told"),
    [
        ("pass", 2, 0, "*1 passed, 1 skipped, 1 xfailed*"),
        ("pytest.skip('too tired')", 0, 1, "test_one.py::test_more  too tired"),
        ("pytest.importorskip('nothing_of_that_name')", 2, 1, "*::test_more  could not import 'nothing_of_that_name'*"),
        ("warnings.warn('careful')", 0, 1, "A warning fails the tests."),
    ],
)
def test_what_fails_a_session(pytester: pytest.Pytester, more: str, processes: int, status: int, told: str) -> None:
    pytester.makeconftest(CONFTEST.format(path=str(TESTS / "skips.py")))
    pytester.makepyfile(test_one=SUITE.format(more=more))
    done = pytester.runpytest_subprocess("-p", "no:cacheprovider", *_processes(processes))
    assert done.ret == status
    done.stdout.fnmatch_lines([told])


def _processes(count: int) -> list[str]:
    if not count:
        return []
    pytest.importorskip("xdist")
    return ["-n", str(count)]


def test_a_module_that_is_skipped_as_a_whole(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST.format(path=str(TESTS / "skips.py")))
    pytester.makepyfile(test_one="import pytest\npytest.importorskip('nothing_of_that_name')")
    pytester.makepyfile(test_two="def test_more():\n    pass")
    done = pytester.runpytest_subprocess("-p", "no:cacheprovider", *_processes(2))
    assert done.ret == 1
    done.stdout.fnmatch_lines(["test_one.py  could not import 'nothing_of_that_name'*"])


def test_warnings_are_errors_here(request: pytest.FixtureRequest) -> None:
    """Of the settings in force, not only of those in the file."""
    written = tomllib.loads((TESTS.parent / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    assert written["filterwarnings"] == ["error"] == request.config.getini("filterwarnings")
    assert request.config.pluginmanager.has_plugin("skips") or hasattr(request.config, "workerinput")
