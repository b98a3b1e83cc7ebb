"""Mutations generated from the source of the reference kernels: the agreement check must find every one."""

from __future__ import annotations

import ast
from collections import Counter
from functools import cache

import pytest
from mutate import judge, sites
from mutate.__main__ import main

#: How many are judged for each backend, and with which seed they were drawn, before any of them was run.
COUNT, SEED = 20, 0
#: At least so many of them have to be caught for each backend: 42 for the three.
CAUGHT = 14
#: There are at least so many mutants of each backend.
SITES = 600


@cache
def _outcome(backend: str) -> judge.Outcome:
    return judge.run(backend, sites.select(sites.generate(backend), COUNT, SEED))


def test_every_mutant_of_the_selection_is_caught_or_equivalent(backend: str) -> None:
    verdicts = _outcome(backend).verdicts
    assert len(verdicts) == COUNT
    survivors = [verdict.mutant.key for verdict in verdicts if verdict.by is None]
    assert not set(survivors) - set(sites.equivalent())
    assert len(verdicts) - len(survivors) >= CAUGHT


def test_no_mutant_that_is_called_equivalent_is_caught(backend: str) -> None:
    caught = [verdict.mutant.key for verdict in _outcome(backend).verdicts if verdict.by is not None]
    assert not set(caught) & set(sites.equivalent())


def test_the_same_judge_passes_the_kernels_as_they_are(backend: str) -> None:
    assert _outcome(backend).wrong == []


def test_sites_are_many_and_all_different_programs(backend: str) -> None:
    mutants = sites.generate(backend)
    assert len(mutants) >= SITES
    assert len({mutant.key for mutant in mutants}) == len(mutants)
    original = {module: ast.dump(ast.parse(sites.source_path(backend, module).read_text())) for module in sites.MODULES}
    assert all(ast.dump(ast.parse(mutant.source)) != original[mutant.module] for mutant in mutants)
    assert all(mutant.kernels for mutant in mutants)
    assert not any(mutant.function == "sample" for mutant in mutants)


def test_generation_and_selection_are_deterministic(backend: str) -> None:
    first = sites.generate(backend)
    sites.generate.cache_clear()
    assert sites.generate(backend) == first
    assert sites.select(first, COUNT, SEED) == sites.select(first, COUNT, SEED)
    assert sites.select(first, COUNT, SEED) != sites.select(first, COUNT, SEED + 1)


def test_selection_is_spread_over_modules_and_operators(backend: str) -> None:
    chosen = sites.select(sites.generate(backend), COUNT, SEED)
    modules = Counter(mutant.module for mutant in chosen)
    assert set(modules) == set(sites.MODULES)
    assert max(modules.values()) - min(modules.values()) <= 1
    assert len({mutant.operator for mutant in chosen}) >= 8


def test_every_row_of_equivalent_mutants_names_a_mutant() -> None:
    backends = {key.partition(" ")[0] for key in sites.equivalent()}
    assert set(sites.equivalent()) <= {mutant.key for backend in backends for mutant in sites.generate(backend)}


@pytest.mark.parametrize("words", [["--backend", "theano"], ["--count", "0"], ["--seed", "x"]], ids=" ".join)
def test_bad_input_ends_with_status_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert words[0] in capsys.readouterr().err
