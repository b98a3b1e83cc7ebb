"""Records of agreement with the oracle."""

from __future__ import annotations

from harness.results.schema.base import Record


class Check(Record, frozen=True, tag="check"):
    """A comparison with the oracle, or the worst of several.

    Attributes:
        kernel: what was compared, such as "gaussian.cdf", "estimators.pathwise", "models.vae.loss_bernoulli".
        case: the case, by name.
        mode: a key of `harness.modes.MODES`.
        derivative: "value"; "jvp", the Jacobian-vector product by all arguments together; "vjp:ARGUMENT", the
            vector-Jacobian product by that argument; "hvp:ARGUMENT", the Hessian-vector product by that argument.
        error: largest error, in `unit`; None where the result is NaN or infinite and the truth is not.
        unit: what error and budget are counted in.
        budget: largest error allowed.
        within_budget: whether error <= budget.
        worst_input: the input with the largest error, as text that Python reads back.
        comparisons: how many numbers were compared.
        observed: of a comparison that is out of budget: the worst number and its truth, or the framework's error.
        deviation: of a library: "listed" in the ledger of known deviations, "new" (out of budget and not listed),
            "vanished" (listed and within budget), or "" where it does not deviate.
        tracker: of a deviation: the pitfall's id and the link where it is reported, where there are such.
    """

    kernel: str
    case: str
    mode: str
    derivative: str
    error: float | None
    unit: str
    budget: float
    within_budget: bool
    worst_input: str
    comparisons: int = 1
    observed: str = ""
    deviation: str = ""
    tracker: str = ""
