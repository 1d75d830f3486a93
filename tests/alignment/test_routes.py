"""Routes of a reward's gradient: which row belongs to which request, where they agree, what they refuse."""

from __future__ import annotations

import pytest

from wmenv.core.errors import InvalidArgument

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from alignment_toys import RNG, SEEDS, Toy, gradient_of, toy_reward  # noqa: E402
from torch import Tensor  # noqa: E402

from wmenv.alignment.gradients import Draft, DraftLV, RandomK, ReFL, route_of  # noqa: E402


def test_01_random_k_draws_once_a_trajectory_and_keeps_rows_with_their_requests() -> None:
    toy = Toy(steps=4)
    many = list(range(40))
    clip, rows = RandomK().clips(toy, [None] * 40, many, None, RNG(1))  # type: ignore[arg-type, list-item]
    assert sorted(rows) == many
    whole = toy.sample_with_grad([None] * 40, many, 4)
    torch.testing.assert_close(clip, whole[rows])
    fixed, _ = RandomK(2, 2).clips(toy, [None] * 4, SEEDS, None, RNG(1))  # type: ignore[arg-type, list-item]
    drafted = toy.sample_with_grad([None] * 4, SEEDS, 2)
    assert torch.equal(gradient_of(toy, toy_reward(fixed)), gradient_of(toy, toy_reward(drafted)))
    assert not torch.equal(gradient_of(toy, toy_reward(clip)), gradient_of(toy, toy_reward(whole)))


def test_02_one_step_routes_end_in_the_clean_estimate() -> None:
    """ReFL at the last point of the chain is DRaFT-1; DRaFT-LV has less variance over noise than its single draws."""
    toy = Toy(steps=4)
    refl, _ = ReFL(late=0.25).clips(toy, [None] * 4, SEEDS, None, RNG(0))  # type: ignore[arg-type, list-item]
    one = toy.sample_with_grad([None] * 4, SEEDS, 1)
    torch.testing.assert_close(gradient_of(toy, toy_reward(refl)), gradient_of(toy, toy_reward(one)))

    def drawn(draws: int, seed: int) -> Tensor:
        clip, rows = DraftLV(draws).clips(toy, [None] * 4, SEEDS, None, RNG(seed))  # type: ignore[arg-type, list-item]
        assert rows == [0, 1, 2, 3] * draws
        return gradient_of(toy, toy_reward(clip)) / draws

    single, averaged = (torch.stack([drawn(n, s) for s in range(60)]).var(dim=0).sum() for n in (1, 4))
    assert 2.0 < float(single / averaged) < 8.0, "a quarter of the variance"


@pytest.mark.parametrize(
    "spec", ["draft,k=0", "draft,k=1.5", "random-k,least=3,most=2", "refl,late=0", "draft,depth=2", "draft:4,k=4"]
)
def test_03_routes_refuse_what_they_cannot_take(spec: str) -> None:
    with pytest.raises(InvalidArgument):
        route_of(spec)
    assert route_of("draft:4") == Draft(4) and route_of("refl:0.5") == ReFL(0.5) and route_of("random-k") == RandomK()
