"""The streaming engine: moments from sums of powers, one order of merging, and bits that no schedule changes."""

from __future__ import annotations

import dataclasses
import inspect
import itertools

import msgspec
import numpy as np
import pytest
import site_records
from work_for_tests import POWER_SHAPE, power_inputs

from harness import noise
from harness.errors import BadInputError, MeasurementError
from harness.execution.work import Cell, Work
from harness.statistics import merging, moments
from harness.variance import precision
from harness.variance.plan import plan

BLOCKS, REPLICATES, COORDINATES = 37, 64, 3


def gradients():
    """Skewed gradients of blocks, [blocks, replicates, coordinates], with a mean away from 0."""
    random = noise.generator(0, "streaming")
    return 5.0 * random.standard_gamma(1.3, (BLOCKS, REPLICATES, COORDINATES)) + 2.0


def sums_of(values, centre, scale):
    """What `streaming.power_sums` returns, block by block, in NumPy."""
    d = values - centre
    average, mean_square = d.mean(axis=2) / scale, (d * d).mean(axis=2) / scale**2

    def powers(x, most=4):
        return np.stack([(x**k).sum(axis=1) for k in range(1, most + 1)], axis=1)

    return {
        "coordinates": powers(d, 2),
        "averages": powers(average),
        "squares": powers(mean_square),
        "crossed": (d * mean_square[..., None]).sum(axis=1),
    }


def stacked(module=moments):
    values = gradients()
    centre, scale = values[0].mean(axis=0), 4.0
    return module.blocks(REPLICATES, sums_of(values, centre, scale), centre, scale), values, centre


def numbers(stream):
    """Every number of a stream, in one array."""
    kept = [*stream.coordinates, *stream.averages, *stream.squares, stream.comoment]
    return np.concatenate([np.ravel(part) for part in kept])


def distance(module=moments):
    """Largest relative difference between moments from sums, merged, and those of all values at once."""
    streams, values, centre = stacked(module)
    found = merging.root(merging.collapse(0, {"g": streams}))["g"]
    whole = moments.block(values.reshape(-1, COORDINATES), centre)
    return np.max(np.abs(numbers(found) / numbers(whole) - 1))


def test_moments_from_sums_of_powers_are_those_of_the_values():
    assert distance() <= 1e-12


MUTATIONS = {
    "second moment not about the mean": ("s2 - n * (e * e)", "s2"),
    "merge: spread": ("d * d * (a.n * q)", "0.0"),
    "third: factor of the mean times second": ("3 * e * s2", "2 * e * s2"),
    "third: sign": ("+ 2 * n * square * e", "- 2 * n * square * e"),
    "fourth: factor": ("6 * square * s2", "4 * square * s2"),
    "fourth: last term": ("- 3 * n * square * square", "- n * square * square"),
    "mean: scale left out": ("centre + scale * e", "centre + e"),
    "averages: scale left out": ("np.asarray(centre.mean()), scale)", "np.asarray(centre.mean()), 1.0)"),
    "comoment: product of the means left out": ('sums["crossed"] - first', 'sums["crossed"]'),
    "comoment: scale": ("comoment = scale * scale *", "comoment = scale *"),
    "squares: scale": ('sums["squares"], origin, scale * scale', 'sums["squares"], origin, scale'),
    "merge: fourth": ("4 * d * (p * b.third", "3 * d * (p * b.third"),
    "merge: third": ("weight * (p - q)", "weight * (q - p)"),
    "merge: comoment": ("d_mean * d_squares *", "-d_mean * d_squares *"),
}


@pytest.mark.parametrize(("right", "wrong"), MUTATIONS.values(), ids=MUTATIONS)
def test_wrong_moments_are_seen(right, wrong, monkeypatch):
    source = inspect.getsource(moments)
    assert right in source
    mutant = type(moments)("mutant")
    exec(compile(source.replace(right, wrong), "mutant", "exec"), mutant.__dict__)
    monkeypatch.setattr(merging, "together", mutant.together)
    assert distance(mutant) > 1e-9


def test_order_and_portions_of_blocks_change_no_bit():
    """100 random divisions of the blocks, merged in random order."""
    streams, _, _ = stacked()
    random = noise.generator(1, "portions")
    whole = numbers(merging.root(merging.collapse(0, {"g": streams}))["g"])
    for _ in range(100):
        cuts = [0, *np.sort(random.choice(np.arange(1, BLOCKS), random.integers(0, 12), replace=False)), BLOCKS]
        parts = [
            merging.collapse(a, {"g": moments.Stream(*(pick(field, a, b) for field in streams))})
            for a, b in itertools.pairwise(cuts)
        ]
        nodes = {}
        for index in random.permutation(len(parts)):
            nodes = merging.add(nodes, parts[index])
        np.testing.assert_array_equal(numbers(merging.root(nodes)["g"]), whole)


def pick(field, a, b):
    """A run of the blocks of one field of stacked streams."""
    if isinstance(field, tuple):
        return type(field)(*(part[a:b] for part in field))
    return field[a:b]


# in worker processes


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_power_sums_of_each_framework(workers, backend, dtype, compiled):
    """Against sums in float64 of the same numbers: n terms lose at most n eps of the sum of their magnitudes."""
    values, centre, scale = power_inputs(dtype)
    work = Work("work_for_tests:power_sums", backend, "cpu", {"dtype": dtype, "compiled": compiled})
    ((found,),) = workers.run([Cell("power sums", work, lambda result: [result])])
    flat = values.reshape(1, POWER_SHAPE[0], -1)
    expected = sums_of(flat, centre.ravel(), scale)
    magnitude = sums_of(np.abs(flat - centre.ravel()) + centre.ravel(), centre.ravel(), scale)
    assert found["mean_squares"].shape == (2, POWER_SHAPE[0])
    for name, sums in expected.items():
        bound = 8 * POWER_SHAPE[0] * np.finfo(dtype).eps * magnitude[name][0]
        for block in found[name]:
            assert (np.abs(block.reshape(sums[0].shape) - sums[0]) <= bound).all(), name


SCHEDULES = {
    "one process, 64 blocks a call": {},
    "one process, 7 blocks a call": {"blocks_per_call": 7},
    "two processes, 1 block a call": {"processes": 2, "blocks_per_call": 1},
}
PAIRS = [("pathwise", "norm_squared", "framework"), ("rebar", "categorical_quadratic", "framework"),
         ("score_function", "norm_squared", "shared")]  # fmt: skip


@pytest.fixture(scope="module")
def scheduled(installed_backends):
    """Records by backend, pair and schedule: ten blocks, the last not whole; all in one go, two processes at once."""
    from harness.execution.local import Workers

    cells = {}
    for pair, (name, schedule) in itertools.product(PAIRS, SCHEDULES.items()):
        estimator, problem, source = pair
        found = plan(estimator, problem, {}, replicates=40_000, backends=installed_backends, source=source, **schedule)
        for cell in found:
            key = f"{name}: {cell.key}"
            cells[key] = dataclasses.replace(cell, key=key), (cell.work.backend, pair, name)
    records = {}
    with Workers(processes=2, threads=1) as pool:
        for (_, place), rows in zip(cells.values(), pool.run([cell for cell, _ in cells.values()]), strict=True):
            records.setdefault(place, []).extend(rows)
    return records


@pytest.mark.parametrize("pair", PAIRS, ids=" ".join)
def test_schedules_change_no_bit(scheduled, backend, pair):
    """Every number but the seconds."""
    clockless = {"seconds_per_gradient": None, "work_normalized_variance": None}
    first, *others = (
        [msgspec.structs.replace(record, **clockless) for record in scheduled[backend, pair, name]]
        for name in SCHEDULES
    )
    assert all(other == first for other in others)
    assert all(record.replicates == 40_000 and record.variance for record in first)


# sizes


@pytest.mark.parametrize("text", ["0", "-1%", "101%", "two", "2%%", "nan", "2 percent"])
def test_precision_refuses(text):
    with pytest.raises(BadInputError, match="--precision"):
        precision.read(text)


def test_precision_reads_both_ways_of_writing():
    assert precision.read("2%") == precision.read("0.02") == 0.02


def pilot(low, high, trusted=True):
    record = site_records.variances(np.random.default_rng(0))[0]
    return msgspec.structs.replace(record, variance_low=low, variance_high=high, trusted=trusted, tail_shape=0.9)


def test_size_follows_from_the_width_of_the_pilot():
    """Ten times as precise takes a hundred times as many."""
    factor = 1.02 ** (1 / 0.1)
    size = precision.replicates([pilot(1 / factor, factor), pilot(0.99, 1.01)], 0.02)
    assert abs(size / (100 * precision.PILOT) - 1) < 1e-3
    assert size % precision.STEP == 0


@pytest.mark.parametrize("record", [(1.0, 2.0, False), (None, None, None), (1e-9, 1e9, True)])
def test_size_of_what_cannot_be_had_is_refused(record):
    with pytest.raises(MeasurementError, match="precision"):
        precision.replicates([pilot(*record)], 1e-4)
