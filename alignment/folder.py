"""An alignment on disk: a state to go on from, a record of every update, the model that was best on held-out cases."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from wmenv.alignment.guard import Guard
from wmenv.alignment.learner import Callback, Method, Record
from wmenv.core.errors import ProtocolMismatch, RunFolderError
from wmenv.core.files import FORM, write_whole

STATE, RESULTS, MODEL = "alignment.safetensors", "alignment.json", "model"


def align(
    method: Method,
    out: Path,
    *,
    resume: bool = False,
    updates: int | None = None,
    save_every: int = 10,
    callbacks: Sequence[Callback] = (),
) -> dict[str, Any]:
    """Learn into a folder.

    Args:
        method: Fresh; with `resume` it gets the state of the folder.
        out: Made if missing. `alignment.safetensors` (the state), `alignment.json` (what this returns) and `model/`
            (the weights of the best look) appear whole or not at all.
        resume: Go on with what the folder holds; the end is then the same to the bit as without the interruption.
        updates: Stop after so many more; all that remain by default.
        save_every: Updates between saved states.
        callbacks: See `Method.learn`.

    Returns:
        `protocol`, `history`, `best`, `agent` (specification of the exported model), `complete`, and `guard`, what the
        guard among the callbacks has to say, None without one.

    Raises:
        RunFolderError: The folder holds an alignment already (without `resume`), a damaged one, or cannot be written.
        ProtocolMismatch: It holds an alignment of other settings, of another agent, suite or judger.
    """
    path = out / STATE
    try:
        out.mkdir(parents=True, exist_ok=True)
        known = _saved(path)
        if known is not None:
            _go_on(method, path, known, resume)

        def keep(method: Method, record: Record) -> None:
            if record.update % save_every == 0 or record.look is not None:
                _save(method, path)

        method.learn(updates, [*callbacks, keep])
        _save(method, path)
        results = _results(method, out, callbacks)
    except OSError as error:
        raise RunFolderError(
            f"cannot write in {out}: {error.strerror or error}; free space, or another --out"
        ) from error
    return results


def protocol_of(method: Method) -> dict[str, Any]:
    """What decides the weights of a method: its facts without its outcome."""
    return {name: value for name, value in method.facts().items() if name != "best"}


def _results(method: Method, out: Path, callbacks: Sequence[Callback]) -> dict[str, Any]:
    best = None if method.best is None else {"update": method.best[0], "value": method.best[1]}
    results = {
        "protocol": protocol_of(method),
        "complete": method.update >= method.settings.updates,
        "best": best,
        "guard": next((one.facts(method) for one in callbacks if isinstance(one, Guard)), None),
        "agent": method.export(out / MODEL),
        "history": method.history,
    }
    write_whole(out / RESULTS, (json.dumps(results, indent=1, ensure_ascii=False) + "\n").encode())
    return results


def _save(method: Method, path: Path) -> None:
    state = method.state_dict()
    plain = {"protocol": protocol_of(method), "progress": state.pop("plain")}
    tensors = {name: tensor.cpu().contiguous() for name, tensor in state.items()}
    write_whole(path, save(tensors, {"alignment": json.dumps(plain)}))


def _go_on(method: Method, path: Path, known: dict[str, Any], resume: bool) -> None:
    if not resume:
        raise RunFolderError(
            f"{path.parent} holds an alignment already; go on with it (--resume) or choose another --out"
        )
    changed = list(_differences("", known["protocol"], json.loads(json.dumps(protocol_of(method)))))
    if changed:
        raise ProtocolMismatch(f"{path.parent} holds another alignment: {'; '.join(changed[:8])}")
    try:
        with safe_open(path, "pt") as file:
            state: dict[str, Any] = {name: file.get_tensor(name) for name in file.keys()}
        method.load_state_dict({**state, "plain": known["progress"]})
    except (SafetensorError, RuntimeError, *FORM) as error:
        raise RunFolderError(f"{path} is damaged ({error}); remove it and align again") from error


def _differences(where: str, before: Any, now: Any) -> list[str]:
    """Every leaf in which two protocols differ, in words."""
    if isinstance(before, dict) and isinstance(now, dict):
        keys = dict.fromkeys([*before, *now])
        return [told for k in keys for told in _differences(f"{where}.{k}".strip("."), before.get(k), now.get(k))]
    return [] if before == now else [f"{where} was {before}, now {now}"]


def _saved(path: Path) -> dict[str, Any] | None:
    """The plain part of a saved state, or None.

    Raises:
        RunFolderError: The file is damaged.
    """
    if not path.exists():
        return None
    try:
        with safe_open(path, "pt") as file:
            plain: dict[str, Any] = json.loads(file.metadata()["alignment"])
        return {"protocol": plain["protocol"], "progress": plain["progress"]}
    except (SafetensorError, OSError, *FORM) as error:
        raise RunFolderError(f"{path} is damaged ({error}); remove it and align again") from error
