"""One exception tree. A message says what was expected, what came, and the way out."""

from __future__ import annotations


class WmenvError(Exception):
    """Base of every error that wmenv raises on purpose; the command line prints it without a traceback."""


class UnknownName(WmenvError, KeyError):
    """A name is not in a registry."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class PluginBroken(WmenvError):
    """An entry point exists but cannot be imported."""


class InvalidArgument(WmenvError, ValueError):
    """An argument lies outside what a function accepts."""


class MissingExtra(WmenvError):
    """A part needs packages that a plain installation does not bring."""


class OutOfMemory(WmenvError):
    """A model needs more memory than there is, also with a smaller batch."""


class InvalidResponse(WmenvError, ValueError):
    """A response has another type, shape or range than the environment takes."""


class InvalidCase(WmenvError, ValueError):
    """A case id or a case file is not one of this suite."""


class TruthWithheld(WmenvError):
    """Somebody who did not declare it read the truth of a case."""


class JudgeFailed(WmenvError):
    """No criterion could be judged and the judge is at fault."""


class ServerFailed(WmenvError):
    """A server does not answer, or cannot do what is asked of it."""


class VideoUnreadable(WmenvError):
    """A video file cannot be decoded, or holds no frame."""


class ProtocolMismatch(WmenvError):
    """Two results, or a folder and a command, were made under different protocols."""


class RunFolderError(WmenvError):
    """A run folder cannot be created, read, locked or written."""


class WorkerFailed(WmenvError):
    """A worker process cannot start, or broke in a way that the run cannot go round."""


def told(error: BaseException) -> str:
    """An error as one line of printable text, for reasons that are stored and shown: type, colon, message."""
    return printable(" ".join(f"{type(error).__name__}: {error}".split()))


def printable(text: str) -> str:
    """Text with every control character replaced, so that a name or a message cannot drive a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
