"""PhyWorld (arXiv 2411.02385): predict discs that move, fall and collide, inside and outside the training range."""

from wmenv.envs.phyworld.env import PhyWorldEnv, PhyWorldVectorEnv

__all__ = ["PhyWorldEnv", "PhyWorldVectorEnv"]
