"""Texts out of somebody's script, by its syntax tree: the script is never imported or run.

Only what is plainly a text is taken: literals, their concatenation, `.strip()`, and f-strings, whose expressions become
named fields. Anything else is refused with its line, so that a changed script cannot smuggle anything in.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

from wmenv.core.errors import InvalidCase

Texts = str | None | list["Texts"] | dict[str, "Texts"]


class Script:
    """A parsed script."""

    def __init__(self, path: Path) -> None:
        """Parse a file.

        Raises:
            InvalidCase: It cannot be read, or is no Python.
        """
        self.path = path
        try:
            self.tree = ast.parse(path.read_bytes())
        except OSError as error:
            raise InvalidCase(f"cannot read {path}: {error.strerror or error}") from error
        except (SyntaxError, ValueError, RecursionError) as error:
            raise InvalidCase(f"{path} is not a Python script: {error}") from error
        self.names = {  # attribute chains such as Kind.A.value of `class Kind(Enum): A = "a"`
            f"{node.name}.{target.id}.value": line.value.value
            for node in self.tree.body
            if isinstance(node, ast.ClassDef)
            for line in node.body
            if isinstance(line, ast.Assign)
            and isinstance(line.value, ast.Constant)
            and isinstance(line.value.value, str)
            for target in line.targets
            if isinstance(target, ast.Name)
        }

    def function(self, name: str) -> ast.FunctionDef:
        """A function or method by its name.

        Raises:
            InvalidCase: There is none.
        """
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef) and node.name == name:
                return node
        raise InvalidCase(f"{self.path} has no function {name!r}; is it the published script?")

    def returned(self, name: str) -> list[Texts]:
        """What each `return` of a function gives, as texts."""
        found = [node for node in ast.walk(self.function(name)) if isinstance(node, ast.Return) and node.value]
        return [self.texts(node.value) for node in found if node.value is not None]

    def assigned(self, name: str) -> Texts:
        """What a name at the top of the script is set to.

        Raises:
            InvalidCase: It is not set there.
        """
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
                return self.texts(node.value)
        raise InvalidCase(f"{self.path} sets no {name!r}; is it the published script?")

    def replacements(self, name: str) -> list[tuple[str, str]]:
        """The `.replace("old", "new")` calls in a function, in the order in which they take effect."""
        calls = [
            node
            for node in ast.walk(self.function(name))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "replace"
        ]
        pairs = [(self.text(call.args[0]), self.text(call.args[1])) for call in calls if len(call.args) == 2]
        return pairs[::-1]  # the outer call of a chain comes first in the tree

    def texts(self, node: ast.expr) -> Texts:
        """A text, or a list or dictionary of texts."""
        if isinstance(node, ast.Constant) and node.value is None:
            return None
        if isinstance(node, ast.List | ast.Tuple):
            return [self.texts(one) for one in node.elts]
        if isinstance(node, ast.Dict):
            keys = [self._key(key) for key in node.keys]
            return {key: self.texts(value) for key, value in zip(keys, node.values, strict=True)}
        return self.text(node)

    def text(self, node: ast.expr) -> str:
        """A text.

        Raises:
            InvalidCase: The expression is anything else.
        """
        match node:
            case ast.Constant(value=str(value)):
                return value
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self.text(left) + self.text(right)
            case ast.Call(func=ast.Attribute(value=inner, attr="strip"), args=[], keywords=[]):
                return self.text(inner).strip()
            case ast.JoinedStr(values=parts):
                return "".join(self._part(part) for part in parts)
        raise self._refusal(node)

    def _part(self, node: ast.expr) -> str:
        """A part of an f-string: braces of its words doubled, an expression as `{name}`, ready for `str.format`."""
        if isinstance(node, ast.FormattedValue):
            return "{" + self._field(node.value) + "}"
        return self.text(node).replace("{", "{{").replace("}", "}}")

    def _field(self, node: ast.expr) -> str:
        match node:
            case ast.Name(id=name):
                return name
            case ast.Subscript(value=inner) | ast.Call(args=[inner, *_]):
                return self._field(inner)
        raise self._refusal(node)

    def _key(self, node: ast.expr | None) -> str:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        name = "" if node is None else ast.unparse(node)
        if name not in self.names:
            raise InvalidCase(f"{self.path} has the key {name or '**'} where a text was expected")
        return self.names[name]

    def _refusal(self, node: ast.expr) -> InvalidCase:
        found = ast.unparse(node)
        return InvalidCase(f"line {node.lineno} of {self.path} should be a plain text, found {found[:60]}")


def text_of(texts: Texts, key: str, where: str) -> str:
    """A text in a dictionary of texts.

    Raises:
        InvalidCase: It is not there.
    """
    if not isinstance(texts, Mapping) or not isinstance(texts.get(key), str):
        raise InvalidCase(f"{where} has no text for {key!r}; is it the published script?")
    return str(texts[key])
