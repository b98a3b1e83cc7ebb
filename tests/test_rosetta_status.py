"""Rosetta: what is said of the sources follows the records."""

from __future__ import annotations

import subprocess
from pathlib import Path

import msgspec
import numpy as np
import pytest
import site_records
from rosetta_records import changed, checks_of

from harness.results import provenance
from harness.results.run import Run
from harness.results.schema import Check
from harness.site import rosetta, subjects


def test_status_words_follow_the_records() -> None:
    checks = [
        msgspec.structs.replace(check, error=8.0 * 0.4 / (1 + count), budget=8.0)
        for count, check in enumerate(checks_of("gaussian.cdf", "torch"))
    ]
    assert rosetta.status([]) == rosetta.Status("not measured", "plain")
    good = rosetta.status(checks)
    assert (good.words, good.state, good.detail) == (
        "within budget, worst 0.4 of it",
        "good",
        "8 checks in float32 and float64",
    )
    for error, budget, words in (
        (12.0, 8.0, "fails 1 of 8 checks, worst 1.5 of its budget"),
        (None, 8.0, "fails 1 of 8 checks, worst not finite"),
        (1.0, 0.0, "fails 1 of 8 checks, where no error is allowed"),
    ):
        bad = msgspec.structs.replace(checks[3], error=error, budget=budget, within_budget=False)
        found = rosetta.status([*checks[:3], bad, *checks[4:]])
        assert (found.words, found.state) == (words, "bad")
        assert "ledger" not in found.detail
        listed = msgspec.structs.replace(bad, deviation="listed")
        assert rosetta.status([*checks[:3], listed]).detail.endswith("all known, in its ledger")


def test_the_page_shows_the_status_of_each_backend() -> None:
    records = changed(site_records.checks(np.random.default_rng(1)), "gumbel.log_prob", error=2.0, within_budget=True)
    failing = [r for r in records if isinstance(r, Check) and (r.kernel, r.backend) == ("gumbel.log_prob", "jax")]
    records[records.index(failing[0])] = msgspec.structs.replace(failing[0], error=80.0, within_budget=False)
    found = rosetta.measured([Run("r", site_records.PROVENANCE, records)])
    entry = rosetta.entry(subjects.subjects()["gumbel.log_prob"], found)
    states = {column.backend: column.status.words for column in entry.columns}
    assert states["torch"] == states["tensorflow"] == "within budget, worst 0.25 of it"
    assert states["jax"] == "fails 1 of 8 checks, worst 10 of its budget"
    assert entry.status.words == "fails 1 of 24 checks, worst 10 of its budget"
    assert {column.status.words for column in entry.libraries} == {"not measured"}
    other = rosetta.entry(subjects.subjects()["estimators.dreg"], found)
    assert {column.status.words for column in other.columns} == {"not measured"}
    assert other.times.rows == []


def test_the_latest_run_that_has_checks_counts() -> None:
    old = changed(site_records.checks(np.random.default_rng(1)), "gumbel.cdf", error=80.0, within_budget=False)
    runs = [Run("newest", {}, []), Run("new", {}, checks_of("gaussian.cdf", "jax")), Run("old", {}, old)]
    found = rosetta.measured(runs)
    assert {check.kernel for check in found.checks} == {"gaussian.cdf"}
    assert found.notes[0] == "Agreement is of run new."
    timed = Run("timed", {"started": "2025"}, site_records.times(np.random.default_rng(1)))
    found = rosetta.measured([timed, *runs])
    assert found.notes[0] == "Agreement is of run new. Times are of run timed, 2025."
    assert [note.split(" measured ")[0] for note in found.notes[1:]] == ["Run new", "Run timed"]


def test_times_are_the_medians_of_the_largest_size() -> None:
    times = site_records.times(np.random.default_rng(2))
    entry = rosetta.entry(subjects.subjects()["gaussian.cdf"], rosetta.measured([Run("r", {}, times)]))
    assert entry.times.caption == "Median time of one call of gaussian.cdf, 100,000 elements"
    assert entry.times.columns == ("call", "torch", "jax", "tensorflow")
    assert [row[0] for row in entry.times.rows] == [
        f"cpu float32, {mode}, {what}" for mode in ("eager", "compiled") for what in ("forward", "forward + backward")
    ]
    assert all(cell.endswith("µs") for row in entry.times.rows for cell in row[1:])


def test_whether_the_sources_are_those_that_were_measured_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = site_records.checks(np.random.default_rng(3))

    def notes(**facts: object) -> str:
        return " ".join(rosetta.measured([Run("r", site_records.PROVENANCE | facts, checks)]).notes)

    here = provenance.source_digest()
    assert "The sources shown are those that run r measured." in notes(source=here)
    said = notes(source="0" * 16)
    assert "Run r measured commit 0123456789ab; the sources shown are of this checkout." in said
    assert "not known here" in said
    monkeypatch.setattr(provenance, "changed_since", lambda _: frozenset())
    assert "no file of implementations has changed" in notes()
    assert "with changes that were not committed" in notes(dirty=True)
    monkeypatch.setattr(provenance, "changed_since", lambda _: frozenset({"implementations/jax/gumbel.py"}))
    found = rosetta.measured([Run("r", site_records.PROVENANCE, checks)])
    assert "whose file has changed since is marked" in found.notes[1]
    entry = rosetta.entry(subjects.subjects()["gumbel.log_prob"], found)
    assert {column.backend: column.changed for column in entry.columns} == {
        "torch": False,
        "jax": True,
        "tensorflow": False,
    }
    unmeasured = rosetta.entry(subjects.subjects()["gumbel.cdf"], found)
    assert not any(column.changed for column in unmeasured.columns)


def test_changed_files_are_those_that_git_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        done = subprocess.run(["git", *identity, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    folder = tmp_path / "implementations"
    folder.mkdir()
    for name in ("kept", "edited", "gone"):
        (folder / f"{name}.py").write_text(name)
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    revision = git("rev-parse", "HEAD")
    monkeypatch.setattr(provenance, "_ROOT", tmp_path)
    assert provenance.changed_since(revision) == frozenset()
    (folder / "edited.py").write_text("otherwise")
    (folder / "gone.py").unlink()
    (folder / "new.py").write_text("new")
    names = {f"implementations/{name}.py" for name in ("edited", "gone", "new")}
    assert provenance.changed_since(revision) == names
    for unknown in ("", "HEAD", "f" * 40, "--output=x", git("rev-parse", "HEAD^{tree}")):
        assert provenance.changed_since(unknown) is None
