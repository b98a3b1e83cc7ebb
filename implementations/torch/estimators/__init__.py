"""Gradient estimators in PyTorch, all with the signature (distribution, objective, parameters, constants, noise)."""

from implementations.torch.estimators.pathwise import pathwise
from implementations.torch.estimators.relaxed import gumbel_softmax, straight_through_gumbel
from implementations.torch.estimators.score_function import score_function, score_function_leave_one_out

__all__ = [
    "gumbel_softmax",
    "pathwise",
    "score_function",
    "score_function_leave_one_out",
    "straight_through_gumbel",
]
