"""The model has not become worse, on cases like those it was trained on and beyond them."""

import pytest
from model import MODEL

SPLITS = ["id", "ood_high"]


@pytest.mark.parametrize("law", ["uniform_motion", "parabola", "collision"])
def test_no_law_is_forgotten(law, wmenv_regression):
    """Every criterion of every law, paired with the scores in tests/baselines."""
    wmenv_regression(f"PhyWorld-{law}-v0", MODEL, splits=SPLITS, episodes=24, size=64)
