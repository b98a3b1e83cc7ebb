"""Records of training: single steps, and races of optimizers."""

from __future__ import annotations

from harness.results.schema.base import Record


class Train(Record, frozen=True, tag="train"):
    """One step of training.

    Attributes:
        mode: "eager" or "compiled", whichever is usual for the framework.
        model: a key of `harness.training.models.MODELS`.
        objective: the loss, such as "bernoulli".
        seed: of weights, batches and noise.
        batch: examples per step.
        step: counted from 0; the loss is the one before this step's update.
        loss: in nats per example (without a unit for the article's literal loss).
        temperature: of the relaxation at this step.
        seconds: of the step, results waited for.
        optimizer: a key of `harness.training.optimizers.OPTIMIZERS`.
        kl: of a natural-gradient step: KL(old || new) in nats per example.
        predicted_kl: the same by the quadratic model.
        length: factor of the natural gradient; 0 where no length was accepted.
        halvings: of the length.
        solver_status: of conjugate gradient, one of `implementations.interface.contract.STATUSES`.
        solver_iterations: of conjugate gradient.
        solver_residual: of conjugate gradient, relative.
    """

    mode: str
    model: str
    objective: str
    seed: int
    batch: int
    step: int
    loss: float | None
    temperature: float | None
    seconds: float
    optimizer: str = "adam"
    kl: float | None = None
    predicted_kl: float | None = None
    length: float | None = None
    halvings: int | None = None
    solver_status: str = ""
    solver_iterations: int | None = None
    solver_residual: float | None = None


class Race(Record, frozen=True, tag="race"):
    """Steps and seconds until an optimizer reaches the loss that another has after some steps; all examples each step.

    Attributes:
        mode: "eager" or "compiled", whichever is usual for the framework.
        model: a key of `harness.training.models.MODELS`.
        objective: the loss.
        batch: how many examples there are.
        seed: of the initial weights.
        optimizer: that has to reach the target.
        settings: of it, as "name=value" joined by blanks.
        against: the optimizer that sets the target.
        against_settings: of it.
        against_steps: that it takes.
        against_seconds: that these take.
        target: the loss after them, in nats per example.
        steps: after which the loss is at most the target; None where `against_steps` steps are not enough.
        seconds: that these take; None likewise.
    """

    mode: str
    model: str
    objective: str
    batch: int
    seed: int
    optimizer: str
    settings: str
    against: str
    against_settings: str
    against_steps: int
    against_seconds: float
    target: float
    steps: int | None
    seconds: float | None
