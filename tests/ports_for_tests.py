"""Functions in several frameworks and formulas, right ports of each other, with inputs: for `assert_agree`'s tests.

Formulas differ on purpose where practitioners' do: stable against naive, closed form against a library's function.
"""

# ruff: noqa: PLW0108 (a lambda gives the argument the same name in all frameworks)
from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.special as sc
import torch
from jax.scipy import special as js
from torch.nn import functional as F  # noqa: N812 (torch's own convention)


class _TensorFlow:
    """TensorFlow, imported when a function first uses it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module("tensorflow"), name)


tf: Any = _TensorFlow()
Inputs = dict[str, Any]
LOG_2PI = math.log(2 * math.pi)


class Port(NamedTuple):
    """A function in several implementations.

    Attributes:
        name: of the function.
        draw: generator -> inputs.
        functions: framework, or framework:formula -> implementation.
        not_in_float64: implementations that are right to single precision only.
    """

    name: str
    draw: Callable[[np.random.Generator], Inputs]
    functions: dict[str, Callable[..., Any]]
    not_in_float64: tuple[str, ...] = ()


def vectors(n: int, **scales: float) -> Callable[[np.random.Generator], Inputs]:
    """Return a draw of normal vectors of n numbers."""
    return lambda rng: {name: scale * rng.normal(size=n) for name, scale in scales.items()}


def tsum(x: Any) -> Any:
    """Return the sum of a TensorFlow array."""
    return tf.reduce_sum(x)


def _kl_inputs(rng: np.random.Generator) -> Inputs:
    return {"mu": rng.normal(size=5), "sigma": np.exp(0.5 * rng.normal(size=5))}


def _kl_near(rng: np.random.Generator) -> Inputs:
    size = 10 ** rng.uniform(-6, -2)
    return {"mu": size * rng.normal(size=5), "sigma": 1 + size * rng.normal(size=5)}


def _kl_torch(mu: Any, sigma: Any) -> Any:
    one = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
    return torch.distributions.kl_divergence(torch.distributions.Normal(mu, sigma), one)


def _positive(n: int, low: float, high: float, name: str = "x") -> Callable[[np.random.Generator], Inputs]:
    return lambda rng: {name: np.exp(rng.uniform(math.log(low), math.log(high), n))}


def _mlp(rng: np.random.Generator) -> Inputs:
    return {
        "x": rng.normal(size=(8, 10)),
        "params": {"w1": rng.normal(size=(10, 16)) / 3, "b1": np.zeros(16), "w2": rng.normal(size=(16, 3)) / 4},
        "labels": rng.integers(0, 3, 8),
    }


def _mlp_torch(x: Any, params: Any, labels: Any) -> Any:
    return F.cross_entropy(torch.tanh(x @ params["w1"] + params["b1"]) @ params["w2"], labels)


def _mlp_jax(x: Any, params: Any, labels: Any) -> Any:
    logits = jnp.tanh(x @ params["w1"] + params["b1"]) @ params["w2"]
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1))


def _mlp_tf(x: Any, params: Any, labels: Any) -> Any:
    logits = tf.tanh(x @ params["w1"] + params["b1"]) @ params["w2"]
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))


def _relu(rng: np.random.Generator) -> Inputs:
    x = rng.normal(size=(6, 8))
    x[rng.random(x.shape) < 0.4] = 0.0
    return {"x": x, "w": rng.normal(size=(8, 5)), "v": np.zeros(5) + rng.normal(size=5)}


def _hilbert(rng: np.random.Generator) -> Inputs:
    n = int(rng.integers(3, 7))
    grid = np.arange(n)
    scale = np.exp(0.3 * rng.normal(size=n))
    return {"a": np.outer(scale, scale) / (1 + grid[:, None] + grid) + 1e-4 * np.eye(n), "b": rng.normal(size=n)}


def _gumbel(rng: np.random.Generator) -> Inputs:
    return {"logits": rng.normal(size=6), "noise": rng.gumbel(size=(4, 6)), "temperature": 10 ** rng.uniform(-1.5, 0.5)}


def _poly(rng: np.random.Generator) -> Inputs:
    return {"x": 1 + rng.uniform(-1, 1) * 10 ** rng.uniform(-2, 0)}


_BINOMIALS = [math.comb(7, k) * (-1) ** (7 - k) for k in range(8)]


def _horner(x: Any) -> Any:
    value = x * 0 + _BINOMIALS[7]
    for coefficient in _BINOMIALS[6::-1]:
        value = value * x + coefficient
    return value


def _powers_jax(x: Any) -> Any:
    return sum(c * x**k for k, c in enumerate(_BINOMIALS))


def _powers_torch(x: Any) -> Any:
    return sum(c * x**k for k, c in enumerate(_BINOMIALS))


def _scan_jax(x: Any) -> Any:
    return jax.lax.scan(lambda total, item: (total + item * item, None), jnp.zeros((), x.dtype), x)[0]


def _vae_inputs(rng: np.random.Generator) -> Inputs:
    return {
        "data": (rng.random((5, 12)) < 0.4).astype(np.float64),
        "encoder": rng.normal(size=(12, 6)) / 2,
        "decoder": rng.normal(size=(3, 12)),
        "noise": rng.normal(size=(5, 3)),
    }


def _vae_torch(data: Any, encoder: Any, decoder: Any, noise: Any) -> Any:
    loc, raw = (data @ encoder).split(3, dim=1)
    posterior = torch.distributions.Normal(loc, F.softplus(raw))
    logits = (loc + posterior.scale * noise) @ decoder
    prior = torch.distributions.Normal(torch.zeros_like(loc), torch.ones_like(loc))
    likelihood = -F.binary_cross_entropy_with_logits(logits, data, reduction="sum")
    return likelihood - torch.distributions.kl_divergence(posterior, prior).sum()


def _vae_jax(data: Any, encoder: Any, decoder: Any, noise: Any) -> Any:
    loc, raw = jnp.split(data @ encoder, 2, axis=1)
    scale = jax.nn.softplus(raw)
    logits = (loc + scale * noise) @ decoder
    likelihood = (data * jax.nn.log_sigmoid(logits) + (1 - data) * jax.nn.log_sigmoid(-logits)).sum()
    return likelihood - (0.5 * (loc**2 + scale**2 - 1) - jnp.log(scale)).sum()


def _vae_tf(data: Any, encoder: Any, decoder: Any, noise: Any) -> Any:
    loc, raw = tf.split(data @ encoder, 2, axis=1)
    scale = tf.nn.softplus(raw)
    logits = (loc + scale * noise) @ decoder
    likelihood = -tsum(tf.nn.sigmoid_cross_entropy_with_logits(labels=data, logits=logits))
    return likelihood - tsum(0.5 * (loc**2 + scale**2 - 1) - tf.math.log(scale))


def _mixture(rng: np.random.Generator) -> Inputs:
    return {
        "x": 3 * rng.normal(size=7),
        "loc": 2 * rng.normal(size=4),
        "raw": rng.normal(size=4),
        "logits": rng.normal(size=4),
    }


def _mixture_torch(x: Any, loc: Any, raw: Any, logits: Any) -> Any:
    parts = torch.distributions.Normal(loc, raw.exp())
    mix = torch.distributions.Categorical(logits=logits)
    return torch.distributions.MixtureSameFamily(mix, parts).log_prob(x)


def _mixture_jax(x: Any, loc: Any, raw: Any, logits: Any) -> Any:
    parts = -0.5 * ((x[:, None] - loc) / jnp.exp(raw)) ** 2 - raw - 0.5 * LOG_2PI
    return js.logsumexp(jax.nn.log_softmax(logits) + parts, axis=1)


def _mixture_tf(x: Any, loc: Any, raw: Any, logits: Any) -> Any:
    parts = -0.5 * ((x[:, None] - loc) * tf.exp(-raw)) ** 2 - raw - 0.5 * LOG_2PI
    return tf.reduce_logsumexp(tf.nn.log_softmax(logits) + parts, axis=1)


def _layer_norm_torch(x: Any) -> Any:
    return F.layer_norm(x, (x.shape[-1],))


def _layer_norm_jax(x: Any) -> Any:
    return (x - x.mean(-1, keepdims=True)) / jnp.sqrt(x.var(-1, keepdims=True) + 1e-5)


def _layer_norm_tf(x: Any) -> Any:
    mean, variance = tf.nn.moments(x, [-1], keepdims=True)
    return (x - mean) * tf.math.rsqrt(variance + 1e-5)


def _gamma(rng: np.random.Generator) -> Inputs:
    return {"x": rng.gamma(2.0, size=6), "a": np.exp(rng.normal(size=6)), "rate": np.exp(rng.normal(size=6))}


def _outputs_torch(x: Any) -> Any:
    return {"mean": x.mean(), "parts": (torch.softmax(x, -1), torch.logsumexp(x, -1)), "best": x.argmax(-1)}


def _outputs_jax(x: Any) -> Any:
    return {"best": x.argmax(-1), "mean": x.mean(), "parts": (jax.nn.softmax(x), js.logsumexp(x, axis=-1))}


def _offset(rng: np.random.Generator) -> Inputs:
    return {"x": 10 ** rng.uniform(0, 3) + rng.normal(size=30)}


#: Right ports of each other: rounding explains all that their numbers differ by.
PORTS: tuple[Port, ...] = (
    Port(
        "normal KL, summed",
        _kl_inputs,
        {
            "torch": lambda mu, sigma: _kl_torch(mu, sigma).sum(),
            "jax": lambda mu, sigma: (0.5 * (mu**2 + sigma**2 - 1) - jnp.log(sigma)).sum(),
            "tensorflow": lambda mu, sigma: tsum(0.5 * (mu**2 + sigma**2 - 1) - tf.math.log(sigma)),
            "numpy": lambda mu, sigma: (0.5 * (mu**2 + sigma**2 - 1) - np.log(sigma)).sum(),
        },
    ),
    Port(
        "normal KL near equality",
        _kl_near,
        {
            "torch": _kl_torch,
            "jax": lambda mu, sigma: 0.5 * (mu**2 + sigma**2 - 1) - jnp.log(sigma),
            "jax:factored": lambda mu, sigma: 0.5 * mu**2 + 0.5 * (sigma - 1) * (sigma + 1) - jnp.log1p(sigma - 1),
            "tensorflow": lambda mu, sigma: 0.5 * (mu**2 + sigma**2 - 1 - tf.math.log(sigma**2)),
        },
    ),
    Port(
        "logsumexp at 1e4",
        lambda rng: {"x": 1e4 + 5 * rng.normal(size=20)},
        {
            "torch": lambda x: torch.logsumexp(x, -1),
            "jax": lambda x: js.logsumexp(x),
            "tensorflow": lambda x: tf.reduce_logsumexp(x),
            "numpy": lambda x: sc.logsumexp(x),
            "torch:shifted": lambda x: torch.log(torch.exp(x - x.mean()).sum()) + x.mean(),
        },
    ),
    Port(
        "softplus",
        lambda rng: {"x": rng.uniform(-60, 19, 20)},
        {
            "torch": lambda x: F.softplus(x),
            "jax": lambda x: jax.nn.softplus(x),
            "tensorflow": lambda x: tf.nn.softplus(x),
            "numpy": lambda x: np.logaddexp(x, 0),
        },
    ),
    Port(
        "log sigmoid",
        vectors(20, x=20.0),
        {
            "torch": lambda x: F.logsigmoid(x),
            "jax": lambda x: jax.nn.log_sigmoid(x),
            "tensorflow": lambda x: tf.math.log_sigmoid(x),
            "torch:softplus": lambda x: torch.minimum(x, x * 0) - torch.log1p(torch.exp(-x.abs())),
        },
    ),
    Port(
        "log gamma",
        _positive(20, 0.05, 60.0),
        {
            "torch": lambda x: torch.lgamma(x),
            "jax": lambda x: js.gammaln(x),
            "tensorflow": lambda x: tf.math.lgamma(x),
            "numpy": lambda x: sc.gammaln(x),
        },
    ),
    Port(
        "log gamma near its roots",
        lambda rng: {"x": rng.choice([1.0, 2.0], 10) + 10 ** rng.uniform(-5, -1, 10)},
        {
            "torch": lambda x: torch.lgamma(x),
            "jax": lambda x: js.gammaln(x),
            "tensorflow": lambda x: tf.math.lgamma(x),
        },
    ),
    Port(
        "digamma",
        _positive(20, 0.05, 60.0),
        {
            "torch": lambda x: torch.digamma(x),
            "jax": lambda x: js.digamma(x),
            "tensorflow": lambda x: tf.math.digamma(x),
        },
        ("torch",),  # its derivative, torch.special.polygamma(1, x), is off by 2e6 eps in float64
    ),
    Port(
        "erfc",
        lambda rng: {"x": rng.uniform(-3, 5, 20)},
        {
            "torch": lambda x: torch.erfc(x),
            "jax": lambda x: js.erfc(x),
            "tensorflow": lambda x: tf.math.erfc(x),
            "numpy": lambda x: sc.erfc(x),
        },
    ),
    Port(
        "log of the normal's cdf",
        lambda rng: {"x": rng.uniform(-12, 4, 20)},
        {
            "torch": lambda x: torch.special.log_ndtr(x),
            "jax": lambda x: js.log_ndtr(x),
            "numpy": lambda x: sc.log_ndtr(x),
        },
    ),
    Port(
        "quantile of the normal",
        lambda rng: {"p": rng.uniform(0.001, 0.999, 20)},
        {
            "torch": lambda p: torch.special.ndtri(p),
            "jax": lambda p: js.ndtri(p),
            "tensorflow": lambda p: tf.math.ndtri(p),
            "torch:erfinv": lambda p: math.sqrt(2) * torch.erfinv(2 * p - 1),
        },
    ),
    Port(
        "normal log density",
        lambda rng: {"x": rng.normal(size=9), "loc": rng.normal(size=9), "scale": np.exp(rng.normal(size=9))},
        {
            "torch": lambda x, loc, scale: torch.distributions.Normal(loc, scale).log_prob(x).sum(),
            "jax": lambda x, loc, scale: jax.scipy.stats.norm.logpdf(x, loc, scale).sum(),
            "tensorflow": lambda x, loc, scale: tsum(
                -0.5 * ((x - loc) / scale) ** 2 - tf.math.log(scale) - 0.5 * LOG_2PI
            ),
        },
    ),
    Port(
        "Student t log density",
        lambda rng: {"x": 3 * rng.normal(size=6), "df": np.exp(rng.normal(size=6) + 1)},
        {
            "torch": lambda x, df: torch.distributions.StudentT(df).log_prob(x),
            "jax": lambda x, df: jax.scipy.stats.t.logpdf(x, df),
        },
    ),
    Port(
        "gamma log density",
        _gamma,
        {
            "torch": lambda x, a, rate: torch.distributions.Gamma(a, rate).log_prob(x).sum(),
            "jax": lambda x, a, rate: (jax.scipy.stats.gamma.logpdf(x * rate, a) + jnp.log(rate)).sum(),
            "tensorflow": lambda x, a, rate: tsum(
                a * tf.math.log(rate) + (a - 1) * tf.math.log(x) - rate * x - tf.math.lgamma(a)
            ),
        },
    ),
    Port(
        "beta log density",
        lambda rng: {"x": rng.uniform(0.02, 0.98, 6), "a": np.exp(rng.normal(size=6)), "b": np.exp(rng.normal(size=6))},
        {
            "torch": lambda x, a, b: torch.distributions.Beta(a, b).log_prob(x),
            "jax": lambda x, a, b: jax.scipy.stats.beta.logpdf(x, a, b),
        },
        ("jax",),  # its betaln is off by 2e-7 in float64 where an argument is above 8
    ),
    Port(
        "Dirichlet KL",
        lambda rng: {"a": np.exp(rng.normal(size=5)), "b": np.exp(rng.normal(size=5))},
        {
            "torch": lambda a, b: torch.distributions.kl_divergence(
                torch.distributions.Dirichlet(a), torch.distributions.Dirichlet(b)
            ),
            "jax": lambda a, b: (
                js.gammaln(a.sum())
                - js.gammaln(b.sum())
                + (js.gammaln(b) - js.gammaln(a)).sum()
                + ((a - b) * (js.digamma(a) - js.digamma(a.sum()))).sum()
            ),
        },
        ("torch",),
    ),
    Port("network, cross entropy", _mlp, {"torch": _mlp_torch, "jax": _mlp_jax, "tensorflow": _mlp_tf}),
    Port(
        "ReLU network with zeros",
        _relu,
        {
            "torch": lambda x, w, v: (torch.relu(x @ w) @ v).square().sum(),
            "jax": lambda x, w, v: ((jax.nn.relu(x @ w) @ v) ** 2).sum(),
            "tensorflow": lambda x, w, v: tsum(tf.linalg.matvec(tf.nn.relu(x @ w), v) ** 2),
        },
    ),
    Port(
        "Gumbel-softmax",
        _gumbel,
        {
            "torch": lambda logits, noise, temperature: torch.softmax((logits + noise) / temperature, -1),
            "jax": lambda logits, noise, temperature: jax.nn.softmax((logits + noise) / temperature),
            "tensorflow": lambda logits, noise, temperature: tf.nn.softmax((logits + noise) / temperature),
        },
    ),
    Port(
        "matrix product",
        lambda rng: {"a": rng.normal(size=(16, 200)), "b": rng.normal(size=(200, 8))},
        {
            "torch": lambda a, b: a @ b,
            "jax": lambda a, b: a @ b,
            "tensorflow": lambda a, b: tf.matmul(a, b),
            "jax:sum": lambda a, b: (a[:, :, None] * b).sum(1),
        },
    ),
    Port(
        "log determinant",
        _hilbert,
        {
            "torch": lambda a, b: torch.logdet(a) + 0 * b.sum(),
            "jax": lambda a, b: jnp.linalg.slogdet(a)[1] + 0 * b.sum(),
            "jax:cholesky": lambda a, b: 2 * jnp.log(jnp.diagonal(jnp.linalg.cholesky(a))).sum() + 0 * b.sum(),
            "tensorflow": lambda a, b: tf.linalg.logdet(a) + 0 * tsum(b),
        },
    ),
    Port(
        "ill-conditioned solve",
        _hilbert,
        {
            "torch": lambda a, b: torch.linalg.solve(a, b),
            "jax": lambda a, b: jnp.linalg.solve(a, b),
            "jax:inverse": lambda a, b: jnp.linalg.inv(a) @ b,
            "tensorflow": lambda a, b: tf.linalg.solve(a, b[:, None])[:, 0],
        },
    ),
    Port(
        "variance with an offset",
        _offset,
        {
            "torch": lambda x: x.var(),
            "jax": lambda x: x.var(ddof=1),
            "jax:moments": lambda x: (x * x).sum() / 29 - x.sum() ** 2 / (30 * 29),
            "tensorflow": lambda x: tf.math.reduce_variance(x) * (30 / 29),
        },
    ),
    Port(
        "sum of 3,000 squares",
        lambda rng: {"x": rng.normal(size=3000)},
        {
            "torch": lambda x: (x * x).sum(),
            "jax": lambda x: (x * x).sum(),
            "jax:scan": _scan_jax,
            "tensorflow": lambda x: tsum(x * x),
            "numpy": lambda x: (x * x).sum(),
        },
    ),
    Port(
        "cumulative product",
        _positive(40, 0.5, 2.0),
        {
            "torch": lambda x: torch.cumprod(x, 0),
            "jax": lambda x: jnp.cumprod(x),
            "tensorflow": lambda x: tf.math.cumprod(x),
            "torch:logs": lambda x: torch.exp(torch.cumsum(torch.log(x), 0)),
        },
    ),
    Port(
        "sine of 1e4 x",
        vectors(8, x=1.0),
        {
            "torch": lambda x: torch.sin(1e4 * x),
            "jax": lambda x: jnp.sin(1e4 * x),
            "tensorflow": lambda x: tf.sin(1e4 * x),
            "numpy": lambda x: np.sin(1e4 * x),
        },
    ),
    Port(
        "polynomial near a root of order 7",
        _poly,
        {"torch": _powers_torch, "jax": _horner, "jax:powers": _powers_jax, "tensorflow": _horner},
    ),
    Port(
        "exp(x) - 1",
        lambda rng: {"x": rng.choice([-1, 1], 8) * 10 ** rng.uniform(-3, 1, 8)},
        {
            "torch": lambda x: torch.expm1(x),
            "jax": lambda x: jnp.expm1(x),
            "jax:naive": lambda x: jnp.exp(x) - 1,
            "tensorflow": lambda x: tf.exp(x) - 1,
        },
    ),
    Port(
        "log of the tanh's derivative",
        lambda rng: {"x": rng.uniform(-4, 4, 8)},
        {
            "torch": lambda x: torch.log(1 - torch.tanh(x) ** 2),
            "jax": lambda x: 2 * (math.log(2) - x - jax.nn.softplus(-2 * x)),
            "tensorflow": lambda x: -2 * tf.math.log(tf.cosh(x)),
        },
    ),
    Port("mixture of normals", _mixture, {"torch": _mixture_torch, "jax": _mixture_jax, "tensorflow": _mixture_tf}),
    Port(
        "layer norm",
        lambda rng: {"x": 10 ** rng.uniform(-2, 2) * rng.normal(size=(4, 16)) + rng.normal()},
        {"torch": _layer_norm_torch, "jax": _layer_norm_jax, "tensorflow": _layer_norm_tf},
    ),
    Port(
        "cosine similarity",
        lambda rng: {"a": rng.normal(size=12), "b": rng.normal(size=12)},
        {
            "torch": lambda a, b: F.cosine_similarity(a, b, dim=0),
            "jax": lambda a, b: a @ b / (jnp.linalg.norm(a) * jnp.linalg.norm(b)),
            "tensorflow": lambda a, b: -tf.keras.losses.cosine_similarity(a, b),
        },
    ),
    Port(
        "Bernoulli log likelihood",
        lambda rng: {"logits": 6 * rng.normal(size=12), "x": (rng.random(12) < 0.5).astype(np.float64)},
        {
            "torch": lambda logits, x: -F.binary_cross_entropy_with_logits(logits, x, reduction="none"),
            "jax": lambda logits, x: x * jax.nn.log_sigmoid(logits) + (1 - x) * jax.nn.log_sigmoid(-logits),
            "tensorflow": lambda logits, x: -tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=logits),
        },
    ),
    Port(
        "entropy of a softmax",
        vectors(10, logits=4.0),
        {
            "torch": lambda logits: torch.distributions.Categorical(logits=logits).entropy(),
            "jax": lambda logits: -(jax.nn.softmax(logits) * jax.nn.log_softmax(logits)).sum(),
            "jax:logsumexp": lambda logits: js.logsumexp(logits) - (jax.nn.softmax(logits) * logits).sum(),
            "tensorflow": lambda logits: -tsum(tf.nn.softmax(logits) * tf.nn.log_softmax(logits)),
        },
    ),
    Port("evidence lower bound", _vae_inputs, {"torch": _vae_torch, "jax": _vae_jax, "tensorflow": _vae_tf}),
    Port("several outputs", lambda rng: {"x": rng.normal(size=(3, 5))}, {"torch": _outputs_torch, "jax": _outputs_jax}),
    Port(
        "equal logits",
        lambda rng: {"logits": np.zeros(int(rng.integers(2, 12)))},
        {
            "torch": lambda logits: torch.logsumexp(logits, -1) - math.log(logits.shape[0]),
            "jax": lambda logits: jnp.log(jnp.exp(logits).mean()),
            "tensorflow": lambda logits: tf.reduce_logsumexp(logits) - math.log(logits.shape[0]),
        },
    ),
)
