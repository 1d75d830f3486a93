"""`videos:DIR`: clips made elsewhere, looked up by case id."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from wmenv.agents.base import ClipAgent
from wmenv.core.case import Request, check_case_id
from wmenv.core.clip import Response, Unreadable
from wmenv.core.errors import InvalidArgument, VideoUnreadable
from wmenv.core.video import VIDEO_SUFFIXES, read_clip


class Videos(ClipAgent):
    """Takes `DIR/<case id>.<suffix>`; with several samples a case, `DIR/<case id>_<sample>.<suffix>`.

    A missing or damaged file is forfeited with its reason and the run goes on. Clips shorter than the case, or of
    a form that the suite does not admit, are forfeited by the judger. Nothing is resized in silence: the frame
    rate is the file's unless `fps` is given.
    """

    def __init__(self, folder: str, fps: int | float | None = None) -> None:
        """Make the agent.

        Args:
            folder: Folder of the clips.
            fps: Frame rate to assume instead of each file's own.
        """
        self.folder = Path(folder).expanduser()
        if not self.folder.is_dir():
            raise InvalidArgument(f"no folder at {folder}; videos:DIR needs one with files named <case id>.mp4")
        if fps is not None and fps <= 0:
            raise InvalidArgument(f"fps must be positive, got {fps}")
        self.name = f"videos:{self.folder.name}"
        self.fps = None if fps is None else Fraction(fps).limit_denominator(1001)
        super().__init__()

    def clip(self, request: Request, seed: int) -> Response:
        """The clip of this case and sample; the seed plays no part."""
        path = self.find(request.case_id, request.sample)
        if path is None:
            wanted = f"{request.case_id} (sample {request.sample}) with suffix {'/'.join(VIDEO_SUFFIXES)}"
            return Unreadable(f"no clip named {wanted} in {self.folder}")
        try:
            return read_clip(path, self.fps)
        except VideoUnreadable as error:
            return Unreadable(str(error))

    def find(self, case_id: str, sample: int = 0) -> Path | None:
        """Path of the clip of a case and sample, inside the folder, or None."""
        stem = check_case_id(case_id)
        inside = self.folder.resolve()
        for name in (f"{stem}_{sample}", *([stem] if sample == 0 else [])):
            for suffix in VIDEO_SUFFIXES:
                path = self.folder / f"{name}{suffix}"
                if path.is_file() and path.resolve().is_relative_to(inside):
                    return path
        return None
