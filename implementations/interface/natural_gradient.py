"""Natural gradient with a trust region on the KL divergence."""

from __future__ import annotations

from collections.abc import Callable

from implementations.interface.contract import Array, Arrays, Family, Step
from implementations.interface.fisher import Outputs

__all__ = ["natural_gradient"]

#: The quadratic model of the KL is good to the third order: the actual KL may exceed the radius by half.
SLACK = 1.5


def natural_gradient(
    loss: Callable[[Arrays], Array],
    family: Family,
    outputs: Outputs,
    parameters: Arrays,
    learning_rate: Array,
    radius: Array,
    damping: Array,
    tolerance: Array,
    iterations: int,
    halvings: int,
) -> tuple[Arrays, Step]:
    """Natural-gradient step: parameters - length d, (F + damping I) d = gradient, within a trust region on the KL.

    The length is min(learning_rate, sqrt(2 radius / d.F.d)), which the quadratic model KL = length^2 d.F.d / 2 keeps
    within the radius. It is halved until the actual KL(old || new) is at most SLACK radius and the loss does not
    increase; where `halvings` halvings are not enough, the parameters stay.

    Args:
        loss: parameters -> scalar.
        family: of the outputs.
        outputs: parameters -> {name: [examples, *event]}.
        parameters: {name: [*param]}.
        learning_rate: the largest length, a scalar above 0.
        radius: of the trust region, nats per example, a scalar above 0.
        damping: scalar, at least 0.
        tolerance: of conjugate gradient, relative.
        iterations: of conjugate gradient, at most.
        halvings: of the length, at most.

    Returns:
        The new parameters, and what was done.

    Reference:
        Amari, 1998, equation 14; Schulman et al., Trust Region Policy Optimization, 2015, appendix C.
    """
    raise NotImplementedError
