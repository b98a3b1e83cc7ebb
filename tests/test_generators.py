"""The judge of generators, judged: its error rates by simulation, right and wrong samplers, and one real report."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
from conftest import Pool
from numpy.typing import NDArray
from scipy.stats import binom

from harness import dtypes as floats
from harness import noise
from harness.errors import BadInputError
from harness.generators import draws as drawing
from harness.generators import known, plan, statistics, support, truth
from harness.results.schema import AnyRecord, Generator

Float = NDArray[np.float64]
DRAWS = statistics.sample_size(plan.level())


def rounded_law(distribution: str, dtype: str, random: np.random.Generator) -> Float:
    """Draw from the true distribution in float64, and round."""
    if distribution == "categorical":
        cumulative = truth.at_most(np.arange(len(truth.PROBS)), distribution, dtype)
        return np.searchsorted(cumulative, random.random(DRAWS)).astype(float)
    return floats.rounded(noise.draw(distribution, (DRAWS,), random), dtype)


def judged(values: Float, distribution: str, dtype: str, backend: str = "third party") -> list[Generator]:
    sampler = plan.Sampler(backend, "cpu", "native", distribution, dtype, 0)
    return plan.judge(sampler, drawing.summarise(values, np.asarray(plan.cuts(distribution, dtype))))


def failing(records: list[Generator]) -> set[str]:
    return {record.test for record in records if not record.passed}


# ---- truth


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("distribution", truth.LAWS)
def test_probabilities_of_all_rounded_numbers_sum_to_one(distribution: str, dtype: str) -> None:
    numbers = np.arange(2**16, dtype=np.uint16).view(floats.find(dtype).numpy)
    with np.errstate(invalid="ignore"):
        finite = np.unique(numbers[np.isfinite(numbers)].astype(float))
    probs = np.diff(truth.at_most(finite, distribution, dtype), prepend=0.0)
    assert (probs >= 0).all()
    assert probs.sum() == pytest.approx(1, abs=1e-15)


@pytest.mark.parametrize("dtype", floats.DTYPES)
@pytest.mark.parametrize("distribution", truth.DISTRIBUTIONS)
def test_bins_sum_to_one_and_are_large_enough_for_chi_square(distribution: str, dtype: str) -> None:
    ends = [-np.inf, *truth.bulk_cuts(distribution, dtype), np.inf]
    probs = np.diff(truth.at_most(ends, distribution, dtype))
    assert probs.sum() == pytest.approx(1, abs=1e-15)
    assert DRAWS * probs.min() > 1000


def test_rounding_moves_probability_to_the_ends() -> None:
    """By hand: of U(0, 1) all above the midpoint of 1 - 2^-8 and 1 rounds to 1 in bfloat16, which is 2^-9."""
    assert 1 - truth.at_most(1 - 2.0**-8, "uniform", "bfloat16") == 2.0**-9
    assert truth.at_most(1.0, "uniform", "bfloat16") == 1
    assert truth.at_most(0.0, "normal", "float16") == pytest.approx(0.5 + 2.0**-25 / np.sqrt(2 * np.pi), abs=1e-12)


@pytest.mark.parametrize("dtype", floats.DTYPES)
@pytest.mark.parametrize("distribution", truth.LAWS)
def test_tails_are_near_their_nominal_probability(distribution: str, dtype: str) -> None:
    for event in truth.events(distribution, dtype):
        nominal = float(event.name.rpartition(" ")[2])
        below, upper = truth.at_most([event.above, event.up_to], distribution, dtype)
        # the uniform's upper tail in a 16-bit type is 1 alone, half a unit in the last place
        assert 0.9 * nominal < upper - below < max(1.4 * nominal, 1.01 * floats.find(dtype).eps)


# ---- error rates


@pytest.mark.parametrize("level", [1e-2, 1e-6])
@pytest.mark.parametrize(("size", "p"), [(1000, 1e-2), (3000, 1e-3), (200, 0.5)])
def test_binomial_test_has_its_level_and_its_power_exactly(size: int, p: float, level: float) -> None:
    counts = range(size + 1)
    rejected = np.array([statistics.binomial_p_value(k, size, p) <= level for k in counts])
    assert binom.pmf(counts, size, p)[rejected].sum() <= level
    for other in (p, 1.5 * p, 0.5 * p):
        power = binom.pmf(counts, size, other)[rejected].sum()
        assert statistics.binomial_power(size, p, other, level) == pytest.approx(power, abs=1e-9)


@pytest.mark.parametrize("level", [1e-2, 1e-4])
@pytest.mark.parametrize("factor", [1.5, 0.5])
def test_sample_size_gives_the_power_in_simulation(level: float, factor: float) -> None:
    """2000 simulations at power 0.99: fewer than 1948 detections happen with probability 1e-6 or less."""
    size = statistics.sample_size(level)
    random = noise.generator(0, "sample size", str(level), str(factor))
    counts = random.binomial(size, factor * statistics.PROBABILITY, 2000)
    found = sum(statistics.binomial_p_value(int(k), size, statistics.PROBABILITY) <= level for k in counts)
    assert found >= binom.ppf(1e-6, 2000, statistics.POWER)


@pytest.mark.parametrize("level", [1e-2, 1e-6, 1e-9])
def test_sample_size_is_no_larger_than_needed(level: float) -> None:
    p = statistics.PROBABILITY
    size = statistics.sample_size(level)
    least = min(statistics.binomial_power(int(size / 1.03), p, p * factor, level) for factor in (0.5, 1.5))
    assert least < statistics.POWER <= statistics.binomial_power(size, p, 1.5 * p, level)


def test_sample_size_by_hand() -> None:
    """Level 0.05, power 0.9, p = 0.5 against 0.75: (1.95996 * 0.5 + 1.28155 * 0.433013)^2 / 0.0625 = 37.7."""
    assert statistics._normal_sample_size(0.5, 0.75, 0.05, 0.9) == 38


@pytest.mark.parametrize("distribution", ["normal", "categorical"])
def test_chi_square_has_its_level_in_simulation(distribution: str) -> None:
    """8000 simulations at level 1e-3 with the report's bins and draws: 8 alarms are expected."""
    cuts = [-np.inf, *truth.bulk_cuts(distribution, "bfloat16"), np.inf]
    probs = np.diff(truth.at_most(cuts, distribution, "bfloat16"))
    counts = noise.generator(0, "chi-square", distribution).multinomial(DRAWS, probs, 8000)
    alarms = sum(statistics.chi_square(row, probs, DRAWS)[1] < 1e-3 for row in counts)
    assert binom.ppf(1e-6, 8000, 1e-3) <= alarms <= binom.isf(1e-6, 8000, 1e-3)


def test_chi_square_detects_the_stated_distance() -> None:
    """1000 simulations, two bins moved: power 0.99 is reached."""
    bins = truth.BINS
    probs = np.full(bins, 1 / bins)
    distance = statistics.detectable_distance(bins, DRAWS, plan.level())
    shift = np.sqrt(distance / (2 * bins))
    moved = probs + shift * np.array([1, -1, *[0] * (bins - 2)])
    counts = noise.generator(0, "distance").multinomial(DRAWS, moved, 1000)
    found = sum(statistics.chi_square(row, probs, DRAWS)[1] < plan.level() for row in counts)
    assert found >= binom.ppf(1e-6, 1000, statistics.POWER)


def test_level_is_shared_by_all_tests() -> None:
    assert plan.tests_in_report() * plan.level() == pytest.approx(statistics.FAMILY_LEVEL)
    assert statistics.seen_rate(DRAWS) == pytest.approx(-np.log(0.01) / DRAWS, rel=1e-4)
    ratio = statistics.detectable_ratio(DRAWS, statistics.PROBABILITY, plan.level())
    assert ratio == pytest.approx(1 + statistics.CHANGE, abs=0.01)


# ---- right and wrong samplers


@pytest.mark.parametrize("dtype", floats.DTYPES)
@pytest.mark.parametrize("distribution", truth.DISTRIBUTIONS)
def test_a_right_sampler_raises_no_alarm(distribution: str, dtype: str) -> None:
    for seed in range(5):
        records = judged(rounded_law(distribution, dtype, noise.generator(seed, "right")), distribution, dtype)
        assert failing(records) == set()
        assert known.verdict(records) == []


def grid(bits: int) -> Callable[[np.random.Generator], Float]:
    """Uniform numbers of so many bits, rounded down."""
    return lambda random: np.floor(random.random(DRAWS) * 2.0**bits) / 2.0**bits


def wrapped(random: np.random.Generator) -> Float:
    """Rounded to bfloat16, then kept below 1 by returning 0."""
    values = floats.rounded(random.random(DRAWS), "bfloat16")
    return np.where(values == 1, 0.0, values)


def gumbel_of_grid(bits: int) -> Callable[[np.random.Generator], Float]:
    def sample(random: np.random.Generator) -> Float:
        with np.errstate(divide="ignore"):
            return -np.log(-np.log(grid(bits)(random)))

    return sample


def normal(change: Callable[[Float], Float]) -> Callable[[np.random.Generator], Float]:
    return lambda random: change(random.standard_normal(DRAWS))


def classes(probs: Float) -> Callable[[np.random.Generator], Float]:
    return lambda random: random.choice(len(probs), DRAWS, p=probs / probs.sum()).astype(float)


def with_nan(values: Float) -> Float:
    return np.where(np.arange(values.size) == 0, np.nan, values)


PROBS = np.asarray(truth.PROBS)
TAILS_3_4 = {f"{side} tail {q}" for side in ("lower", "upper") for q in ("1e-03", "1e-04")}

#: name: (distribution, dtype, sampler, tests that must fail)
WRONG: dict[str, tuple[str, str, Callable[[np.random.Generator], Float], set[str]]] = {
    "scale 1.02": ("normal", "float32", normal(lambda z: 1.02 * z), {"bulk"}),
    "loc 0.03": ("normal", "float64", normal(lambda z: z + 0.03), {"bulk"}),
    "clipped at 3 sigma": ("normal", "float32", normal(lambda z: np.clip(z, -3, 3)), TAILS_3_4),
    "redrawn within 3 sigma": ("normal", "float16", normal(lambda z: z[np.abs(z) < 3]), TAILS_3_4),
    "one tail twice": (
        "normal",
        "float64",
        normal(lambda z: np.where(z < -3.1, -z, z)),
        TAILS_3_4 - {"upper tail 1e-04"},
    ),
    "absolute value": ("normal", "bfloat16", normal(np.abs), {"bulk", *TAILS_3_4 - {"upper tail 1e-04"}}),
    "one NaN": ("normal", "float32", normal(with_nan), {"finite"}),
    "all NaN": ("normal", "float32", normal(lambda z: np.full_like(z, np.nan)), {"bulk", "finite", *TAILS_3_4}),
    "7 bits": ("uniform", "bfloat16", grid(7), {"bulk", *TAILS_3_4}),
    "10 bits": ("uniform", "float16", grid(10), {"lower tail 1e-04", "upper tail 1e-04"}),
    "11 bits": ("uniform", "float16", grid(11), {"upper tail 1e-04"}),
    "1 becomes 0": ("uniform", "bfloat16", wrapped, {"bulk", *TAILS_3_4}),
    "7 bits in float32": ("uniform", "float32", grid(7), {"bulk", *TAILS_3_4}),
    "u = 0": ("gumbel", "float16", gumbel_of_grid(10), {"finite", "upper tail 1e-04"}),
    "u = 0, rarely": ("gumbel", "float32", gumbel_of_grid(15), {"finite"}),
    "minimum, not maximum": ("gumbel", "float64", lambda random: -random.gumbel(size=DRAWS), {"bulk"}),
    "rare classes raised": (
        "categorical",
        "float32",
        classes(np.maximum(PROBS, 0.002)),
        {"class 1e-03", "class 1e-04"},
    ),
    "rarest class lost": ("categorical", "float32", classes(np.where(PROBS < 2e-4, 0, PROBS)), {"class 1e-04"}),
    "two classes mixed": ("categorical", "float32", classes(PROBS + np.array([-1, 1, 0, 0, 0, 0, 0]) * 0.01), {"bulk"}),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_sampler_is_caught(name: str) -> None:
    distribution, dtype, sampler, tests = WRONG[name]
    values = sampler(noise.generator(0, "wrong", name))
    if distribution != "categorical":
        values = floats.rounded(values, dtype)
    records = judged(values, distribution, dtype)
    assert tests <= failing(records)
    assert len(known.verdict(records)) >= len(tests)


# ---- the summary and the records


def test_summary_by_hand() -> None:
    values = np.array([3.0, -np.inf, 0.0, -0.0, np.nan, 1.0, 3.0, np.inf])
    found = drawing.summarise(values, np.array([-np.inf, 0.0, 2.0, 3.0, np.inf]))
    assert found == drawing.Summary(
        at_most=(1, 3, 4, 6, 7), draws=8, not_finite=3, zeros=2, distinct=3, smallest=0.0, largest=3.0
    )


def fake_backend(sampler: Callable[..., Any]) -> Any:
    runtime = SimpleNamespace(asarray=lambda value, _: value, to_numpy=lambda value: value)
    return SimpleNamespace(runtime=runtime, sampling=SimpleNamespace(native_normal=sampler))


def test_a_refused_dtype_is_a_record_with_the_reason() -> None:
    def refuse(*_: Any) -> None:
        raise NotImplementedError("normal_kernel is not implemented for 'Half'\nand more")

    cell = plan.plan(["torch"], ["float16"], distributions=["normal"], families=["native"])[0]
    (record,) = cell.finish(drawing.measure(fake_backend(refuse), **cell.work.arguments))
    assert record.test == "refused"
    assert record.note == "NotImplementedError: normal_kernel is not implemented for 'Half'"
    assert len(known.verdict([record])) == 1


def test_one_hot_draws_are_read_as_classes() -> None:
    backend = SimpleNamespace(
        runtime=fake_backend(lambda: None).runtime,
        categorical=SimpleNamespace(sample=lambda *_: np.eye(7)[[0, 6, 6]]),
    )
    found = drawing.measure(backend, "reference", "categorical", "float32", None, 3, 0, np.array([0.0, 5.0, 6.0]))
    assert found.at_most == (1, 1, 3)


def test_records_survive_the_store() -> None:
    records = judged(rounded_law("gumbel", "float32", noise.generator(0, "right")), "gumbel", "float32", "jax")
    text = msgspec.json.encode(records)
    assert msgspec.json.decode(text, type=list[AnyRecord]) == records
    assert records[0].support_low is not None


# ---- known defects


def record(test: str, passed: bool, dtype: str = "bfloat16", backend: str = "jax") -> Generator:
    found = Generator(
        backend=backend,
        dtype=dtype,
        device="cpu",
        generator="native",
        distribution="gumbel",
        test=test,
        seed=0,
        draws=1,
        statistic=0.0,
        p_value=float(passed),
        level=1e-9,
        detectable="",
        passed=passed,
        smallest=None,
        largest=None,
        support_low=None,
        support_high=None,
        distinct=None,
    )
    return msgspec.structs.replace(found, pitfall=known.pitfall(found))


def test_verdict_is_strict_both_ways() -> None:
    assert known.verdict([record("bulk", False), record("finite", True)]) == []
    (missing,) = known.verdict([record("bulk", True), record("finite", True)])
    assert "jax native gumbel bfloat16" in missing
    assert "G4" in missing
    assert "not detected" in missing
    (new,) = known.verdict([record("bulk", False, "float32")])
    assert "no known defect" in new
    # an infinity once in 2^24 draws may be seen or not, and explains nothing else
    assert known.verdict([record("finite", True, "float32", "torch")]) == []
    assert known.verdict([record("finite", False, "float32", "torch")]) == []
    assert len(known.verdict([record("bulk", False, "float32", "torch")])) == 1


# ---- support


@pytest.mark.parametrize(
    ("owner", "generator", "distribution", "dtype", "low", "high"),
    [
        ("jax", "native", "gumbel", "float32", -4.4698, 15.9424),  # pitfall G4
        ("jax", "native", "normal", "bfloat16", -2.89, 2.52),  # pitfall G6
        ("torch", "native", "gumbel", "float32", -2.81154090976628, 16.6355323036364),  # PITFALLS.md, case 9
        ("torch", "native", "gumbel", "float64", -np.log(53 * np.log(2)), 36.7368005696771),
        ("tensorflow", "native", "uniform", "float16", 0, 1 - 2.0**-10),
        ("tensorflow", "reference", "uniform", "bfloat16", 0, 1),
        ("jax", "reference", "gumbel", "float32", -3.795, 44.3614),
    ],
)
def test_support_agrees_with_what_was_measured(
    owner: str, generator: str, distribution: str, dtype: str, low: float, high: float
) -> None:
    found = support.reachable(owner, "cpu", generator, distribution, dtype)
    assert found[:2] == pytest.approx((low, high), rel=2e-3)


def test_support_that_is_not_known_is_said() -> None:
    assert support.reachable("torch", "gpu", "native", "normal", "float32") == (None, None, "not known")
    assert support.reachable("torch", "cpu", "reference", "gumbel", "float32") == (None, None, "not known")


# ---- the plan and the real report


def test_plan_is_the_product_and_its_keys_differ() -> None:
    cells = plan.plan(["torch", "jax"], seed=3, devices=["cpu", "gpu"])
    assert len({cell.key for cell in cells}) == len(cells) == 2 * 2 * 4 * 4 * 2
    assert {cell.work.arguments["draws"] for cell in plan.plan(["torch"], ["float32"])} == {DRAWS}


@pytest.mark.parametrize(
    "wrong", [{"distributions": ["norml"]}, {"families": ["nativ"]}, {"dtypes": ["float8"]}, {"seed": -1}]
)
def test_plan_says_what_it_cannot_use(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInputError, match=r"norml|nativ|float8|seed"):
        plan.plan(["torch"], **wrong)


def outside_support(record: Generator) -> bool:
    """Tell whether a draw lies outside the support by more than 8 units in the last place."""
    if record.support_low is None or record.support_high is None or record.smallest is None or record.largest is None:
        return False
    slack = 8 * floats.ulp([record.support_low, record.support_high], record.dtype)
    return bool(record.smallest < record.support_low - slack[0] or record.largest > record.support_high + slack[1])


def test_report_of_a_framework(backend: str, workers: Pool) -> None:
    """One seed in all dtypes: the known 16-bit defects are detected, nothing else is, the support holds."""
    records: list[Generator] = [
        found for records in workers.run(plan.plan([backend])) for found in records if isinstance(found, Generator)
    ]
    assert known.verdict(records) == []
    assert {found.dtype for found in records if not found.passed and found.level} == {"float16", "bfloat16"}
    assert [found for found in records if outside_support(found)] == []
