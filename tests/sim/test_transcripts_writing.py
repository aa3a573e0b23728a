"""Writing transcripts, naming their content, and keeping schema and specification in step with the structs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import msgspec

from sim.transcripts import Say, dump_transcript, dump_transcripts, hash_transcript, load_transcripts
from sim.transcripts.schema import SCHEMA_PATH, render_schema

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "fixtures" / "transcripts"
SPECIFICATION = ROOT / "docs" / "transcript-format.md"


def test_what_is_written_loads_as_the_same(tmp_path: Path) -> None:
    """Every fixture survives a round trip, expectations, media and faults included."""
    before = load_transcripts([FIXTURES])
    path = tmp_path / "all.jsonl"
    path.write_bytes(dump_transcripts(before))

    after = load_transcripts([path])

    assert [(t.header, t.events) for t in after] == [(t.header, t.events) for t in before]


def test_writing_leaves_defaults_out(tmp_path: Path) -> None:
    """A line holds what its author said, in the format's order, and nothing else."""
    lines = (
        '{"type":"transcript","version":1,"id":"uno","now":"2026-01-12T10:00:00-06:00","world":"estetica-lupita",'
        '"people":{"ana":{"role":"customer","phone":"+525512345678"}}}',
        '{"type":"say","by":"ana","text":"mañana","gap":1.0}',
    )
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")

    (transcript,) = load_transcripts([path])

    assert dump_transcript(transcript).decode().splitlines() == list(lines)


def test_the_hash_names_the_content_and_nothing_else(tmp_path: Path) -> None:
    """Layout, key order and the file's name make no difference; one word does."""
    (original,) = load_transcripts([FIXTURES / "reservar" / "simple.jsonl"])
    path = tmp_path / "other.jsonl"
    lines = [json.loads(line) for line in dump_transcript(original).decode().splitlines()]
    path.write_text("\n\n".join(json.dumps(dict(sorted(line.items())), ensure_ascii=True) for line in lines))
    first = original.events[0]
    assert isinstance(first, Say)
    changed = msgspec.structs.replace(
        original, events=(msgspec.structs.replace(first, text="otra cosa"), *original.events[1:])
    )

    (same,) = load_transcripts([path])

    assert hash_transcript(same) == hash_transcript(original)
    assert hash_transcript(changed) != hash_transcript(original)


def test_the_schema_file_is_the_structs() -> None:
    """`python -m sim.transcripts.schema` writes it; a change of the structs must be followed by that."""
    assert render_schema() == SCHEMA_PATH.read_bytes()


def test_every_fixture_line_fits_the_schema() -> None:
    """The schema, which other tools use, accepts what our own loader accepts."""
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA_PATH.read_bytes()))
    lines = [
        line for path in sorted(FIXTURES.rglob("*.jsonl")) for line in path.read_text("utf-8").splitlines() if line
    ]

    refused = [line for line in lines if not validator.is_valid(json.loads(line))]

    assert refused == []


def test_the_schema_refuses_what_the_loader_refuses() -> None:
    """A typing error and a wrong type do not pass."""
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA_PATH.read_bytes()))

    assert not validator.is_valid({"type": "say", "by": "ana", "txt": "hola"})
    assert not validator.is_valid({"type": "say", "by": "ana", "gap": -1})
    assert not validator.is_valid({"type": "sing"})


def test_the_examples_of_the_specification_load(tmp_path: Path) -> None:
    """A reader may copy any of them."""
    examples = re.findall(r"```jsonl\n(.*?)```", SPECIFICATION.read_text("utf-8"), re.DOTALL)
    path = tmp_path / "examples.jsonl"
    path.write_text("".join(examples), encoding="utf-8")

    assert len(load_transcripts([path])) == len(examples) >= 3


def test_the_specification_names_every_type_and_field() -> None:
    """A field that is not on the page does not exist for its readers."""
    text = SPECIFICATION.read_text("utf-8")
    schema = json.loads(render_schema())
    named = {
        name for key, part in schema["$defs"].items() if key not in WORLD_PARTS for name in part.get("properties", {})
    }

    assert sorted(name for name in named if f"`{name}`" not in text and f'"{name}"' not in text) == []


WORLD_PARTS = frozenset(
    {"Block", "Closure", "Location", "Organization", "World", "WorldAppointment", "WorldCustomer", "WorldService"}
    | {"WorldStaff"}
)
