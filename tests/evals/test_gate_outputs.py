"""What a gate writes for CI and for people: JUnit XML, a page of Markdown and JSON, each whole or not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from evals.cli import run
from evals.comparing.policies import read_policy
from evals.comparing.summarizing import escape, set_code
from sim.record import ConversationRecord
from sim.story import Story
from tests.evals.test_comparison import BROKEN, many, tell, write

LINES, LIMITS = len(read_policy().list_metrics()), len(read_policy().limits)
"""Of the default policy."""
HOSTILE = "<b>¿a qué hora?</b> ]]> & `x` | \x00\x0b"


def ask(name: str, answer: str) -> ConversationRecord:
    """Somebody writes what no format likes."""
    story = Story(name)
    story.say("ana", HOSTILE)
    story.send("ana", answer)
    return story.end(tags=("ask",))


def write_pair(folder: Path) -> tuple[Path, Path]:
    """150 conversations of which three break, one among them hostile, one is mended and one stays broken."""
    first = [ask("bad", "A las 9:00 AM."), *many(149, c5=BROKEN, c6=BROKEN)]
    second = [ask("bad", BROKEN), *many(149, c0=BROKEN, c1=BROKEN, c5=BROKEN)]
    return write(folder / "a", first), write(folder / "b", second)


def find_case(root: ElementTree.Element, name: str) -> ElementTree.Element:
    """The test case whose name begins so."""
    return next(each for each in root.iter("testcase") if (each.get("name") or "").startswith(name))


def test_junit_has_a_case_for_each_conversation_and_each_line_of_the_policy(tmp_path: Path) -> None:
    """What broke failed with its turns named, what cannot stand in XML is replaced, and all is counted."""
    first, second = write_pair(tmp_path)

    code = run(["gate", str(first), str(second), "--junit", str(tmp_path / "out.xml")])

    root = ElementTree.parse(tmp_path / "out.xml").getroot()
    policy, conversations = root.findall("testsuite")
    assert code == 100
    assert (conversations.get("tests"), conversations.get("failures")) == ("150", "3")
    assert len(policy.findall("testcase")) == int(policy.get("tests") or 0) == LINES + LIMITS + 1
    verdict = find_case(root, "verdict").find("failure")
    assert verdict is not None and verdict.get("type") == "BLOCK"
    broken = find_case(root, "bad:").find("failure")
    assert broken is not None and "turn 1, ana: '<b>¿a qué hora?</b> ]]> &" in (broken.text or "")
    assert "rule/one-question" in (broken.text or "")
    must_pass = find_case(root, "c0:").find("failure")
    assert must_pass is not None and must_pass.get("message") == "must pass and broke"
    assert find_case(root, "c5:").findtext("system-out") == "broken before, and still"
    assert find_case(root, "c6:").findtext("system-out") == "broken before, passes now"
    assert len(find_case(root, "c7:")) == 0


def test_junit_is_never_green_where_a_gate_does_not_pass(tmp_path: Path) -> None:
    """What did not run, too few cases, and runs that cannot be compared are errors."""
    first = write(tmp_path / "a", many(20))
    not_run = write(tmp_path / "b", [*many(19), tell("c19", failure="no database")])
    other = write(tmp_path / "c", many(20), suite_hash="b" * 64)

    codes = [
        run(["gate", str(first), str(each), "--junit", str(tmp_path / f"{each.name}.xml")]) for each in (not_run, other)
    ]

    roots = [ElementTree.parse(tmp_path / f"{name}.xml").getroot() for name in ("b", "c")]
    assert codes == [101, 101]
    verdicts = [find_case(root, "verdict").find("error") for root in roots]
    assert [each.get("type") for each in verdicts if each is not None] == ["INCONCLUSIVE", "NOT_COMPARABLE"]
    assert find_case(roots[0], "c19:").find("error") is not None


def test_the_summary_says_verdict_why_and_the_words_before_and_after(tmp_path: Path) -> None:
    """On one page, in which nothing that a customer wrote is read as Markdown."""
    first, second = write_pair(tmp_path)

    run(["gate", str(first), str(second), "--summary", str(tmp_path / "out.md")])

    page = (tmp_path / "out.md").read_text(encoding="utf-8")
    assert page.startswith("# BLOCK: must not be deployed\n")
    assert "**Why.** broken that must pass: c0\n" in page
    assert "- discordant pairs: b = 3 broken, c = 1 fixed; exact p 0.625" in page
    assert "interval" in page and "What would settle it" in page
    assert "## 3 broke" in page
    assert "Turn 1, ana: `` <b>¿a qué hora?</b> ]]> & `x` ¦ \N{REPLACEMENT CHARACTER}" in page
    assert "- before: `→ ana: A las 9:00 AM.`" in page
    assert "- now: `→ ana: ¿Hoy? ¿O mañana?`" in page
    assert page.index("`c0`") < page.index("### `bad`")


def test_the_summary_says_how_many_further_conversations_would_settle_it(tmp_path: Path) -> None:
    """Where that is what is missing."""
    first, second = write(tmp_path / "a", many(20)), write(tmp_path / "b", many(20))

    code = run(["gate", str(first), str(second), "--summary", str(tmp_path / "out.md")])

    page = (tmp_path / "out.md").read_text(encoding="utf-8")
    assert code == 101
    assert page.startswith("# INCONCLUSIVE: cannot be told yet")
    assert "**What would settle it.** About 105 further conversations like these." in page


def test_the_same_runs_give_the_same_bytes(tmp_path: Path) -> None:
    """No time and no machine is named."""
    first, second = write_pair(tmp_path)

    for turn in "12":
        files = ["--junit", str(tmp_path / f"{turn}.xml"), "--summary", str(tmp_path / f"{turn}.md")]
        run(["gate", str(first), str(second), *files])

    assert (tmp_path / "1.xml").read_bytes() == (tmp_path / "2.xml").read_bytes()
    assert (tmp_path / "1.md").read_bytes() == (tmp_path / "2.md").read_bytes()


def test_json_holds_all_that_was_decided_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Decision, each line of the policy, every conversation, and the turns that changed."""
    first, second = write_pair(tmp_path)

    run(["gate", str(first), str(second), "--json"])

    shown = msgspec.json.decode(capsys.readouterr().out)
    assert shown["decision"] == shown["gate"]["decision"]
    assert len(shown["gate"]["lines"]) == LINES
    assert shown["gate"]["floor"]["certain"] is True
    assert len(shown["comparison"]["cases"]) == 150
    assert [each["id"] for each in shown["comparison"]["pairs"]] == ["c0", "bad", "c1", "c6"]


FULL_DISK = """
import resource, sys
from evals.cli import run
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
sys.exit(run(sys.argv[1:]))
"""


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    """What was there before stays, the verdict is shown, and the end is no verdict's: 1."""
    first, second = write_pair(tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    (out / "gate.xml").write_text("the earlier one", encoding="utf-8")

    files = ["--junit", str(out / "gate.xml"), "--summary", str(out / "gate.md")]
    ended = subprocess.run(
        [sys.executable, "-c", FULL_DISK, "gate", str(first), str(second), *files],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )

    assert ended.returncode == 1
    assert ended.stdout.startswith("BLOCK")
    assert "gate.xml cannot be written: File too large; nothing is left of it" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert [each.name for each in out.iterdir()] == ["gate.xml"]
    assert (out / "gate.xml").read_text(encoding="utf-8") == "the earlier one"


def test_a_folder_that_is_not_there_is_an_error_of_usage(tmp_path: Path) -> None:
    """Said before anything is compared."""
    first, second = write_pair(tmp_path)

    assert run(["gate", str(first), str(second), "--junit", str(tmp_path / "no" / "out.xml")]) == 2


def test_a_reader_that_has_enough_does_not_cost_the_files(tmp_path: Path) -> None:
    """`parlo gate … --junit FILE | head -1` writes the file all the same."""
    first, second = write_pair(tmp_path)
    command = [sys.executable, "-m", "evals.cli", "gate", str(first), str(second), "--junit", str(tmp_path / "out.xml")]

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        process.stdout.close()

    ElementTree.parse(tmp_path / "out.xml")


@pytest.mark.parametrize(
    ("text", "code"),
    [("plain", "`plain`"), ("a `b` c", "`` a `b` c ``"), ("", "` `"), ("two\nlines", "`two lines`"), ("a|b", "`a¦b`")],
)
def test_code_keeps_its_ticks_inside(text: str, code: str) -> None:
    """With more of them around it."""
    assert set_code(text) == code


def test_words_outside_code_are_escaped() -> None:
    """They are a scorer's, who quotes people."""
    assert escape("<b> [x](y) *z* _w_ `v`") == r"\<b\> \[x\](y) \*z\* \_w\_ \`v\`"
