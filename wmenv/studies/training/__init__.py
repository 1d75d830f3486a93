"""Studies that train: a declared table of runs over training seeds, and verdicts by intervals over those seeds."""
