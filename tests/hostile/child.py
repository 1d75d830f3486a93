"""Reads hostile files where they can do no harm, and says what came of it.

A process that answers on lines of JSON: `["make", PLACE, FOLDER]` writes a good sample and reads it once, so that
everything is loaded; `["read", PLACE, FOLDER]` reads in a fork of its own, with 1 GiB of memory above what the process
has, and 10 seconds: of its own clock, so that a busy machine is no hang, and ten times as many on the wall.
"""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

MEMORY, SECONDS = 1 << 30, 10
WRITES = {"os.mkdir": 1, "os.remove": 1, "os.rmdir": 1, "os.rename": 2, "os.link": 2, "os.symlink": 2, "os.truncate": 1}
"""Audited events that change files, with how many of their arguments are paths."""
NEVER = (
    "pickle.find_class",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "subprocess.Popen",
    "socket.connect",
)

forbidden: list[str] = []
inside: Path | None = None


def audit(event: str, arguments: tuple[Any, ...]) -> None:
    """Note what nobody may do while a file is read, and stop it."""
    if inside is None:
        return
    paths: list[Any] = []
    if event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        paths = [arguments[0]]
    elif event in WRITES:
        paths = list(arguments[: WRITES[event]])
    outside = [p for p in paths if not isinstance(p, int) and not within(os.fsdecode(p))]
    if outside or event in NEVER:
        forbidden.append(f"{event} {outside or arguments}"[:200])
        raise PermissionError(forbidden[-1])


def within(path: str) -> bool:
    return path == os.devnull or Path(os.path.realpath(path)).is_relative_to(inside or "/")


def read(place: Any, folder: Path) -> dict[str, Any]:
    """Read in a fork; returns what came of it."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        told = b'{"outcome": "lost"}'
        try:
            told = json.dumps(attempt(place, folder)).encode()
        finally:
            with open(theirs, "wb", buffering=0) as stream:
                stream.write(told)
            os._exit(0)
    os.close(theirs)
    with open(ours, "rb") as stream:
        told = stream.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return {"outcome": signal.Signals(os.WTERMSIG(status)).name, "told": "", "forbidden": []}
    found: dict[str, Any] = json.loads(told)
    return found


def attempt(place: Any, folder: Path) -> dict[str, Any]:
    global inside
    from wmenv.core.errors import WmenvError

    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY, held + MEMORY))
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    signal.alarm(10 * SECONDS)
    inside = folder.resolve()
    outcome, told = "read", ""
    try:
        place.read(folder)
    except WmenvError as error:
        outcome, told = "refused", f"{type(error).__name__}: {error}"
    except BaseException:
        outcome, told = "raised", traceback.format_exc()[-1500:]
    inside = None
    return {"outcome": outcome, "told": told, "forbidden": forbidden}


def main(path: str) -> None:
    spec = importlib.util.spec_from_file_location("places", path)
    assert spec is not None and spec.loader is not None
    places = importlib.util.module_from_spec(spec)
    sys.modules["places"] = places
    spec.loader.exec_module(places)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    sys.addaudithook(audit)
    for line in sys.stdin:
        order, name, folder = json.loads(line)
        place = places.PLACES[name]
        if order == "make":
            place.make(Path(folder))
            place.read(Path(folder))
            found = {"outcome": "made"}
        else:
            found = read(place, Path(folder))
        print(json.dumps(found), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
