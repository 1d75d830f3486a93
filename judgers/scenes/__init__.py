"""Judgers of the procedural scenes that need no weights: one that reads the simulation, one that reads pixels."""

from wmenv.judgers.scenes.oracle import SceneOracle

__all__ = ["SceneOracle"]
