"""Reading and writing clips: lossless `.npz`, and whatever FFmpeg decodes (through PyAV)."""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from wmenv.core.clip import Clip
from wmenv.core.errors import InvalidArgument, VideoUnreadable
from wmenv.core.files import write_whole

VIDEO_SUFFIXES = (".npz", ".mp4", ".webm", ".mov", ".mkv", ".avi", ".gif")
MAX_BYTES = 8 << 30
"""A file whose header announces more pixels than this is refused before they are allocated."""

DAMAGE = (ValueError, TypeError, ArithmeticError, MemoryError, RuntimeError, SyntaxError)
"""What the libraries underneath raise at bytes that make no sense, besides their own errors."""


def read_clip(path: str | os.PathLike[str], fps: Fraction | None = None) -> Clip:
    """Read a clip.

    Args:
        path: `.npz` with arrays `frames` (uint8 (T, H, W, 3)) and `fps` (numerator, denominator), or a video file.
        fps: Frame rate to use instead of the file's.

    Raises:
        VideoUnreadable: No such file, another format, a damaged or truncated file, no frame, other dtypes.
    """
    path = Path(path)
    if not path.is_file():
        raise VideoUnreadable(f"no video file at {path}")
    clip = _read_npz(path) if path.suffix == ".npz" else _read_av(path)
    return clip if fps is None else Clip(clip.frames, fps)


def write_clip(path: str | os.PathLike[str], clip: Clip) -> None:
    """Write a clip in the format of the suffix: `.npz` without loss, `.mp4` as H.264 4:2:0 at CRF 18.

    The file appears whole or not at all.

    Raises:
        InvalidArgument: Another suffix.
        OSError: The disk is full, the folder is read-only.
    """
    path = Path(path)
    if path.suffix not in (".npz", ".mp4"):
        raise InvalidArgument(f"clips are written as .npz or .mp4, got {path.name!r}")
    data = encode_mp4(clip) if path.suffix == ".mp4" else encode_npz(clip)
    write_whole(path, data)


def encode_npz(clip: Clip) -> bytes:
    """Lossless; `numpy.load` reads it without pickle. Fast compression: four times quicker than numpy's own."""
    buffer = io.BytesIO()
    arrays = {"frames": clip.frames, "fps": np.array([clip.fps.numerator, clip.fps.denominator], dtype=np.int64)}
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w") as stream:
                np.lib.format.write_array(stream, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


def encode_mp4(clip: Clip, crf: int = 18) -> bytes:
    """H.264 4:2:0 in an mp4, one thread, byte-deterministic; odd sizes are padded by repeating the last line.

    Args:
        clip: The clip.
        crf: x264's constant rate factor; smaller is better.
    """
    import av

    frames: NDArray[np.uint8] = clip.frames
    odd = [(0, frames.shape[1] % 2), (0, frames.shape[2] % 2)]
    if any(pad for _, pad in odd):
        frames = np.pad(frames, [(0, 0), *odd, (0, 0)], mode="edge")
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = cast("Any", container.add_stream("libx264", rate=clip.fps))
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        # "veryfast" gave other bytes from call to call on a machine with AVX-512; this preset did not.
        stream.options = {"crf": str(crf), "preset": "superfast"}
        stream.codec_context.thread_count = 1
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")))
        container.mux(stream.encode())
    return buffer.getvalue()


def _read_av(path: Path) -> Clip:
    import av

    frames: list[NDArray[np.uint8]] = []
    held = 0
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            if not container.streams.video:
                raise VideoUnreadable(f"{path} holds no video stream")
            stream = container.streams.video[0]
            rate = stream.average_rate or stream.guessed_rate
            for frame in container.decode(stream):
                held += frame.width * frame.height * 3
                if held > MAX_BYTES:
                    raise VideoUnreadable(f"{path} decodes to over {MAX_BYTES >> 30} GiB of frames; cut it first")
                frames.append(np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8))
    except (av.error.FFmpegError, *DAMAGE) as error:
        what = f"after {len(frames)} frames" if frames else "before the first frame"
        reason = getattr(error, "strerror", None) or error
        raise VideoUnreadable(f"{path} cannot be decoded ({what}): {reason}") from error
    if not frames:
        raise VideoUnreadable(f"{path} holds a video stream of zero frames")
    if any(frame.shape != frames[0].shape for frame in frames):
        raise VideoUnreadable(f"{path} changes its size on the way; expected one size throughout")
    if not rate:
        raise VideoUnreadable(f"{path} states no frame rate; pass fps")
    return Clip(np.stack(frames), Fraction(rate))


def _read_npz(path: Path) -> Clip:
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = {name: _npy(archive, f"{name}.npy", path) for name in ("frames", "fps")}
    except (zipfile.BadZipFile, zlib.error, KeyError, EOFError, OSError, *DAMAGE) as error:
        raise VideoUnreadable(f"{path} is not a clip archive with arrays 'frames' and 'fps': {error}") from error
    frames, fps = arrays["frames"], arrays["fps"]
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3 or 0 in frames.shape:
        raise VideoUnreadable(f"{path}: 'frames' must be uint8 (T, H, W, 3), got {frames.dtype} {frames.shape}")
    if fps.shape != (2,) or fps.dtype.kind not in "iu" or (fps <= 0).any():
        raise VideoUnreadable(f"{path}: 'fps' must be two positive integers, numerator and denominator")
    return Clip(frames, Fraction(int(fps[0]), int(fps[1])))


def _npy(archive: zipfile.ZipFile, name: str, path: Path) -> NDArray[Any]:
    """Read one array; its announced size is checked against the archive before anything is allocated."""
    info = archive.getinfo(name)
    if info.file_size > MAX_BYTES:
        raise VideoUnreadable(f"{path}: {name} announces {info.file_size} bytes, more than {MAX_BYTES >> 30} GiB")
    with archive.open(info) as stream:
        version = np.lib.format.read_magic(stream)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read_header(stream)
    if dtype.hasobject or int(np.prod(shape, dtype=object)) * dtype.itemsize > info.file_size:
        raise VideoUnreadable(f"{path}: {name} announces {dtype} {shape}, which its {info.file_size} bytes do not hold")
    with archive.open(info) as stream:
        return np.asarray(np.lib.format.read_array(stream, allow_pickle=False))
