"""The Simulate page in a real browser, on everything `parlo up` really runs: a handoff from both phones, and the clock.

Needs the packages of the group `browser` and a Chromium on the machine; says so and is skipped where one is missing.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from runtime.adapters.embedded import choose_redis_url
from sim.databases import borrow_copy
from sim.up_record import UpRecord

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = [pytest.mark.integration, pytest.mark.slow]

LIMIT_S = 90.0
LIMIT_MS = 30_000
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
QUIETLY = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
ALERT = "pide hablar con una persona"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c4944415408d763a8f8f1030003fc01fcd3d2b36d0000000049454e44ae426082"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The machine's own Chromium."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="the group `browser` is not installed: ./just group browser"
    )
    path = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if path is None:
        pytest.skip("no Chromium on this machine: apt install chromium")
    with playwright.sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=path, args=QUIETLY)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def up(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpRecord]:
    """`parlo up` with a home, a database and a broker of its own."""
    home = tmp_path_factory.mktemp("home")
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw14").removeprefix("gw")) % 15 + 1
    with borrow_copy(server_url, f"parlo_simulate_{os.getpid()}") as url:
        environment = os.environ | {
            "PARLO_HOME": str(home),
            "DATABASE_URL": url,
            "REDIS_URL": f"{choose_redis_url(os.environ).rpartition('/')[0]}/{number}",
            "PARLO_QUIET_S": "0.1",
        }
        environment.pop("OPENAI_API_KEY", None)
        process = subprocess.Popen(
            [sys.executable, "-m", "evals.cli", "up"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            yield _wait_for_record(home / "up.json", process)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(LIMIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for_record(path: Path, process: subprocess.Popen[bytes]) -> UpRecord:
    give_up_at = time.monotonic() + LIMIT_S
    while time.monotonic() < give_up_at:
        if path.is_file():
            return msgspec.json.decode(path.read_bytes(), type=UpRecord)
        assert process.poll() is None, "up ended"
        time.sleep(0.1)
    raise AssertionError(f"up was not ready within {LIMIT_S} s")


@pytest.fixture
def page(browser: Browser, up: UpRecord) -> Iterator[Page]:
    """A fresh page, live; anything its scripts complain about fails the test."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900}, locale="es-MX")
    opened.set_default_timeout(LIMIT_MS)
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.goto(up.simulate)
    _expect_live(opened)
    yield opened
    opened.close()
    assert complaints == []


def _expect_live(page: Page) -> None:
    page.locator("#vivo.on").wait_for(state="attached")


def _phone(page: Page, name: str) -> Locator:
    return page.get_by_role("article", name=f"Teléfono de {name}")


def _say(phone: Locator, text: str) -> None:
    box = phone.get_by_placeholder("Mensaje").first
    box.fill(text)
    box.press("Enter")
    phone.locator(".bubble.mine", has_text=text).last.wait_for()


def _expect(phone: Locator, text: str | re.Pattern[str]) -> Locator:
    """A message of ours on this phone."""
    found = phone.locator(".bubble.theirs", has_text=text).last
    found.wait_for()
    return found


def test_a_handoff_is_played_from_both_phones_and_the_assistant_comes_back(
    page: Page, tmp_path: Path, browser: Browser, up: UpRecord
) -> None:
    """The customer asks for a person, the owner answers, a picture goes out, `listo` ends it."""
    ana, lupita = _phone(page, "Ana"), _phone(page, "Lupita")
    ended = page.locator("#relevos .relay.ended").count()
    picture = tmp_path / "uñas.png"
    picture.write_bytes(PNG)

    _say(ana, "quiero hablar con una persona")
    alert = _expect(lupita, ALERT)
    _say(lupita, "Hola Ana, soy Lupita, ¿qué necesitas?")
    _expect(ana, "soy Lupita")
    ana.locator("summary[aria-label=Adjuntar]").first.click()
    ana.locator("input[name=foto]").first.set_input_files(picture)
    ana.locator(".chosen", has_text="uñas.png").wait_for()
    _say(ana, "¿me las haces así?")
    ana.locator(".bubble.mine img").wait_for()
    _expect(lupita, "¿me las haces así?")
    page.locator("#relevos .relay.active").wait_for()
    _say(lupita, "listo")
    page.locator("#relevos .relay.ended").nth(ended).wait_for()
    _say(ana, "¿cuánto cuesta el corte de dama?")
    answer = _expect(ana, "$250")

    assert "listo" in alert.inner_text(), "the alert says how to end"
    alert.locator(".chip", has_text="aviso").wait_for()
    answer.locator(".ticks.two, .ticks.blue").wait_for()
    ana.locator(".bubble.mine", has_text="cuánto cuesta").locator(".chips").click()
    page.locator("#detalle .facts", has_text="customer@").wait_for()
    page.screenshot(path=tmp_path / "desktop.png")
    before = _texts(page)
    page.reload()
    _expect_live(page)
    assert _texts(page) == before, "a reload shows the same"
    small = browser.new_page(viewport={"width": 390, "height": 844}, locale="es-MX", color_scheme="dark")
    small.goto(up.simulate)
    _expect_live(small)
    small.screenshot(path=tmp_path / "phone.png")
    assert small.evaluate("document.documentElement.scrollWidth") <= 390
    assert _texts(small) == before
    small.close()


def _texts(page: Page) -> list[str]:
    found: list[str] = page.locator(".bubble .text").all_text_contents()
    return found


def test_half_an_hour_of_silence_passes_with_one_tap_on_the_clock(page: Page) -> None:
    """Web, worker and ticker all see the moved time: the ticker ends the handoff, and both are told."""
    sofia, lupita = _phone(page, "Sofía"), _phone(page, "Lupita")
    page.locator("#relevos .relay.active").wait_for(state="detached")
    _say(sofia, "quiero hablar con una persona")
    _expect(lupita, ALERT)
    ended = page.locator("#relevos .relay.ended").count()

    page.get_by_role("button", name="+30 min").click()
    page.get_by_role("button", name="+5 min").click()

    page.locator("#reloj.moved", has_text="adelantado 35 min").wait_for()
    page.locator("#relevos .relay.ended").nth(ended).wait_for()
    page.locator("#relevos", has_text="30 minutos sin respuesta").wait_for()


def test_what_a_person_writes_never_becomes_a_part_of_the_page(page: Page) -> None:
    """The policy would stop a script; the words do not even become an element."""
    ana = _phone(page, "Ana")

    _say(ana, "<img src=x onerror=\"document.title='hacked'\"><script>document.title='hacked'</script>")

    assert page.locator(".bubble .text img, .bubble .text script").count() == 0
    assert "hacked" not in page.title()


def test_a_phone_is_added_a_message_quoted_and_details_put_away_with_the_keyboard(page: Page, up: UpRecord) -> None:
    """Everything has a focus and a name; choices stay after a reload."""
    page.locator(".add summary").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Nombre", exact=True).fill("Brenda")
    page.get_by_label("Número", exact=True).fill("+521 55 2222 3333")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("nuevo=525522223333"))
    _expect_live(page)
    brenda = _phone(page, "Brenda")
    _say(brenda, "¿a qué hora abren?")
    answer = _expect(brenda, "9:00 AM")
    answer.get_by_role("button", name=re.compile("^Responder a")).focus()
    page.keyboard.press("Enter")
    brenda.locator(".quoting blockquote").wait_for()
    _say(brenda, "gracias")
    brenda.locator(".bubble.mine blockquote").wait_for()

    page.locator("#detalles").focus()
    page.keyboard.press("Space")
    page.reload()
    _expect_live(page)

    assert not page.locator("#detalles").is_checked()
    assert brenda.locator(".chips").first.is_hidden()
    assert page.url.startswith(up.simulate)


def test_nothing_on_the_page_is_without_a_name(page: Page) -> None:
    """Every control can be told apart by whoever cannot see it."""
    unnamed: list[Any] = page.evaluate(
        """() => [...document.querySelectorAll('button, input:not([type=hidden]), textarea, summary')]
          .filter(it => !(it.textContent.trim() || it.getAttribute('aria-label') || it.closest('label')
            || (it.labels && it.labels.length))).map(it => it.outerHTML)"""
    )

    assert unnamed == []
