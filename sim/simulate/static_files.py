"""The page's own files: scripts, style and samples, and the vendored ones with where they came from.

Served from memory. What is vendored is listed in `static/vendor/manifest.json` with its hash, which a test compares.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path

import msgspec

STATIC = Path(__file__).parent / "static"
MANIFEST = STATIC / "vendor" / "manifest.json"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webp": "image/webp",
}


class Vendored(msgspec.Struct, frozen=True):
    """A file somebody else wrote. `source` is its package and path there."""

    file: str
    name: str
    version: str
    licence: str
    source: str
    sha256: str


class StaticFile(msgspec.Struct, frozen=True):
    """A file as it is served. `tag` changes with its content."""

    content: bytes
    content_type: str
    tag: str


@cache
def load_static() -> dict[str, StaticFile]:
    """Every file of the page by its path below `/static/`."""
    found = {}
    for path in sorted(STATIC.rglob("*")):
        if path.is_file() and path.suffix in _TYPES:
            content = path.read_bytes()
            name = path.relative_to(STATIC).as_posix()
            found[name] = StaticFile(content, _TYPES[path.suffix], sha256(content).hexdigest()[:12])
    return found


def read_manifest() -> list[Vendored]:
    """What is vendored."""
    return msgspec.json.decode(MANIFEST.read_bytes(), type=list[Vendored])
