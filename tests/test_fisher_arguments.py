"""Arguments that a Fisher product cannot take: one line that names the fix, in place of the framework's own error."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from harness.execution.local import Workers
from harness.execution.work import Cell, Work
from implementations import registry

PRODUCTS = ("kl_reverse_over_reverse", "kl_forward_over_reverse", "gauss_newton")
X = np.linspace(-1.0, 1.0, 12).reshape(6, 2)  # [examples, features]
W = np.array([[0.5, -1.0, 0.2], [0.1, 0.3, -0.4]])  # [features, *event]


def message(work: Callable[[], Any]) -> str:
    """Return the class and the message of what a work raises; "" where it raises nothing."""
    try:
        work()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def product(backend: ModuleType, name: str, outputs: Any, parameters: Any, vector: Any) -> Any:
    """Return a product of Bernoulli outputs."""
    family = backend.families.BERNOULLI
    middle = family.fisher if name == "gauss_newton" else family.kl
    return getattr(backend.fisher, name)(middle, outputs, parameters)(vector)


def bare(backend: ModuleType) -> dict[str, str]:
    """Give outputs that are one array."""
    x, w = (backend.runtime.asarray(value, "float64") for value in (X, W))
    return {
        name: message(lambda name=name: product(backend, name, lambda given: x @ given["w"], {"w": w}, {"w": w}))
        for name in PRODUCTS
    }


def listed(backend: ModuleType) -> dict[str, Any]:
    """Give parameters as a list; return the product, and that of a dict, or the message."""
    x, w = (backend.runtime.asarray(value, "float64") for value in (X, W))
    found: dict[str, Any] = {}
    for name in PRODUCTS:
        right = product(backend, name, lambda given: {"logits": x @ given["w"]}, {"w": w}, {"w": w})["w"]
        try:
            (own,) = product(backend, name, lambda given: {"logits": x @ given[0]}, [w], [w])
        except ValueError as error:
            found[name] = str(error)
        else:
            found[name] = [backend.runtime.to_numpy(value) for value in (own, right)]
    return found


def layers(backend: ModuleType) -> dict[str, str]:
    """Give networks of PyTorch with layers in training and in evaluation mode, and one without running statistics."""
    import torch

    torch.manual_seed(0)
    made = {
        "dropout": torch.nn.Dropout(0.5),
        "running statistics": torch.nn.BatchNorm1d(3),
        "batch statistics": torch.nn.BatchNorm1d(3, track_running_stats=False),
    }
    found = {}
    for layer, module in made.items():
        network = torch.nn.Sequential(torch.nn.Linear(2, 3), module).double()
        x = backend.runtime.asarray(X, "float64")
        parameters = {name: value.detach() for name, value in network.named_parameters()}

        def outputs(given: Any, network: torch.nn.Module = network, x: Any = x) -> Any:
            return {"logits": torch.func.functional_call(network, given, (x,))}

        for mode in ("train", "eval"):
            getattr(network, mode)()
            for name in PRODUCTS:

                def work(name: str = name, outputs: Any = outputs, parameters: Any = parameters) -> Any:
                    return product(backend, name, outputs, parameters, parameters)

                found[f"{layer}, {mode}, {name}"] = message(work)
    return found


def measured(function: str, backend: str) -> dict[str, Any]:
    with Workers(threads=1) as workers:
        found: list[Any] = workers.run([Cell(function, Work(f"{__name__}:{function}", backend), lambda result: result)])
    return found[0]


def test_outputs_must_be_a_dict(backend: str) -> None:
    for name, text in measured("bare", backend).items():
        assert text.startswith("ValueError: outputs returned an object of type "), (name, text)
        assert "{'logits': values}" in text, (name, text)
        assert "\n" not in text


def test_parameters_as_a_list_work_or_are_refused_in_one_line(backend: str) -> None:
    for name, found in measured("listed", backend).items():
        if isinstance(found, str):
            fix = "allowed: a dict {name: array}; give dict(module.named_parameters())"
            assert found == f"parameters is an object of type list; {fix}", name
        else:
            np.testing.assert_array_equal(*found, err_msg=name)


@pytest.mark.skipif(not registry.installed("torch"), reason=registry.install_command("torch"))
def test_layers_in_training_mode() -> None:
    found = measured("layers", "torch")
    in_place = {f"running statistics, train, {name}" for name in PRODUCTS}
    # a Gauss-Newton product evaluates the outputs once, and is that of the network with one mask
    random = {f"dropout, train, {name}" for name in PRODUCTS if name != "gauss_newton"}
    for name in in_place:
        assert found[name].startswith("ValueError: outputs changes a tensor in place"), (name, found[name])
    for name in random:
        assert found[name].startswith("ValueError: outputs draws random numbers"), (name, found[name])
    for name in in_place | random:
        assert "module.eval()" in found[name]
        assert "\n" not in found[name]
    assert {name for name, text in found.items() if text} == in_place | random
