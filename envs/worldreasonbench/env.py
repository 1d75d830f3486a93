"""WorldReasonBench as an environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from wmenv.core.criterion import Criterion
from wmenv.core.errors import InvalidArgument
from wmenv.core.protocols import Judger
from wmenv.core.question import Question
from wmenv.envs.base import check_option
from wmenv.envs.prompted.cases import CaseSource, PromptedCase
from wmenv.envs.prompted.env import Condition, PromptedEnv
from wmenv.envs.prompted.published import PublishedSource
from wmenv.envs.vector import SuiteVectorEnv
from wmenv.envs.worldreasonbench.criteria import SCHEMES, grades, phases
from wmenv.envs.worldreasonbench.scenes import DOMAIN, SceneCases
from wmenv.official.worldreasonbench.cases import CATEGORIES, FIELDS, Asked, Kind, Record, load

DIFFICULTIES = ("medium", "easy", "difficult")


class WorldReasonBenchEnv(PromptedEnv):
    """Show what follows; questions ask for state, process, fidelity and mechanism.

    Observation: `{"prompt": str, "frames": uint8 (K, size, size, 3)}`, K = 1 in condition `image` and 0 in `text`.
    Action: uint8 (frames, size, size, 3), the given frame included. Reward, in [0, 1]: Score_PR of the clip (scheme
    `process`), or three grades from 1 to 5 as (S - 1) / 4 (`quality`).
    """

    family = "WorldReasonBench"
    benchmark = "worldreasonbench"
    domains = tuple(CATEGORIES.values())
    schemes = tuple(SCHEMES)
    own_judger = "scene-pixels"
    own_condition = "image"

    def __init__(
        self,
        domain: str | None = None,
        *,
        questions: Kind = "binary",
        difficulty: str = "medium",
        cases: str = "wmenv",
        data: str | Path | None = None,
        condition: Condition | None = None,
        subset: str | None = None,
        scheme: str | None = None,
        size: int = 128,
        frames: int = 32,
        fps: str | int | float = 16,
        judger: str | Judger | None = None,
        render_mode: str | None = None,
    ) -> None:
        """Make the environment; see `PromptedEnv` for the other options.

        Args:
            domain: `world_knowledge`, `human_centric`, `logic_reasoning` or `information`; all by default.
            questions: `binary` (yes or no) or `open` (free text, which a grader compares with the reference).
            difficulty: Of the prompt: `easy` says most about what should happen, `difficult` least.
            cases: See `PromptedEnv`.
            data: See `PromptedEnv`.
            condition: See `PromptedEnv`.
            subset: See `PromptedEnv`.
            scheme: `process` or `quality`.
            size: See `PromptedEnv`.
            frames: See `PromptedEnv`.
            fps: See `PromptedEnv`.
            judger: See `PromptedEnv`.
            render_mode: See `PromptedEnv`.
        """
        self.questions: Kind = check_option("questions", questions, tuple(FIELDS)[::-1])
        self.difficulty = check_option("difficulty", difficulty, DIFFICULTIES)
        super().__init__(
            domain,
            cases=cases,
            data=data,
            condition=condition,
            subset=subset,
            scheme=scheme,
            size=size,
            frames=frames,
            fps=fps,
            judger=judger,
            render_mode=render_mode,
        )

    def protocol(self) -> dict[str, Any]:
        """As every prompted suite's, with kind of questions and difficulty of prompts."""
        return {**super().protocol(), "questions": self.questions, "difficulty": self.difficulty}

    def own(self) -> CaseSource:
        """Procedural scenes with clear events, all of one domain.

        Raises:
            InvalidArgument: It is another domain.
        """
        if self.domain not in (None, DOMAIN):
            raise InvalidArgument(
                f"wmenv's own cases are all of domain {DOMAIN!r}, got {self.domain!r}; "
                "use cases='official' with data=DIR for the others"
            )
        return SceneCases(self.clip_spec, self.questions, self.difficulty, self.scheme == SCHEMES["quality"])

    def published(self, folder: Path, verified: bool) -> CaseSource:
        """Published cases of the domain."""
        return PublishedQuestions(folder, self, verified)

    def scheme_criteria(self, scheme: str) -> tuple[str, tuple[Criterion, ...]]:
        """Phases or grades."""
        return SCHEMES[scheme], phases() if scheme == "process" else grades(asked=False)


class PublishedQuestions(PublishedSource[Record]):
    """The published cases: questions of one kind, prompts of one difficulty."""

    name = "worldreasonbench"

    def __init__(self, folder: Path, env: WorldReasonBenchEnv, verified: bool) -> None:
        """Read a copy for an environment."""
        self.env = env
        super().__init__(folder, verified)

    def records(self) -> dict[str, Record]:
        """Records of the domain."""
        return {one.id: one for one in load(self.folder) if self.env.domain in (None, one.domain)}

    def prompted(self, record: Record) -> PromptedCase:
        """The case of a record; both conditions have one prompt, which speaks of the first frame."""
        if self.env.scheme == SCHEMES["process"]:
            asked = phases([_question(one, self.env.questions) for one in record.questions[self.env.questions]])
        else:
            asked = grades()
        prompt = record.prompts[self.env.difficulty]
        tags = {"domain": record.domain, "subdomain": record.subcategory}
        return PromptedCase(record.id, {"text": prompt, "image": prompt}, asked, tags, self.picture(record.image))


def _question(asked: Asked, kind: Kind) -> Question:
    if kind == "binary":
        polarity: Literal[1, -1] = 1 if asked.truth.strip().lower() == "yes" else -1
        return Question(asked.text, polarity=polarity, topic=asked.phase, difficulty=asked.difficulty)
    return Question(
        asked.text,
        "text",
        reference=asked.truth,
        rubric=asked.rubric,
        topic=asked.phase,
        difficulty=asked.difficulty,
    )


class WorldReasonBenchVectorEnv(SuiteVectorEnv):
    """N episodes of WorldReasonBench side by side; see `SuiteVectorEnv`."""

    suite_class = WorldReasonBenchEnv
