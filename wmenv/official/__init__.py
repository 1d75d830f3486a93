"""The published benchmarks as their authors' files have them: case files, result files, readings, totals.

Plain functions on the user's own copies. Nothing of a copy is run or shipped here.
"""
