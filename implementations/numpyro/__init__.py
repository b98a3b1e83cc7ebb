"""NumPyro's distributions and transforms, `jax.nn` and `jax.scipy` behind the interface, as a user would call them.

Nothing is clamped, stabilised or reshaped beyond the contract: what is judged here is the library. What it lacks
stands in `gaps`; devices, derivatives and noise are those of `implementations.jax`.
"""
