"""Clip files: lossless, deterministic, and never trusted."""

from __future__ import annotations

import io
import pickle
import zipfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from wmenv.core.clip import Clip
from wmenv.core.errors import InvalidArgument, InvalidResponse, VideoUnreadable
from wmenv.core.video import encode_mp4, encode_npz, read_clip, write_clip

SHAPES = st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9), st.just(3))
RATES = st.fractions(min_value=Fraction(1, 1000), max_value=1000, max_denominator=1001)


def moving(size: tuple[int, int] = (48, 64), frames: int = 12) -> Clip:
    """A square that moves over a gradient."""
    height, width = size
    picture = np.repeat(np.linspace(60, 200, width).astype(np.uint8)[None], height, axis=0)
    clip = np.repeat(np.repeat(picture[None], frames, axis=0)[..., None], 3, axis=3)
    for t in range(frames):
        clip[t, 8:16, 2 * t : 2 * t + 8, 0] = 250
    return Clip(clip, Fraction(10))


@given(arrays(np.uint8, SHAPES), RATES)
def test_npz_loses_nothing(tmp_path_factory: pytest.TempPathFactory, frames: Any, fps: Fraction) -> None:
    path = tmp_path_factory.getbasetemp() / "one.npz"
    clip = Clip(frames, fps)
    write_clip(path, clip)
    back = read_clip(path)
    assert (back.frames == frames).all() and back.fps == fps and back.digest == clip.digest
    with np.load(path, allow_pickle=False) as plain:
        assert (plain["frames"] == frames).all() and plain["frames"].dtype == np.uint8
        assert Fraction(*plain["fps"].tolist()) == fps


def test_views_and_other_layouts(tmp_path: Path) -> None:
    frames = moving().frames
    for array in (frames[::2, ::-1], np.asfortranarray(frames), frames[:, :, ::3]):
        write_clip(tmp_path / "a.npz", Clip(array, Fraction(10)))
        assert (read_clip(tmp_path / "a.npz").frames == array).all()
    fortran = io.BytesIO()
    np.savez(fortran, frames=np.asfortranarray(frames), fps=np.array([10, 1]))
    (tmp_path / "b.npz").write_bytes(fortran.getvalue())
    assert (read_clip(tmp_path / "b.npz").frames == frames).all()


def test_mp4_is_deterministic_and_near(tmp_path: Path) -> None:
    clip = moving()
    data = [encode_mp4(clip) for _ in range(3)]
    assert data[0] == data[1] == data[2] and encode_npz(clip) == encode_npz(clip)
    (tmp_path / "a.mp4").write_bytes(data[0])
    back = read_clip(tmp_path / "a.mp4")
    assert back.frames.shape == clip.frames.shape and back.fps == 10
    error = np.abs(back.frames.astype(int) - clip.frames)
    assert error.mean() < 3
    assert read_clip(tmp_path / "a.mp4", Fraction(25)).fps == 25


@pytest.mark.parametrize("size", [(47, 64), (48, 63), (17, 17), (1, 1)])
def test_odd_sizes_are_padded_by_their_last_line(size: tuple[int, int], tmp_path: Path) -> None:
    clip = Clip(np.full((3, *size, 3), 90, np.uint8), Fraction(24000, 1001))
    write_clip(tmp_path / "odd.mp4", clip)
    back = read_clip(tmp_path / "odd.mp4")
    assert back.frames.shape[1:3] == (size[0] + size[0] % 2, size[1] + size[1] % 2)
    assert np.abs(back.frames.astype(int) - 90).max() <= 4 and back.fps == Fraction(24000, 1001)


@pytest.mark.parametrize("suffix", [".npz", ".mp4"])
@pytest.mark.parametrize("tenth", range(10))
def test_truncated_files_are_unreadable(suffix: str, tenth: int, tmp_path: Path) -> None:
    data = encode_npz(moving()) if suffix == ".npz" else encode_mp4(moving())
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(data[: len(data) * tenth // 10])
    with pytest.raises(VideoUnreadable, match=f"cut{suffix}"):
        read_clip(path)


@pytest.mark.parametrize("suffix", [".npz", ".mp4"])
@given(st.data())
def test_damaged_bytes_never_raise_anything_else(
    suffix: str, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    whole = bytearray(encode_mp4(moving()) if suffix == ".mp4" else encode_npz(moving()))
    for _ in range(data.draw(st.integers(1, 20))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / f"damaged{suffix}"
    path.write_bytes(whole)
    try:
        clip = read_clip(path)
    except VideoUnreadable:
        return
    assert isinstance(clip, Clip)


@given(st.binary(max_size=200), st.sampled_from([".npz", ".mp4", ".webm", ".gif", ".avi"]))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes, suffix: str) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    path.write_bytes(data)
    with pytest.raises(VideoUnreadable):
        read_clip(path)


def npy(dtype: str, shape: str, version: bytes = b"\x01\x00") -> bytes:
    header = f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (63 - (10 + len(header)) % 64) + "\n"
    return b"\x93NUMPY" + version + len(header).to_bytes(2, "little") + header.encode() + b"\0" * 64


FPS = npy("'<i8'", "(2,)")[:-64] + np.array([10, 1], "<i8").tobytes()


class Evil:
    """Unpickling this would raise a flag."""

    def __reduce__(self) -> Any:
        return (Path.touch, (Path(__file__).with_name("unpickled"),))


def object_array() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([Evil()], dtype=object), allow_pickle=True)
    return buffer.getvalue()


FRAMES = {
    "huge": npy("'|u1'", "(1000000, 1000, 1000, 3)"),
    "overflow": npy("'|u1'", "(4294967296, 4294967296, 1, 3)"),
    "negative": npy("'|u1'", "(-1, -8, 8, 3)"),
    "object": object_array(),
    "object by name": npy("'|O'", "(1, 4, 4, 3)"),
    "pickle": pickle.dumps(Evil()),
    "floats": npy("'<f4'", "(1, 2, 2, 3)"),
    "grey": npy("'|u1'", "(1, 4, 4)"),
    "empty": npy("'|u1'", "(0, 4, 4, 3)"),
    "no pixels": npy("'|u1'", "(1, 0, 4, 3)"),
    "channels": npy("'|u1'", "(1, 4, 4, 4)"),
    "code": npy("__import__('os').system('true')", "(1, 4, 4, 3)"),
    "nested": npy("[('a', '|u1'), ('b', '|O')]", "(1, 2, 2, 3)"),
    "text shape": npy("'|u1'", "('a',)"),
    "version": npy("'|u1'", "(1, 4, 4, 3)", b"\x09\x00"),
    "version 2": npy("'|u1'", "(1, 4, 4, 3)", b"\x02\x00"),
    "no magic": b"hello" * 20,
    "nothing": b"",
}


def archive(frames: bytes | None, fps: bytes | None, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as made:
        for name, data in (("frames.npy", frames), ("fps.npy", fps)):
            if data is not None:
                made.writestr(name, data)
    return buffer.getvalue()


@pytest.mark.parametrize("what", list(FRAMES))
def test_damaged_headers_and_pickles(what: str, tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(archive(FRAMES[what], FPS))
    with pytest.raises(VideoUnreadable, match=r"a\.npz"):
        read_clip(tmp_path / "a.npz")
    assert not Path(__file__).with_name("unpickled").exists()


def test_a_small_file_that_inflates_without_end(tmp_path: Path) -> None:
    """The directory of the archive lies about an entry, so that 3 GB of pixels look held."""
    data = bytearray(archive(npy("'|u1'", "(1000, 1000, 1000, 3)"), FPS))
    directory = data.rfind(b"PK\x01\x02", 0, data.rfind(b"PK\x01\x02"))
    data[directory + 24 : directory + 28] = (0xFFFFFFF0).to_bytes(4, "little")
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(VideoUnreadable):
        read_clip(tmp_path / "a.npz")


@pytest.mark.parametrize(
    "fps",
    [
        None,
        npy("'<i8'", "(3,)"),
        npy("'<f8'", "(2,)"),
        FPS[:-16] + np.array([0, 1], "<i8").tobytes(),
        FPS[:-16] + np.array([10, 0], "<i8").tobytes(),
        FPS[:-16] + np.array([-10, 1], "<i8").tobytes(),
        object_array(),
    ],
)
def test_rates_that_are_none(fps: bytes | None, tmp_path: Path) -> None:
    frames = npy("'|u1'", "(1, 4, 4, 3)")[:-64] + b"\x07" * 48
    (tmp_path / "good.npz").write_bytes(archive(frames, FPS))
    assert read_clip(tmp_path / "good.npz").fps == 10
    (tmp_path / "a.npz").write_bytes(archive(frames, fps))
    with pytest.raises(VideoUnreadable, match="fps"):
        read_clip(tmp_path / "a.npz")


def test_no_file_and_other_suffixes(tmp_path: Path) -> None:
    with pytest.raises(VideoUnreadable, match="no video file at"):
        read_clip(tmp_path / "none.mp4")
    with pytest.raises(VideoUnreadable, match="no video file at"):
        read_clip(tmp_path)
    with pytest.raises(InvalidArgument, match=r"written as \.npz or \.mp4"):
        write_clip(tmp_path / "a.avi", moving())


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_clip(tmp_path / "a.npz", moving())
    before = (tmp_path / "a.npz").read_bytes()
    # A folder in the way of the last step; everything before it has happened.
    (tmp_path / "b.npz").mkdir()
    (tmp_path / "b.npz" / "x").touch()
    with pytest.raises(OSError, match="irectory"):
        write_clip(tmp_path / "b.npz", moving())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.npz", "b.npz"]
    assert (tmp_path / "a.npz").read_bytes() == before


@pytest.mark.parametrize(
    ("frames", "told"),
    [
        (np.full((1, 4, 4, 3), np.nan), "NaN or infinite"),
        (np.full((1, 4, 4, 3), 1.5), "must lie in"),
        (np.full((1, 4, 4, 3), -0.1), "must lie in"),
        (np.zeros((1, 4, 4, 3), np.int32), "got int32 array"),
        (np.zeros((1, 4, 4, 3), bool), "got bool array"),
        (np.full((1, 4, 4, 3), "a"), "expected frames as uint8 or as floats"),
        (np.zeros((4, 4, 3)), "shape"),
        (np.zeros((0, 4, 4, 3)), "at least one frame"),
    ],
)
def test_float_frames(frames: Any, told: str) -> None:
    with pytest.raises(InvalidResponse, match=told):
        Clip.from_float(frames, Fraction(10))
    levels = np.arange(256) / 255
    clip = Clip.from_float(np.broadcast_to(levels[None, None, :, None], (1, 1, 256, 3)), Fraction(10))
    assert (clip.frames[0, 0, :, 0] == np.arange(256)).all()
