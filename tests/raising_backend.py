"""A backend whose import raises, as that of an incompatible version does."""

raise OSError("libnothing.so: cannot open shared object file")
