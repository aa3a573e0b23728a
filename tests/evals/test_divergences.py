"""What a divergence does to figures and comparisons: counted, shown apart, and never taken for fixed or broken."""

from __future__ import annotations

import io
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from evals.cli import run
from evals.comparing.alignment import Change, UnlikeConversations, align
from evals.comparing.comparison import compare_runs
from evals.comparing.showing import describe_comparison
from evals.datasets import SUITES_DIR, load_suite, slice_suite
from evals.evaluating import Options, evaluate
from evals.run_directory import RunReader
from evals.scoreboard import print_scoreboard
from evals.scorers import score
from evals.summary import summarize
from evals.verdicts import Outcome, Verdict
from runtime.agent.prompts import load_prompt
from runtime.domain.errors import Broken
from sim.divergence import AfterDivergence
from sim.record import ConversationRecord, Divergence, EventKind, Person, RouteData, SayData, SendData, make_event

CREATED = "2026-01-12T10:00:00+00:00"


def tell(second: str = "sí", *, diverged: bool = False, answer: str = "¿La agendo?") -> ConversationRecord:
    """Two messages of Ana's and their answers; the second of hers perhaps does not fit."""
    events = [
        make_event(0, "ana", SayData(sid="SM1"), "un corte mañana"),
        make_event(2, "parlo", RouteData(sid="SM1", case="5", turn="t1")),
        make_event(3, "parlo", SendData(to="ana", turn="t1"), answer),
        make_event(8, "ana", SayData(sid="SM2"), second),
        make_event(10, "parlo", RouteData(sid="SM2", case="5", turn="t2")),
        make_event(11, "parlo", SendData(to="ana", turn="t2"), "¡Listo!"),
    ]
    found = Divergence(turn=2, t=8.0, person="ana", rule="nothing-asked", reason="they say yes", went_on="recorded")
    people = {"ana": Person("customer", "Ana")}
    return ConversationRecord(
        id="caso", title="Ana", people=people, events=events, diverged_at=found if diverged else None
    )


def wrong(event: int | None) -> Verdict:
    return Verdict("tools", False, "called no tool", event)


def test_turns_after_a_divergence_are_off_policy_and_neither_fixed_nor_broken() -> None:
    """Up to it turns are compared exactly; the conversation's own outcome stays what it is."""
    before, after = tell(), tell(diverged=True, answer="Quedó agendada.")

    pair = align(before, after, ([], [wrong(5)]))

    assert [turn.change for turn in pair.turns] == [Change.SAME, Change.CHANGED, Change.OFF_POLICY]
    assert (pair.change, pair.off_policy_from, pair.misfit) == (Change.BROKEN, 2, "nothing-asked: they say yes")
    assert [fault.reason for fault in pair.turns[2].gained] == ["called no tool"]
    assert align(after, after, ([], [])).change is Change.SAME


def test_people_may_write_other_things_only_after_a_divergence() -> None:
    with pytest.raises(UnlikeConversations):
        align(tell(), tell("no"), ([], []))

    assert align(tell(), tell("gracias", diverged=True), ([], [])).off_policy_from == 2


def test_expectations_before_and_after_a_divergence_are_counted_apart() -> None:
    """And what is about the whole conversation in neither."""
    records = [tell(diverged=True), msgspec.structs.replace(tell(), id="otro")]
    verdicts = {
        "caso": [Verdict("routes", True, "as expected", 1), wrong(5), wrong(None)],
        "otro": [Verdict("routes", True, "as expected", 1), Verdict("routes", True, "as expected", 4)],
    }

    summary = summarize(records, verdicts)

    found = summary.divergence
    assert (found.diverged, found.mean_turn, found.turns, found.on_policy_turns, found.share) == (1, 2.0, 4, 3, 0.75)
    assert [(rate.hits, rate.n) for rate in (found.before, found.after)] == [(3, 3), (0, 1)]
    assert found.rules == {"nothing-asked": 1}
    assert [(each.conversation, each.turn) for each in found.listed] == [("caso", 2)]
    out = io.StringIO()
    print_scoreboard(summary, console=Console(file=out, width=200))
    assert "1 diverged, at message 2.0 on average · 75% of messages on policy" in out.getvalue()
    assert b'"share":0.75' in msgspec.json.encode(summary)


def test_a_simulated_customers_fault_is_counted_and_never_scored() -> None:
    """It is a third outcome, as a broken harness is."""
    record = msgspec.structs.replace(tell(diverged=True), customer_fault="said 'sí' 3 times")

    verdicts = score(record)
    summary = summarize([record], {record.id: verdicts})

    assert [(each.scorer, each.value) for each in verdicts] == [("customer", None)]
    assert (summary.failed, summary.passed, summary.pass_rate.n) == (1, 0, 0)
    assert (summary.divergence.customer_faults, summary.divergence.turns) == (1, 0)
    assert summary.worst[0].outcome is Outcome.NOT_RUN
    assert "customer_fault" in summary.worst[0].reason


@pytest.mark.replay
def test_a_worse_prompt_diverges_where_it_books_unasked(server_url: str, tmp_path: Path) -> None:
    """The line of a prompt that asks for a confirmation is gone; the recorded customers go on to confirm."""
    worse = "".join(
        line for line in load_prompt("customer@1").text.splitlines(True) if "cuando confirme, agendas" not in line
    )
    (tmp_path / "customer@2.md").write_text(worse, encoding="utf-8")
    suite = slice_suite(load_suite(SUITES_DIR / "core"), ids=("reserva-simple", "reserva-conocida", "pregunta-precio"))

    def play(name: str, after: AfterDivergence, *prompts: str) -> RunReader:
        options = Options(prompts=prompts, drafts=str(tmp_path), jobs=1, after=after)
        evaluate(suite, options, server_url=server_url, created=CREATED, directory=tmp_path / name)
        return RunReader(tmp_path / name)

    before = play("before", AfterDivergence.RECORDED)
    recorded = play("recorded", AfterDivergence.RECORDED, "customer@2")
    simulated = play("simulated", AfterDivergence.SIMULATED, "customer@2")

    places = {
        each.id: each.diverged_at and (each.diverged_at.turn, each.diverged_at.rule) for each in recorded.records()
    }
    assert places == {
        "pregunta-precio": None,
        "reserva-conocida": (2, "done-already"),
        "reserva-simple": (3, "done-already"),
    }
    assert before.summarize().divergence.diverged == 0
    found = compare_runs(before, recorded)
    assert found.incomparable == ()
    assert (found.turns["off-policy"], found.outcomes and found.outcomes.broken) == (2, 2)
    told = "\n".join(describe_comparison(found))
    assert "off-policy from message 3: done-already: book_appointment was called already" in told
    assert "turn 3 (off-policy), ana: 'sí'" in told
    last = {record.id: [e.text for e in record.events if e.kind is EventKind.SAY][-1] for record in simulated.records()}
    assert (last["reserva-simple"], last["reserva-conocida"]) == ("gracias", "gracias")
    reasons = compare_runs(before, simulated).incomparable
    assert "the way on after a divergence is not the same: recorded and simulated" in reasons
    with pytest.raises(Broken, match="something else \\(after-divergence\\)"):
        options = Options(prompts=("customer@2",), drafts=str(tmp_path), after=AfterDivergence.STOP)
        evaluate(suite, options, server_url=server_url, created=CREATED, directory=tmp_path / "recorded", resume=True)


def test_the_command_refuses_another_way_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["eval", str(SUITES_DIR / "smoke"), "--after-divergence", "guess"]) == 2
    assert "stop, recorded, simulated" in capsys.readouterr().err
