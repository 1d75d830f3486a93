"""Marked blocks of the documentation: `<!-- study: NAME -->` ... `<!-- end study -->`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_BLOCK = re.compile(r"(<!-- study: (?P<name>[\w-]+) -->\n)(?P<text>.*?)(<!-- end study -->)", re.DOTALL)


def write_blocks(places: Sequence[Path], tables: Mapping[str, str]) -> list[str]:
    """Rewrite the blocks of these studies in Markdown files; returns a line a block written."""
    written = []
    for path, text in _files(places):
        fresh = _BLOCK.sub(lambda m: _block(m, tables), text)
        if fresh != text:
            path.write_text(fresh, encoding="utf-8")
        written += [f"{name} in {path}" for name in _names(text) if name in tables]
    return written


def differing_blocks(places: Sequence[Path], tables: Mapping[str, str]) -> list[str]:
    """A line for each block of these studies that does not hold what is computed now."""
    return [
        f"{m['name']} in {path}"
        for path, text in _files(places)
        for m in _BLOCK.finditer(text)
        if m["name"] in tables and _block(m, tables) != m[0]
    ]


def _block(match: re.Match[str], tables: Mapping[str, str]) -> str:
    table = tables.get(match["name"])
    return match[0] if table is None else f"{match[1]}\n{table.strip()}\n\n{match[4]}"


def _names(text: str) -> list[str]:
    return [m["name"] for m in _BLOCK.finditer(text)]


def _files(places: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    for place in places:
        for path in sorted(place.rglob("*.md")) if place.is_dir() else [place]:
            yield path, path.read_text(encoding="utf-8")


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> str:
    """A Markdown table; the first `words` columns are aligned left, the others (numbers) right."""
    rule = [":--"] * words + ["--:"] * (len(header) - words)
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (header, rule, *rows)]
    return "\n".join("| " + " | ".join(row) + " |" for row in cells)
