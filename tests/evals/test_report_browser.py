"""Reports in a real browser, opened from a file: speed, keys, a phone's width, and texts that would do harm.

Needs the packages of the group `browser` and a Chromium on the machine; says so and is skipped where one is missing.
With `PARLO_SCREENSHOTS` set to a directory, what the pages looked like is left there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from evals.datasets import SUITES_DIR, load_suite
from evals.evaluating import Options, evaluate
from evals.report import write_report
from evals.run_directory import RunInfo, RunReader, RunWriter
from evals.scorers import score
from sim.record import ConversationRecord, FinalRows, FinalTask
from sim.story import Story
from tests.chromium import launch, shoot
from tests.evals.test_comparison import BROKEN, many, tell, write
from tests.evals.test_report import HOSTILE, build, tell_good, tell_hostile
from tests.evals.test_report_of_comparison import book, write_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright

for _module in ("playwright", "pytest_playwright"):
    pytest.importorskip(_module, reason="the group `browser` is not installed: ./just group browser")

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PHONE, DESKTOP = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
LIMIT_MS = 20_000


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """The driver; it lives as long as this module's tests, see test_simulate_browser.py."""
    with pytest.importorskip("playwright.sync_api").sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="module")
def browser(playwright: Playwright, browser_type_launch_args: dict[str, Any]) -> Iterator[Browser]:
    """The machine's own Chromium."""
    launched = launch(playwright, browser_type_launch_args)
    yield launched
    launched.close()


@pytest.fixture
def look(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a file. A complaint on the console, a dialog or a request for anything else fails the test."""
    wrong: list[str] = []
    opened: list[Page] = []

    def open_file(path: Path, **options: Any) -> Page:
        page = browser.new_page(**({"viewport": DESKTOP} | options))
        page.set_default_timeout(LIMIT_MS)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if message.type != "log" else None)
        page.on("dialog", lambda dialog: wrong.append(dialog.message))
        page.on("request", lambda request: wrong.append(request.url) if request.url != path.as_uri() else None)
        page.goto(path.as_uri())
        opened.append(page)
        return page

    yield open_file
    for page in opened:
        page.close()
    assert wrong == []


def unfold_all(page: Page) -> None:
    """Open every conversation that is there and wait for what unfolds."""
    page.evaluate("document.querySelectorAll('.cv').forEach((d) => { d.open = true; })")
    until(page, "[...document.querySelectorAll('.cv')].every((d) => d.querySelector('.in').children.length)")


def until(page: Page, expression: str) -> None:
    """Wait until this is true; the page's own policy forbids Playwright's way of waiting."""
    give_up_at = time.monotonic() + LIMIT_MS / 1000
    while not page.evaluate(expression):
        assert time.monotonic() < give_up_at, expression
        page.wait_for_timeout(20)


def measure_width(page: Page) -> int:
    """How wide the page is: more than the window scrolls sideways."""
    width: int = page.evaluate("document.documentElement.scrollWidth")
    return width


def wait_for_titles(page: Page, count: str) -> list[str]:
    """The lines of the list once so many are counted."""
    until(page, f"document.querySelector('#count').textContent === {count!r}")
    titles: list[str] = page.locator(".cv .ti").all_text_contents()
    return titles


@pytest.fixture
def run_page(tmp_path: Path) -> Path:
    """A run with something in every place."""
    broken = tell("rota", BROKEN)
    failed = tell("caída", failure="no database")
    build(tmp_path, tell_good("buena"), broken, failed, tell_hostile(), *many(60))
    return tmp_path / "report.html"


def test_a_strangers_text_runs_nothing_asks_for_nothing_and_stays_in_its_place(
    look: Callable[..., Page], run_page: Path, tmp_path: Path
) -> None:
    """In the report of a run and in that of a comparison, on a phone's width too."""
    story = Story(HOSTILE, eve="customer")
    story.say("eve", HOSTILE)
    story.send("eve", HOSTILE + "W" * 10_000)
    hostile = story.end(tags=(HOSTILE,), title=HOSTILE)
    other = msgspec.structs.replace(hostile, title=HOSTILE, events=hostile.events[:-1])
    pair = write(tmp_path / "a", [hostile]), write(tmp_path / "b", [other])
    write_page(*pair, tmp_path / "c.html", margin=0.03)

    for path in (run_page, tmp_path / "c.html"):
        for viewport in (PHONE, DESKTOP):
            page = look(path, viewport=viewport)
            unfold_all(page)
            assert measure_width(page) <= viewport["width"]
            assert page.locator("img, iframe, object, embed, link, base, form").count() == 0
            assert page.evaluate("document.querySelectorAll('script:not([type])').length") == 1
            assert page.evaluate("getComputedStyle(document.body).direction") == "ltr"


def test_what_is_far_too_long_and_far_too_many_stays_within_the_page(look: Callable[..., Page], tmp_path: Path) -> None:
    """Names, tags, tools and ids of thousands of letters without a gap, and twelve people in one conversation."""
    wide = "W" * 5000
    story = Story(wide, **{f"person{number}": "customer" for number in range(12)})
    story.people["person0"] = type(story.people["person0"])("customer", wide)
    story.say("person0", wide * 2)
    story.call(wide, {wide: wide}, result={"status": wide})
    story.send("person0", wide)
    story.send(wide, "ع" * 5000)
    story.hand_off("active", "person0", reason=wide)
    record = story.end(FinalRows(tasks=[FinalTask(wide, wide)]), tags=(wide, "ع" * 300), title=wide)
    build(tmp_path, record)
    changed = msgspec.structs.replace(record, events=record.events[:-3], final=FinalRows())
    write_page(write(tmp_path / "a", [record]), write(tmp_path / "b", [changed]), tmp_path / "c.html")

    for path in (tmp_path / "report.html", tmp_path / "c.html"):
        for viewport in (PHONE, DESKTOP):
            page = look(path, viewport=viewport)
            unfold_all(page)
            page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
            assert measure_width(page) <= viewport["width"]


def test_conversations_are_found_by_words_tag_scorer_and_outcome(look: Callable[..., Page], run_page: Path) -> None:
    """Words that nobody has unfolded yet, without accents or case; all of the filters together."""
    page = look(run_page)

    page.locator("#q").fill("AGENDADA martes")
    found = wait_for_titles(page, "1 of 64")
    page.locator("#q").fill("")
    wait_for_titles(page, "64 conversations")
    page.get_by_role("button", name="Not run").click()
    failed = wait_for_titles(page, "1 of 64")
    page.get_by_role("button", name="All", exact=True).click()
    wait_for_titles(page, "64 conversations")
    page.locator("#scorer").select_option(label="✗ rule/one-question")
    broken = wait_for_titles(page, "1 of 64")
    page.locator("#tag").select_option(index=1)
    wait_for_titles(page, "0 of 64")
    page.get_by_role("button", name="Show all").click()
    wait_for_titles(page, "64 conversations")

    assert "buena" in found[0]
    assert "caída" in failed[0]
    assert "rota" in broken[0]


def test_every_conversation_is_reached_by_keys(look: Callable[..., Page], run_page: Path) -> None:
    """j and k or arrows from line to line, beyond what is drawn; Enter unfolds, Escape folds, / searches."""
    page = look(run_page)
    focused = "Number(document.activeElement.closest('.cv')?.dataset.n ?? -1)"

    page.keyboard.press("Tab")
    skip = page.evaluate("document.activeElement.className")
    page.keyboard.press("j")
    page.keyboard.press("ArrowDown")
    until(page, f"{focused} === 1")
    page.keyboard.press("Enter")
    page.locator("#c1 .tl").wait_for()
    page.keyboard.press("Escape")
    folded = page.locator("#c1[open]").count()
    page.keyboard.press("k")
    until(page, f"{focused} === 0")
    for number in range(1, 64):
        page.keyboard.press("j")
        until(page, f"{focused} === {number}")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    page.keyboard.press("/")
    searching = page.evaluate("document.activeElement.id")
    page.keyboard.type("rota")
    until(page, "document.querySelectorAll('.cv').length === 1")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    until(page, "document.activeElement.matches('.cv > summary')")

    assert (skip, folded, outline, searching) == ("skip", 0, "solid", "q")


def test_a_link_unfolds_its_conversation_wherever_it_is(look: Callable[..., Page], run_page: Path) -> None:
    """By the conversation's id, and from a verdict to its place on the timeline."""
    last = RunReader(run_page.parent).finished()[-1]
    page = look(run_page)

    page.evaluate(f"location.hash = {last!r}")
    page.locator(f".cv[open] .id:text-is('{last}')").wait_for()
    page.locator("#c2 > summary").click()
    page.locator("#c2 .in > .vd a").first.click()
    page.locator("#c2 .r.flash").wait_for()

    assert measure_width(page) <= DESKTOP["width"]


def test_landmarks_names_and_dark_colours_are_there(look: Callable[..., Page], run_page: Path) -> None:
    """For who hears the page, and for who reads it at night or on paper."""
    page = look(run_page)
    roles = {role: page.get_by_role(role).count() for role in ("main", "banner", "contentinfo", "search")}
    named = page.get_by_role("region", name="Conversations", exact=True).count()
    nameless = page.evaluate("document.querySelectorAll(':is(input, select):not([aria-label])').length")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")

    assert light != dark
    assert (set(roles.values()), named, nameless) == ({1}, 1, 0)
    assert page.locator(".cv").count() == 64, "on paper the whole list"
    assert page.locator(".tools").is_hidden()


def test_a_comparison_is_read_on_a_phone_and_by_keys(look: Callable[..., Page], tmp_path: Path) -> None:
    """Broken ones first; what was said before stands above what is said now."""
    first = write(tmp_path / "a", [*many(30), book("x", 4), tell("y", BROKEN)])
    second = write(tmp_path / "b", [*many(30, c3="A las 9:30 AM."), book("x", 5, twice=True), tell("y")])
    write_page(first, second, tmp_path / "c.html", margin=0.03)
    page = look(tmp_path / "c.html", viewport=PHONE)

    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.locator("#c0 del", has_text="4").first.wait_for()
    boxes = [page.locator("#c0 .sd").nth(place).bounding_box() for place in (0, 1)]
    width = measure_width(page)
    page.get_by_role("button", name="Changed").click()
    until(page, "document.querySelectorAll('.cv').length === 1")

    # not what is drawn: a row that is not near the window has not been drawn yet
    assert page.locator("#c2 .id").text_content() == "c3"
    assert boxes[0] and boxes[1] and boxes[0]["y"] < boxes[1]["y"]
    assert width <= PHONE["width"]


@pytest.mark.replay
def test_a_report_of_a_thousand_conversations_is_small_and_opens_at_once(
    look: Callable[..., Page], server_url: str, tmp_path: Path
) -> None:
    """Those of the core suite, over and over, each with an id of its own; `-s` shows the figures."""
    suite = load_suite(SUITES_DIR / "core")
    evaluate(suite, Options(), server_url=server_url, created="2026-01-12T10:00:00+00:00", directory=tmp_path / "core")
    core = RunReader(tmp_path / "core")
    records = list(core.records())
    with RunWriter(tmp_path / "run", RunInfo(id="r", created="2026-01-12T10:00:00Z", planned=1000)) as writer:
        for number in range(1000):
            record = _rename(records[number % len(records)], number // len(records))
            writer.add(record, score(record))
        writer.finish(1.0)

    started = time.perf_counter()
    path = write_report(tmp_path / "run")
    written_s = time.perf_counter() - started
    page = look(path)
    painted_ms = page.evaluate(_PAINTED)
    drawn = page.locator(".cv").count()
    until(page, "document.querySelector('#fold').textContent.includes('Unfold')")
    opened_ms = page.evaluate(_OPENED)

    size = path.stat().st_size
    print(  # noqa: T201 - figures for docs/workbench.md
        f"\n{size / 1e6:.2f} MB, written in {written_s:.1f} s; "
        f"first paint after {painted_ms:.0f} ms, a conversation opens in {opened_ms:.0f} ms"
    )
    assert {*core.info.splits.values()} == {"dev", "test"}
    assert size <= 5_000_000
    assert drawn <= 100
    assert painted_ms < 2000
    assert opened_ms < 1000


def _rename(record: ConversationRecord, copy: int) -> ConversationRecord:
    return msgspec.structs.replace(record, id=f"{record.id}-{copy}")


_PAINTED = """() => new Promise((resolve) => {
  new PerformanceObserver((list) => {
    const found = list.getEntriesByName("first-contentful-paint")[0];
    if (found) resolve(found.startTime);
  }).observe({ type: "paint", buffered: true });
})"""
_OPENED = """() => new Promise((resolve) => {
  const last = [...document.querySelectorAll(".cv")].at(-1), started = performance.now();
  last.open = true;
  const look = () => last.querySelector(".tl") ? resolve(performance.now() - started) : requestAnimationFrame(look);
  requestAnimationFrame(look);
})"""


def test_pictures_of_both_reports_are_taken_for_who_wants_them(
    look: Callable[..., Page], run_page: Path, tmp_path: Path
) -> None:
    """Phone, desktop, dark: the top, and a conversation unfolded; nothing scrolls sideways."""
    first = write(tmp_path / "a", [*many(30), book("x", 4), tell("y", BROKEN)])
    second = write(tmp_path / "b", [*many(30, c0=BROKEN), book("x", 5, twice=True), tell("y")])
    write_page(first, second, tmp_path / "c.html", margin=0.03)
    for path, name in ((run_page, "run"), (tmp_path / "c.html", "comparison")):
        for viewport, size in ((PHONE, "phone"), (DESKTOP, "desktop")):
            page = look(path, viewport=viewport)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                page.evaluate("scrollTo(0, 0)")
                shoot(page, f"{name}-{size}-{scheme}")
                page.locator("#c1").evaluate("(d) => { d.open = true; d.scrollIntoView(); }")
                page.locator("#c1 .in > *").first.wait_for()
                shoot(page, f"{name}-{size}-{scheme}-open")

            assert measure_width(page) <= viewport["width"]
