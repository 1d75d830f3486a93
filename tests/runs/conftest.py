"""What the tests of runs share: the command, a look at a run folder, mounts, the toy suites."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

HERE = Path(__file__).parent
ENV = "PhyWorld-uniform_motion-v0"


def _toys() -> ModuleType:
    """The toy suites as a module `toys`, under that name in child processes too (see `child_environment`)."""
    if "toys" not in sys.modules:
        spec = importlib.util.spec_from_file_location("toys", HERE / "toys.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["toys"] = module
        spec.loader.exec_module(module)
    return sys.modules["toys"]


@pytest.fixture(scope="session")
def toys() -> ModuleType:
    return _toys()


@pytest.fixture(scope="session")
def child_environment() -> dict[str, str]:
    """The environment of this process, with the folder of the toys importable."""
    path = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path}


@pytest.fixture(scope="session")
def command() -> Callable[..., subprocess.CompletedProcess[str]]:
    """`wmenv` in a process of its own."""

    def run(*arguments: object, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "wmenv", *map(str, arguments)]
        return subprocess.run(line, capture_output=True, text=True, timeout=120, env=env, check=False)

    return run


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """`wmenv` in this process, through the same entry point: (status, standard output, standard error)."""
    from wmenv.cli import main

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["wmenv", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        told = capsys.readouterr()
        status = left.value.code
        assert isinstance(status, int)
        return status, told.out, told.err

    return run


@pytest.fixture(scope="session")
def look() -> SimpleNamespace:
    """Looks at a run folder: `results` (without the environment block), `files` (hashes), `clips` (hashes)."""

    def results(folder: Path) -> dict[str, Any]:
        found = json.loads((folder / "results.json").read_text("utf-8"))
        del found["environment"]
        return dict(found)

    def files(folder: Path) -> dict[str, str]:
        return {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    def clips(folder: Path) -> dict[str, str]:
        return {name: text for name, text in files(folder).items() if name.startswith("clips/")}

    return SimpleNamespace(results=results, files=files, clips=clips)


@pytest.fixture
def tmpfs() -> Iterator[Callable[..., Path]]:
    """Mounts a small disk of its own: `tmpfs(folder, "size=2m")`; mounted again, its options change.

    Permission bits do not bind root, so read-only and full disks are real ones. Needs root; without it a test
    that asks for a disk fails rather than passes for nothing.
    """
    with ExitStack() as stack:
        mounted: set[Path] = set()

        def mount(folder: Path, options: str) -> Path:
            folder.mkdir(parents=True, exist_ok=True)
            again = folder in mounted
            words = f"remount,{options}" if again else options
            line = ["mount", "-t", "tmpfs", "-o", words, "tmpfs", str(folder)]
            done = subprocess.run(line, capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.fail(f"these tests need to mount a tmpfs (run them as root): {done.stderr}")
            if not again:
                mounted.add(folder)
                stack.callback(subprocess.run, ["umount", "-l", str(folder)], check=True)
            return folder

        yield mount


@contextmanager
def started(*line: object, env: dict[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """A child process that does not outlive its test."""
    child = subprocess.Popen(
        [sys.executable, *map(str, line)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


@pytest.fixture(scope="session")
def start() -> Callable[..., Any]:
    """`with start("-m", "wmenv", ...) as child`: a child process that does not outlive its test."""
    return started
