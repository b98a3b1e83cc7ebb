"""Subjects and truths by the name of a file and of what is in it: "gradients.py:rloo"."""

from __future__ import annotations

import contextlib
import difflib
import functools
import importlib.machinery
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from harness.errors import BadInputError, one_line, shown
from harness.subjects.subject import Subject

_SUBJECT = "a function (seed, n), or a function without arguments that returns one"

_FORM = "FILE.py:NAME, such as gradients.py:rloo"


def subject_from_file(reference: str) -> Subject:
    """Return the subject that "FILE.py:NAME" refers to.

    Args:
        reference: a file and a name in it: a function (seed, n), or a function without arguments that returns one.
            The file's folder is on `sys.path` while the file and that function run.

    Returns:
        the subject; its name is NAME unless it has one.

    Raises:
        BadInputError: there is no such file or name, it is no subject, or the file raises (with type and line).
    """
    return _subject(reference.rpartition(":")[2], _value(reference))


def _subject(name: str, value: Any) -> Subject:
    """Return what a file's name refers to as a subject."""
    if not callable(value) or isinstance(value, type):
        hint = "; a loss becomes a subject by from_torch, from_jax or from_tensorflow: name what these return"
        raise BadInputError(f"{name!r} is {shown(value)}; allowed: {_SUBJECT}{hint}")
    if not isinstance(value, Subject):
        _require_seed_and_size(name, value)
        return Subject(value, name)
    return value if value.name else replace(value, name=name)


def truth_from_file(reference: str) -> Any:
    """Return the truth that "FILE.py:NAME" refers to: a pytree of numbers, or a subject.

    Args:
        reference: a file and a name in it: a pytree of numbers, a function (seed, n), or a function without arguments
            that returns either.

    Raises:
        BadInputError: there is no such file or name, or the file raises (with type and line).
    """
    value = _value(reference)
    return _subject(reference.rpartition(":")[2], value) if callable(value) else value


def _value(reference: str) -> Any:
    """Return what a reference names; a function without required arguments is called."""
    file, colon, name = reference.rpartition(":")
    if not colon or not file or not name:
        raise BadInputError(f"{shown(reference)} names no subject of a file; allowed: {_FORM}")
    path = Path(file)
    if not path.is_file():
        raise BadInputError(f"there is no file {shown(file)}; allowed: {_FORM}; check the path from this folder")
    status = path.stat()
    with _reporting(path.resolve()), _importable(path.resolve().parent):
        module = _loaded(path.resolve(), status.st_mtime_ns, status.st_size)
        if not hasattr(module, name):
            raise _missing(path, name, module)
        return _made(getattr(module, name))


@functools.lru_cache(maxsize=16)
def _loaded(path: Path, modified: int, size: int) -> ModuleType:
    """Return a file as a module; the file runs once however many of its names are asked for.

    Args:
        path: absolute.
        modified: when the file was; a changed one runs again.
        size: of the file.
    """
    name = f"reparam_file_{path.stem}_{abs(hash((path, modified, size)))}"
    loader = importlib.machinery.SourceFileLoader(name, str(path))
    spec = importlib.util.spec_from_loader(name, loader)
    if spec is None:  # no loader of source code says so
        raise ImportError(f"{path} is not a module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look a class's module up
    try:
        loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _made(value: Any) -> Any:
    """Return a value, or what it returns where it is a function without required arguments."""
    return value() if callable(value) and _required(value) == 0 else value


def _required(function: Callable[..., Any]) -> int | None:
    """Return how many positional arguments a call must give; None where the signature is not known."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return None
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(parameter.kind in positional and parameter.default is parameter.empty for parameter in parameters)


def _require_seed_and_size(name: str, function: Callable[..., Any]) -> None:
    """Raise where a function cannot be called as (seed, n)."""
    try:
        inspect.signature(function).bind(0, 1)
    except TypeError as error:
        raise BadInputError(f"{name!r} takes {inspect.signature(function)}; allowed: {_SUBJECT}") from error
    except ValueError:  # a function of C has no signature; its call will show
        return


@contextlib.contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Put a folder first on `sys.path` inside."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # the file may have removed it
            sys.path.remove(str(folder))


@contextlib.contextmanager
def _reporting(path: Path) -> Iterator[None]:
    """Raise what a file raises as bad input, with its type and the file's line."""
    try:
        yield
    except BadInputError as error:
        line = _line(path, error)
        raise BadInputError(f"{path.name}, line {line}: {error}" if line else str(error)) from error
    except (Exception, SystemExit) as error:
        where = f"{path.name}, line {_line(path, error)}" if _line(path, error) else path.name
        raise BadInputError(one_line(f"{where} raises {type(error).__name__}: {error}")) from error


def _line(path: Path, error: BaseException) -> int | None:
    """Return the last line of the file that an error passed through; None where it passed through none."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return lines[-1] if lines else None


def _missing(path: Path, name: str, module: ModuleType) -> BadInputError:
    """Return the error for a name that a file does not have, with the nearest names of its functions and values."""
    own = [key for key, value in vars(module).items() if not key.startswith("_") and not inspect.ismodule(value)]
    near = difflib.get_close_matches(name, own, n=3, cutoff=0.4) or own[:8]
    nearest = f"the nearest: {', '.join(near)}" if near else "it defines no name"
    return BadInputError(f"{path.name} has no {shown(name)}; {nearest}")
