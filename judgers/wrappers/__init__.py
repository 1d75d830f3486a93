"""Judgers around judgers: cache, ensemble, calibration, both polarities, abstention.

Each takes the specification of the judger inside, in square brackets where that has options of its own:
`calibrated:[answers:FILE,parse=official],temperature=2`. They nest, and their identity tells the whole chain.
"""

from wmenv.judgers.wrappers.abstaining import Abstaining
from wmenv.judgers.wrappers.cached import Cached
from wmenv.judgers.wrappers.calibrated import Calibrated
from wmenv.judgers.wrappers.ensemble import Ensemble
from wmenv.judgers.wrappers.polarity import Polarity

__all__ = ["Abstaining", "Cached", "Calibrated", "Ensemble", "Polarity"]
