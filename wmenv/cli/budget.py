"""`--max-requests` and `--max-cost`: what a server that judges may spend."""

from __future__ import annotations

from wmenv.core.errors import InvalidArgument
from wmenv.core.registries import JUDGERS
from wmenv.core.registry import parse_spec

SERVER = "server"
"""The judger that spends."""


def within_budget(judger: str | None, max_requests: int | None, max_cost: float | None) -> str | None:
    """A judger's specification with what it may spend, wherever in it the server stands.

    Args:
        judger: Such as `server:URL` or `abstaining:[server:URL,votes=3],margin=0.2`; None for the environment's own.
        max_requests: Requests in all.
        max_cost: Cost in all.

    Raises:
        InvalidArgument: A budget for a judger that spends nothing, or for several servers.
        UnknownName: No such judger.
    """
    given = {"max_requests": max_requests, "max_cost": max_cost}
    options = "".join(f",{name}={value}" for name, value in given.items() if value is not None)
    if not options:
        return judger
    told, servers = ("", 0) if judger is None else _with(judger, options)
    if not servers:
        raise InvalidArgument(
            "--max-requests and --max-cost go with --judger server:URL, by itself or inside another, such as "
            "cached:server:URL; other judgers spend nothing"
        )
    if servers > 1:
        name = next(iter(key for key, value in given.items() if value is not None))
        raise InvalidArgument(
            f"--max-requests and --max-cost are for one server, and --judger asks {servers}; give each its own, in "
            f"brackets: [server:URL,{name}={given[name]}]"
        )
    return told


def _with(spec: str, options: str) -> tuple[str, int]:
    """A specification with options for each server in it, and how many of these there are."""
    from wmenv.judgers.wrappers.wrapper import bare, parts

    name, target, _ = parse_spec(spec)
    if name == SERVER:
        return spec + options, 1
    wraps = JUDGERS.entry(name).tags.get("wraps")
    if wraps is None or target is None:
        return spec, 0
    specs = parts(target, name) if wraps == "judgers" else [target]
    found = [_with(bare(one, name), options) for one in specs]
    inside = "+".join(f"[{new}]" if servers else one for one, (new, servers) in zip(specs, found, strict=True))
    rest = spec[len(name) + 1 + len(target) :]
    return f"{name}:{inside}{rest}", sum(servers for _, servers in found)
