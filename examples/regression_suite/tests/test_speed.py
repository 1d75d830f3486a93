"""Nothing between the model and its score has become slow: ratios, which hold on any machine, not times."""

ENV = "PhyWorld-collision-v0"


def test_environment(wmenv_bench_env):
    """Episodes, against the same work without an environment around it."""
    assert wmenv_bench_env(ENV, size=64) > 0.5


def test_judger(wmenv_bench_judger):
    """Judging, against one mean over the pixels of the clips."""
    assert wmenv_bench_judger(ENV, size=64) > 0.005


def test_vector_environment(wmenv_bench_vector_env):
    """The native vector environment, against Gymnasium's own."""
    assert wmenv_bench_vector_env(ENV, size=64) > 0.5
