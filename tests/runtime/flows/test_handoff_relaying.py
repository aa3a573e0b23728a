"""What a customer and a human say to each other: each message once, in order, whatever it carries."""

from __future__ import annotations

from runtime.domain import words
from runtime.domain.enums import OutboxKind
from runtime.domain.files import Attachment, FileRefusal
from runtime.domain.handoff import SILENCE
from runtime.domain.ids import MediaId
from runtime.domain.whatsapp import BODY_LIMIT, MessageKind, Place
from runtime.store import journal
from runtime.store.database import Database
from tests.runtime.flows.desk import Desk

CHAPALA = Place(20.29, -103.19, "Salón Chapala", None)


async def open_with_lupita(database: Database) -> Desk:
    """Ana is with Lupita."""
    desk = await Desk.open(database, "Ana")
    await desk.ask("Ana")
    await desk.take("Lupita", "Ana")
    return desk


async def keep_file(desk: Desk, position: int, kind: MessageKind) -> Attachment:
    """A file of Ana's that was taken in."""
    media_id = MediaId(desk.salon.ids.new())
    await desk.change(
        "insert into media (organization_id, id, conversation_id, inbox_id, position, state, content_type, size_bytes,"
        " content, created_at, delete_at) select organization_id, :id, conversation_id, id, :position, 'stored',"
        " 'image/jpeg', 1, 'x', :now, :now from inbox where conversation_id = :chat",
        id=media_id,
        position=position,
        now=desk.at(0),
        chat=desk.chat("Ana"),
    )
    return Attachment(position, kind, media_id, None)


# Words ------------------------------------------------------------------------------------------------


async def test_a_customers_words_reach_the_human_with_a_name_each_once_and_in_order(database: Database) -> None:
    """Two bubbles are two relays; the same two again, from a turn that ran twice, are no new messages."""
    desk = await open_with_lupita(database)
    lines = [desk.line("hola"), desk.line("¿me oyes?")]

    told = await desk.send("Ana", "Ana", *lines)
    await desk.send("Ana", "Ana", *lines)

    assert desk.who(told) == [("Lupita", "Ana: hola"), ("Lupita", "Ana: ¿me oyes?")]
    assert {(each.kind, each.counterpart_id) for each in told} == {(OutboxKind.RELAY, desk.chat("Ana"))}
    relays = await desk.look("select body from outbox where kind = 'relay' order by id")
    assert relays == [("Ana: hola",), ("Ana: ¿me oyes?",)]


async def test_a_customers_words_reach_whoever_is_asked_before_they_take_them(database: Database) -> None:
    """Nothing is lost between the asking and the taking."""
    desk = await Desk.open(database, "Ana")
    await desk.ask("Ana")

    told = await desk.say("Ana", "Ana", "es por mi cita")

    assert desk.who(told) == [("Lupita", "Ana: es por mi cita")]
    assert await desk.states() == {"Ana": ("offered", "Lupita")}


async def test_a_humans_words_reach_the_customer_unchanged_and_are_known_to_the_assistant(database: Database) -> None:
    """The customer reads the business speaking; the history knows who it was."""
    desk = await open_with_lupita(database)
    desk.set(20)

    told = await desk.say("Lupita", "Ana", "Te hago 10%", "¿vienes?")

    assert desk.who(told) == [("Ana", "Te hago 10%"), ("Ana", "¿vienes?")]
    assert {(each.kind, each.counterpart_id) for each in told} == {(OutboxKind.RELAY, desk.chat("Lupita"))}
    async with database.tenant(desk.salon.organization_id) as uow:
        history = await journal.load_messages(uow, desk.salon.organization_id, desk.chat("Ana"), most=2)
    assert [(each.author, each.staff_name, each.text) for each in history] == [
        ("human", "Lupita", "Te hago 10%"),
        ("human", "Lupita", "¿vienes?"),
    ]


async def test_a_customer_who_writes_while_in_line_hears_their_place(database: Database) -> None:
    """One answer for a burst, and no human is disturbed."""
    desk = await Desk.open(database, "Ana", "Beto", "Carla")
    for name in ("Ana", "Beto", "Carla"):
        await desk.ask(name)

    told = await desk.say("Carla", "Carla", "¿ya?", "¿hola?")

    assert desk.who(told) == [("Carla", words.still_waiting(1))]
    assert told[0].kind is OutboxKind.REPLY


async def test_a_long_text_is_passed_on_in_as_many_messages_as_it_needs(database: Database) -> None:
    """None is longer than WhatsApp takes, and no word is lost."""
    desk = await open_with_lupita(database)
    text = "palabra " * 700

    there = await desk.say("Ana", "Ana", text)
    back = await desk.say("Lupita", "Ana", text)

    for told in (there, back):
        assert len(told) > 1 and all(len(each.body) <= BODY_LIMIT for each in told)
        assert " ".join(each.body for each in told).split().count("palabra") == 700
        assert len({each.dedupe_key for each in told}) == len(told)
    assert await desk.look("select count(*) from messages where author = 'human'") == [(1,)]


async def test_a_message_with_nothing_in_it_is_named(database: Database) -> None:
    """Something came in that has neither words nor a file of its own: the other at least knows of it."""
    desk = await open_with_lupita(database)

    told = await desk.send("Ana", "Ana", desk.line(kind=MessageKind.CONTACTS))

    assert [body for _, body in desk.who(told)] == ["Ana: [contacto]"]


# What else is sent --------------------------------------------------------------------------------------


async def test_a_place_is_passed_on_as_a_link(database: Database) -> None:
    """Both ways, with the name it was shared under."""
    desk = await open_with_lupita(database)
    line = desk.line(kind=MessageKind.LOCATION, place=CHAPALA)

    there = await desk.send("Ana", "Ana", line)
    back = await desk.send("Lupita", "Ana", desk.line(kind=MessageKind.LOCATION, place=CHAPALA))

    link = "📍 Salón Chapala: https://maps.google.com/?q=20.290000,-103.190000"
    assert desk.who(there) == [("Lupita", f"Ana: {link}")]
    assert desk.who(back) == [("Ana", link)]


async def test_a_picture_is_passed_on_with_its_words_under_it(database: Database) -> None:
    """One message with the file; the human reads whose it is."""
    desk = await open_with_lupita(database)
    photo = await keep_file(desk, 0, MessageKind.IMAGE)

    told = await desk.send("Ana", "Ana", desk.line("así lo quiero", MessageKind.IMAGE, attachments=(photo,)))

    assert [(each.body, each.media_id) for each in told] == [("Ana: así lo quiero", photo.media_id)]


async def test_a_humans_picture_without_words_goes_without_words(database: Database) -> None:
    """The customer gets the picture and nothing of ours with it."""
    desk = await open_with_lupita(database)
    photo = await keep_file(desk, 0, MessageKind.IMAGE)

    told = await desk.send("Lupita", "Ana", desk.line("", MessageKind.IMAGE, attachments=(photo,)))

    assert [(each.body, each.media_id) for each in told] == [("", photo.media_id)]


async def test_a_voice_note_is_announced_since_it_carries_no_words(database: Database) -> None:
    """WhatsApp shows no text with it."""
    desk = await open_with_lupita(database)
    note = await keep_file(desk, 0, MessageKind.AUDIO)

    told = await desk.send("Ana", "Ana", desk.line("", MessageKind.AUDIO, attachments=(note,)))

    assert [(each.body, each.media_id) for each in told] == [
        (words.sent_file("Ana", MessageKind.AUDIO), None),
        ("", note.media_id),
    ]


async def test_several_files_go_one_by_one_after_the_words(database: Database) -> None:
    """Each once, in their order, with keys of their own."""
    desk = await open_with_lupita(database)
    files = tuple([await keep_file(desk, position, MessageKind.IMAGE) for position in range(3)])
    line = desk.line("elige una", MessageKind.IMAGE, attachments=files)

    told = await desk.send("Ana", "Ana", line)
    await desk.send("Ana", "Ana", line)

    assert [(each.body, each.media_id) for each in told] == [
        ("Ana: elige una", None),
        *(("Ana:", each.media_id) for each in files),
    ]
    assert await desk.look("select count(*) from outbox where kind = 'relay'") == [(4,)]


async def test_a_file_that_cannot_be_passed_on_is_told_to_both(database: Database) -> None:
    """The sender learns why, the receiver that there was something; what else was sent still arrives."""
    desk = await open_with_lupita(database)
    photo = await keep_file(desk, 0, MessageKind.IMAGE)
    refused = Attachment(1, MessageKind.VIDEO, None, FileRefusal.TOO_BIG)

    told = await desk.send("Ana", "Ana", desk.line("mira", MessageKind.IMAGE, attachments=(photo, refused)))

    assert ("Lupita", words.file_lost("Ana", MessageKind.VIDEO, "too_big")) in desk.who(told)
    assert ("Ana", words.file_refused(MessageKind.VIDEO, "too_big")) in desk.who(told)
    assert photo.media_id in [each.media_id for each in told]
    assert any("mira" in each.body for each in told)


# What is written down -----------------------------------------------------------------------------------


async def test_the_first_answer_and_the_last_word_are_written_down(database: Database) -> None:
    """How long a customer waited for a first word, and since when they wait for the next."""
    desk = await open_with_lupita(database)
    columns = "first_answer_at, last_human_at, unanswered_since, nudges"
    asked = await desk.row("Ana", columns)
    desk.set(3)
    await desk.say("Lupita", "Ana", "hola")
    answered = await desk.row("Ana", columns)
    desk.set(4)
    await desk.say("Ana", "Ana", "¿cuánto?")
    desk.set(5)
    await desk.say("Ana", "Ana", "¿hola?")
    waits = await desk.row("Ana", columns)
    desk.set(6)
    await desk.say("Lupita", "Ana", "$250")

    assert asked == (None, desk.at(0), desk.at(0), 0)
    assert answered == (desk.at(3), desk.at(3), None, 0)
    assert waits == (desk.at(3), desk.at(3), desk.at(4), 0), "since the first word, not the latest"
    assert await desk.row("Ana", columns) == (desk.at(3), desk.at(6), None, 0)
    assert await desk.row("Ana", "due_at") == (desk.at(6) + SILENCE,)


async def test_a_new_word_of_the_customer_begins_the_nudging_anew(database: Database) -> None:
    """Steps that were done for an earlier question say nothing of this one."""
    desk = await open_with_lupita(database)
    await desk.say("Ana", "Ana", "¿cuánto?")
    await desk.wait_until(11)
    await desk.say("Lupita", "Ana", "$250")
    desk.set(12)

    await desk.say("Ana", "Ana", "¿y el tinte?")

    assert await desk.row("Ana", "nudges, due_at") == (0, desk.at(22))
