"""The search for the input with the largest error in units of its budget: `harness.search.run.search`."""
