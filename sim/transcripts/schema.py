"""The JSON Schema of one transcript line, generated from the structs so that the two cannot differ.

`python -m sim.transcripts.schema` writes `fixtures/schemas/transcript-v1.schema.json`; a test fails
while that file is out of date. Editors use it to complete and check fixtures.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from sim.transcripts.structs import EVENT_KINDS, VERSION, Header

SCHEMA_PATH = Path(__file__).resolve().parents[2] / "fixtures" / "schemas" / f"transcript-v{VERSION}.schema.json"
"""Where the schema is kept."""


def render_schema() -> bytes:
    """The schema of a line, as the file should hold it."""
    kinds = (Header, *EVENT_KINDS.values())
    refs, components = msgspec.json.schema_components(kinds, schema_hook=_describe, ref_template="#/$defs/{name}")
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Parlo transcript, format version {VERSION}: one line of the file",
        "oneOf": list(refs),
        "$defs": components,
    }
    return msgspec.json.format(msgspec.json.encode(schema, order="sorted"), indent=2) + b"\n"


def _describe(kind: type) -> dict[str, object]:
    """Anything at all is allowed where a struct says `object`."""
    if kind is object:
        return {"description": "any JSON value"}
    raise NotImplementedError(kind)


if __name__ == "__main__":
    SCHEMA_PATH.parent.mkdir(parents=True, exist_ok=True)
    SCHEMA_PATH.write_bytes(render_schema())
