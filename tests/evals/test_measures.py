"""What turns and conversations took and cost, counted from their records; what is not known is never 0."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from evals.commands import show_replayed
from evals.datasets import SUITES_DIR, load_suite, slice_suite
from evals.evaluating import Options, evaluate
from evals.measures import Figure, Measure, Measured, describe_measures, measure_conversation, sum_up_measures
from evals.reading import Reading
from evals.run_directory import BASELINES_DIR, RunInfo, RunReader, RunWriter
from evals.scorers import score
from runtime.agent.journal import OUTAGE
from sim.record import ConversationRecord, ModelData, RouteData, SayData, SendData
from sim.story import Story

CREATED = "2026-01-12T10:00:00+00:00"


def find(figures: list[Figure]) -> dict[str, float | None]:
    """Values by name."""
    return {each.measure.value: each.value for each in figures}


def sum_up(*records: ConversationRecord) -> dict[str, float | None]:
    """The values of a run of these."""
    measured: dict[str, list[Measured]] = {}
    for record in records:
        measured.setdefault(record.id, []).append(measure_conversation(Reading(record)))
    return find(sum_up_measures(measured))


def answer(*waits_s: float, model: str = "offline", finish: str = "stop", tokens: int = 900) -> ConversationRecord:
    """Ana writes so many times, a model is asked once, and each answer takes so long."""
    story = Story("c0")
    for wait_s in waits_s:
        story.say("ana", "¿a qué hora abren?")
        data = ModelData("customer", tokens, tokens // 20, finish=finish, turn=story.turn, model=model)
        story.add("parlo", data, after_s=0)
        # two seconds and a tenth have gone since she wrote
        story.add("parlo", SendData(to="ana", turn=story.turn), "A las 9:00 AM.", after_s=wait_s - 2.1)
    return story.end()


def test_an_answer_is_timed_from_the_last_message_of_its_burst_to_the_first_word_back() -> None:
    """Two messages are one turn; what goes to somebody else, or comes later, is no answer to her."""
    story = Story("c0")
    story.add("ana", SayData(sid="a"), "hola", after_s=5)
    story.add("ana", SayData(sid="b"), "¿abren hoy?", after_s=3)
    for sid in ("a", "b"):
        story.add("parlo", RouteData(sid=sid, case="5", turn="t1"), after_s=0)
    story.add("parlo", SendData(to="lupita", turn="t1"), "Ana escribió", after_s=1)
    story.add("parlo", SendData(to="ana", turn="t1"), "Sí.", after_s=1.5)
    story.add("parlo", SendData(to="ana", turn="t1"), "¿Agendamos?", after_s=9)

    found = measure_conversation(Reading(story.end()))

    assert (found.turns, found.answers_s, found.messages) == (1, (2.5,), 3)


def test_a_message_that_was_delivered_twice_is_waited_on_from_the_first_time() -> None:
    """The second delivery is the provider's, not hers."""
    story = Story("c0")
    story.add("ana", SayData(sid="a"), "hola", after_s=5)
    story.add("ana", SayData(sid="a"), "hola", after_s=4)
    story.add("parlo", RouteData(sid="a", case="5", turn="t1"), after_s=1)
    story.add("parlo", SendData(to="ana", turn="t1"), "¡Hola!", after_s=1)

    assert measure_conversation(Reading(story.end())).answers_s == (6.0,)


def test_a_turn_without_an_answer_is_counted_and_has_no_time() -> None:
    """Half of two turns is answered; what nobody asked for belongs to no turn."""
    story = Story("c0")
    story.say("ana", "hola")
    story.send("ana", "¡Hola!")
    story.say("ana", "gracias")
    story.add("parlo", SendData(to="ana"), "Te esperamos mañana.", after_s=60)

    found = measure_conversation(Reading(story.end()))

    assert (found.turns, len(found.answers_s), found.messages) == (2, 1, 1)


def test_values_are_those_that_were_seen_and_sums_are_divided() -> None:
    """Five answers in two conversations; three calls to five turns."""
    story = Story("c1")
    story.say("ana", "gracias")
    story.ask_model()
    story.add("parlo", ModelData("asks_human", 100, 2, turn=story.turn))
    story.call("check_availability")
    first, second = answer(4, 30, 5, 6), story.end()

    values = sum_up(first, second)

    assert (values["answer_p50_s"], values["answer_p95_s"], values["answer_max_s"]) == (5.0, 30.0, 30.0)
    assert (values["model_calls_per_turn"], values["rounds_per_turn"]) == (6 / 5, 1.0)
    assert (values["tool_calls_per_turn"], values["messages_per_turn"]) == (0.2, 0.8)
    assert values["input_tokens_per_conversation"] == (3600 + 1000) / 2
    assert values["cost_usd_per_conversation"] == 0.0


def test_trials_of_a_conversation_weigh_as_much_as_one() -> None:
    """A conversation that was replayed twice beside one that was replayed once."""
    trials = [answer(5, 5), answer(9, 9)]
    other = msgspec.structs.replace(answer(7), id="c1")

    values = sum_up(*trials, other)

    assert values["model_calls_per_turn"] == 1.0
    assert values["input_tokens_per_conversation"] == (1800 + 900) / 2


@pytest.mark.parametrize(
    ("record", "unknown", "reason"),
    [
        (
            answer(5, model="nobody-knows"),
            {"cost_usd_per_conversation"},
            "a model without a price in 1 of 1 conversations",
        ),
        (
            answer(5, model="gpt-4.1", tokens=0),
            {
                "cost_usd_per_conversation",
                *(f"{each}_tokens_per_conversation" for each in ("input", "cached", "output")),
            },
            "calls without their tokens in 1 of 1 conversations",
        ),
        (
            Story("c0").end(),
            {
                *("answer_p50_s", "answer_p95_s", "answer_max_s", "model_calls_per_turn"),
                *("rounds_per_turn", "tool_calls_per_turn", "messages_per_turn"),
            },
            "there are no answered turns",
        ),
    ],
    ids=["no-price", "no-tokens", "no-turn"],
)
def test_what_is_not_known_has_no_value_but_a_reason(
    record: ConversationRecord, unknown: set[str], reason: str
) -> None:
    """A price, tokens that the provider did not tell, times where nobody wrote."""
    figures = sum_up_measures({"c0": [measure_conversation(Reading(record))]})

    assert {name for name, value in find(figures).items() if value is None} == unknown
    assert reason in {each.unknown for each in figures}
    assert all(bool(each.unknown) == (each.value is None) for each in figures)
    assert "unknown" in " ".join(describe_measures(figures))


def test_an_outage_read_nothing_and_costs_nothing() -> None:
    """Nobody answered, which is known: the turn goes on without the model."""
    values = sum_up(answer(5, model="gpt-4.1", finish=OUTAGE, tokens=0))

    assert (values["input_tokens_per_conversation"], values["cost_usd_per_conversation"]) == (0.0, 0.0)


def test_a_conversation_that_did_not_run_is_not_measured(tmp_path: Path) -> None:
    """It is on the bill all the same."""
    with RunWriter(tmp_path, RunInfo(id="r", created="")) as writer:
        writer.add(good := answer(5), score(good))
        broken = msgspec.structs.replace(answer(900), id="c1", failure="no database")
        writer.add(broken, score(broken))
        summary = writer.finish(1.0)

    values = find(summary.measures)

    assert (values["answer_max_s"], summary.usage.model_calls) == (5.0, 2)
    assert next(each.n for each in summary.measures if each.over == "conversations") == 1


def test_a_baseline_has_the_measures_of_the_run_it_was_made_of() -> None:
    """What it leaves out is not needed for them; its times are kept to a tenth of a second."""
    summary = RunReader(BASELINES_DIR / "core").summarize()

    figures = {each.measure: each for each in summary.measures}

    assert [each.measure for each in summary.measures if each.value is None] == []
    assert figures[Measure.ANSWER_P50_S].value == 1.5
    assert figures[Measure.MODEL_CALLS_PER_TURN].n > 300


def test_eval_shows_what_it_took_in_text_and_json(
    server_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One conversation of two questions, by the real runtime."""
    suite = slice_suite(load_suite(SUITES_DIR / "smoke"), ids=("pregunta-precio",))
    replayed = evaluate(suite, Options(jobs=1), server_url=server_url, created=CREATED, directory=tmp_path / "run")

    show_replayed(replayed, as_json=False)
    text = capsys.readouterr().out
    show_replayed(replayed, as_json=True)
    shown = {each["measure"]: each for each in json.loads(capsys.readouterr().out)["measures"]}
    page = replayed.report.read_text("utf-8")

    assert "answers in virtual time: " in text
    assert "per turn 1.00 model calls, 1.00 rounds" in text
    assert shown["answer_p95_s"]["unit"] == "s"
    assert shown["answer_p95_s"]["n"] == shown["rounds_per_turn"]["n"] > 0
    assert [*shown] == [each.value for each in Measure]
    assert [each.value for each in Measure if f"<code>{each.value}</code>" not in page] == []
