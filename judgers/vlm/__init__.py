"""Vision-language models as judgers, through transformers. torch loads when a judger is made, not with this package."""

from wmenv.judgers.vlm.judger import VlmJudger

__all__ = ["VlmJudger"]
