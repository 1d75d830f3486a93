"""Judging by a vision-language model behind an OpenAI-compatible endpoint."""

from wmenv.judgers.servers.judger import ServerJudger

__all__ = ["ServerJudger"]
