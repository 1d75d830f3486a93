"""Judgers: answers to a suite's criteria, from exact physics on pixels to learned models."""
