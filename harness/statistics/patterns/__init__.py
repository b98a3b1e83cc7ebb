"""Patterns of a biased mean: each is a function of the two means that returns the hypotheses which fit them."""
