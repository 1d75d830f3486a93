"""Suites that ask for a clip in words: one environment, and protocols for where cases come from."""

from wmenv.envs.prompted.cases import CaseSource, PromptedCase
from wmenv.envs.prompted.env import PromptedEnv

__all__ = ["CaseSource", "PromptedCase", "PromptedEnv"]
