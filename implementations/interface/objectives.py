"""The objectives f whose expectation's gradient is estimated.

All have one signature: (value, parameters, constants). `value` is [replicates, samples, *event] and the result
[replicates, samples, *factors]: an objective that is a sum of terms, each of which depends on its own part of
the event, may keep the terms apart on `factors` axes (the leading event axes), and each is then weighted by its
own score. `parameters`, shaped [replicates, 1, *param], are those of the distribution, for objectives that
depend on them explicitly; `constants` is a dict of arrays.
"""

from __future__ import annotations

from implementations.interface.contract import Array, Arrays

__all__ = ["bernoulli", "norm_squared", "quadratic", "vae"]


def quadratic(value: Array, parameters: Arrays, constants: Arrays) -> Array:
    """Squared distance from a target, summed over the event: sum_i (x_i - k)^2.

    Args:
        value: x, [replicates, samples, *event].
        parameters: not used.
        constants: {"k": scalar}.

    Returns:
        [replicates, samples].

    Reference:
        Mohamed, Rosca, Figurnov and Mnih, Monte Carlo Gradient Estimation in Machine Learning, 2020, section 3.
    """
    raise NotImplementedError


def norm_squared(value: Array, parameters: Arrays, constants: Arrays) -> Array:
    """Squared norm, summed over the event: sum_i x_i^2.

    Args:
        value: x, [replicates, samples, dimension].
        parameters: not used.
        constants: {}.

    Returns:
        [replicates, samples].

    Reference:
        Rezende, Mohamed and Wierstra, Stochastic Backpropagation, 2014, appendix D (growth with dimension).
    """
    raise NotImplementedError


def bernoulli(value: Array, parameters: Arrays, constants: Arrays) -> Array:
    """Function of one bit, extended to [0, 1] linearly: f0 + (f1 - f0) b.

    Args:
        value: b, [replicates, samples]; 0, 1 or a relaxed value between them.
        parameters: not used.
        constants: {"f0": scalar, "f1": scalar}, the objective at 0 and at 1.

    Returns:
        [replicates, samples].

    Reference:
        Tucker et al., REBAR, 2017, section 5.1, with f0 = t^2 and f1 = (1 - t)^2.
    """
    raise NotImplementedError


def vae(value: Array, parameters: Arrays, constants: Arrays) -> Array:
    """Evidence lower bound of each image, as a function of its latent: log p(x | z) - KL(q || N(0, I)).

    Bernoulli likelihood through the decoder of `models.vae`, the KL in closed form. The factors are the images.

    Args:
        value: z, [replicates, samples, images, latents].
        parameters: {"loc", "scale"}, [replicates, 1, images, latents].
        constants: {"images": [images, pixels]} and the decoder's weights under their names in `models.vae`.

    Returns:
        Nats [replicates, samples, images].

    Reference:
        Kingma and Welling, 2014, equation 3.
    """
    raise NotImplementedError
