"""Exact worlds as plain functions: laws, pictures, measurements and planted faults.

Nothing here knows Gymnasium. Environments, baseline agents and judgers meet on these functions, so that what
is drawn, what is predicted and what is measured share one definition.
"""
