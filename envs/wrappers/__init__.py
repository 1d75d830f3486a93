"""What RL libraries need around a suite: numbers for prompts, a small action instead of a whole clip.

Gymnasium's wrappers forward no attributes: reach the suite (`request`, `draw`, `score`) through
`env.unwrapped`.
"""

from wmenv.envs.wrappers.disc_state import DiscState
from wmenv.envs.wrappers.encode_prompt import EncodePrompt, PromptEncoder
from wmenv.envs.wrappers.for_rl import for_rl
from wmenv.envs.wrappers.latent_action import LatentAction

__all__ = ["DiscState", "EncodePrompt", "LatentAction", "PromptEncoder", "for_rl"]
