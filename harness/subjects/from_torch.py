"""A subject of a loss in PyTorch.

The loss is called without arguments and draws from PyTorch's global generator. Each replicate seeds that generator (the
CPU's, and those of the devices that hold a parameter), Python's and NumPy's; all are as they were afterwards. The
`.grad` of the parameters is neither read nor written. Train mode, dropout and the sampling of batches are the loss's.

`vectorized=True` evaluates the replicates of a block at once by `torch.func.vmap`. The same loss serves: while it runs,
every PyTorch function that is given a parameter receives the tensor by which `torch.func.grad` differentiates instead.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.errors import BadInputError, one_line, shown
from harness.subjects import losses
from harness.subjects.subject import Subject

if TYPE_CHECKING:
    import torch

#: Numbers of the gradients that wait to be stacked, at most: few calls for small ones, no second copy of large ones.
_PENDING_NUMBERS = 2**16

#: Gradients in one call where the loss is called for each: progress shows, and a call costs little beside them.
LOOPED = 256

#: Global generators serve one thread at a time.
_GENERATORS = threading.RLock()

_ALLOWED = "allowed: a Module, a tensor that requires grad, or a dict, list or tuple of them"


def from_torch(
    loss: Callable[[], torch.Tensor], parameters: Any, *, vectorized: bool = False, name: str = ""
) -> Subject:
    """Return the subject of a loss: n independent gradients of `loss()` from one seed.

    Args:
        loss: called without arguments, returns a scalar tensor; it draws from PyTorch's global generator, and may draw
            from those of Python and NumPy (not where `vectorized`).
        parameters: a Module (its parameters that require grad), a tensor, or a dict, list or tuple of these.
        vectorized: evaluate a block of replicates at once. The loss must then consist of operations that
            `torch.func.vmap` maps: no `.item()`, no branch on a drawn value, no state that it changes in place.
        name: of the subject; without one, the function's.

    Returns:
        a subject whose pytree has the structure of `parameters`; a Module gives a dict by qualified name. Each leaf is
        a tensor [n, *shape] on the device of its parameter. The first gradients of a larger n are those of a smaller n
        unless `vectorized`.

    Raises:
        BadInputError: PyTorch is not installed; the loss is not callable; there is no parameter, or one does not
            require grad. When the subject is called: the loss is not a real scalar, no gradient reaches a parameter,
            or the loss cannot be mapped. What the loss itself raises passes through.
    """
    losses.require_framework("torch")
    losses.require_function(loss, "loss()")
    flat = _flat(parameters)
    gradients = _looped(loss, flat)
    if not vectorized:
        return Subject(gradients, losses.name_of(loss, name), LOOPED)
    block = losses.block_size(sum(leaf.numel() for leaf in flat.leaves))
    return Subject(_mapped(loss, flat, gradients, block), losses.name_of(loss, name), block)


def _flat(parameters: Any) -> losses.Parameters:
    """Return the parameters, flattened and checked."""
    import torch

    def expand(node: Any) -> Mapping[str, Any] | None:
        if not isinstance(node, torch.nn.Module):
            return None
        return {key: value for key, value in node.named_parameters() if value.requires_grad}

    # `model.parameters()` is an iterator
    flat = losses.flatten(list(parameters) if isinstance(parameters, Iterator) else parameters, expand)
    first: dict[int, str] = {}
    for name, leaf in zip(flat.names, flat.leaves, strict=True):
        if first.setdefault(id(leaf), name) != name:
            raise BadInputError(
                f"{losses.described(name)} is the same tensor as {losses.described(first[id(leaf)])}; allowed: each "
                "tensor once; remove one of them"
            )
        if not isinstance(leaf, torch.Tensor):
            raise BadInputError(f"{losses.described(name)} is {shown(leaf)}, which is not a tensor; {_ALLOWED}")
        if not leaf.requires_grad:
            raise BadInputError(
                f"{losses.described(name)} does not require grad; {_ALLOWED}; call requires_grad_() on it, or remove it"
            )
        if not leaf.is_floating_point():
            raise BadInputError(
                f"{losses.described(name)} has dtype {leaf.dtype}; allowed: real floating-point tensors; "
                "give its real and its imaginary part"
            )
    return flat


def _generators(leaves: Sequence[torch.Tensor]) -> list[torch.Generator]:
    """Return the global generators that a loss may draw from: the CPU's, and those of the devices of the parameters."""
    import torch

    found = [torch.default_generator]
    for device in sorted({leaf.device for leaf in leaves}, key=str):
        if device.type in ("cuda", "xpu"):
            found.append(torch.get_device_module(device).default_generators[device.index])
        elif device.type == "mps":
            found.append(torch.mps._get_default_mps_generator())
    return found


@contextlib.contextmanager
def _seeding(leaves: Sequence[torch.Tensor]) -> Iterator[Callable[[int], None]]:
    """Provide a function that seeds every global generator by a word; put their states back on leaving."""
    import torch

    with _GENERATORS, losses.host_generators() as seed_host:
        generators = _generators(leaves)
        states = [generator.get_state() for generator in generators]

        def seed(word: int) -> None:
            seed_host(word)
            for generator in generators:
                generator.manual_seed(word)

        try:
            with torch.enable_grad():
                yield seed
        finally:
            for generator, state in zip(generators, states, strict=True):
                generator.set_state(state)


def _require_scalar(value: Any) -> None:
    """Raise where what the loss returned is not a real scalar tensor."""
    import torch

    if not isinstance(value, torch.Tensor):
        raise BadInputError(
            f"the loss returns {shown(value)}; allowed: a scalar tensor; return it without .item() or float()"
        )
    losses.require_scalar(value.shape, str(value.dtype), real=value.is_floating_point())


def _gradient(loss: Callable[[], Any], leaves: tuple[torch.Tensor, ...]) -> Sequence[torch.Tensor | None]:
    """Return the gradient of one evaluation of the loss, None for each parameter to which its graph does not lead."""
    import torch

    value = loss()
    _require_scalar(value)
    if not value.requires_grad:
        return (None,) * len(leaves)
    try:
        return torch.autograd.grad(value, leaves, allow_unused=True)
    except RuntimeError as error:
        if "second time" not in str(error):
            raise
        raise BadInputError(
            "the loss uses a tensor that was computed from the parameters outside of it, so that its graph serves one "
            "gradient only; allowed: a loss that computes everything from the parameters; move that computation into it"
        ) from error


def _filled(gradient: Sequence[torch.Tensor | None], leaves: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Return a gradient with zeros where the graph does not lead, and in dense layout."""
    import torch

    return [
        torch.zeros_like(leaf) if part is None else part.to_dense() if part.is_sparse else part
        for part, leaf in zip(gradient, leaves, strict=True)
    ]


def _looped(loss: Callable[[], Any], flat: losses.Parameters) -> Callable[[int, int], Any]:
    """Return the subject that evaluates the loss once per replicate."""
    import torch

    leaves = flat.leaves
    together = max(1, _PENDING_NUMBERS // max(1, sum(leaf.numel() for leaf in leaves)))
    reached: set[int] = set()

    def gradients(seed: int, n: int) -> Any:
        with _seeding(leaves) as seed_all:

            def one(word: int) -> Sequence[torch.Tensor | None]:
                seed_all(word)
                return _gradient(loss, leaves)

            drawn = losses.replicates(one, seed, n, flat.names, reached)
            if n == 1:  # no second copy of what may be large
                (gradient,) = drawn
                return flat.rebuild([part.unsqueeze(0) for part in _filled(gradient, leaves)])
            out = [torch.empty((n, *leaf.shape), dtype=leaf.dtype, device=leaf.device) for leaf in leaves]
            for start, pending in _batches(drawn, together):
                columns = zip(*(_filled(gradient, leaves) for gradient in pending), strict=True)
                with torch.no_grad():
                    for whole, column in zip(out, columns, strict=True):
                        torch.stack(column, out=whole[start : start + len(pending)])
            return flat.rebuild(out)

    return gradients


def _batches(drawn: Iterator[Any], size: int) -> Iterator[tuple[int, list[Any]]]:
    """Yield lists of `size` consecutive items, the last one shorter, each with the index of its first item."""
    start = 0
    pending: list[Any] = []
    for item in drawn:
        pending.append(item)
        if len(pending) == size:
            yield start, pending
            start, pending = start + size, []
    if pending:
        yield start, pending


def _mapped(
    loss: Callable[[], Any], flat: losses.Parameters, looped: Callable[[int, int], Any], block: int
) -> Callable[[int, int], Any]:
    """Return the subject that evaluates a block of replicates by one call of the loss.

    Args:
        loss: the caller's.
        flat: its parameters.
        looped: the subject that evaluates one replicate at a time; its first call makes the checks that are blind
            under `vmap`: a gradient that does not reach a parameter is zero there.
        block: replicates of one evaluation.
    """
    import torch

    checked = False

    def substituted(values: Sequence[torch.Tensor]) -> torch.Tensor:
        with _substitution(flat.leaves, values):
            value: torch.Tensor = loss()
        _require_scalar(value)
        return value

    def gradients(seed: int, n: int) -> Any:
        nonlocal checked
        if not checked:
            looped(seed, 1)
            checked = True
        values = tuple(leaf.detach() for leaf in flat.leaves)
        differentiated = torch.func.grad_and_value(substituted)
        mapped = torch.func.vmap(lambda _: differentiated(values), randomness="different", chunk_size=block)
        with _seeding(flat.leaves) as seed_all:
            seed_all(losses.replicate_words(seed, 1)[0])
            before = losses.host_positions()
            try:
                parts, drawn = mapped(torch.arange(n))
            except RuntimeError as error:
                raise BadInputError(
                    f"the loss cannot be vectorized: {one_line(str(error))}; use vectorized=False"
                ) from error
            losses.require_no_host_draws(
                before, "which vectorized=True draws once for all replicates; draw with torch, or use vectorized=False"
            )
        _require_all_substituted(drawn, flat)
        return flat.rebuild([part.detach() for part in parts])

    return gradients


def _substitution(
    leaves: Sequence[torch.Tensor], values: Sequence[torch.Tensor]
) -> contextlib.AbstractContextManager[Any]:
    """Return a context in which every PyTorch function that is given one of the leaves receives its value instead."""
    from torch.overrides import TorchFunctionMode

    by_identity = {id(leaf): value for leaf, value in zip(leaves, values, strict=True)}

    def replaced(argument: Any) -> Any:
        if type(argument) in (list, tuple):
            return type(argument)(replaced(part) for part in argument)
        return by_identity.get(id(argument), argument)

    class Substitution(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
        ) -> Any:
            named = {key: replaced(value) for key, value in (kwargs or {}).items()}
            return func(*(replaced(argument) for argument in args), **named)

    return Substitution()


def _require_all_substituted(drawn: torch.Tensor, flat: losses.Parameters) -> None:
    """Raise where the mapped losses depend on a parameter itself: the gradient then misses that path.

    An operation that is no PyTorch function in Python, such as a compiled one of an extension, sees no substitution.
    """
    import torch

    if not drawn.requires_grad:
        return
    paths = torch.autograd.grad(drawn.sum(), flat.leaves, allow_unused=True)
    seen = [name for name, path in zip(flat.names, paths, strict=True) if path is not None]
    if seen:
        raise BadInputError(
            f"the loss cannot be vectorized: {losses.described(seen[0])} goes into an operation that torch.func does "
            "not see, such as a scripted or compiled one; use vectorized=False"
        )
