"""Evaluation: the run folder, the loop that fills it, what is computed from it. Knows only the core's protocols."""
