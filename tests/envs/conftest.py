"""Small copies of published benchmarks, made up."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec

import wmenv
from wmenv.envs.prompted import PromptedEnv
from wmenv.envs.videoverse import VideoVerseEnv
from wmenv.envs.worldmodelbench import WorldModelBenchEnv
from wmenv.envs.worldreasonbench import WorldReasonBenchEnv
from wmenv.official.videoverse.cases import CHECKS

FAMILIES: dict[str, type[PromptedEnv]] = {
    "worldmodelbench": WorldModelBenchEnv,
    "videoverse": VideoVerseEnv,
    "worldreasonbench": WorldReasonBenchEnv,
}


def write_worldmodelbench(folder: Path) -> None:
    rows = [
        {
            "domain": domain,
            "subdomain": subdomain,
            "text_first_frame": "A {red} cube.",
            "text_instruction": "\"Push the 'cube'.\"",
            "first_frame": f"images/0{k}.{k}.mp4",
        }
        for k, (domain, subdomain) in enumerate([("robotics", "push"), ("robotics", "pick"), ("human", "dancing")])
    ]
    (folder / "worldmodelbench.json").write_text(json.dumps(rows))
    (folder / "images").mkdir()
    for k in (0, 1):  # the third picture is missing
        frame = np.full((1, 24, 48, 3), 60 + 90 * k, dtype=np.uint8)
        wmenv.write_clip(folder / f"images/0{k}.{k}.mp4", wmenv.Clip(frame, Fraction(1)))


def write_videoverse(folder: Path) -> None:
    kinds = list(CHECKS)
    rows = {
        f"key-{k}": {
            "verification_checks": [{"check_type": kind, "question": f"Is {kind} right?"} for kind in kinds[: k + 2]],
            "t2v_following_prompt": {"t2v_prompt": f"Prompt {{{k}}}."},
            "t2v_eval_event_info": {
                "verification_plan": [{"event_id": j, "event_description": f"Event {j}."} for j in range(k + 1)]
            },
        }
        for k in range(3)
    }
    (folder / "prompts_of_VideoVerse.json").write_text(json.dumps(rows))


def write_worldreasonbench(folder: Path) -> None:
    asked = {"evaluation_criteria": "It must fall.", "difficulty": "easy"}
    kinds = ("factual", "temporal", "detail", "reasoning", "reasoning")
    for k, category in enumerate(
        ("World-Knowledge", "Human-Centric", "Logic-Reasoning", "Information-based-reasoning")
    ):
        row = {
            "id": f"{k}-a-1",
            "category": category,
            "sub_category_v2": "Some",
            **{f"video_prompt_{level}": f"{level} prompt {k}" for level in ("difficult", "medium", "easy")},
            "open_ended_qa": [
                {"question": f"Open {j}?", "question_type": kind, "ground_truth": "It falls.", **asked}
                for j, kind in enumerate(kinds)
            ],
            "binary_qa": [
                {"question": f"Is it {j}?", "question_type": kind, "ground_truth": "yes" if j % 2 else "no", **asked}
                for j, kind in enumerate(kinds)
            ],
        }
        (folder / f"qa_{category}.json").write_text(json.dumps([row]))


@pytest.fixture
def small(tmp_path: Path) -> dict[str, Path]:
    """Folder of a small copy by benchmark."""
    writers = {
        "worldmodelbench": write_worldmodelbench,
        "videoverse": write_videoverse,
        "worldreasonbench": write_worldreasonbench,
    }
    for name, write in writers.items():
        (tmp_path / name).mkdir()
        write(tmp_path / name)
    return {name: tmp_path / name for name in writers}


def made(name: str, folder: Path, **options: Any) -> PromptedEnv:
    """An environment on a small copy."""
    form = {"cases": "copy", "data": str(folder), "size": 32, "frames": 4}
    spec = EnvSpec(f"{name}-v0", entry_point=FAMILIES[name], disable_env_checker=True)  # type: ignore[arg-type]
    env: PromptedEnv = gym.make(spec, **form, **options).unwrapped  # type: ignore[assignment]
    return env
