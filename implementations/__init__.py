"""The judged: the same mathematics, written idiomatically in each framework.

Importing this package loads no framework. `implementations.registry.load(name)` loads one.
"""
