"""Score-function (REINFORCE, likelihood-ratio) gradient, with and without a baseline."""

from __future__ import annotations

from collections.abc import Callable

from implementations.interface.contract import Array, Arrays, Distribution

__all__ = [
    "score_function",
    "score_function_constant",
    "score_function_leave_one_out",
    "score_function_optimal",
]


def score_function(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Score-function gradient: the mean over samples of f(x) d log p(x; parameters) / d parameters, x held constant.

    Unbiased for any objective. No gradient flows through the sample.

    Args:
        distribution: any distribution with a log_prob.
        objective: f.
        parameters: {name: [*param]}.
        constants: the objective's constants.
        noise: base noise [replicates, samples, *event].

    Returns:
        {name: [replicates, *param]}.

    Reference:
        Williams, Simple Statistical Gradient-Following Algorithms, 1992; Mohamed et al., 2020, equation 13.
    """
    raise NotImplementedError


def score_function_leave_one_out(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Score-function gradient with the mean of the other samples as baseline: f_s - sum over t != s of f_t / (S - 1).

    Unbiased, since sample s and its baseline are independent. Needs at least two samples.

    Args as in `score_function`.

    Returns:
        {name: [replicates, *param]}.

    Raises:
        ValueError: noise has fewer than two samples.

    Reference:
        Mnih and Rezende, Variational Inference for Monte Carlo Objectives, 2016, section 2.4;
        Kool, van Hoof and Welling, Buy 4 REINFORCE Samples, Get a Baseline for Free!, 2019, equation 8.
    """
    raise NotImplementedError


def score_function_constant(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Score-function gradient with a constant baseline: (f(x) - baseline) d log p(x; parameters) / d parameters.

    Unbiased for any baseline that does not depend on the sample.

    Args as in `score_function`, but
        constants: the objective's and {"baseline": scalar or [*factors]}, such as E f.

    Returns:
        {name: [replicates, *param]}.

    Reference:
        Williams, 1992; Mohamed et al., 2020, section 7.4.1.
    """
    raise NotImplementedError


def score_function_optimal(
    distribution: Distribution, objective: Callable[..., Array], parameters: Arrays, constants: Arrays, noise: Array
) -> Arrays:
    """Score-function gradient with the best constant baseline of every coordinate: (f(x) - baseline_i) score_i.

    The baseline of least variance is E[f score_i^2] / E[score_i^2]. Only the score's term is weighted: an explicit
    dependence of the objective on the parameters contributes its own gradient, as in `score_function`.

    Args as in `score_function`, but
        constants: the objective's and {"baseline.NAME": [*param]} for every parameter.

    Returns:
        {name: [replicates, *param]}.

    Reference:
        Greensmith, Bartlett and Baxter, Variance Reduction Techniques for Gradient Estimates in Reinforcement Learning,
        2004, theorem 8.
    """
    raise NotImplementedError
