"""Settings of all tests."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# Wall times on a shared machine are noise, so no test has a deadline; runs are the same every time.
settings.register_profile(
    "wmenv", deadline=None, derandomize=True, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("wmenv")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--allow-skip", action="append", default=[], help="a further reason for skips, with * and ?")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # workers of pytest-xdist send their reports
        skips = neighbour("skips.py")
        more = [("*", reason) for reason in config.getoption("--allow-skip", [])]
        allowed = skips.read(Path(__file__).parent / "allowed_skips.txt") + more
        config.pluginmanager.register(skips.Skips(allowed), "skips")


@pytest.fixture(scope="session")
def official() -> dict[str, Any]:
    """Official positions by law: outputs of phyworld/phyworld ee0e473 with pybox2d 2.3.10 (see `meta` in the files)."""
    folder = Path(__file__).parent / "fixtures"
    names = {"uniform_motion": "uniform", "parabola": "parabola", "collision": "collision"}
    return {law: json.loads((folder / f"phyworld_{name}.json").read_text()) for law, name in names.items()}


@pytest.fixture(scope="session")
def published() -> Callable[[str], Path]:
    """`published("videoverse")`: a folder with a benchmark's public case files, where there is one; else a skip."""

    def folder(benchmark: str) -> Path:
        root = Path(__file__).resolve().parents[1]
        for place in (root / "shared" / "data", root.parent / "shared" / "data"):
            if (place / benchmark).is_dir():
                return place / benchmark
        pytest.skip(f"no copy of {benchmark} here")

    return folder


def neighbour(path: str) -> ModuleType:
    """A module of the tests that is no test."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, Path(__file__).parent / path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`tiny("ltx")`: the folder of a tiny random diffusers pipeline, built once; see tests/agents/tiny_pipelines.py."""
    pytest.importorskip("diffusers")
    folder = tmp_path_factory.mktemp("pipelines")

    def saved(kind: str) -> Path:
        builder = neighbour("agents/tiny_pipelines.py")
        return folder / kind if (folder / kind).exists() else builder.save(kind, folder)

    return saved


@pytest.fixture(scope="session")
def tiny_vlms() -> ModuleType:
    """tests/judgers/tiny_vlms.py: builds tiny random vision-language models."""
    for name in ("torch", "transformers"):
        pytest.importorskip(name)
    return neighbour("judgers/tiny_vlms.py")


@pytest.fixture(scope="session")
def toy_balls() -> ModuleType:
    """tests/judgers/toy_balls.py: clips of a ball, and labels to teach judgers by."""
    pytest.importorskip("torch")
    return neighbour("judgers/toy_balls.py")


@pytest.fixture(scope="session")
def tiny_vlm(tmp_path_factory: pytest.TempPathFactory, tiny_vlms: ModuleType) -> Callable[[str], Path]:
    """`tiny_vlm("qwen3-vl")`: the folder of a tiny random vision-language model, built once."""
    folder = tmp_path_factory.mktemp("vlms")

    def saved(kind: str) -> Path:
        found: Path = folder / kind if (folder / kind).exists() else tiny_vlms.save(kind, folder / kind)
        return found

    return saved


@pytest.fixture(scope="session")
def alignment_shared() -> tuple[ModuleType, ModuleType]:
    """toys.py and kinds.py of tests/alignment, for tests elsewhere."""
    for name in ("torch", "diffusers", "peft"):
        pytest.importorskip(name)
    path = Path(__file__).parent / "alignment" / "conftest.py"
    spec = importlib.util.spec_from_file_location("alignment_conftest", path)
    assert spec is not None and spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    return importlib.import_module("alignment_toys"), importlib.import_module("alignment_kinds")


@pytest.fixture(scope="session")
def stub_server() -> ModuleType:
    """tests/judgers/stub_server.py: `with stub_server.Stub(...) as stub`, a stand-in for a server."""
    if "stub_server" not in sys.modules:
        path = Path(__file__).parent / "judgers" / "stub_server.py"
        spec = importlib.util.spec_from_file_location("stub_server", path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["stub_server"] = module
        spec.loader.exec_module(module)
    return sys.modules["stub_server"]
