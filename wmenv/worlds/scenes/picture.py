"""The first frames of all scenes in one picture: `python -m wmenv.worlds.scenes.picture docs/scenes.png`."""

from __future__ import annotations

import struct
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.scenes.catalogue import DOMAINS, scenes

SIZE, GAP = 144, 6
SEED = 1


def contact_sheet() -> NDArray[np.uint8]:
    """(H, W, 3): a column a domain, in order of the catalogue, a row a scene."""
    rows = max(len(scenes(domain)) for domain in DOMAINS)
    sheet = np.full((rows * (SIZE + GAP) - GAP, len(DOMAINS) * (SIZE + GAP) - GAP, 3), 255, np.uint8)
    for column, domain in enumerate(DOMAINS):
        for row, scene in enumerate(scenes(domain)):
            y, x = row * (SIZE + GAP), column * (SIZE + GAP)
            sheet[y : y + SIZE, x : x + SIZE] = replace(scene.case(SEED), size=SIZE).first_frame
    return sheet


def png(picture: NDArray[np.uint8]) -> bytes:
    """A picture (H, W, 3) as PNG (RFC 2083), each row as differences to the row above (filter 2)."""
    height, width, _ = picture.shape
    above = np.concatenate([np.zeros_like(picture[:1]), picture[:-1]])
    rows = np.concatenate([np.full((height, 1), 2, np.uint8), (picture - above).reshape(height, -1)], axis=1)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows.tobytes(), 9))
        + chunk(b"IEND", b"")
    )


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(png(contact_sheet()))
