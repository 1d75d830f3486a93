"""The child process that reads hostile files, and samples of what it reads."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

HERE = Path(__file__).parent


def neighbour(name: str) -> ModuleType:
    if f"hostile_{name}" not in sys.modules:
        spec = importlib.util.spec_from_file_location(f"hostile_{name}", HERE / f"{name}.py")
        assert spec is not None and spec.loader is not None
        sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[spec.name])
    return sys.modules[f"hostile_{name}"]


PLACES: dict[str, Any] = neighbour("places").PLACES


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `place` runs for every place."""
    if "place" in metafunc.fixturenames:
        metafunc.parametrize("place", PLACES)


class Sample:
    """A good sample of what a place takes; `read` says what comes of reading it, changed or not."""

    def __init__(self, place: str, folder: Path, ask: Callable[[str, str, Path], dict[str, Any]]) -> None:
        self.place, self.ask = place, ask
        self.good, self.work, self.around = folder / "good", folder / "around" / "work", folder / "around"
        self.good.mkdir()
        ask("make", place, self.good)
        self.files = sorted(path.relative_to(self.good) for path in self.good.rglob("*") if path.is_file())

    def fresh(self) -> Path:
        """A copy that may be changed."""
        shutil.rmtree(self.around, ignore_errors=True)
        self.around.mkdir()
        return Path(shutil.copytree(self.good, self.work))

    def read(self) -> dict[str, Any]:
        """Read the copy; nothing may appear beside it."""
        found = self.ask("read", self.place, self.work)
        beside = [path.name for path in self.around.iterdir()]
        assert beside == ["work"], f"files outside the folder: {beside}"
        assert not found["forbidden"], found
        return found

    def forgives(self, file: Path) -> bool:
        return any(file.match(pattern) for pattern in PLACES[self.place].forgiving)


@pytest.fixture(scope="session")
def child(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, str, Path], dict[str, Any]]]:
    """`ask(order, place, folder)`; see child.py."""
    home = tmp_path_factory.mktemp("home")
    env = {**os.environ, "HOME": str(home), "TMPDIR": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    line = [sys.executable, str(HERE / "child.py"), str(HERE / "places.py")]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env, cwd=home) as process:
        assert process.stdin is not None and process.stdout is not None

        def ask(order: str, place: str, folder: Path) -> dict[str, Any]:
            assert process.stdin is not None and process.stdout is not None
            print(json.dumps([order, place, str(folder)]), file=process.stdin, flush=True)
            answer = process.stdout.readline()
            assert answer, f"the child is gone: {order} {place}"
            found: dict[str, Any] = json.loads(answer)
            return found

        yield ask
        process.stdin.close()


@pytest.fixture(scope="session")
def samples(
    child: Callable[[str, str, Path], dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Sample]:
    """`samples("run")`: the sample of a place, made once."""
    made: dict[str, Sample] = {}

    def sample(place: str) -> Sample:
        for needed in PLACES[place].needs:
            pytest.importorskip(needed)
        if place not in made:
            made[place] = Sample(place, tmp_path_factory.mktemp("sample"), child)
        return made[place]

    return sample


@pytest.fixture(scope="session")
def damage() -> ModuleType:
    """tests/hostile/damage.py."""
    return neighbour("damage")
