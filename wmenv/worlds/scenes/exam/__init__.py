"""Scenes that ship with no benchmark: judgers that were frozen before they were written are examined on them."""
