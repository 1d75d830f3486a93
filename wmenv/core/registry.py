"""One generic registry for suites, agents, judgers and methods: names point at `"module:attribute"`, loaded late."""

from __future__ import annotations

import difflib
import importlib
import inspect
import re
import warnings
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar, cast

from wmenv.core.errors import InvalidArgument, PluginBroken, UnknownName
from wmenv.core.placement import placed_on

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry:
    """One registered name.

    Attributes:
        name: The name users type.
        target: `"module:attribute"`.
        summary: One line for `wmenv list`.
        tags: Facts that lists can be filtered by.
        origin: `wmenv`, or the distribution that brought the entry.
    """

    name: str
    target: str
    summary: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    origin: str = "wmenv"


class Registry(Generic[T]):
    """Names of one kind of thing.

    Third parties add theirs by an entry point in the group of the registry, for instance in their pyproject.toml:
    `[project.entry-points."wmenv.agents"]` with `my-agent = "my_package.agent:MyAgent"`. An entry point that
    cannot be read is reported as a warning and left out.
    """

    def __init__(self, kind: str, group: str) -> None:
        self.kind, self.group = kind, group
        self._own: dict[str, Entry] = {}

    def add(self, name: str, target: str, summary: str = "", **tags: str) -> None:
        """Register a name.

        Args:
            name: What users type; lower-case words joined by hyphens, or an environment id.
            target: `"module:attribute"`, imported on first use.
            summary: One line.
            **tags: Facts for `wmenv list --tag`.

        Raises:
            InvalidArgument: The name is taken, or the target is not of the form `module:attribute`.
        """
        if not re.fullmatch(r"[\w.]+:[\w.]+", target):
            raise InvalidArgument(f"target of {self.kind} {name!r} must read 'module:attribute', got {target!r}")
        if self._own.get(name, Entry(name, target)).target != target:
            raise InvalidArgument(f"{self.kind} {name!r} is registered already, as {self._own[name].target}")
        self._own[name] = Entry(name, target, summary, dict(tags))

    @cached_property
    def _plugins(self) -> dict[str, Entry]:
        from importlib.metadata import entry_points

        found: dict[str, Entry] = {}
        for point in entry_points(group=self.group):
            origin = point.dist.name if point.dist is not None else "unknown"
            if point.name in self._own or point.name in found:
                warnings.warn(f"{self.kind} {point.name!r} of {origin} is ignored: the name is taken", stacklevel=2)
            elif not re.fullmatch(r"[\w.]+:[\w.]+", point.value):
                warnings.warn(
                    f"{self.kind} {point.name!r} of {origin} is ignored: {point.value!r} does not read "
                    "'module:attribute'",
                    stacklevel=2,
                )
            else:
                found[point.name] = Entry(point.name, point.value, f"from {origin}", {}, origin)
        return found

    def entries(self) -> list[Entry]:
        """All entries, wmenv's own first, in order of registration."""
        return [*self._own.values(), *self._plugins.values()]

    def entry(self, name: str) -> Entry:
        """The entry of a name.

        Raises:
            UnknownName: With the nearest known names.
        """
        entry = self._own.get(name) or self._plugins.get(name)
        if entry is None:
            known = [e.name for e in self.entries()]
            near = difflib.get_close_matches(name, known, n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known) or 'none'}"
            raise UnknownName(f"no {self.kind} named {name!r}; {hint}")
        return entry

    def load(self, name: str) -> Callable[..., T]:
        """Import what a name points at.

        Raises:
            UnknownName: No such name.
            PluginBroken: The target cannot be imported.
        """
        entry = self.entry(name)
        module, _, attribute = entry.target.partition(":")
        try:
            target: Any = importlib.import_module(module)
            for part in attribute.split("."):
                target = getattr(target, part)
        except Exception as error:
            if entry.origin == "wmenv":
                raise
            raise PluginBroken(
                f"{self.kind} {name!r} of {entry.origin} cannot be loaded from {entry.target}: "
                f"{type(error).__name__}: {error}; update or uninstall {entry.origin}"
            ) from error
        return cast("Callable[..., T]", target)

    def create(self, spec: str) -> T:
        """Make the thing that a specification names.

        What takes a `device` and is given none goes where the models of this process go (`wmenv.core.placement`).

        Args:
            spec: `name`, `name:target` or either followed by `,key=value` pairs; see `parse_spec`.

        Raises:
            UnknownName: No such name.
            InvalidArgument: The target or a key is not one it takes.
        """
        name, target, options = parse_spec(spec)
        factory = self.load(name)
        arguments = [] if target is None else [target]
        if placed_on() is not None and "device" in inspect.signature(factory).parameters:
            options.setdefault("device", placed_on())
        try:
            inspect.signature(factory).bind(*arguments, **options)
        except TypeError as error:
            told = shown_spec(spec, inspect.signature(factory).parameters)
            raise InvalidArgument(f"{self.kind} {told!r}: {error}") from error
        return factory(*arguments, **options)


def shown_spec(spec: str, known: Container[str]) -> str:
    """A specification for a message: what may be a secret put in the wrong place is left out.

    Args:
        spec: The specification.
        known: Options whose values may be shown.

    Examples:
        >>> shown_spec("server:https://me:word@host/v1,model=m,token=abc", {"model"})
        'server:https://...@host/v1,model=m,token=...'
    """
    name, target, options = parse_spec(spec)
    head = name if target is None else f"{name}:{re.sub('//[^/]*@', '//...@', target)}"
    hidden = {key: value if key in known and "key" not in key else "..." for key, value in options.items()}
    return head + "".join(f",{key}={value}" for key, value in hidden.items())


def parse_spec(spec: str) -> tuple[str, str | None, dict[str, Any]]:
    """Take a specification apart.

    Args:
        spec: For instance `law`, `videos:runs/clips` or `nearest-neighbour,velocity=10,bank=500`.

    Returns:
        Name, target (None without a colon) and options; option values become int, float, bool or None where they
        read as such. Options inside square brackets belong to the target.

    Examples:
        >>> parse_spec("videos:my,folder")
        ('videos', 'my,folder', {})
        >>> parse_spec("nearest-neighbour,velocity=10,colour=0.5")
        ('nearest-neighbour', None, {'velocity': 10, 'colour': 0.5})
        >>> parse_spec("calibrated:[answers:a.csv,parse=strict],temperature=2")
        ('calibrated', '[answers:a.csv,parse=strict]', {'temperature': 2})
    """
    options: dict[str, Any] = {}
    match = re.fullmatch(r"(?P<head>.*?)(?P<options>(,\w+=[^,\[\]]*)*)", spec, flags=re.DOTALL)
    assert match is not None
    for pair in filter(None, match["options"].split(",")):
        key, _, value = pair.partition("=")
        options[key] = literal(value)
    name, colon, target = match["head"].partition(":")
    return name, target if colon else None, options


def literal(text: str) -> Any:
    """The int, float, bool or None that an option's text reads as, else the text."""
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
