"""Judging by answers that were recorded elsewhere."""

from wmenv.judgers.answers.judger import AnswersJudger

__all__ = ["AnswersJudger"]
