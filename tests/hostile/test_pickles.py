"""Pickle bombs in every place that takes a file: nothing runs, and the file is refused in words."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wmenv.core.weights import PICKLES


class Bomb:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.system, (f"touch '{self.mark}'",)


def bombs(mark: Path) -> dict[str, bytes]:
    """The same bomb as libraries wrap it."""
    bomb = pickle.dumps(Bomb(mark))
    array = io.BytesIO()
    np.save(array, np.array([Bomb(mark)], dtype=object), allow_pickle=True)
    arrays = io.BytesIO()
    np.savez(arrays, frames=np.array([Bomb(mark)], dtype=object), fps=np.array([10, 1]))
    checkpoint = io.BytesIO()
    with zipfile.ZipFile(checkpoint, "w") as archive:  # as torch.save writes it
        archive.writestr("archive/data.pkl", bomb)
        archive.writestr("archive/version", "3")
    text = pickle.dumps(Bomb(mark), protocol=0)
    return {
        "plain": bomb,
        "text": text,
        "npy": array.getvalue(),
        "npz": arrays.getvalue(),
        "torch": checkpoint.getvalue(),
    }


def test_the_bomb_goes_off_where_it_is_unpickled(tmp_path: Path) -> None:
    for name, data in bombs(tmp_path / "mark").items():
        if name in ("plain", "text"):
            pickle.loads(data)
        elif name == "npy":
            np.load(io.BytesIO(data), allow_pickle=True)
        elif name == "npz":
            np.load(io.BytesIO(data), allow_pickle=True)["frames"]
        else:
            pickle.loads(zipfile.ZipFile(io.BytesIO(data)).read("archive/data.pkl"))
        assert (tmp_path / "mark").exists(), name
        (tmp_path / "mark").unlink()


def test_no_place_unpickles(place: str, samples: Callable[[str], Any], tmp_path: Path) -> None:
    """Also where no file of its name is a pickle by rights: `forbidden` has every class that is looked up."""
    sample, mark = samples(place), tmp_path / "mark"
    for file in sample.files:
        for kind, data in bombs(mark).items():
            (sample.fresh() / file).write_bytes(data)
            found = sample.read()
            assert not mark.exists(), f"{kind} in {file} was run"
            assert found["outcome"] == "refused" or (found["outcome"] == "read" and sample.forgives(file)), (
                file,
                found,
            )


@pytest.mark.parametrize("weights", ["models", "critic", "flow"])
def test_pickled_weights_in_place_of_safetensors(weights: str, samples: Callable[[str], Any], tmp_path: Path) -> None:
    sample, mark = samples(weights), tmp_path / "mark"
    for file in (one for one in sample.files if one.suffix == ".safetensors"):
        for suffix in PICKLES:
            folder = sample.fresh()
            (folder / file).unlink()
            for stem in (file.stem, "pytorch_model"):
                (folder / file).with_name(stem + suffix).write_bytes(bombs(mark)["torch"])
            found = sample.read()
            assert found["outcome"] == "refused" and not mark.exists(), found
