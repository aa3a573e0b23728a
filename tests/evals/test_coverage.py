"""What a run exercised is held against the runtime's own lists; what never happened is named."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import msgspec
import pytest

from evals.cli import run
from evals.coverage import Coverage, Exercised, Part, Section, find_coverage, find_kind, list_all
from evals.reading import Reading, error_code
from evals.refusals import list_refusals
from evals.report import write_report
from evals.run_directory import BASELINES_DIR, RunInfo, RunReader, RunWriter
from evals.scorers import score
from runtime.domain.whatsapp import MessageKind
from runtime.tools.registry import TOOLS
from sim.record import ConversationRecord, Divergence, HandoffData, SayData, ToolData
from sim.story import Story

TOOLS_SOURCE = Path(__file__).parents[2] / "runtime" / "tools"


def find(coverage: Coverage, part: Part) -> Section:
    """One part of it."""
    return next(each for each in coverage.sections if each.part is part)


def look(section: Section, name: str) -> tuple[int, str | None]:
    """In how many conversations it happened, and the first of them."""
    item = next(each for each in (*section.items, *section.unlisted) if each.name == name)
    return item.conversations, item.example


def tell(identifier: str, *, trial: int = 0, failure: str | None = None) -> ConversationRecord:
    """A customer asks, a tool refuses, and a person is asked for."""
    story = Story(identifier)
    story.say("ana", "quiero un corte ayer")
    story.call("book_appointment", code="past")
    story.call("book_appointment", code="past")
    story.say("ana", "", media="audio/ogg")
    for event, status in (("offer", "offered"), ("take", "active"), ("human_ends", "ended"), ("offer", "offered")):
        story.add("parlo", HandoffData(status=status, event=event, customer="ana"))
    return msgspec.structs.replace(story.end(), trial=trial, failure=failure)


def test_what_a_run_exercised_has_a_count_and_an_example_and_the_rest_is_never() -> None:
    """Of two conversations, one of them replayed twice, and one that did not run."""
    records = [tell("b"), tell("a"), tell("a", trial=1), tell("c", failure="no database")]

    found = find_coverage("r", records)

    refusals, steps = find(found, Part.REFUSALS), find(found, Part.HANDOFFS)
    assert (found.conversations, found.not_run) == (2, 1)
    assert look(find(found, Part.ROUTES), "5") == (2, "b")
    assert "4h" in find(found, Part.ROUTES).never
    assert look(refusals, "book_appointment: past") == (2, "b")
    assert "book_appointment: slot_taken" in refusals.never
    assert find(found, Part.TOOLS).never == [name for name in TOOLS if name != "book_appointment"]
    assert [each.name for each in steps.items if each.conversations] == [
        "requested, offer → offered",
        "offered, take → active",
        "active, human_ends → ended",
    ]
    assert {"text", "audio"}.isdisjoint(find(found, Part.MESSAGES).never)
    assert all(not section.unlisted for section in found.sections)


def test_a_second_handoff_begins_anew_and_an_end_that_is_taken_back_does_not() -> None:
    """The state before a step is that after the one before."""
    story = Story("c0")
    for event, status in (("take", "active"), ("human_ends", "ended"), ("undo", "active"), ("silence", "ended")):
        story.add("parlo", HandoffData(status=status, event=event, customer="ana"))
    story.add("parlo", HandoffData(status="waiting", event="queue", customer="ana"))
    story.add("parlo", HandoffData(status="waiting", event="queue", customer="rosa"))

    steps = find(find_coverage("r", [story.end()]), Part.HANDOFFS)

    assert not steps.unlisted
    assert {each.name for each in steps.items if each.conversations} == {
        *("requested, take → active", "active, human_ends → ended", "ended, undo → active"),
        *("active, silence → ended", "requested, queue → waiting"),
    }


def test_what_is_in_no_list_is_shown_apart() -> None:
    """A tool and a code of another version; a tool that never was is a refusal of its own."""
    story = Story("c0")
    story.say("ana", "hola", route="9z")
    story.call("send_flowers")
    story.call("book_appointment", code="on_fire")
    story.call("delete_all_customers", code="unknown_tool")
    record = msgspec.structs.replace(
        story.end(), diverged_at=Divergence(turn=1, t=5, person="ana", rule="no-answer", reason="")
    )

    found = find_coverage("r", [record])

    assert [each.name for each in find(found, Part.TOOLS).unlisted] == ["send_flowers"]
    assert [each.name for each in find(found, Part.REFUSALS).unlisted] == ["book_appointment: on_fire"]
    assert find(found, Part.ROUTES).unlisted == (Exercised("9z", 1, "c0"),)
    assert look(find(found, Part.REFUSALS), "any other: unknown_tool") == (1, "c0")
    assert look(find(found, Part.DIVERGENCE), "no-answer") == (1, "c0")


@pytest.mark.parametrize(
    ("data", "text", "kind"),
    [
        (SayData("a"), "hola", MessageKind.TEXT),
        (SayData("a"), " ", MessageKind.UNKNOWN),
        (SayData("a", media=[{"content_type": "image/webp"}]), "", MessageKind.STICKER),
        (SayData("a", location={"latitude": 19.4}), "", MessageKind.LOCATION),
        (SayData("a", contact={"name": "Rosa"}, media=[{"content_type": "text/vcard"}]), "", MessageKind.CONTACTS),
        (SayData("a", button={"text": "Sí"}), "Sí", MessageKind.BUTTON),
        (SayData("a", list_reply={"id": "1"}), "Corte", MessageKind.LIST),
    ],
    ids=["text", "nothing", "sticker", "location", "contact", "button", "list"],
)
def test_a_message_is_of_the_kind_that_production_takes_it_for(data: SayData, text: str, kind: MessageKind) -> None:
    """As far as the record shows it."""
    story = Story("c0")
    story.add("ana", data, text)

    assert find_kind(Reading(story.end()).says[0]) is kind


def test_each_code_that_a_tool_refuses_with_in_a_replay_is_listed() -> None:
    """In all conversations of the stored baseline."""
    listed = list_refusals()

    refused = {
        (tool.data.name, error_code(tool.data))
        for record in RunReader(BASELINES_DIR / "core").records()
        for tool in Reading(record).tools
        if not tool.data.ok and tool.data.name in TOOLS
    }

    assert len(refused) >= 3
    assert [each for each in refused if each[1] not in listed[each[0]]] == []


def test_each_code_in_the_source_of_the_tools_belongs_to_one_of_them() -> None:
    """Else a way to refuse was missed; one that is built where it is raised would be."""
    written = {
        argument.value
        for path in TOOLS_SOURCE.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Rejected"
        for argument in node.args[:1]
        if isinstance(argument, ast.Constant)
    }

    assert written - {code for codes in list_refusals().values() for code in codes} == {"unknown_tool"}
    assert "slot_taken" in list_refusals()["reschedule_appointment"]
    assert "not_found" not in list_refusals()["book_appointment"]


def test_the_command_prints_text_and_json_and_knows_what_is_no_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """2 for a run that is not there and for one that cannot be read; nothing is written anywhere."""
    with RunWriter(tmp_path / "r", RunInfo(id="r", created="")) as writer:
        writer.add(record := tell("a"), score(record))
        writer.finish(1.0)
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "run.json").write_text("{")

    codes = [run(["coverage", str(tmp_path / name)]) for name in ("r", "none", "torn")]
    shown = capsys.readouterr()
    run(["coverage", str(tmp_path / "r"), "--json"])
    parts = {each["part"]: each for each in json.loads(capsys.readouterr().out)["sections"]}

    assert codes == [0, 2, 2]
    assert f"tools: 1 of {len(TOOLS)}" in shown.out
    assert "parlo: no run " in shown.err
    assert "is no run that can be read" in shown.err
    assert [*parts] == [*list_all()]
    assert {"name": "5", "conversations": 1, "example": "a"} in parts["routes"]["items"]


def test_the_report_of_a_run_says_what_was_never_exercised(tmp_path: Path) -> None:
    """And takes a stranger's name of a tool for words."""
    story = Story("c0")
    story.say("ana", "hola")
    story.add("parlo", ToolData("<b>flowers</b>", turn=story.turn))
    with RunWriter(tmp_path, RunInfo(id="r", created="")) as writer:
        writer.add(record := story.end(), score(record))
        writer.finish(1.0)

    page = write_report(tmp_path).read_text("utf-8")

    assert "requested, queue → waiting" in page
    assert "in no list: &lt;b&gt;flowers" in page
