"""What `reparam run` measures, as data; `harness.profile_cells` has the cells that it comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from harness.errors import unknown

#: Floating types of what is compared with the oracle, and of most trainings.
DTYPES = ("float32", "float64")

_LATENT_ESTIMATORS = ("pathwise", "score_function", "score_function_leave_one_out")
_DISCRETE_ESTIMATORS = (
    "score_function",
    "score_function_leave_one_out",
    "gumbel_softmax",
    "straight_through_gumbel",
)


@dataclass(frozen=True)
class VarianceRow:
    """Estimators of one problem that are compared.

    Attributes:
        problem: its name.
        estimators: their names; none means all that fit.
        settings: of problem and estimators; the rest keep their defaults.
        dimensions: where the problem takes one.
        replicates: gradients measured.
        samples: samples in one gradient, the same for every estimator, so that they can be compared.
    """

    problem: str
    estimators: tuple[str, ...] = ()
    settings: Mapping[str, float] = field(default_factory=dict)
    dimensions: tuple[int | None, ...] = (None,)
    replicates: int = 200_000
    samples: int = 2


@dataclass(frozen=True)
class TrainRow:
    """A model that is trained.

    Attributes:
        model: its name.
        objective: the loss; None is the model's own.
        steps: updates.
        dtypes: floating types.
        optimizer: its name.
        settings: of the optimizer, where they differ from its defaults.
        batch: examples per step.
    """

    model: str
    objective: str | None
    steps: int
    dtypes: tuple[str, ...]
    optimizer: str = "adam"
    settings: Mapping[str, float] = field(default_factory=dict)
    batch: int = 128


@dataclass(frozen=True)
class RaceRow:
    """Natural gradient against Adam.

    Attributes:
        model: its name.
        learning_rate: Adam's.
        seeds: runs.
    """

    model: str
    learning_rate: float
    seeds: int = 5


@dataclass(frozen=True)
class RecommendRow:
    """A problem whose estimators are ranked.

    Attributes:
        problem: its name.
        budget: seconds.
        dimension: coordinates.
    """

    problem: str
    budget: float
    dimension: int


def _regression(steps: int) -> tuple[TrainRow, ...]:
    """Return natural gradient and Adam on the same data, all of it in every step.

    Five iterations of conjugate gradient: more amplify rounding until the frameworks part.
    """
    natural = TrainRow("regression", None, steps, ("float64",), "natural_gradient", {"iterations": 5}, 442)
    return natural, replace(natural, optimizer="adam", settings={})


@dataclass(frozen=True)
class Profile:
    """One answer to the three questions, and how long it takes.

    Attributes:
        text: for `--help`.
        judged: whether kernels, libraries and the article's formulas are compared with the oracle.
        both_modes: whether agreement is checked eager and compiled, or only in each framework's usual mode.
        float32_alone: kernels, by module or glob, that are compared in float32 and not in float64 as well.
        variance: problems and estimators.
        time: kernels to time, by name, module or glob.
        sizes: elements of the largest argument of a timed kernel.
        repeats: timed calls.
        peaks: kernels whose peak memory is measured.
        train: models.
        trajectories: models whose estimators are measured along their training.
        networks: widths of classifiers whose curvature products are timed.
        solved: widths of classifiers with which a linear system is solved, for its memory.
        races: models and rivals.
        reproduced: figures of the literature, keys of `harness.reproduce.table.PAPERS`, or "all".
        repeats_of_coverage: how often each measurement is repeated; 0 measures no coverage.
        throughput: whether the speed of the stream is measured.
        streams: gradients of long streams, for their memory.
        recommended: problems whose estimators are ranked.
    """

    text: str
    both_modes: bool = False
    float32_alone: tuple[str, ...] = ()
    judged: bool = True
    variance: tuple[VarianceRow, ...] = ()
    time: tuple[str, ...] = ()
    sizes: tuple[int, ...] = (65_536,)
    repeats: int = 20
    peaks: tuple[str, ...] = ()
    train: tuple[TrainRow, ...] = ()
    trajectories: tuple[str, ...] = ()
    networks: tuple[tuple[int, ...], ...] = ()
    solved: tuple[tuple[int, ...], ...] = ()
    races: tuple[RaceRow, ...] = ()
    reproduced: tuple[str, ...] = ()
    repeats_of_coverage: int = 0
    throughput: bool = False
    streams: tuple[int, ...] = ()
    recommended: tuple[RecommendRow, ...] = ()


_QUICK_KERNELS = (
    "gaussian.reparameterize",
    "gaussian.log_prob",
    "gumbel.gumbel_softmax",
    "divergences.kl_normal",
    "divergences.kl_categorical",
    "estimators.pathwise",
    "estimators.score_function",
    "models.vae.loss_bernoulli",
)

_PEAK_KERNELS = tuple(name for name in _QUICK_KERNELS if not name.startswith("estimators."))
_SIZES = (1_024, 65_536, 1_048_576)

PROFILES = {
    "quick": Profile(
        text="every kernel in each framework's usual mode, the main estimators, 200 training steps; minutes",
        float32_alone=("estimators", "fisher"),  # they take half of the time to compile
        variance=(
            VarianceRow("quadratic", _LATENT_ESTIMATORS),
            VarianceRow("norm_squared", _LATENT_ESTIMATORS, dimensions=(1, 5, 20)),
            VarianceRow("bernoulli", _DISCRETE_ESTIMATORS),
            VarianceRow("vae", _LATENT_ESTIMATORS, replicates=2_000),
        ),
        time=_QUICK_KERNELS,
        sizes=(65_536,),
        repeats=20,
        train=(
            TrainRow("vae", "bernoulli", 200, DTYPES),
            TrainRow("vae", "article", 200, ("float32",)),
            TrainRow("categorical_vae", None, 200, DTYPES),
            *_regression(50),
        ),
    ),
    "full": Profile(
        text="every kernel in both modes, timed at three sizes, more replicates, 1,000 training steps; an hour",
        both_modes=True,
        variance=(
            VarianceRow("quadratic", _LATENT_ESTIMATORS, replicates=2_000_000),
            VarianceRow("quadratic", _LATENT_ESTIMATORS, replicates=500_000, samples=16),
            VarianceRow("norm_squared", _LATENT_ESTIMATORS, dimensions=(1, 2, 5, 10, 20, 50), replicates=500_000),
            VarianceRow("bernoulli", _DISCRETE_ESTIMATORS, replicates=2_000_000),
            VarianceRow("bernoulli", _DISCRETE_ESTIMATORS, {"temperature": 0.1}, replicates=2_000_000),
            VarianceRow("exponential", replicates=500_000),
            VarianceRow("cosine", replicates=500_000),
            VarianceRow("bernoulli_quadratic", replicates=500_000),
            VarianceRow("categorical_quadratic", replicates=500_000),
            VarianceRow("gamma_quadratic", replicates=500_000),
            VarianceRow("beta_quadratic", replicates=500_000),
            VarianceRow("gaussian_elbo", replicates=500_000),
            VarianceRow("linear_gaussian_iwae", replicates=500_000, samples=5),
            VarianceRow("bernoulli_iwae", replicates=500_000, samples=5),
            VarianceRow("vae", _LATENT_ESTIMATORS, replicates=20_000),
            VarianceRow("categorical_vae", replicates=2_000),
            VarianceRow("logistic_regression", replicates=100_000),
            VarianceRow("heteroscedastic_regression", replicates=100_000),
        ),
        time=("*",),
        sizes=_SIZES,
        repeats=50,
        peaks=_PEAK_KERNELS,
        train=(
            TrainRow("vae", "bernoulli", 1_000, DTYPES),
            TrainRow("vae", "gaussian", 1_000, DTYPES),
            TrainRow("vae", "article", 1_000, ("float32",)),
            TrainRow("categorical_vae", None, 1_000, DTYPES),
            *_regression(200),
        ),
        trajectories=("vae", "categorical_vae"),
    ),
    "cost": Profile(
        text="the main kernels timed at three sizes, and their peak memory; minutes",
        judged=False,
        time=_QUICK_KERNELS,
        sizes=_SIZES,
        repeats=30,
        peaks=_PEAK_KERNELS,
    ),
    "geometry": Profile(
        text="Fisher-vector products in gradients, natural gradient against Adam; most of an hour",
        judged=False,
        networks=((784, 256, 128, 10), (784, 1664, 1664, 10)),
        races=(
            *(RaceRow("regression", learning_rate) for learning_rate in (0.001, 0.003, 0.01, 0.03)),
            *(RaceRow("classifier", learning_rate) for learning_rate in (0.001, 0.003)),
        ),
    ),
    "memory": Profile(
        text="peak memory of a gradient and of a solve with ten million parameters; minutes",
        judged=False,
        solved=((784, 2800, 2800, 10),),
    ),
    "trajectory": Profile(
        text="noise and bias of estimators at the start, in the middle and at the end of training; minutes",
        judged=False,
        trajectories=("vae", "categorical_vae"),
    ),
    "calibration": Profile(
        text="coverage of the intervals, speed and memory of the stream, estimators ranked; half an hour",
        judged=False,
        repeats_of_coverage=1_000,
        throughput=True,
        streams=(10**6, 10**7, 10**8, 10**9),
        recommended=(
            RecommendRow("categorical_quadratic", 0.001, 10),
            RecommendRow("bernoulli_quadratic", 0.001, 8),
            RecommendRow("norm_squared", 0.001, 50),
            RecommendRow("gaussian_elbo", 0.001, 10),
        ),
    ),
    "reproduce": Profile(
        text="named figures and laws of the literature, made again; minutes",
        judged=False,
        reproduced=("all",),
    ),
}


def find(name: str) -> Profile:
    """Return the profile called `name`.

    Raises:
        BadInputError: there is none.
    """
    if name not in PROFILES:
        raise unknown("profile", name, PROFILES)
    return PROFILES[name]
