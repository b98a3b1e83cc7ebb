"""The contract of every backend, written once.

A stub here gives the signature and the full docstring of one function: formula, shapes, units, errors and
source. A backend repeats the signature and the first line of the docstring; a parity test holds them equal.

Conventions, for every kernel:

* Arguments are arrays of the backend, all of one floating dtype and on one device, as made by
  `runtime.asarray`. Nothing is cast: float32 in, float32 out.
* Batch shapes broadcast as in NumPy. A kernel's core shape stands in its `kernel` decoration as a
  generalised-ufunc signature: `"(n),(n),()->(n)"` takes two vectors and a scalar per batch entry.
* KL divergences, entropies and log densities are in nats.
* No kernel draws a random number: noise is an argument. `sample` functions are the exception; they
  take a seed and use the framework's own generator.
* Values are checked where they enter (`harness.validation`), since a traced array has no value to check.
  Outside the stated domain a kernel returns what IEEE arithmetic gives; it clamps nothing.
"""
