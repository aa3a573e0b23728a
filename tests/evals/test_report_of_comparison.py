"""The report of a comparison: the verdict, the figures, and each turn that changed beside what it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.cli import run
from evals.comparing.comparison import compare_runs
from evals.report import write_comparison
from evals.report.wording import mark_changes
from evals.run_directory import RunReader
from evals.statistics.gate import decide_gate
from sim.record import ConversationRecord, FinalAppointment, FinalRows
from sim.story import Story
from tests.evals.test_comparison import BROKEN, many, tell, write
from tests.evals.test_report import HOSTILE, Page, unfold


def write_page(first: Path, second: Path, path: Path, margin: float | None = None) -> str:
    """The page of these runs, gated where there is a margin."""
    found = compare_runs(RunReader(first), RunReader(second))
    decision = None
    if margin is not None:
        decision = decide_gate(
            found.pass_rate, margin, broken_must_pass=found.broken_must_pass, incomparable=found.incomparable
        )
    return write_comparison(found, path, decision=decision, margin=margin).read_text("utf-8")


def book(name: str, hour: int, *, twice: bool = False) -> ConversationRecord:
    """A booking at this hour of the afternoon; two questions more break a rule."""
    story = Story(name)
    story.say("ana", "quiero un corte mañana")
    story.book(f"martes 13 de enero, {hour}:00 PM")
    story.send("ana", f"¡Listo! Tu cita quedó agendada: martes 13 de enero, {hour}:00 PM." + BROKEN * twice)
    starts_at = f"2026-01-13T{hour + 12}:00"
    return story.end(FinalRows(appointments=[FinalAppointment("ana", "Corte", "Lupita", starts_at)]))


def text_of(page: Page) -> str:
    """All its words."""
    return " ".join(" ".join(page.texts).split())


def test_broken_turns_stand_beside_what_they_were(tmp_path: Path) -> None:
    """Words, arguments and final rows before and now; broken ones first, with the reason."""
    first = write(tmp_path / "a", [*many(12), book("x", 4), tell("y", BROKEN)])
    second = write(tmp_path / "b", [*many(12), book("x", 5, twice=True), tell("y")])

    html = unfold(write_page(first, second, tmp_path / "c.html"))

    page = Page(html)
    shown = text_of(page)
    assert (page.wrong, page.stack) == ([], [])
    assert [code.split("<")[0] for code in html.split('<code class="id">')[1:]] == ["x", "y"]
    assert "1 broken, 1 fixed of 14" in shown
    assert "<del>4</del>" in html and "<ins>5</ins>" in html
    assert "rule/one-question" in shown and "now wrong" in shown and "no longer wrong" in shown
    assert "before Ana Corte Lupita 2026-01-13 16:00" in shown
    assert "now Ana Corte Lupita 2026-01-13 17:00" in shown
    assert "passed → broken" in shown


def test_the_figures_say_how_sure_it_is_and_what_would_settle_it(tmp_path: Path) -> None:
    """The paired interval, the discordant pairs, McNemar's p, and how many more it takes."""
    first = write(tmp_path / "a", many(40))
    second = write(tmp_path / "b", many(40, c5=BROKEN, c7=BROKEN))

    page = Page(write_page(first, second, tmp_path / "c.html", margin=0.03))

    shown = text_of(page)
    assert "INCONCLUSIVE" in shown
    assert "further conversations like these would settle it" in shown
    assert "Difference, paired −5.0 points, 95 % interval" in shown
    assert "2 passed and broke, 0 were broken and pass, of 40" in shown
    assert "p = 0.500 two-sided, 0.250 for worse" in shown
    assert "a difference like this one takes about" in shown
    assert "Before 40/40" in shown and "Now 38/40" in shown
    assert len(page.find("svg", "scale")) == 1


def test_a_verdict_and_what_must_pass_come_first(tmp_path: Path) -> None:
    """With the tags, corrected for their number, and what differs between the two runs."""
    first = write(tmp_path / "a", many(20), prompts={"customer@1": "a" * 64})
    second = write(tmp_path / "b", many(20, c0=BROKEN), prompts={"customer@2": "b" * 64})

    html = write_page(first, second, tmp_path / "c.html", margin=0.03)

    shown = text_of(Page(html))
    assert shown.index("BLOCK") < shown.index("Must pass and broke:")
    assert "ask 20 1 0 −5.0 1.000" in shown
    assert "Prompt customer customer@1 aaaaaaaaaaaa customer@2 bbbbbbbbbbbb" in shown
    assert len(Page(html).find("tr", "diff")) == 1


def test_runs_that_are_not_comparable_or_empty_have_a_page_that_says_so(tmp_path: Path) -> None:
    """Nothing to compare is no crash."""
    first = write(tmp_path / "a", many(1))
    second = write(tmp_path / "b", [], suite_hash="b" * 64)

    shown = text_of(Page(write_page(first, second, tmp_path / "c.html", margin=0.03)))

    assert "NOT COMPARABLE" in shown
    assert "Not comparable: the suite is not the same" in shown and "missing in the second run: c0" in shown
    assert "Nothing changed in any conversation." in shown


def test_the_same_turn_is_one_line_and_the_first_that_differs_is_marked(tmp_path: Path) -> None:
    """What people wrote after it was meant for the first run."""

    def talk(answer: str) -> ConversationRecord:
        story = Story("x")
        for question, words in (("¿abren hoy?", "Sí."), ("¿a qué hora?", answer), ("gracias", "De nada.")):
            story.say("ana", question)
            story.send("ana", words)
        return story.end()

    first, second = write(tmp_path / "a", [talk("A las 9.")]), write(tmp_path / "b", [talk("A las 10.")])

    page = Page(unfold(write_page(first, second, tmp_path / "c.html")))

    assert [len(page.find("details", "same")), len(page.find("section", "changed"))] == [2, 1]
    assert text_of(page).count("The two runs did the same until here") == 1


def test_changed_words_are_marked_and_everything_else_is_text() -> None:
    """Each side has its own marks; what is the same on both has none."""
    before, now = mark_changes("Te espero el <b>martes</b> a las 4.", "Te espero el <b>jueves</b> a las 4.")

    assert before == "Te espero el &lt;b&gt;<del>martes</del>&lt;/b&gt; a las 4."
    assert now == "Te espero el &lt;b&gt;<ins>jueves</ins>&lt;/b&gt; a las 4."
    assert mark_changes("uno dos tres", "seis siete tres") == ("<del>uno dos</del> tres", "<ins>seis siete</ins> tres")
    assert mark_changes("", "hola") == ("", "<ins>hola</ins>")


def test_ten_thousand_characters_are_compared_up_to_where_they_are_shown() -> None:
    """A text made to be slow is not; what is left out is counted."""
    before, now = mark_changes("a " * 5000, "b a" * 4000)

    assert "4,000 more characters in events.jsonl" in before
    assert "6,000 more characters in events.jsonl" in now


def test_a_strangers_text_is_text_in_a_comparison_too(tmp_path: Path) -> None:
    """In messages, arguments, names, ids and reasons, on either side."""

    def talk(answer: str) -> ConversationRecord:
        story = Story(HOSTILE, eve="customer")
        story.people["eve"] = type(story.people["eve"])("customer", HOSTILE)
        story.say("eve", HOSTILE)
        story.call(HOSTILE, {HOSTILE: answer}, result={"status": HOSTILE})
        story.send("eve", HOSTILE + answer)
        story.send("+52" + HOSTILE, answer * 800)
        return story.end(tags=(HOSTILE,), title=HOSTILE)

    first, second = write(tmp_path / "a", [talk("uno")]), write(tmp_path / "b", [talk(HOSTILE)])

    html = unfold(write_page(first, second, tmp_path / "c.html"))

    page = Page(html)
    assert (page.wrong, page.stack) == ([], [])
    assert len(page.find("script")) == 1
    assert page.find("img") == []
    assert not [a for _, a in page.elements for name in a if name.startswith("on") or name == "style"]
    assert not set("\x00\u202e\u202c") & set(html)


def test_compare_and_gate_write_the_page_where_they_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its path goes to standard error; a place where nothing can be written is wrong usage."""
    first, second = str(write(tmp_path / "a", many(12))), str(write(tmp_path / "b", many(12)))

    codes = [
        run(["compare", first, second, "--html", str(tmp_path / "c.html"), "--json"]),
        run(["gate", first, second, "--html", str(tmp_path / "g.html")]),
        run(["compare", first, second, "--html", str(tmp_path / "no" / "c.html")]),
    ]

    told = capsys.readouterr().err
    assert codes == [0, 101, 2]
    assert str(tmp_path / "c.html") in told
    assert "gate" in (tmp_path / "g.html").read_text("utf-8")
    assert "parlo: cannot write" in told and "No such file or directory" in told
