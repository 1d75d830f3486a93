"""Judgers of the procedural scenes that need no weights: one that reads the simulation, one that reads pixels."""

from wmenv.judgers.scenes.oracle import SceneOracle
from wmenv.judgers.scenes.pixels import ScenePixels

__all__ = ["SceneOracle", "ScenePixels"]
