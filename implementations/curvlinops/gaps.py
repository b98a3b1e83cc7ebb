"""The kernels that curvlinops does not offer, each with the reason. A name may be a glob."""

_NO_DISTRIBUTIONS = "curvlinops has matrices of curvature, no distributions"

GAPS: dict[str, str] = {
    "gaussian.*": _NO_DISTRIBUTIONS,
    "gumbel.*": _NO_DISTRIBUTIONS,
    "categorical.*": _NO_DISTRIBUTIONS,
    "bernoulli.*": _NO_DISTRIBUTIONS,
    "relaxed_categorical.*": _NO_DISTRIBUTIONS,
    "divergences.*": _NO_DISTRIBUTIONS,
    "annealing.*": "curvlinops has matrices of curvature, no schedules",
    "article.*": "the source article's formulas are no library's",
}
