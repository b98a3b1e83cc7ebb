"""Kullback-Leibler divergences KL(q || p) = E_q[log q - log p], in closed form and by Monte Carlo. Nats."""

from __future__ import annotations

from implementations.interface.contract import Array, kernel

__all__ = [
    "kl_bernoulli",
    "kl_bernoulli_monte_carlo",
    "kl_categorical",
    "kl_categorical_monte_carlo",
    "kl_diagonal_normal",
    "kl_normal",
    "kl_normal_monte_carlo",
    "kl_standard_normal",
]


@kernel("(),(),(),()->()", "loc_q scale_q loc_p scale_p", scale_q="positive", scale_p="positive")
def kl_normal(loc_q: Array, scale_q: Array, loc_p: Array, scale_p: Array) -> Array:
    """KL of N(loc_q, scale_q^2) from N(loc_p, scale_p^2): log(scale_p / scale_q) + (r^2 + d^2 - 1) / 2.

    With r = scale_q / scale_p and d = (loc_q - loc_p) / scale_p. Near equality it is computed as
    (d^2 + u^2) / 2 + (u - log1p(u)), u = (scale_q - scale_p) / scale_p, free of cancellation (pitfall K5);
    elsewhere with a difference of logarithms and no ratio of squares (K1, K2). Gradients, too, are to full
    relative precision, and finite wherever the true ones are representable (K4).

    Args:
        loc_q: mean of q, any batch shape; all arguments broadcast.
        scale_q: standard deviation of q, above 0.
        loc_p: mean of p.
        scale_p: standard deviation of p, above 0.

    Returns:
        Nats, at least 0, of the broadcast shape.

    Reference:
        Kingma and Welling, 2014, appendix B, for p = N(0, 1).
    """
    raise NotImplementedError


@kernel("(),()->()", "loc scale", scale="positive")
def kl_standard_normal(loc: Array, scale: Array) -> Array:
    """KL of N(loc, scale^2) from N(0, 1): (loc^2 + scale^2 - 1) / 2 - log(scale), free of cancellation near 0.

    Args:
        loc: mean.
        scale: standard deviation, above 0, broadcast with loc.

    Returns:
        Nats, at least 0, of the broadcast shape.

    Reference:
        Kingma and Welling, 2014, appendix B. The article drops the factor 1/2; see `article.kl_standard_normal`.
    """
    raise NotImplementedError


@kernel("(n),(n),(n),(n)->()", "loc_q scale_q loc_p scale_p", scale_q="positive", scale_p="positive")
def kl_diagonal_normal(loc_q: Array, scale_q: Array, loc_p: Array, scale_p: Array) -> Array:
    """KL between normals of diagonal covariance: the sum of `kl_normal` over the last axis.

    Args:
        loc_q: mean of q [*batch, n]; all arguments broadcast.
        scale_q: standard deviations of q, above 0.
        loc_p: mean of p.
        scale_p: standard deviations of p, above 0.

    Returns:
        Nats [*batch].

    Reference:
        Kingma and Welling, 2014, appendix B.
    """
    raise NotImplementedError


@kernel("(n),(n)->()", "logits_q logits_p")
def kl_categorical(logits_q: Array, logits_p: Array) -> Array:
    """KL between categoricals by logits: sum_i q_i (log q_i - log p_i), with 0 log 0 = 0 and q log(q / 0) = inf.

    By log-softmax, with no clamped probability (pitfalls K6, K7). A logit of -inf is a class of probability 0;
    where q has probability 0 the gradient is finite.

    Args:
        logits_q: unnormalised log-probabilities of q [*batch, n].
        logits_p: unnormalised log-probabilities of p [*batch, n], broadcast with logits_q.

    Returns:
        Nats [*batch].

    Reference:
        Cover and Thomas, 2006, equation 2.26.
    """
    raise NotImplementedError


@kernel("(),()->()", "logits_q logits_p")
def kl_bernoulli(logits_q: Array, logits_p: Array) -> Array:
    """KL between Bernoullis by logits: q (a - b) + softplus(b) - softplus(a), with q = sigmoid(a), a, b the logits.

    Args:
        logits_q: a, log odds of q.
        logits_p: b, log odds of p, broadcast with logits_q.

    Returns:
        Nats, of the broadcast shape.

    Reference:
        Cover and Thomas, 2006, equation 2.26, for two classes.
    """
    raise NotImplementedError


@kernel("(b),(b),(b),(b),(s,b)->(b)", "loc_q scale_q loc_p scale_p", scale_q="positive", scale_p="positive")
def kl_normal_monte_carlo(loc_q: Array, scale_q: Array, loc_p: Array, scale_p: Array, noise: Array) -> Array:
    """Monte-Carlo KL between normals: the mean over samples of log q(x) - log p(x), x = loc_q + scale_q * noise.

    Unbiased, and so is its (pathwise) gradient.

    Args:
        loc_q: mean of q [*batch].
        scale_q: standard deviation of q, above 0.
        loc_p: mean of p.
        scale_p: standard deviation of p, above 0.
        noise: standard normal noise [samples, *batch].

    Returns:
        Nats [*batch].

    Reference:
        Roeder, Wu and Duvenaud, Sticking the Landing, 2017, equation 3.
    """
    raise NotImplementedError


@kernel("(n),(n),(s,n)->()")
def kl_categorical_monte_carlo(logits_q: Array, logits_p: Array, noise: Array) -> Array:
    """Monte-Carlo KL between categoricals: the mean over samples of log q(x) - log p(x), x by the Gumbel-max trick.

    Args:
        logits_q: unnormalised log-probabilities of q [*batch, n].
        logits_p: unnormalised log-probabilities of p [*batch, n].
        noise: standard Gumbel noise [samples, *batch, n].

    Returns:
        Nats [*batch]. The samples are discrete: no pathwise gradient.

    Reference:
        Cover and Thomas, 2006, equation 2.27.
    """
    raise NotImplementedError


@kernel("(b),(b),(s,b)->(b)")
def kl_bernoulli_monte_carlo(logits_q: Array, logits_p: Array, noise: Array) -> Array:
    """Monte-Carlo KL between Bernoullis: the mean over samples of log q(x) - log p(x), x = 1 where a + noise > 0.

    Args:
        logits_q: a, log odds of q [*batch].
        logits_p: log odds of p [*batch].
        noise: standard logistic noise [samples, *batch].

    Returns:
        Nats [*batch]. The samples are discrete: no pathwise gradient.

    Reference:
        Cover and Thomas, 2006, equation 2.27.
    """
    raise NotImplementedError
