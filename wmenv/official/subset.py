"""Subsets of published cases by how hard they were for others."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from wmenv.core.errors import InvalidArgument, InvalidCase
from wmenv.core.files import taking_apart
from wmenv.official.benchmarks import benchmark

HARD = 45
"""Size of the published hard subset of WorldModelBench (lowest mean of five closed models); its list is not public."""


def chosen(subset: str, name: str, ids: Sequence[str]) -> tuple[str, frozenset[str]]:
    """The cases of a subset.

    Args:
        subset: `hard:FILE`, several files joined by `+`, or `hard-N:FILE` for N cases.
        name: Name of the benchmark whose result files they are.
        ids: All ids, in the order that decides between equal means.

    Returns:
        The rule, such as `hard-45 of 2 files`, and the ids.

    Raises:
        InvalidArgument: Another form, or the files hold too few of the cases.
    """
    match = re.fullmatch(r"hard(?:-(?P<n>[1-9]\d*))?:(?P<files>.+)", subset)
    if match is None:
        raise InvalidArgument(f"subset must read hard:FILE, hard:FILE+FILE or hard-100:FILE, got {subset!r}")
    results = benchmark(name).module("results")
    paths = [Path(one).expanduser() for one in match["files"].split("+")]
    found: dict[str, list[float]] = defaultdict(list)
    for path in paths:
        with taking_apart(path, InvalidCase):
            shares = results.case_shares(results.load(path))
        for case_id, share in shares.items():
            found[case_id].append(share)
    known = [one for one in ids if one in found]
    wanted = int(match["n"] or HARD)
    if len(known) < wanted:
        raise InvalidArgument(
            f"the result files hold {len(known)} of the {len(ids)} cases, {wanted} are wanted; try hard-{len(known)}"
        )
    means = {one: sum(found[one]) / len(found[one]) for one in known}
    kept = sorted(known, key=means.__getitem__)[:wanted]
    return f"hard-{wanted} of {len(paths)} file{'s' * (len(paths) > 1)}", frozenset(kept)
