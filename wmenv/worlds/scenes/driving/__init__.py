"""Roads seen from above."""
