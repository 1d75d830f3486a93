"""`cached:JUDGER`: a judger that is asked nothing twice."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from wmenv.core.canonical import canonical_json
from wmenv.core.case import Case
from wmenv.core.clip import Response
from wmenv.core.errors import InvalidArgument
from wmenv.core.protocols import Judger
from wmenv.core.verdict import Judgement, judgement
from wmenv.judgers.wrappers.memory import Memory
from wmenv.judgers.wrappers.wrapper import Wrapper, identity_of, made, refuse


class Cached(Wrapper):
    """Keeps judgements by content: what the clip shows, what is asked of it, and the whole card of the judger.

    A judgement is the same as that of the judger inside, and so is the identity: whether it was looked up decides no
    score, and runs with and without a cache are compared and gone on with. Judgements in which the judge failed are not
    kept. Exact judgers are passed through, as looking up is hardly cheaper than asking them, and their judgements are
    not kept, unless `always` is set.
    """

    word = "cached"

    def __init__(self, judger: str | Judger, *, path: str | None = None, always: bool = False, **others: Any) -> None:
        """Make the judger.

        Args:
            judger: The judger inside.
            path: File of judgements, SQLite; made if missing, and shared by as many judgers and processes as like.
                Without one judgements are kept in memory, as long as this object lives.
            always: Keep those of exact judgers, too.
            **others: None: refused.

        Raises:
            InvalidArgument: The file holds something else; or the judger reads the truth, which has no content to
                know it by.
        """
        refuse(self.word, others)
        inside = made(judger, self.word)
        if not isinstance(always, bool):
            raise InvalidArgument(f"{self.word}: always must be true or false, got {always!r}")
        self.passes = inside.exact and not always
        if inside.reads_truth and not self.passes:
            raise InvalidArgument(
                f"{self.word}: {inside.name} reads the truth of cases, by whose content nothing can be looked up"
            )
        self.memory = None if self.passes else Memory(None if path is None else Path(str(path)).expanduser())
        self.asked = self.known = 0
        facts = {"cache": "none: exact" if self.passes else "by content"}
        super().__init__([inside], identity_of(inside), facts, [judger], path=path, always=always or None)
        self._judger = hashlib.sha256(canonical_json([inside.name, inside.card]).encode()).hexdigest()

    def judge(self, cases: Sequence[Case], responses: Sequence[Response]) -> list[Judgement]:
        """Look up each pair, and ask about those that are new, each once, in one batch."""
        inside = self.inside[0]
        if self.memory is None:
            return list(inside.judge(cases, responses))
        keys = [self._key(case, response) for case, response in zip(cases, responses, strict=True)]
        found = self.memory.get(keys)
        fresh = {key: k for k, key in reversed(list(enumerate(keys))) if key not in found}
        rows = sorted(fresh.values())
        said = list(inside.judge([cases[k] for k in rows], [responses[k] for k in rows])) if rows else []
        new = {keys[k]: one for k, one in zip(rows, said, strict=True)}
        self.memory.put({key: one for key, one in new.items() if all(v.state != "failed" for v in one.verdicts)})
        self.asked += len(rows)
        self.known += len(cases) - len(rows)
        return [
            new[key] if key in new else judgement(case, found[key], identity_of(inside))
            for case, key in zip(cases, keys, strict=True)
        ]

    def gradient(self, cases: Sequence[Case], frames: Any) -> tuple[Any, Any]:
        """As the judger inside: a gradient is not kept."""
        inside: Any = self.inside[0]
        values, valid = inside.reward(cases, frames)
        return values, valid

    def _key(self, case: Case, response: Response) -> str:
        """Hash of all that a judgement may depend on. Public facts follow from the case's id and wmenv's version."""
        from wmenv import __version__

        request = case.request
        frames = np.ascontiguousarray(request.frames)
        asked: Mapping[str, Any] = {
            "wmenv": __version__,
            "judger": self._judger,
            "response": [response.kind, response.digest],
            "case": [case.id, case.step, case.scheme, dict(case.tags)],
            "request": [request.prompt, request.spec.plain(), list(map(repr, request.command))],
            "given": [list(frames.shape), hashlib.sha256(frames.data).hexdigest()],
            "criteria": [asdict(criterion) for criterion in case.criteria],
        }
        return hashlib.sha256(canonical_json(asked).encode()).hexdigest()
