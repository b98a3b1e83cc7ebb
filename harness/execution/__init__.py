"""Where work runs: one framework per process."""
