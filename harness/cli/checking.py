"""The command that compares kernels, estimators, models, libraries and generators with the truth: check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.completing import completes
from harness.cli.durations import Seconds
from harness.cli.options import DTYPES, Folder, Where, on_engine, others_printed, print_records, where

if TYPE_CHECKING:
    from harness.console import Columns
    from harness.execution.engine import Engine
    from harness.execution.work import Cell
    from harness.plugins.findings import Settings
    from harness.results.schema import Check

#: Programs that reproduce something are shown for so many comparisons at most; --snippets writes all.
SHOWN = 10


@click.command()
@click.option("--kernel", "kernels", multiple=True, metavar="K", shell_complete=completes("kernels"),
              help="Name, module or glob: gaussian.cdf, gaussian, '*.log_prob'. Repeatable.")  # fmt: skip
@click.option("--case", "cases", multiple=True, metavar="C", help="Name or glob. Repeatable.")
@click.option("--mode", "modes", multiple=True, type=click.Choice(["eager", "compiled", "vmapped", "single"]),
              help="Repeatable. Default: as people mostly run the framework. single: batches of 1.")  # fmt: skip
@click.option("--full", is_flag=True, help="Every installed backend, libraries too, all dtypes and modes.")
@click.option("--snippets", type=Folder(), metavar="FOLDER",
              help="Write a program for each deviation; one for a kernel needs that framework alone.")  # fmt: skip
@click.option("--update-ledger", is_flag=True, help="Write the deviations of the libraries into their ledgers.")
@click.option("--search", "seconds", type=Seconds(), metavar="SECONDS",
              help="Search the inputs with the largest errors, for so long for each backend and dtype.")  # fmt: skip
@click.option("--everywhere", is_flag=True,
              help="With --search: the whole range of the dtype, also where squares leave it.")  # fmt: skip
@click.option("--add", is_flag=True, help="With --search: add what is out of budget to the cases.")
@click.option("--generators", is_flag=True, help="Test the frameworks' random numbers instead, in all dtypes.")
@click.option("--plugin", "plugins", multiple=True, metavar="NAME",
              help="Judge what another package adds, by its name or the package's. Repeatable.")  # fmt: skip
@on_engine
@where("float32", "float64")
@click.pass_context
def check(
    ctx: click.Context,
    kernels: Sequence[str],
    cases: Sequence[str],
    modes: Sequence[str],
    full: bool,
    snippets: Path | None,
    update_ledger: bool,
    seconds: float | None,
    everywhere: bool,
    add: bool,
    generators: bool,
    engine: Engine,
    plugins: Sequence[str],
    where: Where,
) -> None:
    """Compare kernels, estimators, models and libraries with the oracle, in units of their error budgets.

    Values, vector-Jacobian, Jacobian-vector and Hessian-vector products. Exit status 0 when all is within budget, or
    when a library deviates as its ledger says; 1 otherwise, and then the worst input and a program that reproduces
    it are shown. Cases are data, and what is drawn for them has keys of its own: --seed is for --search and
    --generators.

    Example: reparam check --backend torch --kernel gaussian
    """
    from harness import errors
    from harness.agreement import conformance, uncompared
    from harness.console import note

    if (add or everywhere) and seconds is None:
        given = "--add" if add else "--everywhere"
        raise errors.BadInputError(f"{given} goes with --search; give --search SECONDS as well, as in --search 60")
    if seconds is not None and engine.distributed:
        raise errors.BadInputError("--search runs on this machine alone; leave out --scheduler and --scheduler-file")
    if plugins:
        if kernels or cases or modes or full or generators or seconds is not None:
            raise errors.BadInputError(
                f"--plugin {plugins[0]} judges all of a plug-in; give beside it --backend, --seed, --format and "
                "where and how long it may run alone"
            )
        ctx.exit(_plugins(plugins, where, _of_plugins(ctx, engine)))
    if generators:
        by_default = ctx.get_parameter_source("dtypes") is click.core.ParameterSource.DEFAULT
        ctx.exit(_generators(replace(where, dtypes=DTYPES) if by_default else where, engine))
    if seconds is not None:
        ctx.exit(_search(kernels, modes, seconds, everywhere, add, where))
    options = where.chosen()
    options.pop("seed")
    others, own = _of_packages(kernels, cases, modes, where, _of_plugins(ctx, engine))
    rest = [name for name in kernels if name not in own]
    if own and not rest:
        ctx.exit(_told(others, where.format))
    cells = conformance.everything(rest, cases) if full else conformance.cells(rest, cases, modes, **options)
    without = uncompared.reasons(cells, rest, cases, modes, () if full else options["backends"])
    if not cells:
        raise errors.BadInputError(
            f"there is nothing to compare: {'; '.join(without)}; give another --backend, --kernel or --mode; what each "
            "library lacks: reparam list gaps"
        )
    for line in without:
        note(f"not compared: {line}")
    ctx.exit(_check(cells, rest, cases, snippets, update_ledger, others, where.format, engine))


_COLUMNS: Columns = {
    "kernel": "kernel",
    "backend": "backend",
    "dtype": "dtype",
    "mode": "mode",
    "derivative": "derivative",
    "error": "error",
    "budget": "budget",
    "within": lambda row: "listed" if row["deviation"] == "listed" else "yes" if row["within_budget"] else "NO",
    "worst case": "case",
}


def _of_plugins(ctx: click.Context, engine: Engine) -> Engine:
    """Return the engine on which plug-ins are judged: with a time limit of their own, unless one was given."""
    from harness.plugins.findings import ENGINE

    by_default = ctx.get_parameter_source("time_limit") is click.core.ParameterSource.DEFAULT
    return replace(engine, time_limit=ENGINE.time_limit) if by_default else engine


def _of_packages(
    kernels: Sequence[str], cases: Sequence[str], modes: Sequence[str], where: Where, engine: Engine
) -> tuple[list[Check], list[str]]:
    """Judge the estimators and problems of other packages that were chosen, and return the patterns of such alone."""
    from implementations import entries

    if cases or modes or not entries.anything():
        return [], []
    from harness.plugins import check as judged

    plugins, own = judged.chosen(kernels)
    return judged.judge(plugins, _settings(where, engine)), own


def _settings(where: Where, engine: Engine) -> Settings:
    from harness.backends import chosen
    from harness.plugins.findings import Settings

    backends = tuple(chosen(where.backends)) if where.backends else ()
    return Settings(backends=backends, seed=where.seed, engine=engine)


def _plugins(names: Sequence[str], where: Where, engine: Engine) -> int:
    from harness.plugins import check as judged

    plugins = dict.fromkeys(plugin for name in names for plugin in judged.find(name))
    return _told(judged.judge(list(plugins), _settings(where, engine)), where.format)


def _told(records: Sequence[Check], format_: str) -> int:
    """Print what was found of plug-ins; return the exit status."""
    from harness.console import note, number

    columns: Columns = {
        "plug-in": lambda row: row["kernel"].partition(".")[2],
        "backend": "backend",
        "checked": "derivative",
        "on": "case",
        "error": lambda row: (
            f"{number(row['error'], 2)} of {number(row['budget'], 2)} {row['unit']}" if row["unit"] else ""
        ),
        "passed": "within_budget",
        "why not": "observed",
    }
    print_records(records, columns, format_)
    failed = [record for record in records if not record.within_budget]
    note(f"{len(records)} checks of plug-ins, {len(failed)} failed")
    return 1 if failed else 0


def _check(
    cells: Sequence[Cell],
    kernels: Sequence[str],
    cases: Sequence[str],
    snippets: Path | None,
    update_ledger: bool,
    others: Sequence[Check],
    format_: str,
    engine: Engine,
) -> int:
    from harness.agreement import conformance, plan, verdict
    from harness.agreement.snippet import snippet
    from harness.console import note
    from harness.plugins.check import describe

    with others_printed(_COLUMNS, format_):
        found = conformance.run(cells, kernels, cases, engine)
    shown = plan.worst(found.records) if format_ == "table" else found.records
    print_records([*shown, *others], _COLUMNS, format_)
    for line in conformance.summary(found):
        note(line)
    unsound = [record for record in others if not record.within_budget]
    for record in unsound:
        note(f"Plug-in: {describe(record)}")
    if update_ledger:
        written = verdict.update(found.records, kernels, cases)
        note(f"written: {', '.join(written) or 'nothing, since no library was checked'}")
        return 0
    deviating = [record for record in found.records if record.deviation or not record.within_budget]
    if snippets is not None:
        note(f"{conformance.write_snippets(deviating, snippets)} programs written to {snippets}")
    for record in plan.worst(found.failures)[:SHOWN]:
        note(f"\n{conformance.describe(record)}; worst input {record.worst_input}; reproduce it with:")
        note(f"\n{snippet(record)}")
    return 0 if found.sound and not unsound else 1


def _search(
    kernels: Sequence[str], modes: Sequence[str], seconds: float, everywhere: bool, add: bool, where: Where
) -> int:
    from harness.agreement.snippet import snippet
    from harness.console import note
    from harness.search import command

    options = where.chosen()
    records = command.run(kernels, seconds=seconds, modes=modes, everywhere=everywhere, **options)
    columns: Columns = {
        "kernel": "kernel",
        "backend": "backend",
        "dtype": "dtype",
        "derivative": "derivative",
        "error": "error",
        "budget": "budget",
        "within": "within_budget",
        "compared": "comparisons",
        "worst input": "worst_input",
    }
    print_records(records, columns, where.format)
    outside = [record for record in records if not record.within_budget]
    note(
        f"{len(records)} kernels searched, {sum(r.comparisons for r in records)} numbers, {len(outside)} out of budget"
    )
    for record in outside[:SHOWN]:
        note(f"\n{record.kernel} {record.backend} {record.dtype} {record.derivative}: {record.observed}")
        if record.derivative != "oracle":
            note(f"\n{snippet(record)}")
    if add:
        note(f"{command.add(records, where.seed)} cases added to {command.FILE.name}")
    return 1 if outside else 0


def _generators(where: Where, engine: Engine) -> int:
    from harness.console import note
    from harness.generators import known, plan
    from harness.measure import measure
    from harness.results.schema import Generator

    cells = plan.plan(where.chosen()["backends"], where.dtypes, where.seed, devices=where.devices)
    columns = {name: name for name in plan.COLUMNS}
    with others_printed(columns, where.format):
        records = [record for record in measure(cells, 2, 1, engine, keeps=True) if isinstance(record, Generator)]
    print_records(records, columns, where.format)
    detected = sorted({f"{record.backend} {record.distribution} {record.dtype}: {record.pitfall}"
                       for record in records if record.pitfall})  # fmt: skip
    problems = known.verdict(records)
    note(f"{len(records)} tests, {sum(not record.passed for record in records)} failed, {len(problems)} unexpected")
    for line in [*(f"known defect detected: {name}" for name in detected), *problems]:
        note(line)
    return 1 if problems else 0
