"""Gradient estimators of d/d(parameters) E[f(x)], x ~ p(x; parameters), all with one signature."""

from implementations.tensorflow.estimators.antithetic import arm, disarm
from implementations.tensorflow.estimators.bounds import dreg, iwae, sticking_the_landing, vimco
from implementations.tensorflow.estimators.control_variates import muprop, rebar, relax
from implementations.tensorflow.estimators.enumeration import exact
from implementations.tensorflow.estimators.implicit import implicit_reparameterization
from implementations.tensorflow.estimators.measure_valued import measure_valued
from implementations.tensorflow.estimators.pathwise import pathwise, pathwise_antithetic
from implementations.tensorflow.estimators.relaxed import (
    gumbel_rao,
    gumbel_softmax,
    straight_through,
    straight_through_gumbel,
)
from implementations.tensorflow.estimators.score_function import (
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
