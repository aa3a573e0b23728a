"""The report of a run is one safe file that shows everything without a server or the network.

What is packed is unpacked here as the page's script does it; `test_report_browser.py` lets the script do it.
"""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evals.classifying import Labelled, Task, count_up
from evals.classifying import Verdict as Taken
from evals.reading import Reading
from evals.report import write_report
from evals.report.confusion import flatten_confusion, make_matrix
from evals.report.environment import show_bounds, show_percent, show_points
from evals.report.packing import BLOCK_SIZE, ROWS_AT_ONCE, unpack
from evals.report.runs import rank
from evals.report.slices import Slices
from evals.report.text import mark_up, show_json, show_text
from evals.report.timeline import Timeline, show_gap, show_time
from evals.run_directory import RunInfo, RunWriter
from evals.scorers import score
from evals.statistics.distributions import show_p
from evals.statistics.rates import rate_of
from evals.verdicts import Verdict
from sim.record import (
    ConversationRecord,
    Divergence,
    FinalAppointment,
    FinalRows,
    FinalTask,
    SayData,
    SendData,
    SendOrigin,
)
from sim.story import Story

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> \u202eal revés\u202c \x00 '\" &amp; </details> {{7*7}}"
VOID = frozenset({"meta", "input", "br", "link", "img"})
PACKED = re.compile(r'<script type="text/plain"(?: id="(\w+)"| class="block")[^>]*>([^<]*)</script>')


class Page(HTMLParser):
    """Reads a page as a browser would: elements, attributes, texts; notes what is left open."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.stack: list[str] = []
        self.wrong: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.stack and self.stack[-1] == tag:
            self.stack.pop()
        else:
            self.wrong.append(f"</{tag}> in {self.stack[-3:]}")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def find(self, tag: str, css_class: str = "") -> list[dict[str, str | None]]:
        """The attributes of the elements of this tag and class."""
        return [a for t, a in self.elements if t == tag and css_class in [*(a.get("class") or "").split(), ""]]


def tell_hostile() -> ConversationRecord:
    """Everything a stranger can put into a page, in every place where it is shown."""
    story = Story("hostil", eve="customer", lupita="owner")
    story.people["eve"] = type(story.people["eve"])("customer", HOSTILE)
    story.say("eve", HOSTILE)
    story.call(HOSTILE, {"service": HOSTILE}, result={"status": HOSTILE})
    story.send("eve", HOSTILE, status="failed")
    story.say("eve", "ñ" * 5000)
    story.send("eve", "Hola")
    story.say("eve", "👩‍👩‍👧‍👦 مرحبا", media="image/<b>")
    story.add(
        "eve", SayData(sid="SM8", location={"label": HOSTILE}, button={"text": HOSTILE}, contact={"name": HOSTILE})
    )
    story.hand_off("active", "eve", reason=HOSTILE)
    story.send("+525500000009", HOSTILE, SendOrigin.RELAY)
    story.expect(reply={"to": "eve", "contains": [HOSTILE]})
    rows = FinalRows(tasks=[FinalTask(HOSTILE)], appointments=[FinalAppointment(HOSTILE, HOSTILE, HOSTILE, HOSTILE)])
    return story.end(rows, tags=(HOSTILE,), title=HOSTILE, file=f"{HOSTILE}/x.jsonl")


def tell_good(identifier: str) -> ConversationRecord:
    """A booking, with everything the report draws."""
    story = Story(identifier)
    story.say("ana", "quiero un corte mañana a las 4")
    story.ask_model()
    story.book()
    story.send("ana", "¡Listo! Tu cita quedó agendada: martes 13 de enero, 4:00 PM.", status="read")
    story.expect(route="5", tools=[{"name": "book_appointment"}])
    story.wait(1800)
    story.add("parlo", SendData(to="lupita", origin=SendOrigin.ALERT), "Mañana tienes una cita.", after_s=7200)
    return story.end(FinalRows(appointments=[FinalAppointment("ana", "Corte", "Lupita", "2026-01-13T16:00")]))


def build(run: Path, *records: ConversationRecord, limit: int = 1200) -> str:
    """The page of a run with these conversations."""
    info = RunInfo(
        id="r1",
        created="2026-01-12T10:00:00Z",
        planned=9,
        prompts={"customer-v1": "ab12"},
        locks={"booking": "exclusion"},
        splits={record.id: ("dev", "test")[number % 2] for number, record in enumerate(records)},
    )
    writer = RunWriter(run, info)
    for record in records:
        writer.add(record, score(record))
    writer.finish(wall_s=1.0)
    return write_report(run, limit=limit).read_text("utf-8")


def unfold(html: str) -> str:
    """The page with every conversation drawn and unfolded, and nothing packed."""
    index: Any = None
    details: list[str] = []
    for name, packed in PACKED.findall(html):
        found: Any = unpack(packed)
        if name == "index":
            index = found
        elif not name:
            details += found
    rows = [
        row.replace('<div class="in"></div>', f'<div class="in">{detail}</div>')
        for row, detail in zip(index["rows"], details, strict=True)
    ]
    before, after = html.split('<div id="list">')
    after = after[after.index('<p class="none" id="rest"') :]
    return PACKED.sub("", f'{before}<div id="list">{"".join(rows)}</div>{after}')


def test_a_strangers_text_is_text_wherever_it_is_shown(tmp_path: Path) -> None:
    """No element, attribute, template or direction comes out of what people wrote."""
    packed = build(tmp_path, tell_hostile())
    html = unfold(packed)

    page = Page(html)

    assert Page(packed).wrong == Page(packed).stack == []
    assert page.wrong == []
    assert page.stack == []
    assert len(page.find("script")) == 1
    assert page.find("img") == []
    assert not [a for _, a in page.elements for name in a if name.startswith("on")]
    assert "{{7*7}}" in html
    assert not set("\x00\u202e\u202c") & set(html)
    assert html.count("U+202E") > 10


def test_the_page_needs_nothing_from_anywhere(tmp_path: Path) -> None:
    """No address but its own anchors, and a policy that forbids any other script."""
    html = build(tmp_path, tell_good("a"), tell_hostile())

    page = Page(html)
    policy = next(a["content"] or "" for a in page.find("meta") if "http-equiv" in a)
    parts = {tag: html.split(f"<{tag}>")[1].split(f"</{tag}>")[0] for tag in ("script", "style")}

    assert not re.search(r"https?://|src=[\"']|url\(|@import", html)
    assert all((a.get("href") or "#").startswith("#") for _, a in page.elements)
    assert not [a for _, a in Page(unfold(html)).elements if "style" in a]
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none';")
    for tag, text in parts.items():
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_every_link_leads_to_a_place_on_the_page(tmp_path: Path) -> None:
    """A verdict points at the event it is about."""
    page = Page(unfold(build(tmp_path, tell_good("a"), tell_hostile())))

    ids = [a["id"] for _, a in page.elements if "id" in a]
    links = [href[1:] for _, a in page.elements if (href := a.get("href"))]

    assert len(links) > 3
    assert set(links) <= set(ids)
    assert len(ids) == len(set(ids))


def test_a_conversation_shows_people_work_rows_and_verdicts(tmp_path: Path) -> None:
    """Lanes, route, tool with arguments, delivery, gap, final rows, and a reason for each verdict."""
    record = tell_good("buena")
    html = unfold(build(tmp_path, record))

    page = Page(html)
    text = " ".join(" ".join(page.texts).split())

    assert [c["class"] for c in page.find("i", "ll")] == ["ll"] * 3
    for shown in (
        "Ana",
        "Parlo",
        "Lupita",
        "book_appointment",
        "booked",
        "read",
        "The clock goes on 30 min",
        "2 h later",
        "2026-01-13 16:00",
        "System",
        "by the table",
    ):
        assert shown in text
    for verdict in score(record):
        assert verdict.scorer in text
        assert verdict.reason in text


def test_marks_are_told_by_sign_and_word_not_by_colour_alone(tmp_path: Path) -> None:
    """Each mark has a name for who does not see it."""
    page = Page(unfold(build(tmp_path, tell_good("a"), tell_hostile())))

    assert all(a.get("aria-label") or a.get("aria-hidden") for a in page.find("span", "mark"))


def test_a_long_text_is_cut_where_it_is_seen_and_whole_where_it_is_opened() -> None:
    """5,000 characters fold; 10,000 are cut, and the report says so."""
    folded, cut = show_text("a" * 5000), show_text("b" * 10_000)

    assert len(folded.head) == 600
    assert len(folded.head) + len(folded.rest or "") == 5000
    assert cut.left_out == 4000
    assert show_text("corto").rest is None
    assert "more characters in events.jsonl" in show_json({"x": "y" * 9000})


def test_invisible_characters_are_shown_and_emoji_stay_whole() -> None:
    """Joiners inside an emoji are no trick."""
    assert mark_up("a\u200bb") == 'a<span class="ctl">U+200B</span>b'
    assert mark_up("👩‍👧") == "👩‍👧"


def test_the_worst_come_first() -> None:
    """What did not run, what breaks rules, what breaks expectations, what passed."""
    broken = Verdict("route", False, "x")
    rules = Verdict("rule/spanish", False, "x", kind=score(tell_good("a"))[-1].kind)
    failed = score(Story("f").end(failure="gone"))

    order = rank(["good", "broken", "rules", "failed"], {"broken": [broken] * 3, "rules": [rules], "failed": failed})

    assert order == ["failed", "rules", "broken", "good"]


def test_a_run_that_did_not_finish_has_a_report_that_says_so(tmp_path: Path) -> None:
    """What was finished is shown, and how much is missing, while it runs and after."""
    with RunWriter(tmp_path, RunInfo(id="r1", created="2026-01-12T10:00:00Z", planned=9)) as writer:
        writer.add(tell_good("a"), score(tell_good("a")))
        running = write_report(tmp_path).read_text("utf-8")
    interrupted = write_report(tmp_path).read_text("utf-8")

    assert "This run is still running, or was killed: 1 of 9 conversations are here." in running
    assert "This run was interrupted: 1 of 9 conversations are here." in interrupted


def test_past_the_limit_conversations_are_counted(tmp_path: Path) -> None:
    """A huge run stays one file that opens."""
    html = build(tmp_path, *[tell_good(f"c{n}") for n in range(5)], limit=2)

    assert len(Page(html).find("details", "cv")) == 2
    assert "3 more conversations are not drawn here" in html


def test_a_run_of_nothing_has_a_report(tmp_path: Path) -> None:
    """No conversation, no crash."""
    assert "No conversation was finished." in build(tmp_path)


def test_only_the_first_rows_are_drawn_and_all_the_rest_is_packed(tmp_path: Path) -> None:
    """However many there are, the page that opens first is small; nothing is lost."""
    count = ROWS_AT_ONCE + 2 * BLOCK_SIZE

    html = build(tmp_path, *[tell_good(f"c{n}") for n in range(count)])

    assert len(Page(html).find("details", "cv")) == ROWS_AT_ONCE
    assert Page(html).find("div", "tl") == []
    assert len(Page(unfold(html)).find("div", "tl")) == count
    assert len(PACKED.findall(html)) == 2 + -(-count // BLOCK_SIZE)


def test_a_run_is_cut_by_tag_language_and_split_with_intervals(tmp_path: Path) -> None:
    """A property that all have in common makes no table."""
    english = msgspec.structs.replace(tell_good("b"), lang="en-US", tags=["book"])
    html = build(tmp_path, tell_good("a"), english, msgspec.structs.replace(tell_good("c"), tags=["ask"]))

    page = Page(html)
    tables = {label: a for a in page.find("div", "scroll") if (label := a.get("aria-label"))}

    assert {"By tag", "By split", "By language"} <= tables.keys()
    assert "By folder" not in tables
    for shown in ("es-MX", "en-US", "dev", "test", show_bounds(rate_of(2, 2))):
        assert shown in page.texts


def test_a_conversation_that_is_there_several_times_counts_as_one_cluster() -> None:
    """Ten tries of two conversations, all good and all bad, are not ten independent ones."""
    slices, good = Slices(), score(tell_good("a"))
    broken = Verdict("route", False, "x")
    for _ in range(5):
        slices.add("dev", "a", good)
        slices.add("dev", "b", [broken])

    row = slices.rows()[0]

    assert (row.conversations, row.passed, row.rate.n) == (10, 5, 10)
    assert row.rate.high - row.rate.low > rate_of(5, 10).high - rate_of(5, 10).low


def test_routes_and_handoffs_that_were_expected_are_set_against_those_that_were_found(tmp_path: Path) -> None:
    """A count for each expectation; wrong ones off the diagonal, and what share of a row was right."""
    story = Story("a")
    story.say("ana", "hola", route="5")
    story.expect(route="5h")
    story.say("ana", "una persona", route="5")
    story.hand_off("active", "ana")
    story.expect(route="5", handoff="none")

    page = Page(build(tmp_path, story.end()))
    text = " ".join(" ".join(page.texts).split())

    assert "expected ↓ found →, 1 of 2 wrong" in text
    assert "expected ↓ found →, 1 of 1 wrong" in text
    assert [len(page.find("td", css)) for css in ("cr", "cw")] == [1, 2]


def test_what_labelled_messages_were_taken_for_is_a_matrix_too(tmp_path: Path) -> None:
    """A row for what was expected, a column for whatever was found; shades go by the share of the row."""
    pairs = [("end", "end")] * 99 + [("end", "relay")] + [("aside", "relay")] * 2
    rows = [Labelled(n, "listo", label, (), (), {}) for n, (label, _) in enumerate(pairs)]
    classified = count_up(Task.OWNER_INTENT, ("m", "p@1"), rows, [Taken(found, "rules", 0.1) for _, found in pairs])

    matrix = make_matrix("owner-intent", flatten_confusion(classified))
    build(tmp_path, tell_good("a"))
    page = Page(write_report(tmp_path, classified=[classified]).read_text("utf-8"))

    assert matrix.columns == ["aside", "end", "relay"]
    assert [(row.label, [cell.count for cell in row.cells]) for row in matrix.rows] == [
        ("aside", [0, 0, 2]), ("end", [0, 99, 1]),
    ]  # fmt: skip
    assert [cell.shade for cell in matrix.rows[1].cells] == [0, 4, 1]
    assert (matrix.count, matrix.wrong, matrix.rows[1].rate.hits) == (102, 3, 99)
    assert "expected ↓ found →, 3 of 102 wrong" in page.texts


@pytest.mark.parametrize(("t", "place"), [(5.0, 0), (7.0, 1), (99_999.0, -1)])
def test_the_moment_from_which_words_no_longer_fit_is_marked(t: float, place: int) -> None:
    """Above what happened then, or at the end where the replay stopped; with the reason, and what came after."""
    found = Divergence(
        turn=2,
        t=t,
        person="ana",
        rule="other-day",
        reason="Ana says yes to Tuesday",
        evidence="“martes”, and Parlo offered Friday",
        went_on="recorded",
    )

    plain = Timeline(Reading(tell_good("a")), [])
    timeline = Timeline(Reading(msgspec.structs.replace(tell_good("a"), diverged_at=found)), [])

    marks = [row.tone for row in timeline.rows()]
    assert marks[place] == "diverged"
    assert marks.count("diverged") == 1
    assert "diverged" not in [row.tone for row in plain.rows()]
    assert timeline.diverged is not None
    assert timeline.diverged.label == (
        "Diverged, other-day: Ana says yes to Tuesday. “martes”, and Parlo offered Friday"
        " – from here on recorded words answer what was not said"
    )


@pytest.mark.parametrize(
    ("seconds", "shown"), [(5.9, "0:05"), (1930, "32:10"), (3730, "1:02:10"), (90061, "1 d 1:01:01")]
)
def test_times_are_offsets_a_person_can_read(seconds: float, shown: str) -> None:
    """Minutes and seconds, hours and days where there are any."""
    assert show_time(seconds) == shown


def test_gaps_and_rates_read_well() -> None:
    """Round words for long silences; no false precision at the ends."""
    assert [show_gap(s) for s in (1800, 7200, 200_000)] == ["30 min later", "2 h later", "2 days later"]
    assert (show_percent(rate_of(10, 10)), show_percent(rate_of(0, 0))) == ("100 %", "–")
    assert show_bounds(rate_of(10, 10)) == "72.2–100"
    assert [show_points(each) for each in (0.0123, -0.2, -0.0001)] == ["+1.2", "−20.0", "0.0"]
    assert (show_p(0.1254), show_p(0.0004), show_p(0.5, sign=True)) == ("0.125", "< 0.001", "= 0.500")
