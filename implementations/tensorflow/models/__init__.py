"""Models as pure functions over a flat dict of arrays. The layers are data, given here once for every backend."""
