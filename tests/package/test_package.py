"""The wheel: complete, layered, light to import."""

from __future__ import annotations

import ast
import doctest
import importlib
import importlib.metadata
import os
import subprocess
import sys
import sysconfig
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

import wmenv
from wmenv.core.errors import MissingExtra

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = {
    "wmenv": "wmenv",
    "wmenv.envs": "envs",
    "wmenv.agents": "agents",
    "wmenv.judgers": "judgers",
    "wmenv.alignment": "alignment",
}
"""Import name of each top-level folder."""

FLOORS = {
    "core": 0,
    "worlds": 1,
    "official": 1,
    "envs": 2,
    "agents": 2,
    "judgers": 2,
    "runs": 2,
    "alignment": 3,
    "studies": 3,
    "report": 4,
    "cli": 5,
}
HEAVY = ("torch", "transformers", "diffusers", "mujoco", "numba", "av", "pymunk", "jinja2", "PIL", "scipy", "pandas")


def sources() -> dict[str, Path]:
    """Every source module of the project by import name."""
    found = {}
    for name, folder in FOLDERS.items():
        for path in (ROOT / folder).rglob("*.py"):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            found[".".join([name, *(p for p in parts if p != "__init__")])] = path
    return found


def test_the_installed_package_is_tested() -> None:
    assert Path(wmenv.__file__).is_relative_to(sysconfig.get_paths()["purelib"]), wmenv.__file__


def test_the_wheel_holds_exactly_the_sources() -> None:
    installed = Path(wmenv.__file__).parent
    for name, folder in FOLDERS.items():
        target = installed / folder if name != "wmenv" else installed
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                twin = target / path.relative_to(ROOT / folder)
                assert twin.is_file(), f"{path} is not in the wheel"
                assert twin.read_bytes() == path.read_bytes(), f"{twin} differs from {path}: run make test again"
    modules = {p.relative_to(installed).as_posix() for p in installed.rglob("*.py")}
    assert len(modules) == len(sources())


def test_every_package_is_listed() -> None:
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    assert listed == {name for name, path in sources().items() if path.name == "__init__.py"}


def imports(path: Path) -> set[str]:
    """wmenv modules that a file imports, those for type checkers and inside functions included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path} imports relatively"
            found.update({node.module} | {f"{node.module}.{alias.name}" for alias in node.names})
    return {name for name in found if name.startswith("wmenv.")}


def room(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in FLOORS else None


def test_rooms_import_downwards_only() -> None:
    checked = 0
    for module, path in sources().items():
        here = room(module)
        if here is None:
            continue
        for imported in imports(path):
            there = room(imported)
            if there is not None and there != here:
                checked += 1
                assert FLOORS[there] < FLOORS[here], f"{module} (floor {FLOORS[here]}) imports {imported}"
    assert checked > 50


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | environment, check=False
    )


def test_import_is_light() -> None:
    done = run(f"import sys, wmenv; print([m for m in {(*HEAVY, 'gymnasium', 'numpy')!r} if m in sys.modules])")
    assert done.stdout.strip() == "[]", done


@pytest.mark.parametrize(
    "code",
    [
        "import wmenv, gymnasium as gym",
        "import gymnasium as gym, wmenv",
        "import wmenv; from gymnasium.envs.registration import registry; import gymnasium as gym",
    ],
)
def test_ids_are_registered_whoever_comes_first(code: str) -> None:
    done = run(code + "; print(sorted(i for i in gym.registry if i.startswith('PhyWorld')))")
    assert "PhyWorld-collision-v0" in done.stdout, done.stderr
    assert done.stdout.count("PhyWorld") == 3


def test_help_is_fast() -> None:
    """Least CPU time of several runs: the machine is shared, and more is noise."""
    best = min(cpu_of([sys.executable, "-m", "wmenv", "--help"]) for _ in range(8))
    assert best < 0.3, f"wmenv --help takes {best:.2f} s of CPU time"


def cpu_of(command: list[str]) -> float:
    before = os.times()
    subprocess.run(command, check=True, capture_output=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def test_half_an_installation_says_so(tmp_path: Path) -> None:
    """A source folder ./wmenv in front of the installed package has no envs, agents and judgers."""
    for path in (ROOT / "wmenv").rglob("*.py"):
        twin = tmp_path / "wmenv" / path.relative_to(ROOT / "wmenv")
        twin.parent.mkdir(parents=True, exist_ok=True)
        twin.write_bytes(path.read_bytes())
    done = run("import wmenv", PYTHONPATH=str(tmp_path))
    assert done.returncode != 0 and "shadows the installed package" in done.stderr


def test_every_registered_name_loads() -> None:
    from wmenv.core.registries import AGENTS, JUDGERS, METHODS, SUITES

    for registry in (SUITES, AGENTS, JUDGERS, METHODS):
        for entry in registry.entries():
            try:
                assert callable(registry.load(entry.name)), entry
            except (MissingExtra, ModuleNotFoundError):
                assert not find_spec("torch"), entry


def test_docstring_examples_hold() -> None:
    examined = 0
    for name, path in sources().items():
        text = path.read_text()
        if ">>> " in text and (find_spec("torch") or "import torch" not in text):
            result = doctest.testmod(importlib.import_module(name))
            assert result.failed == 0, name
            examined += result.attempted
    assert examined >= 4


def test_version_is_the_distributions() -> None:
    assert wmenv.__version__ == importlib.metadata.version("wmenv")


def test_public_names_resolve() -> None:
    for name in wmenv.__all__:
        assert getattr(wmenv, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = wmenv.nothing
