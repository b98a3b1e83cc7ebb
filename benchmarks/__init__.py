"""The asv suite: what kernels, estimators and models cost, and how noisy and how right they are, from commit to commit.

Each set of parameters is measured in a process of its own, which loads one framework. Benchmarks import `harness`
only. `version` is set by hand, since asv's own covers neither parameters nor the harness (pitfall A4): raise it when
what is measured changes.
"""
