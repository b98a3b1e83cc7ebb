"""What one call costs, for the command line, for `benchmarks/` and for pytest-benchmark."""
