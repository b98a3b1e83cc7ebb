"""The domains of arguments and settings, as data, and the checks where values enter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness import dtypes
from harness.errors import BadInputError, out_of_range, shown, unknown

#: The largest whole number: records and seeds have 64 bits.
LARGEST = 2**63 - 1


@dataclass(frozen=True)
class Domain:
    """A set of allowed values.

    Attributes:
        contains: tells elementwise, of finite float64 values and the dtype's name, which are allowed.
        text: the set in words.
        mend: what to do about a value outside it.
    """

    contains: Callable[[NDArray[np.float64], str], NDArray[np.bool_]]
    text: str
    mend: str


def _smallest_temperature(dtype: str) -> float:
    # scores / temperature must not overflow: scores reach about 100 (Gumbel noise and logits), pitfall S3
    return 100.0 / dtypes.find(dtype).largest


def _least_concentration(dtype: str) -> float:
    # the least uniform number, 2^-54, has the quantile (2^-54 Gamma(a + 1))^(1 / a), which must be a normal number
    return 55.0 / -float(np.log2(dtypes.computing(dtype).tiny))


def _least_beta_concentration(dtype: str) -> float:
    # x and 1 - x must not round to 1: likewise, in units of the last place of 1
    return 55.0 / -float(np.log2(dtypes.computing(dtype).eps / 2))


DOMAINS: dict[str, Domain] = {
    "real": Domain(lambda x, _: np.isfinite(x), "any finite number", "give a finite number"),
    "positive": Domain(
        lambda x, dtype: x >= dtypes.find(dtype).tiny,
        "above 0, and at least the smallest normal number of the dtype",
        "give a positive number",
    ),
    "count": Domain(
        lambda x, _: (x >= 1) & (x == np.floor(x)), "whole numbers from 1 up", "give a whole number, 1 or more"
    ),
    "non_negative": Domain(lambda x, _: x >= 0, "0 or above", "give a number that is not negative"),
    "unit_interval": Domain(lambda x, _: (x >= 0) & (x <= 1), "0 to 1", "give a number from 0 to 1"),
    "probabilities": Domain(lambda x, _: (x >= 0) & (x <= 1), "each from 0 to 1", "give numbers from 0 to 1"),
    "open_unit_interval": Domain(
        lambda x, _: (x > 0) & (x < 1), "above 0 and below 1", "give a probability strictly between 0 and 1"
    ),
    "temperature": Domain(
        lambda x, dtype: x >= _smallest_temperature(dtype),
        "above 0, and at least 100 over the largest number of the dtype, so that scores / temperature is finite",
        "raise the temperature or use a wider dtype",
    ),
    "concentration": Domain(
        lambda x, dtype: x >= _least_concentration(dtype),
        "0.44 or above in float32, 0.054 or above in float64, so that no gamma variate underflows",
        "raise the concentration or use a wider dtype",
    ),
    "beta_concentration": Domain(
        lambda x, dtype: x >= _least_beta_concentration(dtype),
        "2.3 or above in float32, 1.04 or above in float64, so that no beta variate rounds to 1",
        "raise the concentration or use a wider dtype",
    ),
    "binary": Domain(lambda x, _: (x == 0) | (x == 1), "0 or 1", "give 0 or 1"),
    "one_hot": Domain(lambda x, _: (x == 0) | (x == 1), "one 1 and else 0", "give one-hot vectors"),
}


def require(name: str, value: ArrayLike, domain: str, dtype: str = "float64") -> NDArray[np.float64]:
    """Return `value` in float64 if every element lies in the domain.

    Args:
        name: the argument, for the message.
        value: number or array.
        domain: a key of `DOMAINS`.
        dtype: the dtype in which it will be used.

    Raises:
        BadInputError: an element lies outside; the message names it, the allowed set and the mend.
    """
    row = DOMAINS[domain]
    array = np.asarray(value, np.float64)
    allowed = row.contains(array, dtype) & np.isfinite(array)
    if not allowed.all():
        raise out_of_range(name, array[~allowed].flat[0], row.text, row.mend)
    return array


@dataclass(frozen=True)
class Setting:
    """A number that `--set name=value` sets.

    Attributes:
        default: its value when it is not set.
        domain: a key of `DOMAINS`.
        text: what it is, in a few words.
    """

    default: float
    domain: str
    text: str


def settle(rows: Mapping[str, Setting], given: Mapping[str, float], dtype: str, owner: str) -> dict[str, float]:
    """Return every setting: the given value where there is one, else the default, all inside their domains.

    Args:
        rows: the settings that exist.
        given: the settings that the caller chose.
        dtype: the dtype in which they will be used.
        owner: what they belong to, for the message, such as "problem 'quadratic'".

    Raises:
        BadInputError: a setting is unknown or out of its domain.
    """
    for name in given:
        if name not in rows:
            raise unknown(f"setting of {owner}", name, rows)
    values = {name: given.get(name, row.default) for name, row in rows.items()}
    return {name: float(require(name, value, rows[name].domain, dtype)) for name, value in values.items()}


def require_count(name: str, value: int, least: int, why: str = "") -> int:
    """Return `value` if it is at least `least`, and has no more than 64 bits.

    Raises:
        BadInputError: it is less, or more than that.
    """
    if value < least:
        because = f" ({why})" if why else ""
        raise out_of_range(name, value, f"{least} or more{because}", f"give --{name} {least} or more")
    if value > LARGEST:
        raise out_of_range(name, shown(value), f"{least} to {LARGEST:,}", "give a smaller number")
    return value


def require_event_shape(noise: tuple[int, ...], event: tuple[int, ...]) -> None:
    """Check that noise [replicates, samples, *event] has the event shape of the parameters.

    Raises:
        BadInputError: it has another shape.
    """
    if len(noise) < 2 or noise[2:] != event:
        raise BadInputError(
            f"noise has shape {noise}; allowed: [replicates, samples, *event] with event {event}; "
            f"draw it with shape (replicates, samples, {', '.join(map(str, event))})"
        )
