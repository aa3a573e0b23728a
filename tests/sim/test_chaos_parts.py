"""What a chaos run is made of: its proxy, its schedule, the provider's patience, and the arithmetic of recovery."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from random import Random

import msgspec
import pytest

from evals.cli import run
from runtime.adapters.system import SystemClock
from runtime.domain.errors import Broken
from sim.chaos.carrier import TRIES, HttpCarrier, Reporter
from sim.chaos.faults import LASTING, Kind, Struck, draw_schedule, read_kinds
from sim.chaos.play import Outcome
from sim.chaos.proxy import Proxy
from sim.chaos.recovery import Heard, measure_recoveries, summarize_recoveries
from sim.chaos.reporting import show_outcome
from sim.chaos.servers import with_port
from sim.chaos.town import draw_town
from sim.serving import HOST
from sim.simulation.invariants import Violation
from sim.simulation.trace import Trace
from sim.twilio.emulator import TwilioEmulator
from sim.twilio.inbound import Inbound
from sim.twilio.server import HttpSink

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def _echo_behind_proxy() -> AsyncIterator[tuple[Proxy, Line]]:
    """A server that says everything back, a proxy before it, and a connection through both."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(100):
                writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(echo, HOST, 0)
    proxy = Proxy(server.sockets[0].getsockname()[1])
    async with server, proxy.serve():
        line = await asyncio.open_connection(HOST, proxy.port)
        try:
            yield proxy, line
        finally:
            line[1].close()


async def _say(line: Line, words: bytes) -> bytes:
    line[1].write(words)
    return await asyncio.wait_for(line[0].readexactly(len(words)), 5)


async def test_a_proxy_passes_everything_on_in_order() -> None:
    async with _echo_behind_proxy() as (_, line):
        answers = [await _say(line, word) for word in (b"uno", b"dos", b"x" * 200_000)]

    assert answers == [b"uno", b"dos", b"x" * 200_000]


async def test_a_slow_proxy_adds_its_delay_on_the_way_there_and_back() -> None:
    async with _echo_behind_proxy() as (proxy, line):
        proxy.delay_s = 0.1
        started = time.perf_counter()
        await _say(line, b"hola")
        slow_s = time.perf_counter() - started
        proxy.delay_s = 0.0
        started = time.perf_counter()
        await _say(line, b"hola")
        fast_s = time.perf_counter() - started

    assert slow_s >= 0.2
    assert fast_s < slow_s


async def test_a_stalled_proxy_keeps_what_is_said_and_loses_nothing() -> None:
    async with _echo_behind_proxy() as (proxy, line):
        proxy.stall()
        said = asyncio.ensure_future(_say(line, b"hola"))
        _, waiting = await asyncio.wait({said}, timeout=0.2)
        proxy.resume()
        answer = await said

    assert waiting == {said}
    assert answer == b"hola"


async def test_a_cut_resets_every_connection_and_new_ones_pass() -> None:
    async with _echo_behind_proxy() as (proxy, line):
        await _say(line, b"hola")
        cut = proxy.cut()
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await _say(line, b"hola")
        other = await asyncio.open_connection(HOST, proxy.port)
        answer = await _say(other, b"otra vez")
        other[1].close()

    assert cut == 1
    assert answer == b"otra vez"


async def test_nobody_behind_a_proxy_looks_like_a_server_that_hangs_up() -> None:
    async with _echo_behind_proxy() as (proxy, _):
        proxy.upstream_port = 1
        reader, writer = await asyncio.open_connection(HOST, proxy.port)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            writer.write(b"hola")
            await asyncio.wait_for(reader.readexactly(4), 5)
        writer.close()


def test_an_address_is_led_through_a_proxy_with_its_password() -> None:
    assert with_port("postgresql://parlo:s3@127.0.0.1:20001/run", 9) == "postgresql://parlo:s3@127.0.0.1:9/run"


class _Sink(HttpSink):
    """Answers with these statuses in turn, the last one for ever."""

    def __init__(self, *statuses: int) -> None:
        super().__init__()
        self.statuses = list(statuses)
        self.tried = 0

    async def __call__(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> int:
        self.tried += 1
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]


def _carry(sink: _Sink, pauses_s: tuple[float, ...]) -> HttpCarrier:
    clock = SystemClock()
    return HttpCarrier(TwilioEmulator(clock), sink, "http://parlo.example", clock, Trace(clock), pauses_s=pauses_s)


_HELLO = Inbound(from_address="whatsapp:+525512345678", to_address="whatsapp:+522220000001", text="hola")


async def _wait_for(carrier: HttpCarrier) -> None:
    async with asyncio.timeout(5):
        while carrier.under_way:
            await asyncio.sleep(0.01)


async def test_the_provider_brings_a_message_again_until_it_is_taken() -> None:
    sink = _Sink(0, 503, 200)
    carrier = _carry(sink, (0.01,) * 5)

    carrier.carry("Ana", _HELLO)
    await _wait_for(carrier)

    assert list(carrier.accepted.values()) == ["Ana"]
    assert (carrier.again, carrier.given_up, len(carrier.written)) == (2, [], 1)


async def test_the_provider_gives_a_message_up_after_its_last_try() -> None:
    sink = _Sink(503)
    carrier = _carry(sink, (0.01,) * 5)

    carrier.carry("Ana", _HELLO)
    await _wait_for(carrier)

    assert sink.tried == TRIES
    assert carrier.given_up == list(carrier.written)
    assert list(carrier.accepted) == carrier.given_up, "they are ours all the same"


async def test_reports_do_not_wait_for_each_other() -> None:
    """Each is noted with what it was answered in the end."""
    reporter = Reporter(_Sink(503, 200), SystemClock())

    at_once = [await reporter("http://parlo.example", {"MessageSid": sid}, {}) for sid in ("SM1", "SM2")]
    await reporter.wait()

    assert at_once == [0, 0]
    assert [(each.form["MessageSid"], each.answered) for each in reporter.posted] == [("SM1", 503), ("SM2", 200)]


@pytest.mark.parametrize("seconds", [30.0, 120.0, 600.0])
def test_a_run_of_any_length_has_one_fault_of_each_kind_and_the_long_ones_first(seconds: float) -> None:
    planned = draw_schedule(Random(7), tuple(Kind), seconds)

    assert set(Kind) == {each.kind for each in planned}
    assert {each.kind for each in planned[: len(LASTING)]} == set(LASTING)
    assert all(0 < each.at_s <= seconds for each in planned)
    assert [each.at_s for each in planned] == sorted(each.at_s for each in planned)


def test_a_seed_draws_the_same_faults_and_people_again() -> None:
    now = SystemClock().now()

    one, again, other = (draw_town(seed, messages=100, seconds=60, now=now) for seed in (3, 3, 4))

    assert one == again
    assert one.customers != other.customers
    assert draw_schedule(Random(3), tuple(Kind), 60) == draw_schedule(Random(3), tuple(Kind), 60)


def test_no_mark_of_one_business_is_part_of_what_another_may_say() -> None:
    """Else a leak would be seen where there is none."""
    town = draw_town(1, messages=500, seconds=60, now=SystemClock().now())
    marks = [
        {business.name}
        | {member.name for member in business.staff}
        | {f"${service.price_cents // 100}" for service in business.services}
        for business in town.world.organizations
    ]
    names = {customer.name for customer in town.customers}

    for index, own in enumerate(marks):
        others = {mark for place, foreign in enumerate(marks) if place != index for mark in foreign}
        assert not [(mark, word) for mark in others for word in (*own, *names) if mark in word]


def test_kinds_are_named_one_by_one_by_family_or_all() -> None:
    assert read_kinds("all") == tuple(Kind)
    assert read_kinds("none") == ()
    assert read_kinds("valkey, worker.killed") == (Kind.WORKER_KILLED, Kind.VALKEY_FLUSHED, Kind.VALKEY_KILLED)
    with pytest.raises(Broken, match="earthquake"):
        read_kinds("worker.killed,earthquake")


def test_an_unknown_fault_ends_the_command_before_anything_starts(capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["chaos", "--faults", "earthquake"])

    assert code == 1
    assert "earthquake" in capsys.readouterr().err


def test_recovery_counts_from_when_the_thing_is_back() -> None:
    """The first message after the blow, and all that was written by its end."""
    outage = Struck(Kind.POSTGRES_FAST, began_at=100.0, back_at=105.0, detail="")
    heard = [
        Heard(90.0, 92.0),  # was answered before
        Heard(99.0, 130.0),  # was under way
        Heard(101.0, 107.0),  # the first one after the blow
        Heard(104.0, 112.0),
        Heard(106.0, 200.0),  # came when all was there again
    ]

    (recovery,) = measure_recoveries([outage], heard, began_at=50.0)

    assert (recovery.at_s, recovery.out_s) == (50.0, 5.0)
    assert recovery.first_s == 2.0
    assert recovery.clear_s == 25.0
    assert recovery.waiting == 3


def test_what_nobody_waited_for_took_no_time() -> None:
    flush = Struck(Kind.VALKEY_FLUSHED, began_at=100.0, back_at=100.0, detail="")
    stop = Struck(Kind.WORKER_STOPPED, began_at=200.0, back_at=250.0, detail="")

    recoveries = measure_recoveries([stop, flush], [Heard(90.0, 92.0), Heard(210.0, 212.0)], began_at=0.0)

    assert [(it.kind, it.first_s, it.clear_s) for it in recoveries] == [
        (Kind.VALKEY_FLUSHED, 2.0, 0.0),
        (Kind.WORKER_STOPPED, 0.0, 0.0),
    ]


def test_a_fault_in_the_middle_of_another_ones_recovery_is_not_alone() -> None:
    struck = [
        Struck(Kind.WORKER_KILLED, began_at=10.0, back_at=10.0, detail=""),
        Struck(Kind.PROXY_CUT, began_at=20.0, back_at=20.0, detail=""),
        Struck(Kind.WEB_KILLED, began_at=90.0, back_at=90.0, detail=""),
    ]

    recoveries = measure_recoveries(struck, [Heard(9.0, 40.0)], began_at=0.0)

    assert [it.alone for it in recoveries] == [False, False, True]


def test_kinds_are_summed_up_against_what_is_promised() -> None:
    """A bound is missed by either figure; a kind without a bound misses none."""
    struck = [Struck(Kind.VALKEY_FLUSHED, began_at=at, back_at=at, detail="") for at in (10.0, 100.0)]
    struck.append(Struck(Kind.PROXY_CUT, began_at=200.0, back_at=200.0, detail=""))
    heard = [Heard(9.0, 13.0), Heard(99.0, 120.0), Heard(199.0, 290.0)]

    flushed, cut = summarize_recoveries(measure_recoveries(struck, heard, began_at=0.0))

    assert (flushed.kind, flushed.count, flushed.clear_p50_s, flushed.clear_max_s) == (
        Kind.VALKEY_FLUSHED,
        2,
        11.5,
        20.0,
    )
    assert (flushed.bound_s, flushed.missed) == (15.0, 2)
    assert (cut.bound_s, cut.missed) == (None, 0)


def _compose_outcome(**changed: object) -> Outcome:
    """A run in which a flush was recovered from too late."""
    flush = Struck(Kind.VALKEY_FLUSHED, began_at=10.0, back_at=10.0, detail="all keys")
    outcome = Outcome(
        seed=1,
        seconds=60.0,
        written=3,
        messages=3,
        conversations=2,
        sent=3,
        model_calls=3,
        appointments=1,
        handoffs=0,
        faults={"valkey.flushed": 1},
        brought_again=0,
        given_up=0,
        fetched=0,
        copies=0,
        excuses=0,
        dead_turns=0,
        restarts={"worker-1": 0},
        answer_p50_s=2.0,
        answer_p95_s=3.0,
        rested_after_s=1.0,
        recoveries=measure_recoveries([flush], [Heard(9.0, 40.0)], began_at=0.0),
        violations=[],
        folder="runs/1",
        logs={},
    )
    return msgspec.structs.replace(outcome, **changed)


def test_a_recovery_that_took_too_long_is_marked_and_breaks_no_promise(capsys: pytest.CaptureFixture[str]) -> None:
    kept = show_outcome(_compose_outcome(), as_json=False)

    shown = capsys.readouterr().out
    assert kept
    assert "✗ 1" in next(line for line in shown.splitlines() if line.startswith("valkey.flushed"))
    assert "✓ 0 violations" in shown


def test_a_broken_promise_is_named_and_so_is_what_never_came(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = _compose_outcome(violations=[Violation("inbox.final", "SM1")], given_up=2, rested_after_s=None)

    kept = show_outcome(outcome, as_json=False)

    shown = capsys.readouterr().out
    assert not kept
    assert all(words in shown for words in ("✗ inbox.final: SM1", "2 messages never reached us", "not at rest"))


def test_json_has_the_kinds_and_the_whole_run(capsys: pytest.CaptureFixture[str]) -> None:
    show_outcome(_compose_outcome(), as_json=True)

    report = json.loads(capsys.readouterr().out)
    assert (report["kept"], report["missed"], report["run"]["written"]) == (True, 1, 3)
    assert report["kinds"][0]["clear_max_s"] == 30.0
