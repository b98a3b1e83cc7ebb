"""Gradient estimators in PyTorch, all with the signature (distribution, objective, parameters, constants, noise)."""

from implementations.torch.estimators.antithetic import arm, disarm
from implementations.torch.estimators.bounds import dreg, iwae, sticking_the_landing, vimco
from implementations.torch.estimators.control_variates import muprop, rebar, relax
from implementations.torch.estimators.enumeration import exact
from implementations.torch.estimators.implicit import implicit_reparameterization
from implementations.torch.estimators.measure_valued import measure_valued
from implementations.torch.estimators.pathwise import pathwise, pathwise_antithetic
from implementations.torch.estimators.relaxed import (
    gumbel_rao,
    gumbel_softmax,
    straight_through,
    straight_through_gumbel,
)
from implementations.torch.estimators.score_function import (
    score_function,
    score_function_constant,
    score_function_leave_one_out,
    score_function_optimal,
)

__all__ = [
    "arm",
    "disarm",
    "dreg",
    "exact",
    "gumbel_rao",
    "gumbel_softmax",
    "implicit_reparameterization",
    "iwae",
    "measure_valued",
    "muprop",
    "pathwise",
    "pathwise_antithetic",
    "rebar",
    "relax",
    "score_function",
    "score_function_constant",
    "score_function_leave_one_out",
    "score_function_optimal",
    "sticking_the_landing",
    "straight_through",
    "straight_through_gumbel",
    "vimco",
]
