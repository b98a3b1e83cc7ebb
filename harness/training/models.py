"""The models that can be trained, their objectives and the schedules of the temperature, as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from harness.data import binarized, one_hot
from harness.errors import BadInputError, unknown
from harness.validation import Setting
from implementations.interface.models import categorical_vae, classifier, regression, vae
from implementations.interface.models.network import Layer

Array = NDArray[Any]

#: (inputs, labels) of a source, as loaded -> the arrays that a loss takes after the parameters, examples first.
View = Callable[[Array, Array], tuple[Array, ...]]


def gray(images: Array, _: Array) -> tuple[Array, ...]:
    """Return the gray values as they are."""
    return (images,)


def black_and_white(images: Array, _: Array) -> tuple[Array, ...]:
    """Return images whose pixels are 0 or 1."""
    return (binarized(images),)


def labelled(images: Array, labels: Array) -> tuple[Array, ...]:
    """Return gray values and one-hot labels."""
    return images, one_hot(labels, classifier.CLASSES)


def pairs(inputs: Array, targets: Array) -> tuple[Array, ...]:
    """Return inputs and targets as they are."""
    return inputs, targets


@dataclass(frozen=True)
class Objective:
    """What is minimised.

    Attributes:
        function: the loss, by its name in the model's module.
        view: how it sees the data.
    """

    function: str
    view: View


@dataclass(frozen=True)
class Model:
    """A model that can be trained.

    Attributes:
        layers: of the network.
        source: of the data, a key of `harness.data.SOURCES`.
        objectives: by name, the default first.
        noise: the kind of base noise, a key of `harness.noise.KINDS`; "" for a model without a latent variable.
        event: the shape of the noise of one sample of one example.
        schedules: the names of the schedules its temperature may follow, the default first; none if it has
            no temperature.
        family: of its outputs, by its name in `families`; "" where the outputs are of no one distribution.
    """

    layers: tuple[Layer, ...]
    source: str
    objectives: dict[str, Objective]
    noise: str = ""
    event: tuple[int, ...] = ()
    schedules: tuple[str, ...] = ()
    family: str = ""


#: Settings of each function of `annealing`. Jang et al. decay at 1e-5 to 1e-4 per step; runs here are shorter.
SCHEDULES: dict[str, dict[str, Setting]] = {
    "exponential": {
        "initial": Setting(1.0, "temperature", "temperature at step 0"),
        "rate": Setting(1e-3, "non_negative", "decay per step"),
        "minimum": Setting(0.5, "temperature", "floor of the temperature"),
    },
    "linear": {
        "initial": Setting(1.0, "temperature", "temperature at step 0"),
        "final": Setting(0.5, "temperature", "temperature from the last step of the line on"),
        "steps": Setting(1000.0, "positive", "length of the line in steps"),
    },
    "constant": {"initial": Setting(1.0, "temperature", "temperature")},
}

#: By name in `models` of a backend.
MODELS = {
    "vae": Model(
        layers=vae.ENCODER + vae.DECODER,
        source="digits",
        objectives={
            "bernoulli": Objective("loss_bernoulli", black_and_white),
            "gaussian": Objective("loss_gaussian", gray),
            "article": Objective("loss_article", gray),
        },
        noise="normal",
        event=(vae.LATENTS,),
    ),
    "categorical_vae": Model(
        layers=categorical_vae.ENCODER + categorical_vae.DECODER,
        source="digits",
        objectives={"bernoulli": Objective("loss", black_and_white)},
        noise="gumbel",
        event=(categorical_vae.VARIABLES, categorical_vae.CLASSES),
        schedules=tuple(SCHEDULES),
    ),
    "regression": Model(
        layers=regression.LAYERS,
        source="diabetes",
        objectives={"likelihood": Objective("loss", pairs)},
        family="NORMAL",
    ),
    "classifier": Model(
        layers=classifier.LAYERS,
        source="digits",
        objectives={"likelihood": Objective("loss", labelled)},
        family="CATEGORICAL",
    ),
}


def require_no_noise(name: str) -> None:
    """Check that the loss of a model is a function of its weights alone.

    Raises:
        BadInputError: it is noisy.
    """
    if find(name).noise:
        known = " or ".join(repr(other) for other, row in MODELS.items() if not row.noise)
        raise BadInputError(
            f"the loss of model {name!r} is noisy, so that a first step below a target says nothing; "
            f"allowed: {known}; give one of them"
        )


def find(name: str) -> Model:
    """Return the model called `name`.

    Raises:
        BadInputError: there is none.
    """
    if name not in MODELS:
        raise unknown("model", name, MODELS)
    return MODELS[name]
