"""Suites as Gymnasium environments, one folder a family, and the wrappers that RL libraries need."""
