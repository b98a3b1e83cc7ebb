"""curvlinops behind the interface, as a user of PyTorch would call it: its generalized Gauss-Newton operator.

Only `fisher.gauss_newton` is offered, for what is judged and timed here is the library's product with a vector. What it
lacks stands in `gaps`; devices, derivatives, families and models are those of `implementations.torch`.
"""
