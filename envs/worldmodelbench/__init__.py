"""WorldModelBench (arXiv 2502.20694): eight criteria about clips of seven domains, 10 points."""

from wmenv.envs.worldmodelbench.env import WorldModelBenchEnv, WorldModelBenchVectorEnv

__all__ = ["WorldModelBenchEnv", "WorldModelBenchVectorEnv"]
