"""The ground: types, protocols, errors, registry, spaces, video files, schemes and statistics.

Everything above speaks in these words (see docs/concepts.md); nothing here imports a suite, an agent, a judger
or a run.
"""
