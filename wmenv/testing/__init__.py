"""The pytest plugin: regression tests of world models. At import time it needs pytest and the standard library only."""
