"""An articulated figure of our own."""
