"""How scorers compare texts and rows: case, accents of spacing and key order do not count.

Accents of letters do count: "sí" is not "si". Nothing here knows about verdicts.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence


def fold(text: str) -> str:
    """Case folded, composed, every run of white space (no-break ones too) one blank."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def contains_text(haystack: str, needle: str) -> bool:
    """True where the folded needle is in the folded haystack."""
    return fold(needle) in fold(haystack)


def agrees(wanted: object, found: object) -> bool:
    """True where `found` has everything `wanted` asks for: texts folded, dicts by subset, lists in order."""
    if isinstance(wanted, str) and isinstance(found, str):
        return fold(wanted) == fold(found)
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(k in found and agrees(v, found[k]) for k, v in wanted.items())
    if isinstance(wanted, list):
        same_length = isinstance(found, list) and len(found) == len(wanted)
        return same_length and all(agrees(w, f) for w, f in zip(wanted, _as_list(found), strict=True))
    return wanted == found


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def pair_rows(
    wanted: Sequence[Mapping[str, object]], found: Sequence[Mapping[str, object]]
) -> tuple[list[Mapping[str, object]], list[Mapping[str, object]]]:
    """Pair each wanted row with one found row; return (missing, surplus).

    A maximum matching, so that a vague wanted row never takes the only partner of an exact one.
    """
    partner: dict[int, int] = {}

    def place(w: int, seen: set[int]) -> bool:
        for f, row in enumerate(found):
            if f in seen or not agrees(wanted[w], row):
                continue
            seen.add(f)
            if f not in partner or place(partner[f], seen):
                partner[f] = w
                return True
        return False

    missing = [row for w, row in enumerate(wanted) if not place(w, set())]
    surplus = [row for f, row in enumerate(found) if f not in partner]
    return missing, surplus


def quote(text: str, limit: int = 90) -> str:
    """A text in quotation marks on one line, shortened in the middle of nothing: at its end."""
    line = " ".join(text.split())
    return f"“{line if len(line) <= limit else line[: limit - 1] + '…'}”"


def list_fields(row: Mapping[str, object]) -> str:
    """A row as `key value, key value` for a reason; empty fields are left out."""
    return ", ".join(f"{key} {value}" for key, value in row.items() if value not in ("", None)) or "nothing"
