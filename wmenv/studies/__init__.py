"""Studies: what needs environments, agents and judgers together, each printing a table of the documentation."""
