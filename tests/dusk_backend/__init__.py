"""A library that adapts nothing: all that it has is that of `light_backend`."""
