"""MuJoCo, imported in this one place, late, and with a message that shows the way out."""

from __future__ import annotations

import importlib
import os
from functools import cache
from types import ModuleType

from wmenv.core.errors import MissingExtra


@cache
def mujoco() -> ModuleType:
    """The MuJoCo module.

    wmenv needs no OpenGL: scenes are drawn by rays. But MuJoCo reads `MUJOCO_GL` when it is imported, and raises
    there if the variable names a library that is not installed.

    Raises:
        MissingExtra: It is not installed, or `MUJOCO_GL` stops its import.
    """
    try:
        module = importlib.import_module("mujoco")
    except ModuleNotFoundError as error:
        raise MissingExtra(f"the scenes need MuJoCo ({error}); install it with: pip install mujoco") from error
    except Exception as error:
        wanted = os.environ.get("MUJOCO_GL")
        if wanted is None:
            raise
        raise MissingExtra(
            f"MuJoCo cannot be imported with MUJOCO_GL={wanted}: {type(error).__name__}: {error}; "
            "unset MUJOCO_GL (wmenv draws without OpenGL), or install the library it names "
            "(egl: apt install libegl1 libgl1, osmesa: apt install libosmesa6)"
        ) from error
    return module
