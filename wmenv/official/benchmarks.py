"""The published benchmarks that wmenv knows: their files with hashes, what they count, where their parts are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from wmenv.core.errors import InvalidArgument
from wmenv.official import videoverse, worldmodelbench, worldreasonbench
from wmenv.official.videoverse import cases as videoverse_cases
from wmenv.official.worldmodelbench import cases as worldmodelbench_cases
from wmenv.official.worldreasonbench import cases as worldreasonbench_cases


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A file of a benchmark.

    Attributes:
        names: Where it may lie below the copy.
        sha256: As published.
        role: `cases` (nothing works without it), `templates` (the judge's words) or `more`.
    """

    names: tuple[str, ...]
    sha256: str
    role: Literal["cases", "templates", "more"]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A published benchmark.

    Attributes:
        name: As users type it.
        title: As people write it.
        package: Module with its `cases`, `results` and `templates`.
        repository: On GitHub.
        commit: The commit whose files are known here.
        files: The known files.
        count: Counts what is in a copy.
        counts: What the published files count.
        images: Relative paths of the first frames of a copy's cases, with the first 16 digits of their SHA-256, empty
            where it is not known.
    """

    name: str
    title: str
    package: str
    repository: str
    commit: str
    files: tuple[PublishedFile, ...]
    count: Callable[[Path], Mapping[str, int]]
    counts: Mapping[str, int]
    images: Callable[[Path], list[tuple[str, str]]]

    def module(self, name: str) -> Any:
        """Its module `cases`, `results` or `templates`."""
        return import_module(f"{self.package}.{name}")


def _worldmodelbench_count(folder: Path) -> dict[str, int]:
    records = worldmodelbench_cases.load(folder)
    subdomains = {(record.domain, record.subdomain) for record in records}
    return {"cases": len(records), "domains": len({r.domain for r in records}), "subdomains": len(subdomains)}


def _worldmodelbench_images(folder: Path) -> list[tuple[str, str]]:
    known = files(worldmodelbench).joinpath("images.txt").read_text().split()
    records = worldmodelbench_cases.load(folder)
    if len(records) != len(known):
        known = [""] * len(records)
    return [(record.image, start) for record, start in zip(records, known, strict=True)]


def _videoverse_count(folder: Path) -> dict[str, int]:
    records = videoverse_cases.load(folder)
    events, checks = (sum(len(getattr(r, name)) for r in records) for name in ("events", "checks"))
    return {"prompts": len(records), "events": events, "checks": checks}


def _worldreasonbench_count(folder: Path) -> dict[str, int]:
    records = worldreasonbench_cases.load(folder)
    asked = {kind: sum(len(r.questions[kind]) for r in records) for kind in worldreasonbench_cases.FIELDS}
    return {"cases": len(records), "open questions": asked["open"], "yes/no questions": asked["binary"]}


def _worldreasonbench_images(folder: Path) -> list[tuple[str, str]]:
    return [(record.image, "") for record in worldreasonbench_cases.load(folder)]


BENCHMARKS = {
    one.name: one
    for one in (
        Benchmark(
            "worldmodelbench",
            "WorldModelBench",
            worldmodelbench.__name__,
            worldmodelbench_cases.REPOSITORY,
            "00b7aa17a05f9fd1ab5c8f66bcf476d04c9c33bf",
            (
                PublishedFile(
                    worldmodelbench_cases.CASE_FILE,
                    "56cf38e7fc8cb3a485d71de890a38d2857752cc168addda8900b89f9809a842b",
                    "cases",
                ),
                PublishedFile(
                    ("evaluation.py",), "f77747cb500b5eab678387d500bf35cf32e4dff3e5a92f5921356581e55f6203", "templates"
                ),
            ),
            _worldmodelbench_count,
            {"cases": 350, "domains": 7, "subdomains": 56},
            _worldmodelbench_images,
        ),
        Benchmark(
            "videoverse",
            "VideoVerse",
            videoverse.__name__,
            videoverse_cases.REPOSITORY,
            "33b30478e74d2d1581f2aefc81eb7f25724d48b6",
            (
                PublishedFile(
                    videoverse_cases.CASE_FILE,
                    "3ac785be2d8f2501fa23f9e5bd2b2c6be5626b2bf48698e2f145dfa7dd1630c2",
                    "cases",
                ),
                PublishedFile(
                    ("scripts/eval_with_Gemini_like_video_url.py", "eval_with_Gemini_like_video_url.py"),
                    "c7efa11406c43fe16aaad97ac0ad6794881d979eeb948a9fbab705e3e083e773",
                    "templates",
                ),
                PublishedFile(
                    ("scripts/cal_acc.py", "cal_acc.py"),
                    "9c0a6117a2f8ba647c5e7acb9e252228922bd8413b709613dfd0a7a55376b829",
                    "more",
                ),
            ),
            _videoverse_count,
            {"prompts": 300, "events": 815, "checks": 793},
            lambda _: [],
        ),
        Benchmark(
            "worldreasonbench",
            "WorldReasonBench",
            worldreasonbench.__name__,
            worldreasonbench_cases.REPOSITORY,
            "4dbc6ab91f8eac7db597a3db2824469f96c9a033",
            (
                *(
                    PublishedFile(worldreasonbench_cases.CASE_FILES[category], digest, "cases")
                    for category, digest in {
                        "World-Knowledge": "0f3ad8c21e601857c04352093680d4626c741e871253d502c9ded8d1bf7a38ae",
                        "Human-Centric": "e40217ddd9e4a0c855500ae692fe44cc82d6ab5348f9ecbcac3015d5b0b8384d",
                        "Logic-Reasoning": "35ea22f30b5274dddd8357e8a1b41cb4791459c0ee3d86f212d4211bf5745bf6",
                        "Information-based-reasoning": (
                            "df348140c44b365b6f9a66aa4c563357daf442e91b5eb88edc8f3f798445d769"
                        ),
                    }.items()
                ),
                PublishedFile(
                    ("evaluation/eval_qa.py", "eval_qa.py"),
                    "a2ed7daa8aa3969bfd1775c8537852e57dfc56017a8f46c363d166886b39e2e7",
                    "templates",
                ),
            ),
            _worldreasonbench_count,
            {"cases": 428, "open questions": 2162, "yes/no questions": 2490},
            _worldreasonbench_images,
        ),
    )
}


def benchmark(name: str) -> Benchmark:
    """A benchmark by its name.

    Raises:
        InvalidArgument: No such benchmark.
    """
    if name not in BENCHMARKS:
        raise InvalidArgument(f"no published benchmark named {name!r}; known: {', '.join(BENCHMARKS)}")
    return BENCHMARKS[name]
