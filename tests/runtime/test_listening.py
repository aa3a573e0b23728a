"""Voice notes and pictures of customers: kept in any case, put into words where a model can, else asked about."""

from __future__ import annotations

import msgspec
import pytest

from runtime.domain import words
from runtime.domain.whatsapp import MessageKind
from sim.samples import make_file
from sim.stage import MESSAGES_URL, SETTINGS, Stage
from sim.stepwise import Killed
from sim.twilio.inbound import Inbound, InboundMedia
from tests.runtime.staging import ANA, BUSINESS, Salon, on_stage

BEYOND_THE_LEASE_S = 120.0
DEAF = msgspec.structs.replace(SETTINGS, transcription_model="", vision_model="")
ASKS_TO_WRITE = words.unsupported(MessageKind.AUDIO, tried=True)


async def send(salon: Salon, *files: tuple[str, str], caption: str = "") -> None:
    """Ana sends files of these types that say these words."""
    media = tuple(InboundMedia(kind, make_file(kind, says=says)) for kind, says in files)
    inbound = Inbound(from_address=f"whatsapp:{ANA}", to_address=f"whatsapp:{BUSINESS}", text=caption, media=media)
    assert await salon.scene.twilio.send_inbound(MESSAGES_URL, inbound) == 200


async def list_steps(salon: Salon) -> list[str]:
    """The names of the journaled steps, in order."""
    return [row[0] for row in await salon.rows("select name from steps order by at, number")]


def test_a_voice_note_is_answered_like_the_same_words(database_url: str) -> None:
    """Kept, transcribed, and in the history with its mark."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        await send(salon, ("audio/ogg", "cuánto cuesta el gelish"))

        await salon.scheduler.settle()

        assert len(salon.heard(ANA)) == 1 and "$280" in salon.heard(ANA)[0]
        assert (await list_steps(salon))[:2] == ["transcribe", "customer"]
        assert await salon.count("select count(*) from media where state = 'stored'") == 1
        history = await salon.rows("select text from messages where author = 'customer'")
        assert [row[0] for row in history] == ["[nota de voz] cuánto cuesta el gelish"]

    on_stage(database_url, play)


def test_without_a_model_the_file_is_kept_and_the_customer_is_asked_to_write(database_url: str) -> None:
    """No question is put to anybody."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        await send(salon, ("audio/ogg", "cuánto cuesta el gelish"))

        await salon.scheduler.settle()

        assert salon.heard(ANA) == [words.unsupported(MessageKind.AUDIO)]
        assert await list_steps(salon) == []
        assert await salon.count("select count(*) from media where state = 'stored'") == 1

    on_stage(database_url, play, settings=DEAF)


@pytest.mark.parametrize(
    ("kind", "says"),
    [("audio/ogg", None), ("audio/amr", "cuánto cuesta"), ("image/jpeg", None)],
    ids=["silence", "a kind that nobody opens", "nothing to be seen"],
)
def test_a_file_that_says_nothing_is_asked_about(database_url: str, kind: str, says: str | None) -> None:
    """The answer says that somebody tried."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        media = (InboundMedia(kind, make_file(kind, says=says)),)
        inbound = Inbound(from_address=f"whatsapp:{ANA}", to_address=f"whatsapp:{BUSINESS}", text="", media=media)
        await salon.scene.twilio.send_inbound(MESSAGES_URL, inbound)

        await salon.scheduler.settle()

        asked = MessageKind.IMAGE if kind.startswith("image") else MessageKind.AUDIO
        assert salon.heard(ANA) == [words.unsupported(asked, tried=True)]

    on_stage(database_url, play)


@pytest.mark.parametrize("fault", ["down", "500", "timeout", "garbage"])
def test_a_model_that_is_down_costs_nobody_an_answer(database_url: str, fault: str) -> None:
    """The customer is asked to write, the turn is done, and what is written then is answered."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        salon.scene.model.inject(fault, times=3)
        await send(salon, ("audio/ogg", "cuánto cuesta el gelish"))

        await salon.scheduler.settle()
        await salon.say(ANA, "cuánto cuesta el gelish")

        assert salon.heard(ANA)[0] == ASKS_TO_WRITE
        assert "$280" in salon.heard(ANA)[1]
        assert await salon.count("select count(*) from tasks") == 0

    on_stage(database_url, play)


def test_a_model_that_does_not_exist_costs_nobody_an_answer(database_url: str) -> None:
    """The server refuses; nothing is tried again and again."""
    unknown = msgspec.structs.replace(SETTINGS, transcription_model="gpt-4o-mini-transcribe")

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        await send(salon, ("audio/ogg", "cuánto cuesta el gelish"))

        await salon.scheduler.settle()

        assert salon.heard(ANA) == [ASKS_TO_WRITE]
        assert len(salon.scene.model.asked) == 1

    on_stage(database_url, play, settings=unknown)


def test_a_request_for_a_person_is_heard_when_it_is_spoken(database_url: str) -> None:
    """By the rules, as if it were written."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        await send(salon, ("audio/ogg", "quiero hablar con una persona por favor"))

        await salon.scheduler.settle()

        assert await salon.count("select count(*) from handoffs where state = 'offered'") == 1

    on_stage(database_url, play)


def test_a_picture_adds_to_its_caption(database_url: str) -> None:
    """The caption first, then what is to be seen."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        await send(salon, ("image/jpeg", "Unas uñas con gelish rojo."), caption="cuánto cuesta esto?")

        await salon.scheduler.settle()

        assert "$280" in salon.heard(ANA)[0]
        history = await salon.rows("select text from messages where author = 'customer'")
        assert history[0][0] == "[imagen] cuánto cuesta esto?\nUnas uñas con gelish rojo."

    on_stage(database_url, play)


def test_who_sends_many_is_listened_to_a_few_times(database_url: str) -> None:
    """A burst of six voice notes: four questions."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        for number in range(6):
            await send(salon, ("audio/ogg", f"nota número {number}"))

        await salon.scheduler.settle()

        assert (await list_steps(salon)).count("transcribe") == 4

    on_stage(database_url, play)


# a killed process closes nothing, and Python tells so when it collects what is left of it
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")
def test_a_worker_killed_at_any_round_trip_listens_once_and_answers_once(database_url: str) -> None:
    """The killed turn takes what it heard from the journal, or hears it if it had not yet."""

    async def play_once(stage: Stage, at: int | None) -> int:
        salon = await Salon.open(stage)
        await send(salon, ("audio/ogg", "cuánto cuesta el gelish"))
        await salon.scene.clock.sleep(2)
        switch = stage.switch
        start = switch.round_trips
        switch.kill_before = start + at if at is not None else None
        try:
            await salon.run_turn(ANA)
            await salon.scheduler.settle()
        except Killed:
            await stage.restart()
        trips = switch.round_trips - start
        # a turn may have been over before its number came up
        switch.kill_before = None
        await salon.wait(BEYOND_THE_LEASE_S)

        assert [("$280" in each) for each in salon.heard(ANA)] == [True], f"killed at {at}"
        assert (await list_steps(salon)).count("transcribe") == 1, f"killed at {at}"
        assert await salon.count("select count(*) from media") == 1, f"killed at {at}"
        return trips

    async def play(stage: Stage) -> None:
        trips = await play_once(stage, None)
        for at in range(1, trips + 1):
            await play_once(stage, at)

    on_stage(database_url, play, kills=True)
