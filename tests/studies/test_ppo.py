"""PPO learns from an environment's rewards, and its control learns nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wmenv.studies.ppo import LEARNT, SEEDS, SHUFFLED, STEPS, UNTRAINED, keep, ppo_table
from wmenv.studies.training.interval import seed_interval

KEPT = Path(__file__).parents[2] / "docs" / "ppo.json"


def test_kept_figures_are_above_the_bar() -> None:
    """The real size; `make ppo-table` makes them anew."""
    kept = json.loads(KEPT.read_text())
    assert kept["steps"] == STEPS == 20_000
    gains = {
        name: [run["reward"] - kept["random"] for run in kept["runs"] if run["name"] == name]
        for name in (LEARNT, SHUFFLED, UNTRAINED)
    }
    assert {(run["name"], run["seed"]) for run in kept["runs"]} == {(name, s) for name in gains for s in SEEDS}
    learnt, shuffled, untrained = (seed_interval(values) for values in gains.values())
    assert learnt is not None and shuffled is not None and untrained is not None
    assert learnt.mean >= 0.15 and learnt.low > 0
    assert shuffled.high < untrained.mean + 0.01 and shuffled.high < learnt.low


@pytest.mark.slow
def test_a_short_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    pytest.importorskip("stable_baselines3")
    assert "make ppo-table" in ppo_table(tmp_path / "ppo.json")
    keep(tmp_path / "ppo.json", steps=4000, seeds=(7,))
    kept = json.loads((tmp_path / "ppo.json").read_text())
    rewards = {run["name"]: run["reward"] for run in kept["runs"]}
    assert rewards[LEARNT] > 2 * rewards[SHUFFLED] and rewards[LEARNT] > 0.03 > kept["random"]
    kept["runs"].pop(0)
    (tmp_path / "ppo.json").write_text(json.dumps(kept))
    keep(tmp_path / "ppo.json", steps=4000, seeds=(7,))
    again = json.loads((tmp_path / "ppo.json").read_text())
    assert {run["name"]: run["reward"] for run in again["runs"]} == rewards, "the same seed gives the same policy"
    assert again["runs"][0] == kept["runs"][0], "what is there is not trained again"
    table = ppo_table(tmp_path / "ppo.json")
    assert f"{rewards[LEARNT]:.3f}" in table and "4,000 steps a policy" in table
