"""Gradient estimators of d/d(parameters) E[f(x)], x ~ p(x; parameters), all with one signature.

    estimator(distribution, objective, parameters, constants, noise) -> {name: [replicates, *param]}

`distribution` is a `Distribution`, `objective` a function of `objectives`, `parameters` {name: [*param]}, `constants`
the objective's (and the estimator's own, such as "temperature"), and `noise` the distribution's base noise
[replicates, samples, *event], or [replicates, samples, draws, *event] where a sample needs several draws. Each
replicate's gradient is the mean over its samples. Log-densities are summed over the event axes that the objective
sums over, and an objective that depends on the parameters explicitly contributes that gradient too, so every
estimator targets the total derivative.
"""
