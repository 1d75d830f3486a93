"""The exact judger of the disc world: `judger` ties together `motion` (what is compared) and `official`."""

from wmenv.judgers.physics.judger import PhysicsJudger

__all__ = ["PhysicsJudger"]
