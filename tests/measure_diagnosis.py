"""Study of the diagnosis: how often each pattern is named, rightly and wrongly, over made-up defects.

    python tests/measure_diagnosis.py [defects, by default 1000] [seed]

A defect turns a truth into the mean of a gradient without noise. Then noise is added, of the size at which the root
mean square of the bias over the coordinates that it changes is 5, 10 or 30 standard errors, and `diagnose` sees the
sum. Truths are equal, normal, sparse, or one coordinate dominates; they have one or several leaves, and 1 to 10^4
coordinates. Noise has standard errors that are equal, spread by a lognormal law, or spread with the truth; coordinates
are independent, share a common part, share a part along the truth (a random scale), or have Student's t law with 8
degrees of freedom. In a quarter of the cases the truth is noisy too.

What is right is decided on the mean without noise, not by the name of the defect: "sign" is right where it is minus the
truth, whatever made it so. The sign of a vector with one coordinate that is not 0 is the offset of that coordinate,
and an offset of equal truths is a factor. A name is wrong where it is not true of the mean without noise, in the leaves
that the diagnosis speaks of. A factor is right where the mean is some multiple of the truth; how often its interval
has the multiple is a row of its own.

A pattern should be singled out at 10 standard errors or more if the bias is visible, at 5 standard errors, in at least
5 coordinates, and a bias of no pattern in one leaf only if as many coordinates of every other leaf would show one of
the same relative size. A permutation without a rule needs noise that is small compared with the spacing of the truths.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from harness.statistics.diagnosis import Diagnosis, diagnose

Float = NDArray[np.float64]
Random = np.random.Generator

DIMENSIONS = (1, 2, 3, 10, 100, 10_000)
LEVELS = (5.0, 10.0, 30.0)
TRUTHS = ("equal", "normal", "sparse", "dominated")
NOISES = ("independent", "independent", "common", "along", "student")
SAMPLES = 8

#: Standard errors at which a coordinate shows its bias, and coordinates that single a pattern out.
VISIBLE, ENOUGH = 5.0, 5


class Leaf(NamedTuple):
    path: str
    shape: tuple[int, ...]
    start: int
    stop: int


@dataclass(frozen=True)
class Case:
    """A defect, and what `diagnose` is given."""

    defect: str
    level: float
    noise: str
    clean: Float
    truth: Float
    mean: Float
    error: Float
    estimated_truth: Float
    truth_error: float
    leaves: tuple[Leaf, ...]
    terms: dict[str, Float]

    @property
    def noise_error(self) -> Float:
        return np.hypot(self.error, self.truth_error)

    def visible(self) -> int:
        return int((np.abs(self.clean - self.truth) >= VISIBLE * self.noise_error).sum())

    def elsewhere(self) -> int:
        """Return the number of coordinates in which the unbiased leaf with the fewest would show a bias like that."""
        bias = self.clean - self.truth
        part = bias != 0
        relative = min(np.sqrt(np.mean(bias[part] ** 2) / max(np.mean(self.truth[part] ** 2), 1e-300)), 1.0)
        shown = relative * np.abs(self.truth) >= VISIBLE * self.noise_error
        others = [leaf for leaf in self.leaves if not bias[leaf.start : leaf.stop].any()]
        return min((int(shown[leaf.start : leaf.stop].sum()) for leaf in others), default=0)

    def identifiable(self) -> bool:
        """Return whether the defect should be named."""
        if self.level < LEVELS[1] or self.visible() < ENOUGH or self.defect in (*WITHOUT, NONE, "any permutation"):
            return False
        return self.defect.partition(": ")[2] not in WITHOUT or self.elsewhere() >= ENOUGH

    def diagnosis(self) -> Diagnosis:
        return diagnose(
            self.mean,
            self.error,
            self.estimated_truth,
            self.truth_error,
            self.leaves,
            samples=SAMPLES,
            terms=self.terms,
        )


def make_leaves(size: int, several: bool, random: Random) -> tuple[Leaf, ...]:
    """Return one leaf, or three, the first of them a matrix where there is room."""
    several = several or random.random() < 0.5
    cuts = [0, size // 2, size // 2 + size // 5, size] if size >= 10 else list(range(size + 1))
    cuts = cuts if several else [0, size]
    leaves = []
    for number, (start, stop) in enumerate(itertools.pairwise(cuts)):
        count = stop - start
        rows = max(k for k in range(1, int(count**0.5) + 1) if count % k == 0)
        shape = (rows, count // rows) if number == 0 and rows > 1 else (count,)
        leaves.append(Leaf(f"layer{number}", shape, start, stop))
    return tuple(leaves)


def make_truth(kind: str, size: int, random: Random) -> Float:
    if kind == "equal":
        return np.full(size, random.choice([-1.0, 1.0]) * np.exp(random.normal()))
    truth = random.normal(size=size)
    if kind == "sparse":
        kept = random.permutation(size)[: max(1, size // 10)]
        return np.where(np.isin(np.arange(size), kept), truth, 0.0)
    if kind == "dominated":
        truth[random.integers(size)] = random.choice([-1.0, 1.0]) * 10 * np.sqrt(size)
    return truth


def some_factor(random: Random) -> float:
    usual = [2.0, 0.5, float(SAMPLES), 1 / SAMPLES, (SAMPLES - 1) / SAMPLES, SAMPLES / (SAMPLES - 1)]
    return float(random.choice([*usual, 0.1, -2.0, 1.3, 10.0 ** random.uniform(-1, 1)]))


def leaf_by_leaf(action: Callable[[Float], Float], truth: Float, leaves: tuple[Leaf, ...]) -> Float:
    return np.concatenate([action(truth[leaf.start : leaf.stop]) for leaf in leaves])


def rearrange(truth: Float, leaves: tuple[Leaf, ...], random: Random) -> Float:
    """Roll or reverse all coordinates, or those of each leaf."""
    by = int(random.choice([1, -1, random.integers(1, len(truth) + 1)]))
    actions: list[Callable[[Float], Float]] = [lambda x: np.roll(x, by), lambda x: x[::-1]]
    action = actions[random.integers(len(actions))]
    return action(truth).copy() if random.random() < 0.5 else leaf_by_leaf(action, truth, leaves)


def shuffle(truth: Float, _leaves: tuple[Leaf, ...], random: Random) -> Float:
    """Permute all coordinates, or exchange two."""
    if random.random() < 0.5:
        return random.permutation(truth)
    clean, pair = truth.copy(), random.integers(len(truth), size=2)
    clean[pair] = truth[pair[::-1]]
    return clean


def transpose(truth: Float, leaves: tuple[Leaf, ...], _random: Random) -> Float:
    return np.concatenate([truth[leaf.start : leaf.stop].reshape(leaf.shape).T.ravel() for leaf in leaves])


def multiply(truth: Float, _leaves: tuple[Leaf, ...], random: Random) -> Float:
    return some_factor(random) * truth


def one_coordinate(truth: Float, _leaves: tuple[Leaf, ...], random: Random) -> Float:
    clean = truth.copy()
    clean[random.integers(len(truth))] += random.normal() * np.sqrt(np.mean(truth**2))
    return clean


def dense(truth: Float, _leaves: tuple[Leaf, ...], random: Random) -> Float:
    """Add a normal bias, of one scale or relative to each coordinate."""
    scale = np.abs(truth) if random.random() < 0.5 else np.sqrt(np.mean(truth**2))
    return truth + scale * 10 ** random.uniform(-1, 0.5) * random.normal(size=len(truth))


def two_factors(truth: Float, _leaves: tuple[Leaf, ...], random: Random) -> Float:
    return np.where(np.arange(len(truth)) < len(truth) // 2, 0.5, 2.0 if random.random() < 0.5 else 0.3) * truth


Defect = Callable[[Float, tuple[Leaf, ...], Random], Float]
WITH_PATTERN: dict[str, Defect] = {
    "sign": lambda truth, _leaves, _random: -truth,
    "zero": lambda truth, _leaves, _random: 0 * truth,
    "factor": multiply,
    "permutation": rearrange,
    "transposition": transpose,
    "any permutation": shuffle,
}
WITHOUT: dict[str, Defect] = {
    "dense noise": dense,
    "one coordinate": one_coordinate,
    "offset": lambda truth, _leaves, random: truth + random.normal(),
    "square": lambda truth, _leaves, _random: truth**2,
    "absolute": lambda truth, _leaves, _random: np.abs(truth),
    "clipped": lambda truth, _leaves, _random: np.clip(truth, -0.7, 0.7),
    "two factors": two_factors,
}
TERMS = ("missing term", "extra term")
NONE, ONE_LEAF = "none", "one leaf"


def make_clean(defect: str, truth: Float, leaves: tuple[Leaf, ...], random: Random) -> tuple[Float, dict[str, Float]]:
    """Return the mean without noise, and the terms that the caller gives, in a third of the cases none is to blame."""
    term = random.normal(size=len(truth)) * np.sqrt(np.mean(truth**2))
    terms = {"score": term} if random.random() < 0.3 or defect in TERMS else {}
    if defect in TERMS:
        return truth + (-term if defect == "missing term" else float(random.choice([1.0, 1.0, 0.3])) * term), terms
    if defect == NONE:
        return truth.copy(), terms
    if defect.startswith(ONE_LEAF):
        leaf = leaves[random.integers(len(leaves))]
        inside = (WITH_PATTERN | WITHOUT)[defect.partition(": ")[2]]
        local = (Leaf(leaf.path, leaf.shape, 0, leaf.stop - leaf.start),)
        clean = truth.copy()
        clean[leaf.start : leaf.stop] = inside(truth[leaf.start : leaf.stop], local, random)
        return clean, terms
    return (WITH_PATTERN | WITHOUT)[defect](truth, leaves, random), terms


def make_noise(kind: str, truth: Float, random: Random) -> Float:
    """Return noise of variance 1 in each coordinate."""
    size = len(truth)
    if kind == "student":
        return random.standard_t(8, size=size) / np.sqrt(8 / 6)
    own = random.normal(size=size)
    if kind == "independent":
        return own
    loading = np.sign(truth) if kind == "along" else 1.0
    return np.sqrt(0.3) * loading * random.normal() + np.sqrt(0.7) * own


DEFECTS = (
    *WITH_PATTERN,
    *TERMS,
    *(f"{ONE_LEAF}: {name}" for name in ("sign", "factor", "zero", "permutation", "dense noise", "offset")),
    *WITHOUT,
    NONE,
)


def make_case(number: int, seed: int) -> Case:
    """Return a case; the defect, size, level and truth go through all their values with the number."""
    random = np.random.default_rng([seed, number])
    defect = DEFECTS[number % len(DEFECTS)]
    size = DIMENSIONS[number // len(DEFECTS) % len(DIMENSIONS)]
    level = LEVELS[number // len(DEFECTS) // len(DIMENSIONS) % len(LEVELS)]
    truth = make_truth(str(random.choice(TRUTHS)), size, random)
    leaves = make_leaves(size, defect.startswith(ONE_LEAF), random)
    clean, terms = make_clean(defect, truth, leaves, random)
    bias = clean - truth
    spread = random.integers(3)
    error = np.ones(size)
    if spread == 1:
        error = np.exp(0.5 * random.normal(size=size))
    elif spread == 2:
        error = 0.3 * np.sqrt(np.mean(truth**2)) + np.abs(truth)
    changed = bias != 0
    scale = np.sqrt(np.mean((bias / error)[changed] ** 2)) if changed.any() else float(np.mean(np.abs(truth / error)))
    error = error * scale / level
    noise = str(random.choice(NOISES))
    truth_error = float(np.median(error)) / 2 if random.random() < 0.25 else 0.0
    mean = clean + error * make_noise(noise, truth, random)
    estimated = truth + truth_error * random.normal(size=size)
    return Case(defect, level, noise, clean, truth, mean, error, estimated, truth_error, leaves, terms)


def multiple(values: Float, of: Float) -> float | None:
    """Return the c of values = c of, or None where there is none."""
    power = float(of @ of)
    c = float(values @ of) / power if power else 0.0
    return c if np.allclose(values, c * of, rtol=1e-9, atol=1e-12 * np.abs(of).max()) else None


def holds(found: Diagnosis, case: Case) -> bool:
    """Return whether a diagnosis is true of the mean without noise, in the leaves that it is about."""
    about = [leaf for leaf in case.leaves if not found.leaves or leaf.path in found.leaves]
    part = np.concatenate([np.arange(leaf.start, leaf.stop) for leaf in about])
    clean, truth = case.clean[part], case.truth[part]
    if " only" in found.text and not np.array_equal(np.delete(case.clean, part), np.delete(case.truth, part)):
        return False
    c = multiple(clean, truth)
    if found.pattern in ("missing term", "extra term"):
        c = multiple(clean - truth, next(iter(case.terms.values()))[part])
        return c is not None and (c < 0) == (found.pattern == "missing term")
    factors: Mapping[str, bool] = {
        "sign": c is not None
        and c < 0
        and found.estimate is not None
        and found.estimate.low <= c <= found.estimate.high,
        "zero": c == 0,
        "factor": c is not None,
        "permutation": np.allclose(np.sort(clean), np.sort(truth))
        or np.allclose(np.sort(case.clean), np.sort(case.truth)),
        "transposition": np.allclose(clean, transpose(case.truth, tuple(about), np.random.default_rng()))
        if len(about) == len(case.leaves)
        else np.allclose(np.sort(clean), np.sort(truth)),
        "one leaf": True,
    }
    return factors[found.pattern] and not np.array_equal(clean, truth)


NOT_NAMED = ("unrecognized", "none", "ambiguous")


def outcome(found: Diagnosis, case: Case) -> str:
    """Return "right", "wrong" or "not named"."""
    if found.pattern in NOT_NAMED:
        return "not named"
    return "right" if holds(found, case) else "wrong"


def interval(count: int, of: int) -> str:
    """Return a proportion with its Clopper and Pearson interval, in percent."""
    if not of:
        return "-"
    low = beta.ppf(0.025, count, of - count + 1) if count else 0.0
    high = beta.ppf(0.975, count + 1, of - count) if count < of else 1.0
    return f"{100 * count / of:5.1f} ({100 * low:.1f} to {100 * high:.1f})"


def row(name: str, results: list[str]) -> str:
    counts = [results.count(kind) for kind in ("right", "wrong", "not named")]
    right, wrong = (interval(count, len(results)) for count in counts[:2])
    return f"{name:34} {len(results):6} {counts[0]:6} {counts[1]:6} {counts[2]:6}  {right:22} {wrong:20}"


def main(defects: int, seed: int) -> None:
    cases = [make_case(number, seed) for number in range(defects)]
    found = [case.diagnosis() for case in cases]
    results = [outcome(diagnosis, case) for diagnosis, case in zip(found, cases, strict=True)]
    rows = list(zip(cases, found, results, strict=True))
    patterned = [item for item in rows if item[0].defect not in (*WITHOUT, NONE)]
    clear = [item for item in rows if item[0].identifiable()]
    print(f"{'defect':34} {'cases':>6} {'right':>6} {'wrong':>6} {'not':>6}  {'right, %':22} {'wrong, %':20}")
    for name in DEFECTS:
        print(row(name, [result for case, _, result in rows if case.defect == name]))
    print(row("all", results))
    print("\nidentifiable")
    for name in DEFECTS:
        if any(case.defect == name for case, _, _ in clear):
            print(row(name, [result for case, _, result in clear if case.defect == name]))
    print(row("all", [result for _, _, result in clear]))
    print("\nof a pattern, by level and by visible coordinates")
    for level in LEVELS:
        for low, high in ((0, 0), (1, 2), (3, 4), (5, 9), (10, 10**9)):
            chosen = [r for case, _, r in patterned if case.level == level and low <= case.visible() <= high]
            print(row(f"{level:g} standard errors, {low} to {high:g}", chosen))
    print("\nof a pattern, by coordinates")
    for size in DIMENSIONS:
        print(row(str(size), [result for case, _, result in patterned if len(case.truth) == size]))
    print("\nby the name that was given")
    for pattern in sorted({diagnosis.pattern for diagnosis in found}):
        print(row(pattern, [result for _, diagnosis, result in rows if diagnosis.pattern == pattern]))
    print("\nall, by noise")
    for noise in sorted(set(NOISES)):
        print(row(noise, [result for case, _, result in rows if case.noise == noise]))
    named = [
        (d, multiple(case.clean, case.truth)) for case, d, r in rows if r == "right" and not d.leaves and d.estimate
    ]
    covered = [d.estimate.low <= c <= d.estimate.high for d, c in named if d.estimate and c is not None]
    print(f"\nintervals that have the factor, of {len(covered)}: {interval(sum(covered), len(covered))} %")


if __name__ == "__main__":
    main(*(int(value) for value in [*sys.argv[1:], *("1000", "0")[len(sys.argv) - 1 :]]))
