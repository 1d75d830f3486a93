"""WorldReasonBench (arXiv 2605.10434): questions about state, process, fidelity and mechanism of what was shown."""

from wmenv.envs.worldreasonbench.env import WorldReasonBenchEnv, WorldReasonBenchVectorEnv

__all__ = ["WorldReasonBenchEnv", "WorldReasonBenchVectorEnv"]
