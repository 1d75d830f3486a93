"""The published cases of WorldModelBench."""

from __future__ import annotations

from pathlib import Path

from wmenv.envs.prompted.cases import PromptedCase
from wmenv.envs.prompted.published import PublishedSource
from wmenv.envs.worldmodelbench.criteria import criteria
from wmenv.official.worldmodelbench.cases import Record, load
from wmenv.official.worldmodelbench.results import GROUPS


class PublishedCases(PublishedSource[Record]):
    """350 cases of seven domains."""

    name = "worldmodelbench"

    def __init__(self, folder: Path, domain: str | None, verified: bool) -> None:
        """Read a copy; of one domain, or all."""
        self.domain = domain
        super().__init__(folder, verified)

    def records(self) -> dict[str, Record]:
        """Records of the domain."""
        return {one.stem: one for one in load(self.folder) if self.domain in (None, one.domain)}

    def prompted(self, record: Record) -> PromptedCase:
        """The case of a record, with the judge's own words where the copy has the script."""
        prompts = {}
        if self.templates is not None:
            names = [name for group in GROUPS.values() for name in group]
            prompts = {name: self.templates.prompt(name, record.instruction) for name in names}
        return PromptedCase(
            record.stem,
            record.prompts,
            criteria(record.instruction, prompts),
            {"domain": record.domain, "subdomain": record.subdomain},
            self.picture(record.image),
        )
