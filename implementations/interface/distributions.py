"""The distributions as estimators see them: one `Distribution` of pure functions for each.

Parameters are dicts: normal {"loc", "scale"}, bernoulli {"logits"}, categorical {"logits": [*batch, n]}.
`log_prob` has the signature (value, parameters) and gives one number per event: per element for normal and
bernoulli, per vector over the last axis for categorical.
"""

from __future__ import annotations

from implementations.interface.contract import Distribution

__all__ = ["BERNOULLI", "CATEGORICAL", "NORMAL"]

#: noise "normal"; sample is `gaussian.reparameterize`; no relaxation.
NORMAL: Distribution
#: noise "logistic"; sample is `bernoulli.hard_sample`; relaxation `bernoulli.relaxed_sample`.
BERNOULLI: Distribution
#: noise "gumbel"; sample is `gumbel.hard_sample`; relaxation `gumbel.gumbel_softmax`.
CATEGORICAL: Distribution
