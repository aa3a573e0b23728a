"""`parlo race`: its report, its table, its picture, and when it fails."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from evals.cli import run
from evals.race_chart import draw_chart, write_chart
from evals.race_table import find_shortest, print_race
from evals.racing import RaceReport, Score
from sim.races.figures import Crowd, Interleavings, Story
from sim.races.turnstile import Step

STORY = Story(
    scenario="book + book",
    anomalies=("overlap",),
    outcomes=("book: done", "book: done"),
    steps=(Step(0, "select staff_id, spot_id, starts_at, x"), Step(1, "insert into appointments", waits=True)),
    switches=1,
)


def score(name: str, *, anomalies: int = 0) -> Score:
    """A strategy that was raced."""
    orders = Interleavings(
        scenario="book + book",
        attempts=2,
        played=18,
        of_at_most=20,
        complete=False,
        wrong=anomalies,
        anomalies={"overlap": anomalies} if anomalies else {},
        deadlocks=0,
        retried=0,
        put_off=0,
        waits=0,
        diverged=0,
        surprises=0,
        worst=STORY if anomalies else None,
    )
    crowd = Crowd(
        actors=8,
        places=1,
        rounds=6,
        won=6,
        refused=42,
        put_off=0,
        retried=0,
        wrong=0,
        deadlocks=0,
        p50_ms=10.0,
        p95_ms=20.0,
        p99_ms=30.0,
        per_s=100.0,
        fairness=0.99,
        most_wins=2,
    )
    return Score(
        name=name,
        default=name == "line",
        interleavings=18,
        complete=False,
        anomalies=anomalies,
        kinds=dict(orders.anomalies),
        deadlocks=0,
        retries=0,
        refused=42,
        put_off=0,
        p50_ms=10.0,
        p95_ms=20.0,
        p99_ms=30.0,
        throughput=100.0,
        fairness=0.99,
        scenarios=[orders],
        crowds=[crowd],
    )


def report(**anomalies: int) -> RaceReport:
    """A race with so many anomalies of each strategy."""
    return RaceReport("booking", ["load", "orders"], [score(name, anomalies=n) for name, n in anomalies.items()])


@pytest.mark.parametrize(
    ("anomalies", "good"),
    [
        ({"none": 18, "line": 0}, True),
        ({"line": 0}, True),
        ({"none": 18, "line": 1}, False),
        ({"none": 18, "row": 1, "line": 0}, False),
        ({"none": 0, "line": 0}, False),
    ],
    ids=["as-it-should-be", "one-alone", "default-wrong", "another-wrong", "measure-broken"],
)
def test_a_race_is_good_if_only_the_naive_strategy_goes_wrong_and_it_does(
    anomalies: dict[str, int], good: bool
) -> None:
    """A race in which nothing is ever seen to go wrong proves nothing."""
    assert report(**anomalies).good == good


def test_the_whole_path_on_the_virtual_clock_need_not_show_what_the_naive_strategy_does() -> None:
    """There a transaction runs in one go."""
    assert msgspec.structs.replace(report(none=0), parts=["path"]).good


def test_the_table_says_what_was_left_out_and_tells_the_shortest_story(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever reads it sees what is default, what was bounded, and how it goes wrong."""
    print_race(report(none=18, line=0))

    shown = capsys.readouterr().out
    assert "line (default)" in shown
    assert "18 orders played of at most 20" in shown
    assert " 1 look at the calendar" in shown
    assert "write the appointment … waits" in shown


def test_the_shortest_story_has_the_fewest_changes_of_turn() -> None:
    """Steps are compared only between equals."""
    longer = msgspec.structs.replace(STORY, switches=3)
    base = score("none", anomalies=18)
    scenarios = [msgspec.structs.replace(base.scenarios[0], worst=each) for each in (longer, STORY)]

    assert find_shortest(msgspec.structs.replace(base, scenarios=scenarios)) == STORY


def test_the_picture_needs_nothing_else_and_names_every_strategy(tmp_path: Path) -> None:
    """Well-formed, without an address of anything; a page around it where that is asked for."""
    raced = report(none=18, line=0)

    svg = draw_chart(raced)
    write_chart(raced, tmp_path / "race.html")

    words = [element.text for element in ElementTree.fromstring(svg).iter() if element.text]
    assert {"none", "line (default)", "18"} <= set(words)
    assert svg.count("http") == 1
    assert (tmp_path / "race.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_race_gives_one_object_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    """With the figures that scripts read, for each strategy."""
    code = run(["race", "booking", "--strategy", "none", "--only", "orders", "--orders", "0", "--json"])

    raced = msgspec.json.decode(capsys.readouterr().out)
    assert code == 0
    (naive,) = raced["strategies"]
    assert {"name", "interleavings", "anomalies", "deadlocks", "p95_ms", "throughput"} <= set(naive)
    assert (naive["name"], naive["complete"], naive["anomalies"]) == ("none", True, 54)


@pytest.mark.parametrize(
    "words",
    [
        ["race", "booking", "--strategy", "hope"],
        ["race", "conversation", "--strategy", "row"],
        ["race", "conversation", "--only", "path"],
        ["race", "booking", "--actors", "100"],
        ["race", "booking", "--processes", "2"],
    ],
)
def test_what_cannot_be_raced_is_refused(words: list[str]) -> None:
    """With the exit code of what was given wrong, before anything is started."""
    assert run(words) == 2
