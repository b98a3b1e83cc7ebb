"""Many blocks of replicates in one call, each reduced to a few sums before the next is drawn."""

from __future__ import annotations

from collections.abc import Callable

import torch

from implementations.torch import runtime

__all__ = ["over_blocks", "power_sums"]

Tensors = dict[str, torch.Tensor]


def power_sums(values: torch.Tensor, centre: torch.Tensor, rate: torch.Tensor) -> Tensors:
    """Sums over replicates of d = values - centre, of d^2, and of powers of their means over coordinates."""
    wide = torch.promote_types(values.dtype, torch.float32)
    flat = (values.to(wide) - centre.to(wide)).reshape(len(values), -1)  # [replicates, coordinates]
    square = flat * flat
    unit = rate.to(wide)
    average, mean_square = flat.mean(dim=1) * unit, square.mean(dim=1) * (unit * unit)
    coordinates = torch.stack([flat.sum(dim=0), square.sum(dim=0)])
    return {
        "coordinates": coordinates.reshape(2, *centre.shape),
        "averages": _powers(average),
        "squares": _powers(mean_square),
        "crossed": (flat * mean_square[:, None]).sum(dim=0).reshape(centre.shape),
        "mean_squares": mean_square,
    }


def over_blocks(
    draw: Callable[[int], torch.Tensor], reduce: Callable[..., Tensors], compiled: bool
) -> Callable[..., Tensors]:
    """Return (seeds [blocks], *arguments) -> reduce(*arguments, draw(seed)) of every seed, stacked on a first axis.

    A loop in Python: `draw` seeds a `torch.Generator`, which no compiler of PyTorch takes.
    """
    reduction = runtime.compile(reduce) if compiled else reduce

    def run(seeds: torch.Tensor, *arguments: Tensors) -> Tensors:
        blocks = [reduction(*arguments, draw(seed)) for seed in seeds.tolist()]
        return {name: torch.stack([block[name] for block in blocks]) for name in blocks[0]}

    return run


def _powers(value: torch.Tensor) -> torch.Tensor:
    """Return the sums of the first four powers."""
    square = value * value
    return torch.stack([value.sum(), square.sum(), (value * square).sum(), (square * square).sum()])
