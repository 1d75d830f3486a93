"""The exact judgers of the disc world.

`judger` ties together `motion` (what is compared) and `official`; `attributes` judges conflicts of attributes by what
`reading` reads.
"""

from wmenv.judgers.physics.attributes import AttributeConflictJudger
from wmenv.judgers.physics.judger import PhysicsJudger

__all__ = ["AttributeConflictJudger", "PhysicsJudger"]
