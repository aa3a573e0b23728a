"""Suites: what they hold, what their hash stands for, how they are split and cut, and what is wrong with them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evals.cli import run
from evals.datasets import (
    SUITES_DIR,
    Split,
    check_suite,
    derive_split,
    describe_suite,
    list_suites,
    load_suite,
    slice_suite,
)
from evals.datasets.checking import FindingKind
from sim.problems import MalformedInput
from sim.worlds import WORLDS_DIR

HEADER = {
    "type": "transcript",
    "version": 1,
    "id": "uno",
    "tags": ["book"],
    "now": "2026-01-12T10:00:00-06:00",
    "world": "estetica-lupita",
    "people": {"ana": {"role": "customer", "phone": "+525512345678"}},
}
SAY = {"type": "say", "by": "ana", "text": "hola, quiero una cita"}
EXPECT = {"type": "expect", "route": "5"}
ROWS: list[dict[str, Any]] = [
    {"text": "quiero hablar con alguien", "label": True, "split": "dev", "hard": False},
    {"text": "¿a qué hora abren?", "label": False, "split": "test", "hard": True},
    {"text": "me pasas a Lupita?", "label": True, "hard": False},
]
MANIFEST: dict[str, Any] = {
    "name": "mine",
    "description": "A suite of the tests.",
    "transcripts": ["talks/*.jsonl"],
    "utterances": [{"task": "asks-human", "file": "asks.jsonl"}],
}


def dump(*objects: object) -> bytes:
    """JSON Lines."""
    return msgspec.json.Encoder().encode_lines(list(objects))


def write_suite(folder: Path, **changes: object) -> Path:
    """A suite of two conversations and three labelled messages, with these fields of the manifest changed."""
    (folder / "talks").mkdir(parents=True, exist_ok=True)
    (folder / "suite.json").write_bytes(msgspec.json.format(msgspec.json.encode(MANIFEST | changes), indent=2))
    (folder / "talks" / "uno.jsonl").write_bytes(dump(HEADER, SAY, EXPECT))
    (folder / "talks" / "dos.jsonl").write_bytes(
        dump(HEADER | {"id": "dos", "tags": ["ask"]}, SAY | {"text": "¿cuánto cuesta el gelish?"}, EXPECT)
    )
    (folder / "asks.jsonl").write_bytes(dump(*ROWS))
    return folder


def hash_of(folder: Path, worlds_dir: Path = WORLDS_DIR) -> str:
    return load_suite(folder, worlds_dir=worlds_dir).content_hash


def test_the_hash_is_the_same_wherever_the_items_lie_and_however_they_are_written(tmp_path: Path) -> None:
    """Two people who lay the same conversations out differently have the same dataset."""
    first = write_suite(tmp_path / "first")
    other = tmp_path / "other"
    (other / "deep" / "er").mkdir(parents=True)
    backwards = dict(reversed(list(HEADER.items())))
    loose = msgspec.json.format(msgspec.json.encode(SAY), indent=0).replace(b'":', b'"  :\t')
    talks = [
        dump(HEADER | {"id": "dos", "tags": ["ask"]}, SAY | {"text": "¿cuánto cuesta el gelish?"}, EXPECT),
        b"\r\n".join([msgspec.json.encode(backwards), loose, b"", msgspec.json.encode(EXPECT), b""]),
    ]
    (other / "deep" / "er" / "all.jsonl").write_bytes(b"\xef\xbb\xbf" + b"".join(talks))
    (other / "z.jsonl").write_bytes(dump(*reversed(ROWS)).replace(b"\n", b"\r\n"))
    manifest = MANIFEST | {"name": "other", "transcripts": ["deep"], "description": "x"}
    manifest |= {"utterances": [{"task": "asks-human", "file": "z.jsonl", "split": "dev"}], "split": {"uno": "test"}}
    (other / "suite.json").write_bytes(msgspec.json.encode(manifest))

    assert hash_of(other) == hash_of(first)


def change_word(folder: Path) -> None:
    (folder / "talks" / "uno.jsonl").write_bytes(dump(HEADER, SAY | {"text": "hola, quiero una Cita"}, EXPECT))


def change_expectation(folder: Path) -> None:
    (folder / "talks" / "uno.jsonl").write_bytes(dump(HEADER, SAY, EXPECT | {"no_reply": ["ana"]}))


def change_tag(folder: Path) -> None:
    (folder / "talks" / "uno.jsonl").write_bytes(dump(HEADER | {"tags": ["move"]}, SAY, EXPECT))


def change_label(folder: Path) -> None:
    (folder / "asks.jsonl").write_bytes(dump(ROWS[0] | {"label": False}, *ROWS[1:]))


def add_row(folder: Path) -> None:
    (folder / "asks.jsonl").write_bytes(dump(*ROWS, {"text": "quiero corte", "label": False}))


def take_conversation_out(folder: Path) -> None:
    (folder / "talks" / "dos.jsonl").unlink()


@pytest.mark.parametrize(
    "change", [change_word, change_expectation, change_tag, change_label, add_row, take_conversation_out]
)
def test_the_hash_changes_with_anything_that_is_said_expected_or_labelled(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    """Results on two different datasets must never be taken for comparable."""
    folder = write_suite(tmp_path)
    before = hash_of(folder)

    change(folder)

    assert hash_of(folder) != before


def test_the_hash_changes_with_a_world_that_is_only_named(tmp_path: Path) -> None:
    """A price that was raised makes another conversation of the same words."""
    folder, worlds = write_suite(tmp_path / "suite"), tmp_path / "worlds"
    shutil.copytree(WORLDS_DIR, worlds)
    before = hash_of(folder, worlds)
    world = worlds / "estetica-lupita.json"

    world.write_text(world.read_text(encoding="utf-8").replace('"price_cents": 25000', '"price_cents": 25500', 1))

    assert hash_of(folder, worlds) != before


def test_splits_are_as_named_or_follow_from_the_id_and_stay_when_items_come(tmp_path: Path) -> None:
    """An item that changes its split when another is added would make the end's measure a lie."""
    folder = write_suite(tmp_path, split={"dos": "test"})
    before = {each.id: each.split for each in load_suite(folder).conversations}
    rows = {each.row.text: each.split for each in load_suite(folder).rows}
    more = [dump(HEADER | {"id": f"mas-{n}"}, SAY | {"text": str(n)}, EXPECT) for n in range(20)]

    (folder / "talks" / "mas.jsonl").write_bytes(b"".join(more))

    after = {each.id: each.split for each in load_suite(folder).conversations}
    assert before == {"dos": Split.TEST, "uno": derive_split("uno")}
    assert {each: after[each] for each in before} == before
    assert [rows[ROWS[0]["text"]], rows[ROWS[1]["text"]]] == [Split.DEV, Split.TEST]


def test_about_three_in_ten_are_kept_for_the_end() -> None:
    """By chance of the id alone: with 2,000 ids, four standard deviations are 4.1 points."""
    derived = [derive_split(f"id-{number}") for number in range(2000)]

    assert 0.259 < derived.count(Split.TEST) / 2000 < 0.341


def test_a_file_that_two_patterns_name_counts_once(tmp_path: Path) -> None:
    """Patterns overlap; that is no conversation twice."""
    folder = write_suite(tmp_path, transcripts=["talks", "talks/*.jsonl", "./talks/uno.jsonl"])

    assert [each.id for each in load_suite(folder).conversations] == ["dos", "uno"]


def test_tags_choose_conversations_and_name_those_that_must_pass(tmp_path: Path) -> None:
    """Of the manifest's own."""
    folder = write_suite(tmp_path, without_tags=["ask"], must_pass={"tags": ["book"]})

    suite = load_suite(folder)

    assert [each.id for each in suite.conversations] == ["uno"]
    assert suite.must_pass == ("uno",)


def test_a_slice_has_what_was_asked_for_and_a_hash_of_its_own(tmp_path: Path) -> None:
    """By tag, split, id and must-pass, each alone."""
    suite = load_suite(write_suite(tmp_path, must_pass={"ids": ["dos"]}, split={"uno": "test", "dos": "dev"}))

    by_tag = slice_suite(suite, tags=["book", "hard"])
    by_split = slice_suite(suite, split=Split.TEST)
    by_id = slice_suite(suite, ids=["d*"])
    must_pass = slice_suite(suite, must_pass=True)

    assert [each.id for each in by_tag.conversations] == ["uno"]
    assert [each.row.text for each in by_tag.rows] == [ROWS[1]["text"]]
    assert [each.id for each in by_split.conversations] == ["uno"]
    assert all(each.split is Split.TEST for each in by_split.rows)
    assert ([each.id for each in by_id.conversations], by_id.rows) == (["dos"], [])
    assert ([each.id for each in must_pass.conversations], must_pass.rows) == (["dos"], [])
    assert len({each.content_hash for each in (suite, by_tag, by_id)}) == 3
    assert by_id.content_hash == must_pass.content_hash
    assert slice_suite(suite).content_hash == suite.content_hash


def test_any_transcripts_are_a_suite_as_they_come(tmp_path: Path) -> None:
    """A file, or a directory without a manifest; nothing must pass, and the name is the file's."""
    folder = write_suite(tmp_path) / "talks"

    one, both = load_suite(folder / "uno.jsonl"), load_suite(folder)

    assert (one.name, len(one.conversations), one.manifest, one.must_pass) == ("uno", 1, None, ())
    assert (both.name, len(both.conversations)) == ("talks", 2)


@pytest.mark.parametrize(
    ("changes", "place", "message"),
    [
        ({"name": "Not A Name"}, "suite.json:2: name", "a short name"),
        ({"extra": 1}, "suite.json:13: extra", "unknown field"),
        ({"description": ""}, "suite.json:3: description", "not empty"),
        ({"transcripts": [], "utterances": []}, "suite.json:4: transcripts", "needs transcripts or utterances"),
        ({"transcripts": ["/etc"]}, "transcripts[0]", "from the manifest's own directory"),
        ({"transcripts": ["talks", "gone/*.jsonl"]}, "transcripts[1]", "nothing is there: 'gone/*.jsonl'"),
        ({"utterances": [{"task": "asks-human", "file": "gone.jsonl"}]}, "gone.jsonl", "cannot be read"),
        ({"utterances": [{"task": "moods", "file": "asks.jsonl"}]}, "utterances[0].task", "owner-intent"),
        ({"with_tags": ["nobody"]}, "with_tags", "no conversation is left"),
        ({"with_tags": ["book"], "without_tags": ["book"]}, "without_tags", "at once"),
        ({"split": {"uno": "train"}}, "split", "dev"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_manifest_that_is_wrong_says_where_and_ends_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, object], place: str, message: str
) -> None:
    """With the file, the line and the field, on standard error."""
    folder = write_suite(tmp_path, **changes)

    code = run(["datasets", str(folder)])

    shown = capsys.readouterr()
    assert (code, shown.out) == (2, "")
    assert place in shown.err
    assert message in shown.err


def test_every_fault_of_every_file_is_said_at_once(tmp_path: Path) -> None:
    """Nobody wants to run it five times to find five faults."""
    folder = write_suite(tmp_path, transcripts=["talks", "gone"])
    with (folder / "talks" / "uno.jsonl").open("ab") as file:
        file.write(b'{"type": "say", \n')
    (folder / "talks" / "tres.jsonl").write_bytes(dump(HEADER | {"id": "dos"}, SAY))
    (folder / "asks.jsonl").write_bytes(dump(*ROWS, {"text": "x", "label": "maybe"}, {"text": "y"}))

    with pytest.raises(MalformedInput) as caught:
        load_suite(folder)

    said = str(caught.value)
    for part in ("uno.jsonl:4: not JSON", "transcript.id: 'dos' is taken", "asks.jsonl:4: label", "transcripts[1]"):
        assert part in said
    assert "asks.jsonl:5: label: must be one of" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{\n  "name": mine\n}', "suite.json:2: not JSON"),
        (b"", "suite.json:1: not JSON"),
        (b"[]", "suite.json:1: expected an object"),
        (b'{"name": "\xff"}', "suite.json:1: not UTF-8"),
        (b'{"name": "a",\n"name": "b"}', "stands twice"),
    ],
)
def test_a_manifest_that_is_no_json_says_where(tmp_path: Path, content: bytes, said: str) -> None:
    """However it was broken."""
    (tmp_path / "suite.json").write_bytes(content)

    with pytest.raises(MalformedInput) as caught:
        load_suite(tmp_path)

    assert said in str(caught.value)


def test_a_directory_with_nothing_in_it_is_no_suite(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is not taken for an empty one."""
    code = run(["datasets", str(tmp_path), "--check"])

    assert code == 2
    assert "no *.jsonl file is in this directory" in capsys.readouterr().err


def test_a_row_of_no_known_split_is_refused(tmp_path: Path) -> None:
    """It would otherwise be measured in a split that nobody asked for."""
    folder = write_suite(tmp_path)
    (folder / "asks.jsonl").write_bytes(dump(ROWS[0], ROWS[1] | {"split": "tset"}))

    with pytest.raises(MalformedInput, match=r"asks\.jsonl:2: split: must be one of dev, test; it is 'tset'"):
        load_suite(folder)


def add_twice(folder: Path) -> None:
    (folder / "asks.jsonl").write_bytes(dump(*ROWS, ROWS[0]))


def add_other_label(folder: Path) -> None:
    (folder / "asks.jsonl").write_bytes(dump(*ROWS, ROWS[0] | {"text": "QUIERO hablar con alguien!!", "label": False}))


def add_leak(folder: Path) -> None:
    (folder / "asks.jsonl").write_bytes(dump(*ROWS, ROWS[1] | {"text": "a que hora abren", "split": "dev"}))


def expect_nothing(folder: Path) -> None:
    (folder / "talks" / "uno.jsonl").write_bytes(dump(HEADER, SAY))


def end_with_nothing(folder: Path) -> None:
    (folder / "talks" / "uno.jsonl").write_bytes(dump(HEADER, SAY, {"type": "end"}))


def leak_conversation(folder: Path) -> None:
    """The same talk under another id, with another name, in the other split."""
    people = {"eva": {"role": "customer", "phone": "+525512345679"}}
    say = SAY | {"by": "eva", "text": "Hola, quiero una cita!"}
    (folder / "talks" / "tres.jsonl").write_bytes(dump(HEADER | {"id": "tres", "people": people}, say, EXPECT))
    manifest = MANIFEST | {"split": {"uno": "dev", "tres": "test"}}
    (folder / "suite.json").write_bytes(msgspec.json.encode(manifest))


def name_unknown(folder: Path) -> None:
    manifest = MANIFEST | {"must_pass": {"ids": ["nadie"]}}
    (folder / "suite.json").write_bytes(msgspec.json.encode(manifest))


def name_unknown_tag(folder: Path) -> None:
    manifest = MANIFEST | {"must_pass": {"tags": ["nada"]}}
    (folder / "suite.json").write_bytes(msgspec.json.encode(manifest))


def split_unknown(folder: Path) -> None:
    (folder / "suite.json").write_bytes(msgspec.json.encode(MANIFEST | {"split": {"nadie": "dev"}}))


@pytest.mark.parametrize(
    ("damage", "kind", "said"),
    [
        (add_twice, FindingKind.ID_TWICE, "asks.jsonl:1 and "),
        (add_other_label, FindingKind.TWO_LABELS, "labelled false and true"),
        (add_leak, FindingKind.LEAK, "asks.jsonl:2 and "),
        (leak_conversation, FindingKind.LEAK, "tres and uno say the same"),
        (expect_nothing, FindingKind.EXPECTS_NOTHING, "uno.jsonl:1: uno expects nothing"),
        (end_with_nothing, FindingKind.EXPECTS_NOTHING, "uno expects nothing"),
        (name_unknown, FindingKind.UNKNOWN_ID, "must_pass.ids: no conversation is called 'nadie'"),
        (split_unknown, FindingKind.UNKNOWN_ID, "split: no conversation is called 'nadie'"),
        (name_unknown_tag, FindingKind.UNKNOWN_TAG, "must_pass.tags: no conversation has the tag 'nada'"),
    ],
)
def test_the_check_finds_what_makes_figures_untrue_and_ends_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], None], kind: FindingKind, said: str
) -> None:
    """One finding each, of its kind and with its place; without --check the suite is shown as it is."""
    folder = write_suite(tmp_path)
    damage(folder)

    code = run(["datasets", str(folder), "--check"])

    shown = " ".join(capsys.readouterr().out.split())
    assert [each.kind for each in check_suite(load_suite(folder))] == [kind]
    assert code == 1
    assert said in shown
    assert "1 found" in shown
    assert run(["datasets", str(folder)]) == 0


def test_the_same_words_after_other_words_may_have_another_label(tmp_path: Path) -> None:
    """A *listo* means one thing after a question and another after a thank-you."""
    folder = write_suite(tmp_path, utterances=[{"task": "owner-intent", "file": "asks.jsonl", "split": "dev"}])
    rows = [{"text": "listo", "label": "end"}, {"text": "listo", "label": "relay", "history": ["Ana: ¿ya está?"]}]
    (folder / "asks.jsonl").write_bytes(dump(*rows))

    assert check_suite(load_suite(folder)) == []


def test_what_a_slice_leaves_out_is_not_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The check is of the whole suite, the figures are of the slice."""
    folder = write_suite(tmp_path, must_pass={"ids": ["dos"]})

    code = run(["datasets", str(folder), "--check", "--tag", "book", "--json"])

    shown = msgspec.json.decode(capsys.readouterr().out)
    assert (code, shown["findings"], shown["conversations"], shown["must_pass"]) == (0, [], 1, [])


def test_json_says_everything_about_one_suite(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Counts by tag, label and split, must-pass and the whole hash."""
    folder = write_suite(tmp_path, must_pass={"tags": ["ask"]}, split={"uno": "dev", "dos": "test"})

    code = run(["datasets", str(folder), "--json"])

    shown = msgspec.json.decode(capsys.readouterr().out)
    assert code == 0
    assert shown["hash"] == hash_of(folder)
    assert shown["tags"] == {"ask": {"dev": 0, "test": 1}, "book": {"dev": 1, "test": 0}}
    assert shown["must_pass"] == ["dos"]
    assert sum(shown["sets"][0]["labels"]["true"].values()) == 2
    assert shown["sets"][0]["labels"]["false"] == {"dev": 0, "test": 1}
    assert shown["findings"] is None


@pytest.mark.parametrize("words", [["gone"], ["--split", "train"], ["--nonsense"]])
def test_usage_that_is_wrong_ends_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A path that is not there, a split that is none, an option that does not exist."""
    code = run(["datasets", *words])

    assert code == 2
    assert capsys.readouterr().err


@pytest.mark.parametrize("path", list_suites(), ids=lambda path: path.name)
def test_a_suite_that_is_shipped_is_sound(path: Path) -> None:
    """Nothing to be found, a name that is its directory's, and something that must pass."""
    suite = load_suite(path)

    assert check_suite(suite) == []
    assert suite.name == path.name
    assert suite.must_pass


def test_the_shipped_suites_are_what_their_names_say(capsys: pytest.CaptureFixture[str]) -> None:
    """Core is of customers and has both files of labels; smoke is small and has one of each kind."""
    code = run(["datasets", "--json"])

    listed = {each["name"]: each for each in msgspec.json.decode(capsys.readouterr().out)}
    core, smoke = load_suite(SUITES_DIR / "core"), describe_suite(load_suite(SUITES_DIR / "smoke"))
    roles = [{str(person.role) for person in each.transcript.header.people.values()} for each in core.conversations]
    assert code == 0
    assert {"core", "smoke"} <= set(listed)
    assert [each.id for each, those in zip(core.conversations, roles, strict=True) if "customer" not in those] == [
        "identidad-empleada-y-clienta"
    ], "who works for one of two businesses and is the other's customer"
    assert [each["task"] for each in listed["core"]["sets"]] == ["owner-intent", "asks-human"]
    assert smoke.conversations <= 12
    assert {"book", "move", "cancel", "ask", "handoff", "burst", "fault"} <= set(smoke.tags)
