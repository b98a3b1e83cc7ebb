"""Checks of the arguments of the Fisher products: an error of one line in place of the framework's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from implementations.interface.contract import Arrays


def require_dict(parameters: Any, fix: str) -> None:
    """Check that parameters are a dict {name: [*param]}.

    Args:
        parameters: what was given.
        fix: what to give instead, such as "give dict(module.named_parameters())".

    Raises:
        ValueError: they are none.
    """
    if not isinstance(parameters, Mapping):
        raise ValueError(
            f"parameters is an object of type {type(parameters).__name__}; allowed: a dict {{name: array}}; {fix}"
        )


def require_outputs(values: Any) -> Arrays:
    """Return what `outputs` returned, which must be a dict {name: [examples, *event]}.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(values, Mapping):
        raise ValueError(
            f"outputs returned an object of type {type(values).__name__}; allowed: a dict {{name: [examples, *event]}} "
            "of the family's parameters; return it under its name, such as {'logits': values}"
        )
    return values  # type: ignore[return-value]
