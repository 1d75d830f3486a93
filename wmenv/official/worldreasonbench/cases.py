"""The question files of WorldReasonBench: 428 cases with 2,162 open and 2,490 yes/no questions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from wmenv.core.case import check_case_id
from wmenv.core.errors import InvalidCase
from wmenv.official.files import entry, found, read_json, refuse_duplicates, typed

REPOSITORY = "UniX-AI-Lab/WorldReasonBench"
CATEGORIES = {
    "World-Knowledge": "world_knowledge",
    "Human-Centric": "human_centric",
    "Logic-Reasoning": "logic_reasoning",
    "Information-based-reasoning": "information",
}
"""`category` in the question files -> domain."""
CASE_FILES = {
    category: (f"data/data_with_qa_gemini/qa_{category}.json", f"data_with_qa_gemini/qa_{category}.json",
               f"qa_{category}.json")
    for category in CATEGORIES
}  # fmt: skip
PHASES = {"factual": "state", "temporal": "process", "detail": "fidelity", "reasoning": "mechanism"}
"""`question_type` -> phase, in the order of the chain score."""
Difficulty = Literal["difficult", "medium", "easy"]
Kind = Literal["open", "binary"]
FIELDS: dict[Kind, str] = {"open": "open_ended_qa", "binary": "binary_qa"}


@dataclass(frozen=True, slots=True)
class Asked:
    """One published question: its phase, its words, the right answer and what an answer must hold."""

    phase: str
    text: str
    truth: str
    rubric: str
    difficulty: str


@dataclass(frozen=True, slots=True)
class Record:
    """One published case.

    Attributes:
        id: Such as `1-a-1`; the clip is `<id>.mp4`.
        domain: Name of the category.
        subcategory: As published (`sub_category_v2`).
        prompts: Prompts by difficulty; the harder, the fewer hints.
        image: Where its first frame belongs below the copy; the images are not in the repository.
        questions: Questions by kind, in file order.
    """

    id: str
    domain: str
    subcategory: str
    prompts: Mapping[str, str]
    image: str
    questions: Mapping[Kind, tuple[Asked, ...]]


def load(folder: Path) -> list[Record]:
    """Records of a copy: the four files one after the other.

    Raises:
        InvalidCase: A file is missing or damaged, a record is not as described above, two have one id.
    """
    records = []
    for category, names in CASE_FILES.items():
        path = found(folder, names, REPOSITORY)
        rows = typed(read_json(path), list, path.name)
        records += [_record(row, category, f"record {k} of {path.name}") for k, row in enumerate(rows)]
    refuse_duplicates((record.id for record in records), str(folder))
    return records


def _record(row: Any, category: str, where: str) -> Record:
    fields = typed(row, dict, where)
    name = check_case_id(entry(fields, "id", str, where))
    questions = {
        kind: tuple(_asked(one, f"{field} of {name!r}") for one in entry(fields, field, list, where))
        for kind, field in FIELDS.items()
    }
    return Record(
        name,
        CATEGORIES[category],
        entry(fields, "sub_category_v2", str, where),
        {level: entry(fields, f"video_prompt_{level}", str, where) for level in ("difficult", "medium", "easy")},
        f"data/{category}/{name}.png",
        questions,
    )


def _asked(one: Any, where: str) -> Asked:
    fields = typed(one, dict, where)
    kind = entry(fields, "question_type", str, where).strip().lower()
    if kind not in PHASES:
        raise InvalidCase(f"{where} has a question of type {kind!r}; known: {', '.join(PHASES)}")
    text, truth, rubric, difficulty = (
        entry(fields, key, str, where) for key in ("question", "ground_truth", "evaluation_criteria", "difficulty")
    )
    return Asked(PHASES[kind], text, truth, rubric, difficulty)
