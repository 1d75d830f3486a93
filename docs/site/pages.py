"""Pages of the documentation site that are not written by hand, and links that lead out of docs/.

A hook of MkDocs. README.md is the front page and CONTRIBUTING.md the page on extending, so that each is written once;
examples are shown as they are; references are made from code: environments, judgers and their cards from the
registries, the command line from its help, Python from docstrings.
"""

from __future__ import annotations

import json
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
BESIDE = {"README.md": "index.md", "CONTRIBUTING.md": "extend.md"}
"""Files beside docs/ that are pages."""
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]*)(#[^)\s]*)?\)")

ROOMS = {
    "Evaluation": [
        "wmenv.make", "wmenv.runs.evaluate.evaluate", "wmenv.runs.compare.compare", "wmenv.runs.merge.merge",
    ],
    "Words": [
        "wmenv.core.case.Case", "wmenv.core.case.Request", "wmenv.core.case.ClipSpec", "wmenv.core.clip.Clip",
        "wmenv.core.criterion.Criterion", "wmenv.core.verdict.Verdict", "wmenv.core.verdict.Judgement",
        "wmenv.core.verdict.judgement", "wmenv.core.rollout.Rollout",
    ],
    "Protocols": ["wmenv.core.protocols"],
    "Environments": [
        "wmenv.envs.base.SuiteEnv", "wmenv.envs.vector.SuiteVectorEnv", "wmenv.envs.phyworld.env.PhyWorldEnv",
        "wmenv.envs.prompted.env.PromptedEnv",
    ],
    "Wrappers": [
        "wmenv.envs.wrappers.for_rl.for_rl", "wmenv.envs.wrappers.latent_action.LatentAction",
        "wmenv.envs.wrappers.encode_prompt.EncodePrompt", "wmenv.envs.wrappers.disc_state.DiscState",
        "wmenv.envs.wrappers.save_videos.SaveVideos",
    ],
    "Videos": ["wmenv.core.video.read_clip", "wmenv.core.video.write_clip"],
    "Alignment": [
        "wmenv.alignment.learner.Method", "wmenv.alignment.settings.Settings",
        "wmenv.alignment.reward_gradient.RewardGradient", "wmenv.alignment.policy_gradient.PolicyGradient",
        "wmenv.alignment.best_of_n.BestOfN", "wmenv.alignment.supervised.Supervised", "wmenv.alignment.guard.Guard",
    ],
    "Errors": ["wmenv.core.errors"],
}  # fmt: skip
"""What the page on Python holds, by heading."""


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made."""
    made = {page: (ROOT / name).read_text(encoding="utf-8") for name, page in BESIDE.items()}
    made |= {
        "examples.md": examples(),
        "reference/environments.md": environments(),
        "reference/judgers.md": judgers(),
        "reference/cli.md": command_line(),
        "reference/python.md": python(),
    }
    for page, text in made.items():
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Turn links between files of the repository into links between pages."""
    uri = page.file.src_uri
    source = next((name for name, made in BESIDE.items() if made == uri), f"docs/{uri}")
    return LINK.sub(lambda found: f"]({page_of(found[1], source, uri)}{found[2] or ''})", markdown)


def page_of(target: str, source: str, uri: str) -> str:
    """Where a link of a file leads on the site.

    Args:
        target: As it stands in the file.
        source: The file in the repository.
        uri: Its page.
    """
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
    if path in BESIDE:
        path = BESIDE[path]
    elif path.startswith("examples/") and path.endswith(".py"):
        return f"{posixpath.relpath('examples.md', posixpath.dirname(uri) or '.')}#{Path(path).stem.replace('_', '-')}"
    elif path.startswith("examples/"):
        path = "regression.md"
    elif path.startswith("docs/"):
        path = path.removeprefix("docs/")
    else:
        return target
    return posixpath.relpath(path, posixpath.dirname(uri) or ".")


def examples() -> str:
    """Every example with its docstring first."""
    parts = ["# Examples\n\nOne file, one result; each is run by a test.\n"]
    for path in sorted((ROOT / "examples").glob("*.py")):
        _, head, rest = path.read_text(encoding="utf-8").split('"""', 2)
        title, _, more = head.partition("\n")
        name = path.stem.replace("_", "-")
        parts.append(f"## {path.name} {{#{name}}}\n\n{title}\n{more}\n```python\n{rest.strip()}\n```\n")
    return "\n".join(parts)


def environments() -> str:
    """Every environment with its tags: what a suite declares about itself, the licence of its data included."""
    from wmenv.core.registries import SUITES

    parts = ["# Environments\n\nAs `wmenv list envs` has them.\n"]
    for entry in SUITES.entries():
        tags = "\n".join(f"| {name} | {value} |" for name, value in entry.tags.items())
        parts.append(f"## {entry.name}\n\n{entry.summary}\n\n| tag | value |\n| :-- | :-- |\n{tags}\n")
    return "\n".join(parts)


def judgers() -> str:
    """Every judger with its tags, and the cards of those that need no file."""
    from wmenv.core.errors import WmenvError
    from wmenv.core.registries import JUDGERS

    parts = ["# Judgers\n\nAs `wmenv list judgers` has them. A card identifies a judger in judgements and protocols.\n"]
    for entry in JUDGERS.entries():
        tags = ", ".join(f"{name}: {value}" for name, value in entry.tags.items())
        parts.append(f"## {entry.name}\n\n{entry.summary}\n\n{tags}\n")
        try:
            card = JUDGERS.create(entry.name).card
        except (WmenvError, TypeError):  # it wants a file, a model or another judger
            continue
        parts.append(f"```json\n{json.dumps(dict(card), indent=1, default=str)}\n```\n")
    return "\n".join(parts)


def command_line() -> str:
    """The help of every command."""
    from wmenv.cli import app

    return str(app.generate_docs(output_format="markdown", recursive=True))


def python() -> str:
    """Public names by room; classes and functions as mkdocstrings shows them."""
    parts = ["# Python\n"]
    for heading, names in ROOMS.items():
        parts.append(f"## {heading}\n")
        for name in names:
            parts.append(f"::: {name}\n    options: {{heading_level: 3}}\n")
    return "\n".join(parts)
