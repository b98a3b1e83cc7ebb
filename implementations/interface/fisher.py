"""Fisher-vector products without a matrix: three roads to one number, for any function from parameters to outputs.

The outputs {name: [examples, *event]} are the parameters of a `Family`; the Fisher information of the parameters w is
the mean over examples of that of their outputs, F = (1/n) sum_i J_i^T F_i J_i, where J_i is the Jacobian of example
i's outputs by w, and F_i its entries' Fisher information. Every product is prepared once, at fixed w, and then takes
a vector like w. At the level of the distribution, outputs is the identity, and n is 1.
"""

from __future__ import annotations

from collections.abc import Callable

from implementations.interface.contract import Array, Arrays, Family

__all__ = [
    "batched",
    "damped",
    "empirical",
    "gauss_newton",
    "kl_forward_over_reverse",
    "kl_reverse_over_reverse",
    "sampled",
]

#: w -> {name: [examples, *event]}.
Outputs = Callable[[Arrays], Arrays]

#: A vector like w -> the matrix times that vector.
Product = Callable[[Arrays], Arrays]

#: (p, q) -> divergence of each entry, such as `Family.kl`.
Divergence = Callable[[Arrays, Arrays], Array]

#: (outputs, tangents) -> the matrix of each example times the tangents, such as `Family.fisher`.
Middle = Callable[[Arrays, Arrays], Arrays]


def kl_reverse_over_reverse(kl: Divergence, outputs: Outputs, parameters: Arrays) -> Product:
    """Product with the Hessian of mean_i sum_entries kl(old, new) by new, at new = old, reverse over reverse.

    The old side is held constant; the Fisher information is the Hessian only there, at equality.

    Args:
        kl: `Family.kl` for KL(old || new); lambda old, new: family.kl(new, old) for the reverse, whose Hessian at
            equality is the same.
        outputs: parameters -> {name: [examples, *event]}.
        parameters: {name: [*param]}, where the Hessian is taken.

    Returns:
        vector -> Hessian times vector, both dicts like the parameters.

    Raises:
        ValueError: parameters or outputs are no dict, or outputs is not a function of its argument alone: it changes
            a tensor in place or draws random numbers.

    Reference:
        Schulman et al., Trust Region Policy Optimization, 2015, appendix C; Pearlmutter, 1994.
    """
    raise NotImplementedError


def kl_forward_over_reverse(kl: Divergence, outputs: Outputs, parameters: Arrays) -> Product:
    """Product with the Hessian of mean_i sum_entries kl(old, new) by new, at new = old, forward over reverse.

    Args, returns and raises as in `kl_reverse_over_reverse`.

    Reference:
        Pearlmutter, Fast exact multiplication by the Hessian, Neural Computation 6, 1994.
    """
    raise NotImplementedError


def gauss_newton(middle: Middle, outputs: Outputs, parameters: Arrays) -> Product:
    """Product (1/n) sum_i J_i^T M_i J_i v, linearized once: no product evaluates the outputs again.

    Args:
        middle: (outputs, tangents) -> M_i tangents of every example: `Family.fisher` for the Fisher information,
            `sampled` or `empirical` for what these say.
        outputs: parameters -> {name: [examples, *event]}.
        parameters: {name: [*param]}, where the outputs are linearized.

    Returns:
        vector -> matrix times vector, both dicts like the parameters. Where outputs draws random numbers, it is the
        matrix of that one draw.

    Raises:
        ValueError: parameters or outputs are no dict, or outputs changes a tensor in place.

    Reference:
        Schraudolph, Fast curvature matrix-vector products, Neural Computation 14, 2002; Martens, New insights and
        perspectives on the natural gradient method, 2020, section 9.2.
    """
    raise NotImplementedError


def sampled(family: Family, values: Array, weights: Array) -> Middle:
    """Middle of `gauss_newton` by scores: M_i = sum_k weights_ki score_ki score_ki^T over all entries of example i.

    The Fisher information where values and weights are a quadrature rule or an enumeration of the distribution of
    the outputs themselves; a Monte Carlo estimate of it where they are drawn from it, with weights 1 / samples.

    Args:
        family: of the outputs.
        values: [samples, examples, *event], with an axis of classes, one-hot, for a categorical family.
        weights: [samples, examples].

    Reference:
        Martens, 2020, section 9.1.
    """
    raise NotImplementedError


def empirical(family: Family, labels: Array) -> Middle:
    """Middle of the empirical Fisher: score score^T at the data's own labels. It is NOT the Fisher information.

    The two agree in the mean where the model is the distribution of the labels, and only there.

    Args:
        family: of the outputs.
        labels: [examples, *event], one-hot for a categorical family.

    Reference:
        Kunstner, Balles and Hennig, Limitations of the empirical Fisher approximation, NeurIPS 2019.
    """
    raise NotImplementedError


def damped(product: Product, damping: Array) -> Product:
    """Product with A + damping I.

    Args:
        product: with A.
        damping: scalar, at least 0.

    Reference:
        Martens and Grosse, Optimizing neural networks with Kronecker-factored approximate curvature, 2015, section 6.
    """
    raise NotImplementedError


def batched(product: Product) -> Product:
    """Product with several vectors at once: {name: [vectors, *param]} -> {name: [vectors, *param]}."""
    raise NotImplementedError
