"""The pages cannot rot: what they generate, list, link and name is compared with the code."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

from docs.generate import DOCS, PACKAGES, ROOT, find_pages, render
from runtime.store.tables import metadata

PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])
DECISIONS = sorted((DOCS / "decisions").glob("*.md"))
ARCHITECTURE = DOCS / "architecture.md"
DEFECTS = 52
LONGEST_DECISION = 60
FILE_SUFFIXES = ("py", "jsonl", "json", "html", "sql")
SECTIONS = ["Context", "Decision", "What we gave up", "Enforced by", "Status"]

_LISTED_FOLDER = re.compile(r"^\| `([\w./-]+)/` \| \S", re.MULTILINE)
_TEST = re.compile(r"`(test_\w+)`")
_FIXTURE = re.compile(r"fixtures? `([\w/-]+)`")
_CONTRACT = re.compile(r"[Cc]ontract `([\w-]+)`")
_NAME_IN_FILE = re.compile(r"`([\w./-]+\.py)::(\w+)`")
_COLUMN = re.compile(r"`(\w+)\.(\w+)`")
_LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#[^)]*)?\)")
_FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def _read(page: Path) -> str:
    return _FENCED.sub("", page.read_text(encoding="utf-8"))


@cache
def _find_tests() -> frozenset[str]:
    found = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        found |= {path.stem, *re.findall(r"^(?:async )?def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)}
    return frozenset(found)


@cache
def _names_of(path: Path) -> frozenset[str]:
    """Every function, class, method and constant of a file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return frozenset(found)


def _find_folders() -> set[str]:
    """Each folder with something in it: of the packages all, of the rest the upper two levels."""
    found = set()
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts[:-1]
        hidden = any(part.startswith((".", "__pycache__")) for part in (*parts, path.name) if part != ".ci")
        if hidden or not parts or not path.is_file():
            continue
        depth = len(parts) if parts[0] in PACKAGES else 2
        found |= {"/".join(parts[:end]) for end in range(1, min(depth, len(parts)) + 1)}
    return found


def test_every_folder_has_its_sentence_and_none_is_listed_that_is_gone() -> None:
    """The architecture page is the map: a folder that is not on it does not exist, and the other way round."""
    listed = _LISTED_FOLDER.findall(ARCHITECTURE.read_text(encoding="utf-8"))

    assert sorted(listed) == sorted(_find_folders())


@pytest.mark.parametrize("page", find_pages(), ids=_name)
def test_what_is_generated_is_as_the_code_has_it(page: Path) -> None:
    """States, settings, commands and modules: after a change, run `.parlo/venv/bin/python -m docs.generate`."""
    text = page.read_text(encoding="utf-8")

    assert render(text) == text


def test_the_pages_that_are_generated_are_all_there() -> None:
    """A mark that was deleted would silently end the check above."""
    pages = ["architecture.md", "command-line.md", "handoff.md", "proof.md", "scorers.md", "settings.md"]
    assert [page.name for page in find_pages()] == pages


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_test_and_fixture_a_page_names_exists(page: Path) -> None:
    """A promise is worth the test it names."""
    text = _read(page)
    transcripts = ROOT / "fixtures" / "transcripts"

    assert [name for name in _TEST.findall(text) if name not in _find_tests()] == []
    assert [name for name in _FIXTURE.findall(text) if not (transcripts / f"{name}.jsonl").is_file()] == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_contract_a_page_names_is_checked(page: Path) -> None:
    """Import-linter knows it by that id."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    known = {contract["id"] for contract in contracts}

    assert [name for name in _CONTRACT.findall(_read(page)) if name not in known] == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_function_a_page_names_is_where_it_says(page: Path) -> None:
    """`path.py::name` means that file, from the project's folder or from `runtime/`, and a name defined in it."""
    missing = []
    for path, name in _NAME_IN_FILE.findall(_read(page)):
        file = next((each for each in (ROOT / path, ROOT / "runtime" / path) if each.is_file()), None)
        if file is None or name not in _names_of(file):
            missing.append(f"{path}::{name}")

    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_column_a_page_names_is_in_its_table(page: Path) -> None:
    """`table.column` means what the migrations built."""
    named = [(table, column) for table, column in _COLUMN.findall(_read(page)) if column not in FILE_SUFFIXES]

    assert [
        (table, column)
        for table, column in named
        if table in metadata.tables and column not in metadata.tables[table].columns
    ] == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """Within the project; addresses of others are theirs to keep."""
    targets = [link for link in _LINK.findall(_read(page)) if link]

    assert [link for link in targets if not (page.parent / link).exists()] == []


def test_every_page_can_be_found_from_the_architecture_page() -> None:
    """A page nobody links to is read by nobody."""
    linked = {(DOCS / link).resolve() for link in _LINK.findall(_read(ARCHITECTURE)) if link}

    assert [_name(page) for page in DOCS.glob("*.md") if page not in linked | {ARCHITECTURE}] == []
    assert [_name(page) for page in DECISIONS if page not in linked] == []


def test_every_defect_is_answered_by_a_test_or_put_off_by_name() -> None:
    """None is passed over in silence: a test or transcript proves it, or the row says what it waits for."""
    rows = re.findall(r"^\| (\d+) \| (.+) \| (.+) \|$", _read(DOCS / "defects.md"), re.MULTILINE)

    assert [int(number) for number, _, _ in rows] == list(range(1, DEFECTS + 1))
    assert [
        number
        for number, _, proof in rows
        if not (_TEST.search(proof) or _FIXTURE.search(proof) or proof.startswith("later: "))
    ] == []


@pytest.mark.parametrize("page", DECISIONS, ids=_name)
def test_a_decision_is_short_and_says_what_it_cost_and_what_enforces_it(page: Path) -> None:
    """Under sixty lines, the same five sections, and somebody who would notice if it were undone."""
    text = page.read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE))

    assert len(text.splitlines()) < LONGEST_DECISION
    assert list(sections) == SECTIONS
    assert _TEST.search(sections["Enforced by"])


def test_decisions_are_numbered_without_gaps() -> None:
    """The number is how a decision is referred to."""
    numbers = [int(page.name.partition("-")[0]) for page in DECISIONS]

    assert numbers == list(range(1, len(numbers) + 1))
    assert all(page.read_text(encoding="utf-8").startswith(f"# {number}. ") for number, page in enumerate(DECISIONS, 1))
