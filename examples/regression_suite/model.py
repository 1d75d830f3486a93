"""The model under test: replace this line by yours.

A specification, such as "diffusers:checkpoints/latest" or "videos:clips", or an agent object. `law` stands in: it
reads the discs off the given frames and moves them on. Try "constant-velocity", which knows no gravity, to see the
gate close.
"""

MODEL = "law"
