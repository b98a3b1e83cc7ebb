"""The distributions as estimators see them: one `Distribution` of pure functions for each.

Parameters are dicts: normal {"loc", "scale"}, bernoulli {"logits"}, categorical {"logits": [*batch, n]}, gamma
{"concentration", "rate"}, beta {"concentration1", "concentration0"}. `log_prob` has the signature (value, parameters)
and gives one number per event: per element, but for categorical per vector over the last axis.
"""

from __future__ import annotations

from implementations.interface.contract import Distribution

__all__ = ["BERNOULLI", "BETA", "CATEGORICAL", "GAMMA", "NORMAL"]

#: noise "normal"; sample is `gaussian.reparameterize`; no relaxation; mean loc.
NORMAL: Distribution
#: noise "logistic"; sample is `bernoulli.hard_sample`; relaxation `bernoulli.relaxed_sample`; mean sigmoid(logits);
#: support all 2^D vectors of bits; conditional noise, with z = logits + noise and unconditional noise l:
#: z = softplus(l + softplus(logits)) given 1, z = -softplus(softplus(-logits) - l) given 0
#: (Tucker et al., REBAR, 2017, appendix 9, with logit(v) = l given 1 and logit(v) = -l given 0).
BERNOULLI: Distribution
#: noise "gamma", a standard gamma variate of this concentration; sample noise / rate; derivatives: by concentration
#: `gamma.sample_derivative` / rate, by rate -sample / rate (Figurnov, Mohamed and Mnih, 2018).
GAMMA: Distribution
#: noise "gamma", variates g1 of concentration1 and g0 of concentration0 on an axis before the event; sample
#: x = g1 / (g1 + g0); derivatives: by concentration1 (1 - x) g1' / (g1 + g0), by concentration0 -x g0' / (g1 + g0),
#: with ' for `gamma.sample_derivative` (Figurnov, Mohamed and Mnih, 2018).
BETA: Distribution
#: noise "gumbel"; sample is `gumbel.hard_sample`; relaxation `gumbel.gumbel_softmax`; mean softmax(logits); support
#: all n^D arrays of one-hot vectors; conditional noise given class k, with z = log_softmax(logits) + noise and
#: unconditional noise g: z_k = g_k, z_i = -logaddexp(-g_i - log p_i, -g_k) (Tucker et al., REBAR, 2017, appendix 9).
CATEGORICAL: Distribution
