"""Conversations out of a real database: redacted, loadable, replayable, the same bytes again, all of it or nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec
import psycopg
import pytest
from sqlalchemy import text

from evals.cli import run
from evals.datasets import FindingKind, check_suite, load_suite
from evals.exporting import Leaked, prepare_export, write_directory, write_fixture
from runtime.store.conversations import conversation_id_of
from runtime.store.database import Database
from runtime.store.exports import Wanted
from sim.driver import Mode, replay
from sim.stage import Stage
from sim.transcripts import (
    RecordedTool,
    Said,
    Say,
    Transcript,
    dump_transcript,
    find_number,
    list_participants,
    load_transcripts,
)
from tests.runtime.staging import on_stage

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "transcripts"
SALT = b"a salt of the tests"
SEVERAL = ("reservar/simple", "rafagas/tres-burbujas", "relevo/9-la-otra-contesta", "notas-de-voz/ubicacion")

T = TypeVar("T")


def play(database_url: str, name: str, then: Callable[[Stage, Transcript], Awaitable[T]]) -> T:
    """Replay a fixture, and do something with the database it leaves."""
    transcript = load_transcripts([FIXTURES / f"{name}.jsonl"])[0]

    async def both(stage: Stage) -> T:
        record = await replay(stage, transcript, seed=1)
        assert record.failure is None
        return await then(stage, transcript)

    return on_stage(database_url, both)


class Exported(NamedTuple):
    """All of an export at once."""

    transcripts: tuple[Transcript, ...]
    skipped: int


async def export_transcripts(database: Database, wanted: Wanted, salt: bytes) -> Exported:
    prepared = await prepare_export(database, wanted, salt)
    transcripts = tuple(prepared.redact())
    assert prepared.ids == tuple(each.id for each in transcripts)
    return Exported(transcripts, prepared.skipped)


async def export(stage: Stage, _: Transcript) -> Exported:
    return await export_transcripts(stage.database, Wanted(), SALT)


def list_real(transcript: Transcript) -> list[str]:
    """Names and numbers that nobody may find again."""
    people = list_participants(transcript).values()
    staff = [row for business in transcript.world.organizations for row in business.staff]
    known = [(each.name, each.phone) for each in people] + [(each.name, each.phone) for each in staff]
    names = [word for name, _ in known for word in name.split() if len(word) > 2]
    numbers = [phone[-10:] for _, phone in known]
    address = [transcript.world.business.locations[0].address, transcript.world.business.name]
    return [*names, *numbers, *address, find_number(transcript.world, "business")[-10:]]


@pytest.mark.parametrize("name", SEVERAL)
def test_an_export_loads_replays_and_names_nobody(database_url: str, tmp_path: Path, name: str) -> None:
    """Free and forced, through the real driver, which finds no failure of the harness."""

    async def check(stage: Stage, original: Transcript) -> None:
        exported = await export(stage, original)
        write_directory(exported.transcripts, tmp_path / "out")

        loaded = load_transcripts([tmp_path / "out"])
        records = [await replay(stage, each, mode=mode) for each in loaded for mode in Mode]

        shown = b"".join(path.read_bytes() for path in (tmp_path / "out").iterdir()).decode()
        assert [dump_transcript(each) for each in loaded] == [dump_transcript(each) for each in exported.transcripts]
        assert [record.failure for record in records] == [None] * len(records)
        assert [each for each in list_real(original) if each in shown] == []

    play(database_url, name, check)


def test_a_booking_keeps_its_words_times_tools_and_tags(database_url: str) -> None:
    """What a prompt engineer reads it for."""

    async def both(stage: Stage, original: Transcript) -> tuple[Exported, Transcript]:
        return await export(stage, original), original

    exported, original = play(database_url, "reservar/simple", both)

    transcript = exported.transcripts[0]
    tools = [event for event in transcript.events if isinstance(event, RecordedTool)]
    said = [event.text for event in transcript.events if isinstance(event, Said)]
    assert len(transcript.says) == len(original.says)
    assert [each.text for each in transcript.says][-1] == original.says[-1].text
    assert {"from-production", "route-5"} <= set(transcript.header.tags)
    assert any(tool.name == "book_appointment" and tool.outcome == "ok" for tool in tools)
    assert any("4:00 PM" in each for each in said)
    assert transcript.says[0].at is not None
    assert transcript.world.business.find_service("Corte de dama") is not None
    assert transcript.world.business.timezone == "America/Mexico_City"
    assert len(transcript.world.business.staff) == len(original.world.business.staff)
    assert len(transcript.world.business.appointments) > 1
    assert transcript.world.business.locations[0].hours == original.world.business.locations[0].hours


def test_a_burst_keeps_its_gaps(database_url: str) -> None:
    """Three bubbles are one turn again in a forced replay."""
    exported = play(database_url, "rafagas/tres-burbujas", export)

    gaps = [each.gap for each in exported.transcripts[0].says]
    original = load_transcripts([FIXTURES / "rafagas" / "tres-burbujas.jsonl"])[0]
    assert gaps[:3] == [None, *(each.gap for each in original.says[1:3])]


def test_the_humans_of_a_handoff_speak_in_it(database_url: str) -> None:
    """By keys that say nothing, with their roles; the customer's lines and theirs in the order they came."""
    exported = play(database_url, "relevo/9-la-otra-contesta", export)

    found = [each for each in exported.transcripts if "handoff" in each.header.tags]
    roles = {str(person.role) for person in found[0].header.people.values()}
    assert len(found) == 1
    assert "customer" in roles
    assert len(roles) > 1
    assert {event.by for event in found[0].says} == set(found[0].header.people)


def test_a_place_is_somewhere_else(database_url: str) -> None:
    """Coordinates say where somebody lives."""
    exported = play(database_url, "notas-de-voz/ubicacion", export)

    original = load_transcripts([FIXTURES / "notas-de-voz" / "ubicacion.jsonl"])[0]
    here, there = original.says[0].location, exported.transcripts[0].says[0].location
    assert here is not None
    assert there is not None
    assert (here.latitude, here.longitude) != (there.latitude, there.longitude)


def test_the_same_salt_gives_the_same_bytes_and_another_gives_others(database_url: str) -> None:
    """Repeatable for whoever has the salt, and for nobody else."""

    async def thrice(stage: Stage, _: Transcript) -> list[Exported]:
        return [await export_transcripts(stage.database, Wanted(), salt) for salt in (SALT, SALT, b"another salt here")]

    first, again, other = play(database_url, "dos-a-la-vez/horas-distintas", thrice)

    def dump(exported: Exported) -> list[bytes]:
        return [dump_transcript(each) for each in exported.transcripts]

    phones = [each.header.people["cliente"].phone for each in first.transcripts]
    assert dump(first) == dump(again)
    assert not set(dump(first)) & set(dump(other))
    assert len(set(phones)) == len(phones) == 2


def test_ids_of_conversations_stay_inside(database_url: str) -> None:
    """They follow from two phone numbers, so that whoever guesses the numbers could check them."""

    async def both(stage: Stage, original: Transcript) -> tuple[Exported, str]:
        theirs = original.header.people["ana"].phone or ""
        return await export(stage, original), str(conversation_id_of(find_number(original.world, "business"), theirs))

    exported, real = play(database_url, "reservar/simple", both)

    assert real.encode() not in b"".join(dump_transcript(each) for each in exported.transcripts)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(organizations=("estética lupita",)), 2),
        (Wanted(organizations=("Otra",)), 0),
        (Wanted(conversations=("00000000-0000-0000-0000-000000000000",)), 0),
        (Wanted(limit=1), 1),
    ],
    ids=["business", "no business", "no conversation", "limit"],
)
def test_only_what_is_wanted_is_exported(database_url: str, wanted: Wanted, found: int) -> None:
    """By business, conversation and number."""

    async def choose(stage: Stage, _: Transcript) -> Exported:
        return await export_transcripts(stage.database, wanted, SALT)

    assert len(play(database_url, "dos-a-la-vez/horas-distintas", choose).transcripts) == found


def test_only_messages_of_the_time_are_exported(database_url: str) -> None:
    """Since a moment, and until one."""

    async def cut(stage: Stage, original: Transcript) -> list[int]:
        whole = await export(stage, original)
        async with stage.database.single() as uow:
            times = [row[0] for row in await uow.run(text("select received_at from inbox order by 1"))]
        cuts = [Wanted(since=times[1]), Wanted(until=times[1]), Wanted(until=times[0])]
        found = [await export_transcripts(stage.database, each, SALT) for each in cuts]
        return [sum(len(each.says) for each in exported.transcripts) for exported in (whole, *found)]

    whole, after, before, none = play(database_url, "reservar/simple", cut)

    assert (after, before, none) == (whole - 1, 1, 0)


def test_what_would_leak_is_not_given_away(database_url: str) -> None:
    """A name in a place nobody replaces: as the name of a tool's argument."""

    async def plant(stage: Stage, original: Transcript) -> None:
        async with stage.database.single() as uow:
            planted = '{"arguments": "{\\"Lupita\\": 1}"}'
            await uow.run(text("update steps set request = cast(:it as jsonb) where kind = 'tool'"), {"it": planted})
        with pytest.raises(Leaked) as caught:
            await export(stage, original)
        assert set(caught.value.counts) == {"name"}
        assert "Lupita" not in str(caught.value)

    play(database_url, "reservar/simple", plant)


def test_a_calendar_that_was_changed_since_still_makes_a_world(database_url: str, tmp_path: Path) -> None:
    """Ranges of hours that run into each other, an appointment on another's time, a time off of half a minute."""
    five = "interval '5 minutes'"
    changes = (
        """insert into location_hours
           select organization_id, location_id, weekday, opens_minute + 30, closes_minute + 10
           from location_hours where weekday = 0""",
        """update appointments set status = 'cancelled', changed_at = changed_at + interval '1 day'
           where status = 'confirmed'""",
        f"""insert into appointments
           select organization_id, gen_random_uuid(), location_id, customer_id, service_id, staff_id, spot_id,
             starts_at + {five}, ends_at + {five}, occupied_until + {five}, price_cents,
             'confirmed', created_at, changed_at
           from appointments where changed_at > created_at order by starts_at limit 1""",
        """insert into staff_blocks
           select organization_id, gen_random_uuid(), id, '2026-01-20T12:00:05Z', '2026-01-20T12:00:35Z', 'con Lupita'
           from staff""",
    )

    async def change(stage: Stage, original: Transcript) -> Exported:
        async with stage.database.platform() as uow:
            for statement in changes:
                await uow.run(text(statement))
            await uow.commit()
        return await export(stage, original)

    exported = play(database_url, "reservar/simple", change)

    write_directory(exported.transcripts, tmp_path / "out")
    business = load_transcripts([tmp_path / "out"])[0].world.business
    assert business.locations[0].hours["lunes"] == (("09:00", "19:10"),)
    assert all(not member.blocks for member in business.staff)
    assert business.appointments


HOSTILE = [
    "hostiles/nul",
    "hostiles/unicode-raro",
    "hostiles/zalgo",
    "hostiles/perfil-hostil",
    "identidad/sin-telefono",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_conversations_can_be_exported(database_url: str, tmp_path: Path, name: str) -> None:
    """Whatever people send is in the database one day."""
    exported = play(database_url, name, export)

    write_directory(exported.transcripts, tmp_path / "out")

    assert load_transcripts([tmp_path / "out"])


@pytest.fixture
def filled(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A database with a conversation in it that commands find; gives the conversation's id."""
    monkeypatch.setenv("DATABASE_URL", database_url)

    async def nothing(stage: Stage, original: Transcript) -> str:
        theirs = original.header.people["ana"].phone or ""
        return str(conversation_id_of(find_number(original.world, "business"), theirs))

    yield play(database_url, "reservar/simple", nothing)


def test_the_command_writes_a_suite(filled: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It can be listed and checked like any other; what it lacks is expectations."""
    out = tmp_path / "deep" / "out"
    out.parent.mkdir()

    code = run(["export-transcripts", "--out", str(out), "--salt", "a salt of the tests", "--json"])

    told = msgspec.json.decode(capsys.readouterr().out)
    suite = load_suite(out)
    assert code == 0
    assert (told["conversations"], told["ids"]) == (1, [each.id for each in suite.conversations])
    assert [each.kind for each in check_suite(suite)] == [FindingKind.EXPECTS_NOTHING]
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        f"{told['ids'][0]}.jsonl",
        "suite.json",
    ]


def test_one_conversation_becomes_a_fixture(filled: str, tmp_path: Path) -> None:
    """The same as in an export with the same salt; a second one does not overwrite it."""
    out, salt = tmp_path / "new" / "one.jsonl", "a salt of the tests"

    codes = [run(["fixture", filled, "--out", str(out), "--salt", salt]) for _ in range(2)]

    assert codes == [0, 2]
    assert run(["export-transcripts", "--out", str(tmp_path / "all"), "--salt", salt]) == 0
    assert out.read_bytes() == next((tmp_path / "all").glob("prod-*.jsonl")).read_bytes()
    assert [path.name for path in out.parent.iterdir()] == ["one.jsonl"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--salt", "short"], 2, "at least 12 letters"),
        (["--since", "yesterday"], 2, "no ISO 8601 date"),
        (["--limit", "0"], 2, "limit"),
        (["--organization", "Nadie"], 1, "no conversation"),
    ],
)
def test_an_export_that_cannot_be_says_why_and_writes_nothing(
    filled: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    """One line, and the exit code."""
    assert filled

    ended = run(["export-transcripts", "--out", str(tmp_path / "out"), *words])

    assert ended == code
    assert said in " ".join(capsys.readouterr().err.split())
    assert list(tmp_path.iterdir()) == []


def test_a_directory_with_something_in_it_is_left_alone(
    filled: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not even looked into; an empty one is fine."""
    assert filled
    (tmp_path / "kept.txt").write_text("mine")
    (tmp_path / "empty").mkdir()

    codes = [run(["export-transcripts", "--out", str(each)]) for each in (tmp_path, tmp_path / "empty")]

    assert codes == [2, 0]
    assert "is not empty" in " ".join(capsys.readouterr().err.split())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "kept.txt"]


def test_a_leak_ends_with_1_and_nothing_is_written(
    filled: str, database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The kinds and counts are all that is said."""
    assert filled
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("""update steps set request = '{"arguments": "{\\"Lupita\\": 1}"}' where kind = 'tool'""")

    code = run(["export-transcripts", "--out", str(tmp_path / "out")])

    said = capsys.readouterr().err
    assert code == 1
    assert "nothing was written" in said
    assert "name: " in said
    assert "Lupita" not in said
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    """A draft goes with the error that ended it."""
    transcript = load_transcripts([FIXTURES / "reservar" / "simple.jsonl"])[0]
    (tmp_path / "file").write_text("")

    with pytest.raises(OSError, match="file"):
        write_directory([transcript], tmp_path / "file" / "out")
    with pytest.raises(FileExistsError):
        # the same id twice: the second cannot take the first one's place
        write_directory([transcript, transcript], tmp_path / "out")
    with pytest.raises(FileExistsError):
        write_fixture(transcript, tmp_path / "file")

    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_export_is_written_one_conversation_at_a_time(tmp_path: Path) -> None:
    """Each is on disk before the next is made; an error in between leaves nothing."""
    transcripts = load_transcripts([FIXTURES / "reservar"])[:3]
    on_disk: list[int] = []

    def make(*, fails: bool) -> Iterator[Transcript]:
        for each in transcripts:
            on_disk.append(len(list(tmp_path.rglob("*.jsonl"))))
            yield each
        if fails:
            raise Leaked({"name": 1})

    with pytest.raises(Leaked):
        write_directory(make(fails=True), tmp_path / "out")
    left = list(tmp_path.iterdir())
    write_directory(make(fails=False), tmp_path / "out")

    assert on_disk == [0, 1, 2, 0, 1, 2]
    assert left == []
    assert len(list((tmp_path / "out").glob("*.jsonl"))) == 3


def test_nothing_is_given_out_from_the_first_conversation_that_does_not_pass(database_url: str) -> None:
    """Here each has a name in it; the error comes after the last one, with what was found in both."""

    async def plant(stage: Stage, _: Transcript) -> tuple[list[str], tuple[str, ...], dict[str, int]]:
        async with stage.database.single() as uow:
            planted = '{"arguments": "{\\"Lupita\\": 1}"}'
            await uow.run(text("update steps set request = cast(:it as jsonb) where kind = 'tool'"), {"it": planted})
        prepared = await prepare_export(stage.database, Wanted(), SALT)
        given: list[str] = []
        with pytest.raises(Leaked) as caught:
            given.extend(each.id for each in prepared.redact())
        return given, prepared.ids, caught.value.counts

    given, ids, counts = play(database_url, "dos-a-la-vez/horas-distintas", plant)

    assert len(ids) == 2 and given == []
    assert counts.keys() == {"name"} and counts["name"] >= 2


def test_every_say_has_one_way_to_say_when(database_url: str) -> None:
    """`at`, or within a burst `gap`."""
    exported = play(database_url, "relevo/rafaga-en-relevo", export)

    says = [event for each in exported.transcripts for event in each.events if isinstance(event, Say)]
    assert says
    assert all((event.at is None) != (event.gap is None) for event in says)
