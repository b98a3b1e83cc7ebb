"""How noisy a gradient estimator is: the plan, the streaming engine, moments and intervals."""
