"""The Simulate page in a real browser, on everything `parlo up` really runs: handoffs from both phones, and the clock.

Needs the packages of the group `browser` and a Chromium on the machine; says so and is skipped where one is missing.
The options of pytest-playwright work here, for example `--headed --slowmo 300` or `--tracing retain-on-failure`. With
`PARLO_SCREENSHOTS` set to a directory, what the page looked like is left there.
"""

from __future__ import annotations

import fcntl
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import pytest

from runtime.adapters.embedded import choose_redis_url
from sim.databases import borrow_copy
from sim.simulate.forms import READY
from sim.up_record import UpRecord
from tests.chromium import launch, shoot

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright

for _module in ("playwright", "pytest_playwright"):
    pytest.importorskip(_module, reason="the group `browser` is not installed: ./just group browser")

pytestmark = [pytest.mark.integration, pytest.mark.slow]

LIMIT_S = 90.0
LIMIT_MS = 30_000
READING_MS = 2_500
ALERT = "pide hablar con una persona"
ASKING = "quiero hablar con una persona"


# pytest-playwright keeps its driver for the whole session, and with it a running event loop in this thread, in which
# no asynchronous test can run any more: the driver and all that hangs on it live as long as this module's tests


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """The driver."""
    with pytest.importorskip("playwright.sync_api").sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="module")
def browser(playwright: Playwright, browser_type_launch_args: dict[str, Any]) -> Iterator[Browser]:
    """The machine's own Chromium."""
    launched = launch(playwright, browser_type_launch_args)
    yield launched
    launched.close()


@pytest.fixture(scope="module")
def browser_context_args() -> dict[str, Any]:
    """A desktop in Mexico."""
    return {"viewport": {"width": 1280, "height": 900}, "locale": "es-MX", "color_scheme": "light"}


@contextmanager
def _hold(path: Path, how: int) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, how)
        yield


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that all workers of this run of the tests have in common."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "simulate"
    shared.mkdir(exist_ok=True)
    return shared


@pytest.fixture(scope="module")
def up(server_url: str, shared: Path) -> Iterator[UpRecord]:
    """One `parlo up` for every worker that has a test of this module; who started it waits for the others to leave."""
    record, users, starting = shared / "up.json", shared / "users", shared / "starting"
    with _hold(starting, fcntl.LOCK_EX):
        mine = None if record.is_file() else _run_up(server_url, shared)
        found = next(mine) if mine else msgspec.json.decode(record.read_bytes(), type=UpRecord)
        staying = _hold(users, fcntl.LOCK_SH)
        staying.__enter__()
    try:
        yield found
    finally:
        staying.__exit__(None, None, None)
        if mine is not None:
            with _hold(starting, fcntl.LOCK_EX), _hold(users, fcntl.LOCK_EX):
                mine.close()


def _run_up(server_url: str, home: Path) -> Generator[UpRecord, None, None]:
    """`parlo up` with a home, a database and a broker of its own."""
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
def page(context: BrowserContext, up: UpRecord, shared: Path) -> Iterator[Page]:
    """A fresh page, live, and nobody else on `up`: one owner and one clock are there for all.

    Anything its scripts complain about fails the test, but a phone added on another page.
    """
    with _hold(shared / "desk", fcntl.LOCK_EX):
        opened = context.new_page()
        opened.set_default_timeout(LIMIT_MS)
        complaints: list[str] = []
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        opened.goto(up.simulate)
        _expect_live(opened)
        yield opened
        opened.close()
    assert [words for words in complaints if not words.startswith("htmx:oobErrorNoTarget")] == []


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


def test_a_handoff_is_played_from_both_phones_and_the_assistant_comes_back(page: Page, tmp_path: Path) -> None:
    """Asked for, answered, a picture and a voice note across, an aside kept back, ended, and the assistant is back."""
    ana, lupita = _phone(page, "Ana"), _phone(page, "Lupita")
    ended = page.locator("#relevos .relay.ended").count()
    picture = tmp_path / "uñas.png"
    picture.write_bytes(READY["foto"].content)

    _say(ana, ASKING)
    alert = _expect(lupita, ALERT).inner_text()
    offered = page.locator("#relevos .relay.offered", has_text="se le recuerda a Lupita")
    offered.wait_for()
    shoot(page, "relevo-avisada")
    # nobody has read an alert sooner (runtime.answers.hearing)
    page.wait_for_timeout(READING_MS)
    _say(lupita, "Hola Ana, soy Lupita, ¿qué necesitas?")
    _expect(ana, "soy Lupita")
    _attach(ana, picture)
    _say(ana, "¿me las haces así?")
    _expect(lupita, "¿me las haces así?").locator("img").wait_for()
    _send_ready(lupita, "voz")
    ana.locator(".bubble.theirs audio").wait_for()
    _say(lupita, "parlo, ¿qué citas tengo hoy?")
    _expect(lupita, "no se lo mandé a Ana")
    talking = page.locator("#relevos .relay.active", has_text="con Lupita").inner_text()
    shoot(page, "relevo-hablando")
    _say(lupita, "listo")
    page.locator("#relevos .relay.ended").nth(ended).wait_for()
    _say(ana, "¿cuánto cuesta el corte de dama?")
    answer = _expect(ana, "$250")
    answer.locator(".ticks.two, .ticks.blue").wait_for()

    assert "listo" in alert, "the alert says how to end"
    assert re.search(r"1\.ª respuesta", talking)
    assert "1 de la clienta" in talking
    assert ana.locator(".bubble.theirs", has_text="qué citas tengo").count() == 0
    assert _measure_picture(lupita) == 480
    assert round(page.wait_for_function("() => document.querySelector('.theirs audio')?.duration").json_value()) == 3
    assert "lo terminó quien atendía" in page.locator("#relevos .relay.ended").first.inner_text()


def test_half_an_hour_of_silence_passes_with_one_tap_on_the_clock(page: Page) -> None:
    """Everything sees the moved time; a day later only a template reaches the owner, and a tap on it takes."""
    sofia, lupita = _phone(page, "Sofía"), _phone(page, "Lupita")
    window = lupita.locator(".window").first
    _say(sofia, ASKING)
    _expect(lupita, f"Sofía {ALERT}")
    ended = page.locator("#relevos .relay.ended").count()

    page.get_by_role("button", name="+30 min").click()
    page.locator("#relevos .relay.ended").nth(ended).wait_for()
    timed_out = page.locator("#relevos .relay.ended").first.inner_text()
    before = window.inner_text()
    page.get_by_role("button", name="+1 día").click()
    lupita.locator(".window.closed").first.wait_for()
    _say(sofia, "quiero hablar con alguien")
    template = lupita.locator(".bubble", has=page.get_by_role("button", name="Tomar")).last
    template.locator(".chip", has_text="plantilla").wait_for()
    shoot(page, "ventana-cerrada")
    template.get_by_role("button", name="Tomar").click()
    page.locator("#relevos .relay.active", has_text="Sofía").wait_for()
    after = _expect(lupita, "Ya tienes a Sofía").inner_text()
    _say(lupita, "listo")
    page.locator("#relevos .relay.ended").nth(ended + 1).wait_for()

    assert "adelantado 1 d" in page.locator("#reloj").inner_text()
    assert "30 minutos sin respuesta" in timed_out
    assert "abierta hasta" in before
    assert "listo" in after


def _attach(phone: Locator, file: Path) -> None:
    phone.locator("summary[aria-label=Adjuntar]").first.click()
    phone.locator("input[name=foto]").first.set_input_files(file)
    phone.locator(".chosen", has_text=file.name).wait_for()


def _send_ready(phone: Locator, name: str) -> None:
    phone.locator("summary[aria-label=Adjuntar]").first.click()
    phone.locator(f"button[value={name}]").first.click()


def _measure_picture(phone: Locator) -> int:
    """How wide the last picture that arrived is, once it is there."""
    picture = phone.locator(".bubble.theirs img").last
    width: int = picture.evaluate("async picture => { await picture.decode(); return picture.naturalWidth; }")
    return width


def test_a_small_screen_shows_the_same_without_scrolling_sideways(page: Page, up: UpRecord, browser: Browser) -> None:
    """In both colours, a message's details on the large one, and everything on the phone."""
    ana = _phone(page, "Ana")
    _say(ana, "¿cuánto cuesta el gelish?")
    # read is the last that happens to it: nothing under the message is drawn again
    _expect(ana, "$280").locator(".ticks.blue").wait_for()
    ana.locator(".bubble.mine", has_text="gelish").locator(".chips").click()
    page.locator("#detalle .facts", has_text="customer@").wait_for()
    small = browser.new_page(viewport={"width": 390, "height": 844}, locale="es-MX")
    small.goto(up.simulate)
    _expect_live(small)
    widths = [_look_in(scheme, page, small) for scheme in ("light", "dark")]
    small.close()

    assert max(widths) <= 390


def _look_in(scheme: Literal["light", "dark"], large: Page, small: Page) -> int:
    """Show both in these colours, and on the phone a chat and the panel; how wide that is."""
    for page in (large, small):
        page.emulate_media(color_scheme=scheme)
    shoot(large, f"grande-{scheme}")
    small.get_by_role("link", name="Ana").click()
    _phone(small, "Ana").locator(".bubble", has_text="$280").wait_for()
    shoot(small, f"chico-{scheme}")
    width: int = small.evaluate("document.documentElement.scrollWidth")
    small.locator(".to-side").click()
    shoot(small, f"chico-{scheme}-relevos")
    return width


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
