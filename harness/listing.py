"""What `reparam list` shows: one function for each thing that can be listed, rows of built-in types."""

from __future__ import annotations

from typing import Any

from implementations import registry
from implementations.interface import contract

Rows = list[dict[str, Any]]


def backends() -> Rows:
    """Return the backends, installed or not, and the command that installs each."""
    return [
        {
            "name": row.name,
            "framework": row.framework,
            "kind": row.kind,
            "installed": registry.installed(row.name),
            "install": registry.install_command(row.name),
            "package": registry.backends().package(row.name),
        }
        for row in registry.backends().values()
    ]


def kernels() -> Rows:
    """Return the kernels: core shapes, the arguments in which each is differentiated, and what it computes."""
    return [
        {
            "name": row.name,
            "arguments": " ".join(row.arguments),
            "signature": row.signature,
            "differentiable": " ".join(row.differentiable),
            "summary": row.summary,
        }
        for row in contract.kernels().values()
    ]


def gaps() -> Rows:
    """Return the kernels that a library does not offer, the backends that a plug-in has no text for, and why."""
    from harness.estimators import ESTIMATORS
    from harness.plugins import texts
    from harness.problems import PROBLEMS

    names = [row.name for row in registry.backends().values() if row.base]
    lacking = [
        {"backend": row.name, "kernel": f"{kind}.{name}", "reason": texts.gap(row.name, name, table)}
        for kind, table in (("estimators", ESTIMATORS), ("problems", PROBLEMS))
        for name in table.added
        for row in registry.backends().values()
        if row.kind == "reference" and texts.gap(row.name, name, table)
    ]
    return lacking + [
        {"backend": name, "kernel": kernel, "reason": registry.gap(name, kernel)}
        for name in names
        for kernel in contract.kernels()
        if registry.gap(name, kernel)
    ]


def estimators() -> Rows:
    """Return the estimators: who has each, what it needs of distribution and problem, settings, and source."""
    from harness.estimators import ESTIMATORS, Estimator

    packages = {row.name: row.package for row in registry.backends().values() if row.kind == "reference"}

    def having(name: str, row: Estimator) -> list[str]:
        if row.functions:
            return [backend for backend in packages if backend in row.functions]
        return [b for b, package in packages.items() if name in registry.public(package, f"estimators.{row.module}")]

    return [
        {
            "name": name,
            "backends": " ".join(having(name, row)),
            "needs": " ".join(sorted(row.needs)) or "log_prob",
            "least_samples": row.least_samples,
            "settings": " ".join(f"{key}={setting.default:g}" for key, setting in row.settings.items()),
            "reference": row.reference,
            "package": ESTIMATORS.package(name),
        }
        for name, row in ESTIMATORS.items()
    ]


def problems() -> Rows:
    """Return the problems: their distribution, parameters and settings with defaults."""
    from harness.problems import PROBLEMS

    return [
        {
            "name": name,
            "distribution": row.distribution.lower(),
            "settings": " ".join(f"{key}={setting.default:g}" for key, setting in row.settings.items()),
            "summary": row.text,
            "package": PROBLEMS.package(name),
        }
        for name, row in PROBLEMS.items()
    ]


def cases() -> Rows:
    """Return the cases of the agreement check."""
    from harness.agreement.cases import load

    return [{"kernel": case.kernel, "name": case.name, "dtypes": " ".join(case.dtypes)} for case in load()]
