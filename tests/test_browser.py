"""The site in a real browser: headless Chromium, driven by Playwright, on pages built from synthetic records.

Each check is a function that returns what it finds amiss on a page, so that it can be shown to find a planted fault.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import site_records

from harness.site.build import build
from harness.site.pages import OVERVIEW, TOPICS
from harness.site.text import slug

HOW = (
    "apt-get install chromium, or name a Chromium or Chrome in REPARAM_BROWSER; pip install -c constraints.txt "
    "-e '.[dev]' has the rest"
)
BROWSER = os.environ.get("REPARAM_BROWSER") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
if BROWSER is None:
    pytest.skip(f"no browser found: {HOW}", allow_module_level=True)
playwright = pytest.importorskip("playwright.sync_api", reason=f"no Playwright: {HOW}")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason=f"no axe: {HOW}").Axe()

#: The page of a run is that of the run that tries to be markup.
HOSTILE = f"run-{slug(site_records.HOSTILE)}.html"
FILES = (OVERVIEW.file, *(topic.file for topic in TOPICS), HOSTILE)
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}

#: Texts of a chart that lie on the paper of its card, not on marks.
CHART_TEXTS = ".role-axis-label text, .role-axis-title text, .role-legend-label text, .role-title-text text"


@dataclass
class Visit:
    """A page that is open, with what it has complained of and asked for since.

    Attributes:
        page: Playwright's.
        complaints: warnings and errors of the console, errors that no script caught, dialogs.
        requests: addresses.
    """

    page: Any
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


def visit(context: Any, address: str) -> Visit:
    """Open an address and wait until its charts are shown."""
    seen = Visit(context.new_page())
    seen.page.on("request", lambda request: seen.requests.append(request.url))
    seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    seen.page.on("console", lambda said: said.type in {"warning", "error"} and seen.complaints.append(said.text))
    seen.page.on("dialog", lambda dialog: (seen.complaints.append(f"dialog {dialog.message}"), dialog.dismiss()))
    seen.page.goto(address)
    seen.page.wait_for_function(
        "!document.querySelector('figure') || document.documentElement.dataset.charts === 'shown'"
    )
    return seen


def complaints(seen: Visit) -> list[str]:
    """What the page complained of, and what it asked for beyond this machine."""
    return seen.complaints + [url for url in seen.requests if not url.startswith(("file:", "data:"))]


def undrawn(seen: Visit) -> list[str]:
    """Figures without a chart."""
    return seen.page.evaluate("""() => [...document.querySelectorAll("figure")]
        .filter((figure) => !(figure.querySelector("svg")?.getBoundingClientRect().width > 0))
        .map((figure) => figure.id)""")


def movement(seen: Visit) -> float:
    """How much of the window moved while nobody touched it, in the units of Web Vitals."""
    return seen.page.evaluate("""() => new Promise((answer) => {
        let sum = 0;
        new PerformanceObserver((list) => list.getEntries().forEach((entry) => {
            sum += entry.hadRecentInput ? 0 : entry.value;
        })).observe({ type: "layout-shift", buffered: true });
        setTimeout(() => answer(sum), 100);
    })""")


def wide(seen: Visit) -> list[str]:
    """What sticks out of a window as narrow as a phone, unless it scrolls in a box of its own."""
    seen.page.set_viewport_size(PHONE)
    found: list[str] = seen.page.evaluate("""() => {
        const root = document.documentElement;
        if (root.scrollWidth <= root.clientWidth) return [];
        const boxed = (element) => element.parentElement &&
            (getComputedStyle(element.parentElement).overflowX !== "visible" || boxed(element.parentElement));
        return [...document.body.querySelectorAll("*")]
            .filter((element) => element.getBoundingClientRect().right > root.clientWidth && !boxed(element))
            .map((element) => element.outerHTML.slice(0, 200));
    }""")
    seen.page.set_viewport_size(DESKTOP)
    return found


def barriers(seen: Visit, **options: Any) -> list[str]:
    """What axe calls serious or critical."""
    found = axe.run(seen.page, options={"resultTypes": ["violations"], "preload": False} | options)
    return [
        f"{rule['id']}: {rule['help']}: {node['html'][:200]}"
        for rule in found.response["violations"]
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
    ]


def faint(seen: Visit) -> list[str]:
    """Texts of charts with a contrast below 4.5, WCAG's least for small text, against the card they lie on."""
    return seen.page.evaluate(
        """(texts) => {
        const light = (colour) => {
            const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255)
                .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
        };
        return [...document.querySelectorAll("figure")].flatMap((figure) => {
            const card = light(getComputedStyle(figure).backgroundColor);
            return [...figure.querySelectorAll(texts)].filter((text) => {
                const ink = light(getComputedStyle(text).fill);
                return Math.max(ink, card) / Math.min(ink, card) < 4.5;
            }).map((text) => `${figure.id}: ${text.textContent}`);
        });
    }""",
        CHART_TEXTS,
    )


def nameless(seen: Visit) -> list[str]:
    """What takes the focus and has no name in the browser's accessibility tree."""
    tree = seen.page.context.new_cdp_session(seen.page).send("Accessibility.getFullAXTree")["nodes"]

    def focusable(node: dict[str, Any]) -> bool:
        facts = {fact["name"]: fact["value"].get("value") for fact in node.get("properties", [])}
        return bool(facts.get("focusable")) and node["role"]["value"] != "RootWebArea"

    return [
        node["role"]["value"]
        for node in tree
        if not node["ignored"] and focusable(node) and not node.get("name", {}).get("value", "").strip()
    ]


def stops(seen: Visit) -> Iterator[dict[str, Any]]:
    """Press Tab through the page, once around: what has the focus, whether it shows, and whether it is in sight."""
    while True:
        seen.page.keyboard.press("Tab")
        stop = seen.page.evaluate("""() => {
            const element = document.activeElement;
            window.visited ??= new Set();
            if (element === document.body || window.visited.has(element)) return null;
            window.visited.add(element);
            const style = getComputedStyle(element);
            const box = element.getClientRects()[0];
            const x = (Math.max(box.left, 0) + Math.min(box.right, innerWidth)) / 2;
            const y = (Math.max(box.top, 0) + Math.min(box.bottom, innerHeight)) / 2;
            const there = document.elementFromPoint(x, y);
            return {
                html: element.outerHTML.slice(0, 200),
                target: element.getAttribute("href"),
                ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
                seen: Boolean(there) && (element.contains(there) || there.contains(element)),
            };
        }""")
        if stop is None:
            return
        yield stop


def unseen(seen: Visit) -> list[str]:
    """Stops of the Tab key whose focus is not seen: no ring, out of the window, or covered."""
    return [stop["html"] for stop in stops(seen) if not (stop["ring"] and stop["seen"])]


def darkness(seen: Visit) -> str:
    """Whether the page is light or dark, by the mean of its background's channels."""
    channels: list[int] = seen.page.evaluate(
        "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
    )
    return "dark" if sum(channels) < 3 * 64 else "light" if sum(channels) > 3 * 192 else "neither"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = [site_records.run(), site_records.hostile(started="2025-05-01T00:00:00+00:00")]
    return build(runs, tmp_path_factory.mktemp("site")).parent


@pytest.fixture(scope="module")
def context() -> Iterator[Any]:
    """A browser without a network and without smooth scrolling."""
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser.new_context(viewport=DESKTOP, color_scheme="light", reduced_motion="reduce", offline=True)
        browser.close()


@pytest.fixture(scope="module", params=FILES)
def light(site: Path, context: Any, request: pytest.FixtureRequest) -> Iterator[Visit]:
    seen = visit(context, (site / request.param).as_uri())
    yield seen
    seen.page.close()


@pytest.fixture
def dark(light: Visit) -> Iterator[Visit]:
    """The same page, after the scheme has changed under it."""
    light.page.emulate_media(color_scheme="dark")
    yield light
    light.page.emulate_media(color_scheme="light")


def test_the_page_stands_still_while_charts_take_the_place_of_pictures(light: Visit) -> None:
    assert movement(light) < 0.1  # what Web Vitals call good


def test_tab_reaches_the_skip_link_then_the_menu_and_everything_with_a_focus_that_is_seen(light: Visit) -> None:
    found = list(stops(light))
    assert [stop["target"] for stop in found[: 2 + len(TOPICS)]] == ["#main", *FILES[:-1]]
    assert [stop["html"] for stop in found if not (stop["ring"] and stop["seen"])] == []


def test_what_takes_the_focus_has_a_name(light: Visit) -> None:
    assert nameless(light) == []


def test_every_figure_is_drawn_and_its_texts_are_read_in_light(light: Visit) -> None:
    assert undrawn(light) == []
    assert faint(light) == []
    assert darkness(light) == "light"


def test_nothing_sticks_out_on_a_phone(light: Visit) -> None:
    assert wide(light) == []


def test_axe_finds_no_barrier_in_light(light: Visit) -> None:
    assert barriers(light) == []


def test_what_turns_dark_is_read_too(dark: Visit) -> None:
    assert darkness(dark) == "dark"
    assert faint(dark) == []
    assert barriers(dark, runOnly=["color-contrast"]) == []  # no other rule is about colour


def test_a_dark_page_is_printed_light_without_its_menu(dark: Visit) -> None:
    assert dark.page.locator("header.top").is_visible()
    dark.page.emulate_media(media="print")
    assert not dark.page.locator("header.top").is_visible()
    assert darkness(dark) == "light"
    assert faint(dark) == []
    dark.page.emulate_media(media="screen")


def test_a_page_asks_for_nothing_beyond_this_machine_and_complains_of_nothing(light: Visit) -> None:
    assert complaints(light) == []
    assert len(light.requests) >= 2


def in_place(seen: Visit, anchor: str) -> bool:
    """Whether a section's heading is in the upper half of the window, below the menu, or the page ends before."""
    return seen.page.evaluate(
        """(anchor) => {
        const top = document.getElementById(anchor).getBoundingClientRect().top;
        const menu = document.querySelector("header.top").getBoundingClientRect().bottom;
        const end = scrollY + innerHeight >= document.documentElement.scrollHeight - 40; // charts may outgrow stills
        return top >= menu - 1 && (top < innerHeight / 2 || (end && top < innerHeight));
    }""",
        anchor,
    )


@pytest.mark.parametrize("number", range(3))
def test_show_me_leads_from_the_overview_to_the_section(site: Path, context: Any, number: int) -> None:
    seen = visit(context, (site / OVERVIEW.file).as_uri())
    link = seen.page.get_by_text("Show me").nth(number)
    target = link.get_attribute("href")
    link.click()
    seen.page.wait_for_url(f"**/{target}")
    seen.page.wait_for_function("document.documentElement.dataset.charts === 'shown'")
    assert in_place(seen, target.partition("#")[2])
    seen.page.close()


@pytest.mark.parametrize("file", FILES)
def test_an_address_with_an_anchor_scrolls_to_its_section(site: Path, context: Any, file: str) -> None:
    anchor = re.findall(r'<(?:section|figure) id="([^"]+)"', (site / file).read_text("utf-8"))[-1]
    seen = visit(context, f"{(site / file).as_uri()}#{anchor}")
    assert in_place(seen, anchor)
    seen.page.close()


def test_a_record_that_tries_to_be_markup_is_shown_as_text(site: Path, context: Any) -> None:
    seen = visit(context, (site / HOSTILE).as_uri())
    assert site_records.HOSTILE in seen.page.locator("h1").inner_text()
    assert seen.page.locator("img[src=x], main script:not(.spec)").count() == 0
    shown = seen.page.locator("figure svg text").all_text_contents()
    assert any("<script>" in text for text in shown)
    seen.page.locator("figure svg .mark-rect path, figure svg .mark-symbol path").first.hover(force=True)
    assert "<script>" in seen.page.locator("#vg-tooltip-element").inner_text()
    assert complaints(seen) == []
    seen.page.close()


ENTRIES = "document.querySelectorAll('.entry:not([hidden])').length"


def test_a_deep_link_opens_its_entry_whatever_the_filter_hides(site: Path, context: Any) -> None:
    seen = visit(context, f"{(site / 'rosetta.html').as_uri()}#gumbel.gumbel_softmax")
    page = seen.page
    assert page.locator("details[open]").evaluate_all("(open) => open.map((entry) => entry.id)") == [
        "gumbel.gumbel_softmax"
    ]
    assert in_place(seen, "gumbel.gumbel_softmax")
    everything = page.evaluate(ENTRIES)
    page.get_by_label("Find").fill("entropy normal")
    assert page.evaluate(ENTRIES) == 1
    assert page.get_by_text(f"1 of {everything} shown").is_visible()
    page.evaluate("location.hash = 'gaussian.cdf'")
    page.wait_for_function("document.getElementById('gaussian.cdf').open")
    assert page.evaluate(ENTRIES) == everything
    assert page.evaluate("document.activeElement.parentElement.id") == "gaussian.cdf"
    assert in_place(seen, "gaussian.cdf")
    assert barriers(seen) == []
    assert wide(seen) == []
    assert complaints(seen) == []
    page.close()


def test_every_entry_can_be_read_without_a_script(site: Path, context: Any) -> None:
    plain = context.browser.new_context(viewport=DESKTOP, java_script_enabled=False, offline=True)
    page = plain.new_page()
    page.goto((site / "rosetta.html").as_uri())
    assert not page.get_by_label("Find").is_visible()
    assert page.locator(".entry > summary:visible").count() == page.locator(".entry").count()
    page.locator("[id='gumbel.cdf'] > summary").press("Enter")
    assert page.get_by_label("gumbel.cdf in torch", exact=True).is_visible()
    plain.close()


FAULTS: dict[str, tuple[str, Callable[[Visit], list[str]]]] = {
    "a picture from elsewhere": ('<img src="https://example.org/a.png" alt="a">', complaints),
    "an error in a script": ("<script>nowhere()</script>", complaints),
    "a warning in the console": ("<script>console.warn('a')</script>", complaints),
    "a dialog": ("<script>alert(1)</script>", complaints),
    "a figure without a chart": ("<figure id='a'></figure><script>document.documentElement.dataset.charts = 'shown'"
                                 "</script>", undrawn),
    "a box wider than a phone": ('<p style="width: 400px">a</p>', wide),
    "a button without a name": ("<button></button>", nameless),
    "a field without a label": ("<input>", barriers),
    "a text that is hardly seen": ('<p style="color: #999999; background: #ffffff">hardly</p>', barriers),
    "a chart's text that is hardly seen": ('<figure style="background: white"><svg><g class="role-axis-label">'
                                           '<text fill="#999999">a</text></g></svg></figure><script>document'
                                           ".documentElement.dataset.charts = 'shown'</script>", faint),
    "a focus without a ring": ('<a href="#main" style="outline: none">a</a>', unseen),
    "a focus out of the window": ('<a href="#main" style="position: fixed; left: -100vw">a</a>', unseen),
    "a focus under the menu": ('<a href="#main" style="position: fixed; top: 0; left: 0; z-index: 1">a</a>', unseen),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(site: Path, context: Any, fault: str) -> None:
    planted, check = FAULTS[fault]
    sound = (site / "method.html").read_text("utf-8")
    (site / "planted.html").write_text(sound.replace("</main>", f"{planted}</main>"), "utf-8")
    seen = visit(context, (site / "planted.html").as_uri())
    assert check(seen)
    seen.page.close()
