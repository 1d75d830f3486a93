"""Reports: results as one HTML file and as a table for the terminal."""
