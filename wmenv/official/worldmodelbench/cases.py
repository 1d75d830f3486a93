"""The case file of WorldModelBench: 350 records of five strings each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from wmenv.core.case import check_case_id
from wmenv.core.errors import InvalidCase
from wmenv.official.files import entry, found, read_json, refuse_duplicates, typed

REPOSITORY = "WorldModelBench-Team/WorldModelBench"
CASE_FILE = ("worldmodelbench.json",)
DOMAINS = {
    "robotics": "robotics",
    "driving": "autonomous vehicle",
    "gaming": "video games",
    "human": "human",
    "industrial": "industrial",
    "natural": "natural",
    "animation": "animation",
}
"""Name in environment ids -> `domain` in the case file."""


@dataclass(frozen=True, slots=True)
class Record:
    """One published case.

    Attributes:
        stem: Stem of the first frame's file, dots included; the clip is `<stem>.mp4`.
        domain: Name of the domain in environment ids.
        subdomain: As published.
        scene: Description of the first frame.
        instruction: What the clip should show.
        image: Path of the first frame below the copy.
    """

    stem: str
    domain: str
    subdomain: str
    scene: str
    instruction: str
    image: str

    @property
    def prompts(self) -> dict[str, str]:
        """The published prompts by condition: scene and instruction, or the instruction for an image."""
        return {"text": f"{self.scene} {self.instruction}", "image": self.instruction}


def load(folder: Path) -> list[Record]:
    """Records of a copy, in file order.

    Args:
        folder: The copy; holds worldmodelbench.json.

    Raises:
        InvalidCase: The file is missing or damaged, a record lacks a key, has an unknown domain or an unsafe name,
            two have one stem.
    """
    path = found(folder, CASE_FILE, REPOSITORY)
    rows = typed(read_json(path), list, path.name)
    records = [_record(row, f"record {k} of {path.name}") for k, row in enumerate(rows)]
    refuse_duplicates((record.stem for record in records), path.name)
    return records


def _record(row: object, where: str) -> Record:
    fields = typed(row, dict, where)
    domain, subdomain, scene, instruction, image = (
        entry(fields, key, str, where)
        for key in ("domain", "subdomain", "text_first_frame", "text_instruction", "first_frame")
    )
    short = {published: name for name, published in DOMAINS.items()}
    if domain not in short:
        raise InvalidCase(f"{where} has domain {domain!r}; known: {', '.join(map(repr, short))}")
    place = PurePosixPath(image)
    if place.is_absolute() or ".." in place.parts:
        raise InvalidCase(f"{where} has its first frame at {image!r}, outside the copy")
    return Record(check_case_id(place.stem), short[domain], subdomain, scene, instruction, image)
