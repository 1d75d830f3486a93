"""Names, specifications, suggestions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wmenv.core.errors import InvalidArgument, UnknownName
from wmenv.core.registries import AGENTS, JUDGERS, SUITES, make_env, newest_id
from wmenv.core.registry import Registry, parse_spec

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,12}", fullmatch=True)
KEYS = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
WORDS = st.from_regex(r"[A-Za-z/.][A-Za-z/.-]{0,12}", fullmatch=True)
TARGETS = st.one_of(st.none(), st.text(alphabet="abc/.-_: ~,", max_size=12))
VALUES = st.one_of(
    st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False), WORDS.filter(lambda w: not _literal_word(w))
)


def _literal_word(word: str) -> bool:
    if word.lower() in ("true", "false", "none"):
        return True
    try:
        float(word)
    except ValueError:
        return False
    return True


@given(NAMES, TARGETS, st.dictionaries(KEYS, VALUES, max_size=4))
def test_specifications_come_back(name: str, target: str | None, options: dict[str, Any]) -> None:
    text = name + ("" if target is None else f":{target}")
    text += "".join(f",{key}={value}" for key, value in options.items())
    found_name, found_target, found = parse_spec(text)
    assert (found_name, found_target) == (name, target)
    assert found == options and [type(v) for v in found.values()] == [type(v) for v in options.values()]


@given(st.text(max_size=60))
def test_any_text_is_taken_apart_or_refused(text: str) -> None:
    """Never another exception than the one that the command line prints."""
    name, _, _ = parse_spec(text)
    if name not in [e.name for e in AGENTS.entries()]:
        with pytest.raises(UnknownName):
            AGENTS.create(text)


@pytest.mark.parametrize(
    ("spec", "parts"),
    [
        ("videos:a,b=1/c", ("videos", "a", {"b": "1/c"})),
        ("videos:C:\\clips", ("videos", "C:\\clips", {})),
        ("videos:", ("videos", "", {})),
        ("law", ("law", None, {})),
        ("x,a=1,a=2", ("x", None, {"a": 2})),
        ("x,a=", ("x", None, {"a": ""})),
        ("x,a=b=c", ("x", None, {"a": "b=c"})),
        ("x,1e3=True", ("x", None, {"1e3": True})),
        ("", ("", None, {})),
    ],
)
def test_corner_cases(spec: str, parts: tuple[Any, ...]) -> None:
    assert parse_spec(spec) == parts


def test_suggestions() -> None:
    with pytest.raises(UnknownName, match="no agent named 'copylast'; did you mean copy-last"):
        AGENTS.create("copylast")
    with pytest.raises(UnknownName, match="known: physics"):
        JUDGERS.create("zzzzzz")
    with pytest.raises(UnknownName, match="no environment named 'PhyWorld-parabla'; did you mean PhyWorld-parabola-v0"):
        newest_id("PhyWorld-parabla")
    empty: Registry[Any] = Registry("thing", "wmenv.things_that_nobody_brings")
    with pytest.raises(UnknownName, match="no thing named 'x'; known: none"):
        empty.create("x")


def test_names_are_taken_once() -> None:
    registry: Registry[Any] = Registry("thing", "wmenv.things_that_nobody_brings")
    registry.add("one", "math:sqrt")
    registry.add("one", "math:sqrt", "the same again is harmless")
    with pytest.raises(InvalidArgument, match="'one' is registered already, as math:sqrt"):
        registry.add("one", "math:floor")
    for target in ("math", "math.sqrt", "math:", ":sqrt", "math:sqrt()", "os:system;x:y"):
        with pytest.raises(InvalidArgument, match="must read 'module:attribute'"):
            registry.add("two", target)


def test_targets_and_options_that_a_factory_does_not_take() -> None:
    with pytest.raises(InvalidArgument, match="agent 'law:x,edge=area'"):
        AGENTS.create("law:x,edge=area")
    with pytest.raises(InvalidArgument, match="unexpected keyword argument 'size'"):
        AGENTS.create("copy-last,size=3")


def test_environments_by_name() -> None:
    assert newest_id("PhyWorld-collision") == newest_id("wmenv:PhyWorld-collision-v0") == "PhyWorld-collision-v0"
    SUITES.add("PhyWorld-collision-v3", "wmenv.envs.phyworld:PhyWorldEnv")
    SUITES.add("PhyWorld-collision-v11", "wmenv.envs.phyworld:PhyWorldEnv")
    try:
        assert newest_id("PhyWorld-collision") == "PhyWorld-collision-v11"
        assert newest_id("PhyWorld-collision-v3") == "PhyWorld-collision-v3"
    finally:
        for version in (3, 11):
            del SUITES._own[f"PhyWorld-collision-v{version}"]
    env = make_env("PhyWorld-collision", size=32)
    assert env.unwrapped.size == 32 and env.spec.id == "PhyWorld-collision-v0"
    with pytest.raises(InvalidArgument, match=r"no option 'sise'; did you mean size"):
        make_env("PhyWorld-collision", sise=32)


def test_settings_of_the_command_line_hold_whole_specifications() -> None:
    from wmenv.cli.console import env_options

    found = env_options(["kernel=ddim,eta=1", "criteria=velocity:1,radius:0.5", "group=16"], seed=3, split=None)
    assert found == {"kernel": "ddim,eta=1", "criteria": "velocity:1,radius:0.5", "group": 16, "seed": 3}
    for wrong, told in (("group", "KEY=VALUE"), ("=3", "KEY=VALUE"), ("seed=4", "given twice")):
        with pytest.raises(InvalidArgument, match=told):
            env_options([wrong], seed=3)
