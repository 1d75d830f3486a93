"""Flat shapes."""
