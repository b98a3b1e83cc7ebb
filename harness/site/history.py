"""What the site says of the commits: a section from asv's database, and asv's own pages, where both can be had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from harness.errors import without_folders
from harness.site import asv_pages, commits
from harness.site.page import Section

#: Its page.
TOPIC = "cost"

_MISSING = "asv is not installed, so that the changes over commits are not shown: pip install 'reparam[dev]'"


@dataclass(frozen=True)
class History:
    """What a site has on the commits.

    Attributes:
        section: for the page `TOPIC`; None where there is nothing to say.
        links: file and title of further pages for the menu.
    """

    section: Section | None = None
    links: Sequence[tuple[str, str]] = ()


def told(reason: str) -> Section:
    """Return the section where there is nothing to show."""
    return Section(commits.ANCHOR, commits.TITLE, [reason])


def make(config: Path | None, backends: Sequence[str], output: Path) -> History:
    """Let asv publish its pages into the site, and return what the site says of them.

    Args:
        config: asv.conf.json; None where the site is not of a checkout with a database.
        backends: in the order of their colours.
        output: the site's folder.
    """
    if config is None:
        return History()
    if find_spec("asv") is None:
        return History(told(_MISSING))
    from asv.config import Config
    from asv.util import UserError

    try:
        settings = Config.load(str(config))
        every = commits.read(config.parent / settings.results_dir)
    except UserError as error:
        return History(told(without_folders(str(error))))
    section = commits.section(every, settings.regressions_thresholds, backends)
    failure = asv_pages.publish(config, output)
    if failure:
        return History(section or told(failure))
    return History(section, [(f"{asv_pages.FOLDER}/index.html", "asv")])


def find(root: Path) -> Path | None:
    """Return the asv.conf.json of the checkout that a results folder lies in, where there are results of asv."""
    config = root.resolve().parent / "asv.conf.json"
    return config if config.exists() and (root / "asv" / "benchmarks.json").exists() else None
