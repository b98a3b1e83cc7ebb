"""The precision in which kernels compute, in PyTorch."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch

__all__ = ["at_least_float32"]

_NARROW = (torch.float16, torch.bfloat16)


def at_least_float32(kernel: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """Return the kernel with 16-bit arguments widened to float32, and its result rounded once to their type."""

    @functools.wraps(kernel)
    def widened(*arguments: torch.Tensor, **named: torch.Tensor) -> torch.Tensor:
        dtype = (*arguments, *named.values())[0].dtype
        if dtype not in _NARROW:
            return kernel(*arguments, **named)
        wide = [argument.float() for argument in arguments]
        wide_named = {name: argument.float() for name, argument in named.items()}
        result = kernel(*wide, **wide_named)
        return result.to(dtype)

    return widened
