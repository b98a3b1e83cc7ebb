"""The objectives f whose expectation's gradient is estimated.

All have one signature: (value, parameters, constants). `value` is [replicates, samples, *event] and the result
[replicates, samples, *factors]: an objective that is a sum of terms, each of which depends on its own part of
the event, may keep the terms apart on `factors` axes (the leading event axes), and each is then weighted by its
own score. `parameters`, shaped [replicates, 1, *param], are those of the distribution, for objectives that
depend on them explicitly; `constants` is a dict of arrays.
"""

from __future__ import annotations

from implementations.interface.contract import Array, Arrays

__all__ = [
    "bernoulli",
    "bernoulli_quadratic",
    "bernoulli_weight",
    "categorical_quadratic",
    "categorical_vae",
    "cosine",
    "exponential",
    "heteroscedastic_regression",
    "linear_gaussian_weight",
    "logistic_regression",
    "norm_squared",
    "quadratic",
    "vae",
]


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


def exponential(value: Array, parameters: Arrays, constants: Arrays) -> Array:
    """Sum over the event of exp(-k x_i^2).

    Args:
        value: x, [replicates, samples, *event].
        parameters: not used.
        constants: {"k": scalar above 0}.

    Returns:
        [replicates, samples].

    Reference:
        Mohamed et al., 2020, section 3, figure 3.
    """
    raise NotImplementedError


def cosine(value: Array, parameters: Arrays, constants: Arrays) -> Array:
    """Sum over the event of cos(k x_i).

    Args:
        value: x, [replicates, samples, *event].
        parameters: not used.
        constants: {"k": scalar}.

    Returns:
        [replicates, samples].

    Reference:
        Mohamed et al., 2020, section 3, figure 3.
    """
    raise NotImplementedError


def bernoulli_quadratic(value: Array, parameters: Arrays, constants: Arrays) -> Array:
    """Mean over the bits of (b_i - t)^2.

    Args:
        value: b, [replicates, samples, bits]; 0, 1 or relaxed values between them.
        parameters: not used.
        constants: {"t": scalar}.

    Returns:
        [replicates, samples].

    Reference:
        Tucker et al., REBAR, 2017, section 5.1.
    """
    raise NotImplementedError


def categorical_quadratic(value: Array, parameters: Arrays, constants: Arrays) -> Array:
    """Quadratic form of a vector on the simplex: x^T matrix x + linear^T x.

    Args:
        value: x, [replicates, samples, n], one-hot or relaxed.
        parameters: not used.
        constants: {"matrix": [n, n], "linear": [n]}.

    Returns:
        [replicates, samples].

    Reference:
        Paulus, Maddison and Krause, 2021, section 5.1: a quadratic program on the simplex.
    """
    raise NotImplementedError


def linear_gaussian_weight(value: Array, parameters: Arrays, constants: Arrays) -> Array:
    """Log weight of the linear Gaussian model, log p(x, z) - log q(z): z ~ N(prior, I), x | z ~ N(z, I).

    With q = N(loc, scale^2): sum_i log N(z_i; prior_i, 1) + log N(x_i; z_i, 1) - log N(z_i; loc_i, scale_i), in
    nats; the posterior is N((prior + x) / 2, 1/2).

    Args:
        value: z, [replicates, samples, dimension].
        parameters: {"loc", "scale"}, [replicates, 1, dimension]: of q.
        constants: {"prior": [dimension], "x": [dimension]}.

    Returns:
        [replicates, samples].

    Reference:
        Rainforth et al., Tighter Variational Bounds are Not Necessarily Better, 2018, section 4.
    """
    raise NotImplementedError


def bernoulli_weight(value: Array, parameters: Arrays, constants: Arrays) -> Array:
    """Log weight of a model with bits, log p(x, b) - log q(b): uniform bits, x | b ~ N(weights . b, 1).

    With q = Bernoulli(logits): log N(x; weights . b, 1) - bits log 2 - sum_i log q(b_i), in nats.

    Args:
        value: b, [replicates, samples, bits].
        parameters: {"logits": [replicates, 1, bits]}: of q.
        constants: {"weights": [bits], "x": scalar}.

    Returns:
        [replicates, samples].

    Reference:
        Mnih and Rezende, Variational Inference for Monte Carlo Objectives, 2016, section 2: a model small enough to
        enumerate.
    """
    raise NotImplementedError


def categorical_vae(value: Array, parameters: Arrays, constants: Arrays) -> Array:
    """Evidence lower bound of each image, as a function of its latent classes: log p(x | z) - KL(q || uniform).

    Bernoulli likelihood through the decoder of `models.categorical_vae`, the KL of the categorical distribution
    itself in closed form, also where the latents are relaxed. The factors are the images.

    Args:
        value: z, [replicates, samples, images, variables, classes], one-hot or relaxed.
        parameters: {"logits": [replicates, 1, images, variables, classes]}.
        constants: {"images": [images, pixels]} and the decoder's weights under their names in
            `models.categorical_vae`.

    Returns:
        Nats [replicates, samples, images].

    Reference:
        Jang, Gu and Poole, 2017, section 4.2.
    """
    raise NotImplementedError


def logistic_regression(value: Array, parameters: Arrays, constants: Arrays) -> Array:
    """Log weight of Bayesian logistic regression, log p(y, w | x) - log q(w): w ~ N(0, I), all examples.

    With q = N(loc, scale^2): sum_n log Bernoulli(y_n; logits x_n . w) + sum_i log N(w_i; 0, 1) - log N(w_i; loc_i,
    scale_i), in nats. Its expectation is the evidence lower bound with KL(q || prior) as a sample: the form that needs
    no closed form of q, and on which the estimators of log weights are defined. Mohamed et al. take the same bound
    with the KL in closed form, which has the same gradient and another variance.

    Args:
        value: w, [replicates, samples, weights].
        parameters: {"loc", "scale"}, [replicates, 1, weights]: of q.
        constants: {"features": [examples, weights], "labels": [examples], 0 or 1}.

    Returns:
        [replicates, samples].

    Reference:
        Mohamed, Rosca, Figurnov and Mnih, 2020, section 8; Ranganath, Gerrish and Blei, Black Box Variational
        Inference, 2014, equation 1.
    """
    raise NotImplementedError


def heteroscedastic_regression(value: Array, parameters: Arrays, constants: Arrays) -> Array:
    """Log weight of linear regression of mean and log scale, log p(y, w, v | x) - log q(w, v): (w, v) ~ N(0, I).

    y_n ~ N(x_n . w, exp(x_n . v)^2), the linear form of `models.regression` with its two heads; with
    q = N(loc, scale^2) and u = (w, v): sum_n log N(y_n; x_n . w, exp(x_n . v)) + sum_i log N(u_i; 0, 1)
    - log N(u_i; loc_i, scale_i), in nats.

    Args:
        value: u, [replicates, samples, 2, weights]: w, then v.
        parameters: {"loc", "scale"}, [replicates, 1, 2, weights]: of q.
        constants: {"features": [examples, weights], "targets": [examples]}.

    Returns:
        [replicates, samples].

    Reference:
        Harvey, Estimating Regression Models with Multiplicative Heteroscedasticity, Econometrica 44, 1976, for the
        model; Ranganath, Gerrish and Blei, 2014, equation 1, for the bound.
    """
    raise NotImplementedError
