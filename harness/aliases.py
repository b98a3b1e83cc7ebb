"""What the field calls things that have another name here, as data: papers' short names, other libraries' names."""

from __future__ import annotations

from collections.abc import Collection, Mapping

Names = Mapping[str, tuple[str, ...]]

#: Gradient estimators.
ESTIMATORS: Names = {
    "reinforce": ("score_function",),
    "likelihood_ratio": ("score_function",),
    "log_derivative": ("score_function",),
    "policy_gradient": ("score_function",),
    "rloo": ("score_function_leave_one_out",),
    "leave_one_out": ("score_function_leave_one_out",),
    "reinforce_leave_one_out": ("score_function_leave_one_out",),
    "optimal_baseline": ("score_function_optimal",),
    "constant_baseline": ("score_function_constant",),
    "baseline": ("score_function_leave_one_out", "score_function_constant", "score_function_optimal"),
    "reparameterization": ("pathwise",),
    "reparametrization": ("pathwise",),
    "reparam": ("pathwise",),
    "rsample": ("pathwise",),
    "antithetic": ("pathwise_antithetic", "arm"),
    "implicit": ("implicit_reparameterization",),
    "stl": ("sticking_the_landing",),
    "path_derivative": ("sticking_the_landing",),
    "dreg": ("dreg",),
    "doubly_reparameterized": ("dreg",),
    "mvd": ("measure_valued",),
    "weak_derivative": ("measure_valued",),
    "concrete": ("gumbel_softmax",),
    "st": ("straight_through",),
    "ste": ("straight_through",),
    "stgs": ("straight_through_gumbel",),
    "st_gumbel": ("straight_through_gumbel",),
    "straight_through_gumbel_softmax": ("straight_through_gumbel",),
    "gumbel_rao_monte_carlo": ("gumbel_rao",),
    "grmck": ("gumbel_rao",),
    "u2g": ("disarm",),
    "lax": ("relax",),
    "enumeration": ("exact",),
    "marginalization": ("exact",),
}

#: Problems.
PROBLEMS: Names = {
    "toy": ("bernoulli", "quadratic"),
    "elbo": ("gaussian_elbo",),
    "iwae": ("linear_gaussian_iwae", "bernoulli_iwae"),
    "mnist": ("vae", "categorical_vae"),
    "bayesian_logistic_regression": ("logistic_regression",),
    "breast_cancer": ("logistic_regression",),
    "diabetes": ("heteroscedastic_regression",),
}

#: Kernels, as `torch.distributions`, TensorFlow Probability, NumPyro and SciPy call them.
KERNELS: Names = {
    "ndtr": ("gaussian.cdf",),
    "log_ndtr": ("gaussian.log_cdf",),
    "ndtri": ("gaussian.icdf",),
    "quantile": ("gaussian.icdf",),
    "ppf": ("gaussian.icdf",),
    "logpdf": ("gaussian.log_prob", "gumbel.log_prob"),
    "logcdf": ("gaussian.log_cdf",),
    "kl_divergence": ("divergences.kl_normal", "divergences.kl_categorical", "divergences.kl_bernoulli"),
    "inv_softplus": ("gaussian.softplus_inverse",),
    "inverse_softplus": ("gaussian.softplus_inverse",),
}

#: First parts of names of kernels, before the dot.
MODULES: Names = {
    "normal": ("gaussian",),
    "norm": ("gaussian",),
    "gumbel_r": ("gumbel",),
    "onehotcategorical": ("categorical",),
    "relaxedonehotcategorical": ("relaxed_categorical",),
    "expconcrete": ("relaxed_categorical",),
    "exprelaxedcategorical": ("relaxed_categorical",),
    "relaxedbernoulli": ("bernoulli",),
    "kl": ("divergences",),
}

#: Last parts of names of kernels, after the dot.
FUNCTIONS: Names = {
    "pdf": ("prob",),
    "pmf": ("prob",),
    "logpdf": ("log_prob",),
    "logpmf": ("log_prob",),
    "logcdf": ("log_cdf",),
    "ppf": ("icdf",),
    "quantile": ("icdf",),
    "sample": ("reparameterize", "hard_sample", "log_sample"),
    "rsample": ("reparameterize", "gumbel_softmax", "relaxed_sample", "log_sample"),
}

#: Profiles of `reparam run`.
PROFILES: Names = {
    "fast": ("quick",),
    "short": ("quick",),
    "small": ("quick",),
    "smoke": ("quick",),
    "default": ("quick",),
    "all": ("full",),
    "everything": ("full",),
    "complete": ("full",),
    "speed": ("cost",),
    "time": ("cost",),
    "timing": ("cost",),
    "benchmark": ("cost",),
    "fisher": ("geometry",),
    "curvature": ("geometry",),
    "training": ("trajectory",),
    "coverage": ("calibration",),
    "papers": ("reproduce",),
    "figures": ("reproduce",),
}


def meant(name: str, known: Collection[str]) -> list[str]:
    """Return the known names of what the field calls `name`; none where it calls nothing so.

    Case does not count, nor do blanks and hyphens in place of underscores: "Normal.cdf" is "gaussian.cdf".

    Args:
        name: as it was given.
        known: the names that exist here.
    """
    word = name.strip().lower().replace("-", "_").replace(" ", "_")
    found = [other for names in (ESTIMATORS, PROBLEMS, KERNELS, PROFILES) for other in names.get(word, ())]
    module, dot, function = word.rpartition(".")
    if dot:
        first, last = module.rpartition(".")[2], function
        modules, functions = (first, *MODULES.get(first, ())), (last, *FUNCTIONS.get(last, ()))
        found += [f"{one}.{other}" for one in modules for other in functions]
    return [other for other in dict.fromkeys([word, *found]) if other in known]
