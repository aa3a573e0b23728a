"""The bench says what it measured: its figures, its counts and its words. No test here depends on the time."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy import text
from vcr.cassette import Cassette

from evals.bench import flood
from evals.bench.cassettes import measure_size
from evals.bench.figures import Figure, Measurement, Unit, percentile
from evals.bench.ground import Ground, fresh_database, seed
from evals.bench.handoff import Load, measure_handoffs
from evals.bench.machine import Machine
from evals.bench.printing import BenchRun, encode_run, print_run
from evals.bench.relaying import Pace, Way
from evals.bench.routing import measure_routing
from evals.bench.running import MEASUREMENTS, run_bench
from evals.bench.turn import COUNTED, count_turns
from evals.bench.wire import WireCounter, name_statement
from runtime.adapters.embedded import choose_redis_url
from runtime.domain.ids import PLATFORM
from runtime.store.database import open_database
from sim.bare_postgres import PostgresFacts, count_rows, measure_bare_commits, read_facts
from sim.cassettes.secrets import Disguise
from sim.cassettes.tapes import load_tape

GROUND = Ground(durable_url="postgresql://nowhere", fast_url="postgresql://nowhere", redis_url="redis://nowhere")
MACHINE = Machine(
    system="Linux x86_64",
    cores=2,
    load=0.5,
    python="3.11.7",
    core_loops_per_s=1e7,
    postgres={"durable": PostgresFacts("18.6", "on", "on")},
)


def figure(value: float, *, least: float | None = None, most: float | None = None) -> Figure:
    """One figure of ten samples."""
    return Figure(name="things", value=value, unit=Unit.PER_SECOND, n=10, how="counted", least=least, most=most)


@pytest.mark.parametrize(
    ("given", "met"),
    [
        (figure(5), None),
        (figure(5, least=5), True),
        (figure(4.9, least=5), False),
        (figure(5, most=5), True),
        (figure(5.1, most=5), False),
    ],
)
def test_a_figure_knows_whether_it_meets_its_target(given: Figure, met: bool | None) -> None:
    """The target itself still meets it; without one there is nothing to meet."""
    assert given.met is met


def test_a_percentile_is_one_of_the_values() -> None:
    """Nearest rank: nothing is made up between two samples."""
    values = [float(value) for value in range(100, 0, -1)]

    assert [percentile(values, share) for share in (0.5, 0.99, 1.0)] == [50.0, 99.0, 100.0]
    assert percentile([7.0], 0.99) == 7.0


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("BEGIN", "begin"),
        ("select id from inbox where state = 'accepted'", "read inbox"),
        ("select fence from conversations where id = $1 for no key update", "read conversations"),
        ("with due as (select from flows for update skip locked) update flows f set x = 1", "update flows"),
        ("insert into people values ($1) on conflict do nothing", "insert people"),
        ("insert into a values (1) on conflict (id) do update set b = 2", "insert a"),
        ("with x as (insert into a select 1) update b set c = 1", "insert a, update b"),
        ("select 1", "select 1"),
    ],
)
def test_a_statement_is_named_by_what_it_changes_or_reads(sql: str, name: str) -> None:
    """The list of a turn's statements is read by people."""
    assert name_statement(sql) == name


async def test_the_wire_shows_statements_round_trips_and_commits(database_url: str) -> None:
    """Begin and tenant travel together; only a transaction that wrote counts as a commit."""
    with WireCounter(database_url) as counter:
        database = open_database(counter.url, pool_size=1)
        async with database.tenant(PLATFORM) as uow:
            await uow.commit()
        counter.take()
        async with database.tenant(PLATFORM) as uow:
            await uow.run(text("select name from organizations"))
            await uow.commit()
        read = counter.take()
        async with database.tenant(PLATFORM) as uow:
            await uow.run(text("update organizations set name = name where organization_id = :id"), {"id": PLATFORM})
            await uow.commit()
        written = counter.take()
        async with database.tenant(PLATFORM) as uow:
            await uow.run(text("update organizations set name = name where organization_id = :id"), {"id": PLATFORM})
        undone = counter.take()
        await database.close()

    assert read.texts == ["begin", "set", "read organizations", "commit"]
    assert (read.statements, read.round_trips, read.transactions, read.commits) == (4, 3, 1, 0)
    assert (written.statements, written.round_trips, written.transactions, written.commits) == (4, 3, 1, 1)
    assert undone.texts[3] == "rollback"
    assert undone.commits == 0


@pytest.mark.integration
async def test_the_statements_of_a_plain_text_turn_are_few_and_known(server_url: str) -> None:
    """From accept to the second report: whoever adds a statement to the hot path changes this list."""
    with fresh_database(server_url, "test") as url:
        await seed(url)

        traffic = await count_turns(url)

    accept = ["insert inbox, insert conversations"]
    offer = ["read conversations", "update conversations"]
    claim = ["begin", "update conversations", "insert turns, update inbox", "read channels", "commit"]
    look = ["begin", "set", "read location_hours", "read appointments", "read messages", "commit"]
    journal = ["begin", "set", "update conversations, insert steps", "commit"]
    finish = ["insert messages", "insert outbox, insert messages", "update inbox, update turns, update conversations"]
    deliver = ["update outbox"] * 2
    reports = ["update outbox"] * 2
    turn = [*claim, *look, *journal, "begin", "set", "read conversations", *finish, "commit"]
    assert traffic.texts[-traffic.statements // COUNTED :] == [*accept, *offer, *turn, *deliver, *reports]
    assert traffic.round_trips == 26 * COUNTED
    assert (traffic.transactions, traffic.commits) == (11 * COUNTED, 9 * COUNTED)


def test_bare_commits_are_counted_and_leave_nothing_behind(database_url: str) -> None:
    """The yardstick of the ratios: one row, one commit."""
    committed, took_s = measure_bare_commits(database_url, clients=2, seconds=0.2)

    assert committed > 0 and took_s >= 0.2
    assert read_facts(database_url).fsync in ("on", "off")
    assert count_rows(database_url, "organizations") >= 1


def test_routing_is_measured_over_every_combination() -> None:
    """The figure says how many calls are behind it."""
    (routed,) = measure_routing(GROUND).figures

    assert routed.unit is Unit.PER_SECOND
    assert routed.n > 10_000 and routed.value > 0


@pytest.mark.integration
@pytest.mark.slow
def test_handoffs_through_real_processes_lose_nothing_and_are_served_in_order(server_url: str) -> None:
    """Two pairs talk, five ask two humans at once, a line of three grows to six: every count that must be 0 is."""
    ground = Ground(durable_url=server_url, fast_url=server_url, redis_url=choose_redis_url(os.environ))
    load = Load(businesses=1, humans=2, pace=Pace(4.0, 1.0), crowd=5, workers=2, lines=(3, 6), repeats=1)

    measured = measure_handoffs(ground, load)

    counts = {each.name.strip(): each for each in measured.figures if each.unit is Unit.COUNT and each.most == 0}
    assert {name: each.value for name, each in counts.items()} == dict.fromkeys(counts, 0), measured.notes
    assert {"relays lost", "doubly served", "told a wrong place", "passed over", "not served", "deadlocks"} <= {*counts}
    samples = {each.name: each.n for each in measured.figures}
    assert [samples[f"{way}, whole, p50"] for way in Way] == [2, 2]
    assert samples["crowd of 5, told, p50"] == 5
    assert {"request, 3 in line", "request, 6 in line"} <= {*samples}


@pytest.mark.integration
@pytest.mark.slow
def test_a_flood_through_real_processes_is_answered_six_times_a_minute(server_url: str) -> None:
    """Two hundred messages in twelve seconds: all become final, all others are answered, and calls are few."""
    ground = Ground(durable_url=server_url, fast_url=server_url, redis_url=choose_redis_url(os.environ))
    load = flood.Load(businesses=2, rate=2.0, quiet_stretch_s=2.0, flood_s=12.0, workers=1)

    measured = flood.measure_flood(ground, load)

    figures = {each.name.strip(): each for each in measured.figures}
    assert {name: each.value for name, each in figures.items() if each.most == 0} == {
        "unanswered": 0,
        "not final": 0,
        "turns given up": 0,
    }
    assert 1 <= figures["model calls in a minute"].value <= 6
    assert figures["not final"].n == 200
    assert figures["flooded to calm, p95"].n == 24


def test_json_has_every_figure_with_its_target_and_whether_it_was_met() -> None:
    """What a program reads: nothing has to be parsed out of words."""
    run = BenchRun(MACHINE, [Measurement(name="some", figures=[figure(5, least=4), figure(5)], took_s=1.5)])

    read = json.loads(encode_run(run))

    assert read["machine"]["postgres"]["durable"]["fsync"] == "on"
    assert [line["met"] for line in read["measurements"][0]["figures"]] == [True, None]
    assert (
        read["measurements"][0]["figures"][0] | {"least": 4.0, "n": 10, "how": "counted", "unit": "/s"}
        == (read["measurements"][0]["figures"][0])
    )


def test_the_table_shows_figures_targets_and_what_could_not_be_measured() -> None:
    """A person sees at once what is missing and why."""
    console = Console(width=160)
    failed = Measurement(name="other", failure="nobody answered")
    with console.capture() as shown:
        print_run(BenchRun(MACHINE, [Measurement(name="some", figures=[figure(5, least=4)]), failed]), console)

    assert "5.00 /s" in shown.get() and "≥ 4.00 /s" in shown.get() and "✓" in shown.get()
    assert "nobody answered" in shown.get() and "fsync on" in shown.get()


def test_one_recording_is_replayed_by_digest_and_by_the_matcher_of_vcrpy(tmp_path: Path) -> None:
    """Every call of both is answered, or the measurement would fail."""
    times = measure_size(30, tmp_path)

    assert (times.calls, times.timed) == (30, 15)
    assert len(Cassette.load(path=str(tmp_path / "30.yaml"))) == len(load_tape(tmp_path / "30.json", Disguise())) == 30


def test_a_name_that_is_no_measurement_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, nothing run, and the names there are."""
    code = run_bench(["speed"])

    assert code == 2
    told = capsys.readouterr().err
    assert "speed" in told and all(name in told for name in MEASUREMENTS)
