"""The models that can be trained, their objectives and the schedules of the temperature, as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.data import binarized
from harness.errors import unknown
from harness.validation import Setting
from implementations.interface.models import categorical_vae, vae
from implementations.interface.models.network import Layer

Images = NDArray[np.float64]


def gray(images: Images) -> Images:
    """Return the gray values as they are."""
    return images


@dataclass(frozen=True)
class Objective:
    """What is minimised.

    Attributes:
        function: the loss, by its name in the model's module.
        pixels: how the model sees gray images.
    """

    function: str
    pixels: Callable[[Images], Images]


@dataclass(frozen=True)
class Model:
    """A model that can be trained.

    Attributes:
        layers: of encoder and decoder.
        noise: the kind of base noise, a key of `harness.noise.KINDS`.
        event: the shape of the noise of one sample of one image.
        objectives: by name, the default first.
        schedules: the names of the schedules its temperature may follow, the default first; none if it has
            no temperature.
    """

    layers: tuple[Layer, ...]
    noise: str
    event: tuple[int, ...]
    objectives: dict[str, Objective]
    schedules: tuple[str, ...]


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
        noise="normal",
        event=(vae.LATENTS,),
        objectives={
            "bernoulli": Objective("loss_bernoulli", binarized),
            "gaussian": Objective("loss_gaussian", gray),
            "article": Objective("loss_article", gray),
        },
        schedules=(),
    ),
    "categorical_vae": Model(
        layers=categorical_vae.ENCODER + categorical_vae.DECODER,
        noise="gumbel",
        event=(categorical_vae.VARIABLES, categorical_vae.CLASSES),
        objectives={"bernoulli": Objective("loss", binarized)},
        schedules=tuple(SCHEDULES),
    ),
}


def find(name: str) -> Model:
    """Return the model called `name`.

    Raises:
        BadInputError: there is none.
    """
    if name not in MODELS:
        raise unknown("model", name, MODELS)
    return MODELS[name]
