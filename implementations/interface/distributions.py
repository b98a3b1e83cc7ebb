"""The distributions as estimators see them: one `Distribution` of pure functions for each.

Parameters are dicts: normal {"loc", "scale"}, bernoulli {"logits"}, categorical {"logits": [*batch, n]}.
`log_prob` has the signature (value, parameters) and gives one number per event: per element for normal and
bernoulli, per vector over the last axis for categorical.
"""

from __future__ import annotations

from implementations.interface.contract import Distribution

__all__ = ["BERNOULLI", "CATEGORICAL", "NORMAL"]

#: noise "normal"; sample is `gaussian.reparameterize`; no relaxation; mean loc.
NORMAL: Distribution
#: noise "logistic"; sample is `bernoulli.hard_sample`; relaxation `bernoulli.relaxed_sample`; mean sigmoid(logits);
#: support all 2^D vectors of bits; conditional noise, with z = logits + noise and unconditional noise l:
#: z = softplus(l + softplus(logits)) given 1, z = -softplus(softplus(-logits) - l) given 0
#: (Tucker et al., REBAR, 2017, appendix 9, with logit(v) = l given 1 and logit(v) = -l given 0).
BERNOULLI: Distribution
#: noise "gumbel"; sample is `gumbel.hard_sample`; relaxation `gumbel.gumbel_softmax`; mean softmax(logits); support
#: all n^D arrays of one-hot vectors; conditional noise given class k, with z = log_softmax(logits) + noise and
#: unconditional noise g: z_k = g_k, z_i = -logaddexp(-g_i - log p_i, -g_k) (Tucker et al., REBAR, 2017, appendix 9).
CATEGORICAL: Distribution
