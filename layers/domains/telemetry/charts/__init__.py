"""Charts of a series as SVG: people look at a series, they do not read it."""
