"""The framework's own random numbers: an explicit `torch.Generator` for each call, never the global one."""

from __future__ import annotations

import math

import torch

__all__ = [
    "native_categorical",
    "native_gumbel",
    "native_normal",
    "native_uniform",
    "standard_gumbel",
    "standard_logistic",
    "standard_normal",
    "standard_uniform",
]


def _generator(seed: int, device: torch.device) -> torch.Generator:
    return torch.Generator(device=device).manual_seed(seed)


def _at_least_float32(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float32)


def standard_uniform(seed: int, shape: tuple[int, ...], like: torch.Tensor) -> torch.Tensor:
    """Draw from the uniform distribution on [0, 1) with the framework's generator."""
    generator = _generator(seed, like.device)
    draws = torch.rand(shape, generator=generator, dtype=_at_least_float32(like.dtype), device=like.device)
    return draws.to(like.dtype)


def standard_normal(seed: int, shape: tuple[int, ...], like: torch.Tensor) -> torch.Tensor:
    """Draw from the normal distribution N(0, 1) with the framework's generator."""
    generator = _generator(seed, like.device)
    draws = torch.randn(shape, generator=generator, dtype=_at_least_float32(like.dtype), device=like.device)
    return draws.to(like.dtype)


def standard_gumbel(seed: int, shape: tuple[int, ...], like: torch.Tensor) -> torch.Tensor:
    """Draw from the Gumbel(0, 1) distribution, -log(-log u), finite for every u that the generator returns.

    -log u is standard exponential, which `exponential_` draws with full resolution near 0.
    """
    exponential = torch.empty(shape, dtype=_at_least_float32(like.dtype), device=like.device)
    exponential.exponential_(generator=_generator(seed, like.device))
    smallest = torch.finfo(exponential.dtype).tiny
    return -torch.log(exponential.clamp(min=smallest)).to(like.dtype)


def standard_logistic(seed: int, shape: tuple[int, ...], like: torch.Tensor) -> torch.Tensor:
    """Draw from the logistic(0, 1) distribution, log u - log(1 - u), finite for every u that the generator returns.

    `torch.rand` rounds down to a multiple of eps / 2: a 0 stands for [0, eps / 2) and is read as its middle.
    """
    uniform = standard_uniform(seed, shape, like.to(_at_least_float32(like.dtype)))
    uniform = uniform.clamp(min=torch.finfo(uniform.dtype).eps / 4)
    return (torch.log(uniform) - torch.log1p(-uniform)).to(like.dtype)


def native_uniform(seed: int, shape: tuple[int, ...], like: torch.Tensor) -> torch.Tensor:
    """Draw from the uniform distribution on [0, 1) as the framework does in the dtype itself."""
    return torch.rand(shape, generator=_generator(seed, like.device), dtype=like.dtype, device=like.device)


def native_normal(seed: int, shape: tuple[int, ...], like: torch.Tensor) -> torch.Tensor:
    """Draw from the normal distribution N(0, 1) as the framework does in the dtype itself."""
    return torch.randn(shape, generator=_generator(seed, like.device), dtype=like.dtype, device=like.device)


def native_gumbel(seed: int, shape: tuple[int, ...], like: torch.Tensor) -> torch.Tensor:
    """Draw from the Gumbel(0, 1) distribution in the dtype itself: the framework's sampler, else -log(-log u)."""
    return -torch.log(-torch.log(native_uniform(seed, shape, like)))


def native_categorical(seed: int, shape: tuple[int, ...], logits: torch.Tensor) -> torch.Tensor:
    """Draw classes of one categorical distribution with the framework's sampler in the dtype of the logits."""
    probs = torch.softmax(logits, dim=-1)
    draws = torch.multinomial(probs, math.prod(shape), replacement=True, generator=_generator(seed, logits.device))
    return draws.reshape(shape)
