"""A mean with its interval, as results and cards hold it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Model(BaseModel):
    """Plain data of a file: fields that nobody declared are refused, and nothing is changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Interval(Model):
    """A mean with its 95 % interval, bootstrapped over cases."""

    mean: float
    low: float
    high: float
    n: int = Field(description="Number of values.")
    cases: int = Field(description="Number of cases they come from.")
