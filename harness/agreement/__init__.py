"""Agreement of kernels, estimators and models with the oracle: cases as data, error budgets, the comparison."""
