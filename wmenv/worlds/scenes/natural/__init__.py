"""Slopes, water and what grows."""
