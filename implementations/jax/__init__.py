"""The reference backend for JAX: pure functions of `jax.numpy` arrays, `jax.custom_jvp` where a derivative needs it."""
