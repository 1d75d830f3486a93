"""Agents: generators under test, from baselines that need no model to video diffusion pipelines."""
