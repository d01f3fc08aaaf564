"""Statistics on predictions: metrics, intervals, comparisons. Needs no torch and no images."""
