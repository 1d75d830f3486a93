"""VideoVerse (arXiv 2510.08398): events in their order and checks of nine kinds, 1,608 points over 300 prompts."""

from wmenv.envs.videoverse.env import VideoVerseEnv, VideoVerseVectorEnv

__all__ = ["VideoVerseEnv", "VideoVerseVectorEnv"]
