"""Output distributions as the Fisher information sees them: one `Family` of pure functions for each.

Parameters are dicts of arrays [examples, *event]. The Fisher information F = E[score score^T], in nats^2 per squared
unit of the parameters:

    NORMAL            loc, scale        diag(1 / scale^2, 2 / scale^2)
    NORMAL_LOG_SCALE  loc, log_scale    diag(exp(-2 log_scale), 2)
    NORMAL_VARIANCE   loc, variance     diag(1 / variance, 1 / (2 variance^2))
    CATEGORICAL       logits            diag(p) - p p^T, with p = softmax(logits) over the last axis; rank n - 1
    BERNOULLI         logits            p (1 - p), with p = sigmoid(logits)

Reference:
    Lehmann and Casella, Theory of Point Estimation, 1998, section 2.5; Amari, Natural gradient works efficiently in
    learning, Neural Computation 10, 1998.
"""

from __future__ import annotations

from implementations.interface.contract import Family

__all__ = ["BERNOULLI", "CATEGORICAL", "NORMAL", "NORMAL_LOG_SCALE", "NORMAL_VARIANCE"]

#: {"loc", "scale"}, scale above 0.
NORMAL: Family
#: {"loc", "log_scale"}.
NORMAL_LOG_SCALE: Family
#: {"loc", "variance"}, variance above 0.
NORMAL_VARIANCE: Family
#: {"logits": [examples, *event, n]}.
CATEGORICAL: Family
#: {"logits"}.
BERNOULLI: Family
