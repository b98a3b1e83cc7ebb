"""Gradient estimators of d/d(parameters) E[f(x)], x ~ p(x; parameters), all with one signature."""

from implementations.jax.estimators.pathwise import pathwise
from implementations.jax.estimators.relaxed import gumbel_softmax, straight_through_gumbel
from implementations.jax.estimators.score_function import score_function, score_function_leave_one_out

__all__ = [
    "gumbel_softmax",
    "pathwise",
    "score_function",
    "score_function_leave_one_out",
    "straight_through_gumbel",
]
