"""The exact judgers of the disc world.

`judger` ties together `motion` (what is compared) and `official`; `attributes` judges conflicts of attributes by what
`reading` reads; `soft` judges with a gradient, by the moments of `ink`.
"""

from wmenv.judgers.physics.attributes import AttributeConflictJudger
from wmenv.judgers.physics.judger import PhysicsJudger
from wmenv.judgers.physics.soft import PhysicsSoft

__all__ = ["AttributeConflictJudger", "PhysicsJudger", "PhysicsSoft"]
