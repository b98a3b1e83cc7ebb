"""Statistics of gradients: moments, intervals, tails, bias, sizes and comparisons, with NumPy and SciPy alone."""
