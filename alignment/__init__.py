"""Alignment: reward-gradient and policy-gradient updates of generators, their kernels and guards."""
