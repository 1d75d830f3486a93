"""What people put around a suite: numbers for prompts and a small action for RL libraries, clips as video files.

Gymnasium's wrappers forward no attributes: reach the suite (`request`, `draw`, `score`) through
`env.unwrapped`.
"""

from wmenv.envs.wrappers.disc_state import DiscState
from wmenv.envs.wrappers.encode_prompt import EncodePrompt, PromptEncoder
from wmenv.envs.wrappers.for_rl import for_rl
from wmenv.envs.wrappers.latent_action import LatentAction
from wmenv.envs.wrappers.save_videos import SaveVideos

__all__ = ["DiscState", "EncodePrompt", "LatentAction", "PromptEncoder", "SaveVideos", "for_rl"]
