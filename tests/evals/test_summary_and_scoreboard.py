"""A run's figures are right, and the terminal shows them plainly."""

from __future__ import annotations

import io

import msgspec
import pytest
from rich.console import Console

from evals.scoreboard import ProgressView, choose_tags, clean_line, print_scoreboard
from evals.scorers import score
from evals.statistics.rates import rate_of
from evals.summary import GroupRow, Summary, summarize
from evals.verdicts import Outcome
from sim.record import ConversationRecord, FinalAppointment, FinalRows
from sim.story import Story


def tell_run() -> list[ConversationRecord]:
    """One good conversation, one broken, one that did not run."""
    good = Story("buena")
    good.say("ana", "quiero un corte")
    good.ask_model()
    good.book()
    good.send("ana", "¡Listo! Tu cita quedó agendada.")
    good.expect(route="5", tools=[{"name": "book_appointment"}])
    bad = Story("mala")
    bad.say("ana", "agenda", route="4")
    bad.say("ana", "hola")
    bad.call("check_availability", code="closed")
    bad.send("ana", "Your appointment is [bold]booked[/bold] for you\x1b[31m.")
    bad.expect(route="4")
    appointment = FinalAppointment("ana", "Corte", "Lupita", "2026-01-13T16:00")
    return [
        good.end(FinalRows(appointments=[appointment]), tags=("book",)),
        bad.end(tags=("book", "jerga"), file="fixtures/transcripts/jerga/a.jsonl"),
        Story("rota").end(failure="OSError: gone"),
    ]


@pytest.fixture
def summary() -> Summary:
    """The figures of that run, which took two seconds."""
    records = tell_run()
    return summarize(records, {r.id: score(r) for r in records}, wall_s=2.0)


def test_the_figures_count_what_happened(summary: Summary) -> None:
    """Messages, routes, sends, rows, tools and the model."""
    assert (summary.conversations, summary.passed, summary.failed) == (3, 1, 1)
    assert (summary.messages_in, summary.final, summary.routes) == (3, 3, {"4": 1, "5": 2})
    assert (summary.replies, summary.handoffs, summary.appointments) == (2, 0, 1)
    assert (summary.expectations_met, summary.expectations_total) == (2, 3)
    assert (summary.model_calls, summary.input_tokens, summary.output_tokens) == (1, 900, 40)
    assert (summary.wall_s, summary.messages_per_s) == (2.0, 1.5)
    assert [(t.name, t.calls, t.ok, t.refusals) for t in summary.tools] == [
        ("book_appointment", 1, 1, {}),
        ("check_availability", 1, 0, {"closed": 1}),
    ]
    assert not summary.good


def test_a_conversation_that_did_not_run_is_in_no_rate(summary: Summary) -> None:
    """Counted apart, so that a broken machine neither helps nor hurts a prompt."""
    assert (summary.pass_rate.hits, summary.pass_rate.n) == (1, 2)


def test_groups_are_by_folder_and_by_tag(summary: Summary) -> None:
    """A conversation counts once in its folder and once in each of its tags."""
    assert [(row.name, row.conversations) for row in summary.folders] == [("jerga", 1), ("reservar", 2)]
    assert [(row.name, row.conversations, row.passed) for row in summary.tags] == [("book", 2, 1), ("jerga", 1, 0)]


def test_the_json_object_has_the_promised_names(summary: Summary) -> None:
    """Scripts read these."""
    shown = msgspec.json.decode(msgspec.json.encode(summary))

    assert {
        *("conversations", "messages_in", "final", "failed", "routes", "replies", "handoffs"),
        *("appointments", "violations", "expectations_met", "expectations_total", "wall_s", "messages_per_s"),
    } <= set(shown)
    assert shown["violations"] == len(shown["violation_list"]) == 1


def test_the_worst_come_first_with_their_reason(summary: Summary) -> None:
    """What did not run, then what is most broken."""
    assert [(worst.id, worst.outcome) for worst in summary.worst] == [
        ("rota", Outcome.NOT_RUN),
        ("mala", Outcome.BROKEN),
    ]
    assert summary.worst[1].reason.startswith("rule/spanish: ")


def test_the_scoreboard_is_plain_without_a_terminal(summary: Summary) -> None:
    """No colour, no cursor, no markup from a stranger's text, and each fact once."""
    out = io.StringIO()

    print_scoreboard(summary, console=Console(file=out, width=100))

    text = out.getvalue()
    assert "\x1b" not in text
    assert "[bold]booked[/bold]" in text
    assert "✗ 1 of 3 conversations passed · 2/3 expectations · 1 violations · 1 not run" in text
    assert "3 messages in, 3 in a final state · 2 sent · 1 appointments · 0 handoffs · 2.0 s, 1.5 messages/s" in text
    assert "#jerga" in text


def test_an_empty_run_has_a_scoreboard_too() -> None:
    """Nothing to count is no crash."""
    out = io.StringIO()

    print_scoreboard(summarize([], {}), console=Console(file=out, width=100))

    assert "0 of 0 conversations passed" in out.getvalue()


def test_progress_without_a_terminal_is_a_line_for_every_so_many() -> None:
    """Logs stay short."""
    out = io.StringIO()

    with ProgressView(25, console=Console(file=out, width=100), every=10) as view:
        for n in range(25):
            view.advance(Outcome.BROKEN if n == 3 else Outcome.PASSED)

    assert out.getvalue().splitlines() == [
        "10/25 conversations: 9 ✓  1 ✗",
        "20/25 conversations: 19 ✓  1 ✗",
        "25/25 conversations: 24 ✓  1 ✗",
    ]


def test_progress_on_a_terminal_is_one_bar() -> None:
    """The bar counts, and is gone when it is done."""
    out = io.StringIO()

    with ProgressView(2, console=Console(file=out, width=100, force_terminal=True)) as view:
        view.advance(Outcome.PASSED)
        view.advance(Outcome.NOT_RUN)

    assert "2/2" in out.getvalue()
    assert "1 not run" in out.getvalue()


def test_control_characters_never_reach_the_terminal() -> None:
    """A stranger's text cannot move the cursor or turn the line round."""
    assert clean_line("a\x1b[2Jb\u202ec\nd") == "a [2Jb c d"


def test_many_tags_are_cut_to_those_with_something_to_look_at() -> None:
    """Fifty good tags tell nobody anything."""
    good = GroupRow("g", 1, 1, 0, 1, 1, 0, rate_of(1, 1))
    bad = GroupRow("b", 2, 1, 0, 1, 2, 0, rate_of(1, 2))

    assert choose_tags([good, bad]) == [good, bad]
    assert choose_tags([good] * 20 + [bad]) == [bad]
