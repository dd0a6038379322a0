"""Windows of a series: exact sums, extremes, first and last reading, and a sketch of quantiles; all can be merged."""
