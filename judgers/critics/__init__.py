"""Learned critics: small networks that were taught planted faults, with a gradient."""
