"""Models as pure functions over a flat dict of arrays."""
