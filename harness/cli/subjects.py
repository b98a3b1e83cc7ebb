"""The commands that measure gradients of a user's own file: measure, compare."""

from __future__ import annotations

import contextlib
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness import errors
from harness.cli.durations import Seconds
from harness.cli.subject_options import LEAST, Asked, asking

if TYPE_CHECKING:
    from harness.measuring.results import Bias, Measurement, Result
    from harness.subjects.subject import Subject

#: Folders whose functions a user did not write.
_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")} | {
    str(Path(errors.__file__).parent), str(Path(errors.__file__).parent.parent / "implementations")
})  # fmt: skip


class SubjectError(click.ClickException):
    """A subject raised: its own frames are printed, then one line."""

    exit_code = 2

    def __init__(self, file: Path, error: BaseException) -> None:
        """Describe an error that was raised below a subject.

        Args:
            file: the user's.
            error: what was raised.
        """
        frames = traceback.extract_tb(error.__traceback__)
        self.frames = [frame for frame in frames if frame.filename == str(file) or _of_a_user(frame.filename)]
        own = [frame for frame in self.frames if frame.filename == str(file)]
        where = f"{file.name}, line {own[-1].lineno}," if own else file.name
        super().__init__(f"{where} raises {type(error).__name__}: {error}")

    def show(self, file: Any = None) -> None:
        """Print them on standard error."""
        click.echo("".join(traceback.format_list(self.frames)), file=file, err=True, nl=False)
        click.echo(f"Error: {errors.one_line(self.message)}", file=file, err=True)


def _of_a_user(filename: str) -> bool:
    return not filename.startswith((*_LIBRARIES, "<"))


def _read(reference: str) -> Subject:
    """Return the subject of a file, whose errors are reported by its own lines."""
    from harness.subjects.from_file import subject_from_file

    return _reporting(reference, subject_from_file(reference))


def _truth(reference: str | None) -> Any:
    from harness.subjects.from_file import truth_from_file
    from harness.subjects.subject import Subject

    truth = None if reference is None else truth_from_file(reference)
    return _reporting(str(reference), truth) if isinstance(truth, Subject) else truth


def _reporting(reference: str, subject: Subject) -> Subject:
    """Return a subject that raises `SubjectError` where it raised anything that is no bad input."""
    file = Path(reference.rpartition(":")[0]).resolve()

    def gradients(seed: int, n: int) -> Any:
        try:
            return subject.gradients(seed, n)
        except (errors.BadInputError, errors.MeasurementError, errors.UndecidedError):
            raise
        except (Exception, SystemExit) as error:  # its status would be taken for that of the command
            raise SubjectError(file, error) from error

    return replace(subject, gradients=gradients)


@contextlib.contextmanager
def _decided() -> Iterator[None]:
    """Run a user's file and measure; what it prints is no record and goes to standard error.

    What cannot be decided ends as bad input does, since other options are needed.
    """
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except errors.UndecidedError as error:
        raise errors.BadInputError(str(error)) from error


def _status(biases: Sequence[Bias]) -> int:
    """Return the exit status: 1 where a bias is found, else 2, with a line, where it is undecided if there is one."""
    from harness.console import note
    from harness.measuring import phrases

    if any(bias.biased for bias in biases):
        return 1
    for bias in biases:
        if not bias.decided:
            hopeless = bias.trusted is False
            fix = (
                "use an estimator of finite variance"
                if hopeless
                else "give a larger --at-most or --replicates, or --detect"
            )
            note(f"Error: {bias.name} is undecided: {phrases.verdict(bias).sentence}; {fix}")
            return 2
    return 0


@click.command()
@click.argument("subject", metavar="FILE.py:NAME")
@asking
@click.pass_context
def measure(ctx: click.Context, subject: str, asked: Asked) -> None:
    """Measure how noisy a gradient of yours is, what it costs and, with --truth, whether it is biased.

    NAME is a subject, a function (seed, n) that returns n independent gradients, each leaf [n, *shape], or a function
    without arguments that returns one, such as what reparam.from_torch makes of a loss. The gradients are measured in
    this process, with a bar on standard error. json and csv have a record per parameter, in which what holds for the
    whole gradient is repeated.

    Exit status 0; 1 where a bias is found; 2 for bad input, where the subject raises an error, and where the question
    cannot be decided within --at-most replicates.

    Example: reparam measure gradients.py:rloo --truth gradients.py:exact --html report.html
    """
    from harness.measuring.bias import bias
    from harness.measuring.measure import measure as measured
    from harness.measuring.measure import require_replicates

    if asked.truth is not None and asked.replicates is not None:
        require_replicates(asked.replicates, LEAST)
    with _decided():
        truth, one = _truth(asked.truth), _read(subject)
        found = measured(one, precision=asked.precision, **asked.size())
        judged = None if truth is None else bias(one, truth, **asked.judging(), **asked.size())
    _print([found] if judged is None else [found, judged], lambda: _records(found, judged), asked.format)
    if asked.html is not None:
        _write(found, asked.html, bias=judged)
    ctx.exit(_status([] if judged is None else [judged]))


@click.command()
@click.argument("subjects", metavar="FILE.py:NAME...", nargs=-1, required=True)
@click.option("--seconds", type=Seconds(), metavar="SECONDS",
              help="Compare the mean squared errors that so much time buys, as in 0.01 or 10ms.")  # fmt: skip
@asking
@click.pass_context
def compare(ctx: click.Context, subjects: Sequence[str], seconds: float | None, asked: Asked) -> None:
    """Compare gradients of yours: which is the least noisy, by how much, and, with --truth, which are biased.

    Each NAME is a subject, a function (seed, n) that returns n independent gradients, each leaf [n, *shape], or a
    function without arguments that returns one. All get the same seeds, so that ratios of variances are paired where
    the noise is shared. All that cannot be distinguished from the best one are marked. json and csv have a record per
    subject.

    Exit status 0; 1 where a bias is found; 2 for bad input, where a subject raises an error, and where the question
    cannot be decided within --at-most replicates.

    Example: reparam compare gradients.py:rloo gradients.py:reinforce --seconds 10ms
    """
    from harness.measuring.compare import compare as compared
    from harness.measuring.compare import require_seconds
    from harness.measuring.measure import require_replicates

    require_seconds(seconds)
    if asked.replicates is not None:
        require_replicates(asked.replicates, LEAST)
    names = _names(subjects)
    how = {"seconds": seconds, "precision": asked.precision} | asked.judging() | asked.size()
    with _decided():
        truth = _truth(asked.truth)
        found = compared({name: _read(reference) for name, reference in names.items()}, truth, **how)
    _print([found], lambda: _rows(found), asked.format)
    if asked.html is not None:
        _write(found, asked.html)
    ctx.exit(_status(list(found.biases.values())))


def _names(references: Sequence[str]) -> dict[str, str]:
    """Return references by the names of their subjects, those of two files that share one by file and name.

    Raises:
        BadInputError: there is one reference only, one twice, or one that is no FILE.py:NAME; no file has run then.
    """
    if len(references) < 2:
        raise errors.BadInputError(
            f"{errors.shown(references[0])} is the only subject; allowed: two or more; reparam measure takes one"
        )
    twice = next((reference for reference in references if references.count(reference) > 1), None)
    if twice is not None:
        raise errors.BadInputError(f"{errors.shown(twice)} is given twice; give each subject once")
    wrong = next((reference for reference in references if not all(reference.rpartition(":"))), None)
    if wrong is not None:
        raise errors.BadInputError(f"{errors.shown(wrong)} names no subject of a file; allowed: FILE.py:NAME")
    short = [reference.rpartition(":")[2] for reference in references]
    return {
        reference if short.count(name) > 1 else name: reference
        for name, reference in zip(short, references, strict=True)
    }


def _records(found: Measurement, judged: Bias | None) -> list[dict[str, Any]]:
    """Return a flat record per parameter, with what holds for the whole gradient."""
    whole = {
        "total_variance": found.total_variance.value,
        "total_variance_low": found.total_variance.low,
        "total_variance_high": found.total_variance.high,
        "signal_to_noise": found.signal_to_noise.value,
        "signal_to_noise_low": found.signal_to_noise.low,
        "signal_to_noise_high": found.signal_to_noise.high,
        "seconds_per_gradient": found.seconds_per_gradient,
        "seconds_alone": found.seconds_alone,
        "replicates": found.replicates,
        "seed": found.seed,
        "tail_shape": found.tail_shape,
        "trusted": found.trusted,
    }
    if judged is not None:
        (row,) = _rows(judged)
        own = {"replicates": "bias_replicates", "trusted": "bias_trusted"}
        whole |= {own.get(key, key): value for key, value in row.items() if key not in {"name", "seed"}}
    return [{"name": found.name} | row | whole for row in _rows(found)]


def _rows(found: Result) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in found.frame().to_dict("records")]


def _print(results: Sequence[Result], records: Callable[[], Sequence[Mapping[str, Any]]], format_: str) -> None:
    """Print results as text, or their records."""
    from harness.console import show

    if format_ == "table":
        click.echo("\n\n".join(str(result) for result in results))
    else:
        show([{key: _flat(value) for key, value in record.items()} for record in records()], {}, format_)


def _flat(value: Any) -> Any:
    """Return a value of a record: a shape as "3 x 4", no NaN."""
    if isinstance(value, tuple):
        return " x ".join(map(str, value))
    return None if value != value else value  # noqa: PLR0124 -- NaN alone differs from itself


def _write(found: Result, path: Path, **named: Any) -> None:
    from harness.console import note
    from harness.measuring import report

    note(f"written: {report.write(found, path, **named)}")
