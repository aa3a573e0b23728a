"""Reading chat Spanish letter by letter: folding, chat spelling, words, and how alike two words are.

Every other module of the offline model reads a message through `fold`. Nothing here knows what a
word means.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_RUN = re.compile(r"([a-z!?¡¿.,])\1{2,}")
_SPACE = re.compile(r"[ \t\r\f\v\u00a0]+")
_WORD = re.compile(r"[a-z0-9]+(?:[:.][0-9]{2})?")
_NAILS_WRITTEN = re.compile(r"\buñ(?:as?|itas?)\b")
"""Without its tilde `uñas` would be the article `unas`; we keep the two apart."""
_APOSTROPHE = re.compile(r"[’'`´]")

_CHAT_SPELLING = (
    (r"\b(?:x|p)or?f(?:a|is|i|as|avor|avorcito)?\b", "por favor"),
    (r"\b(?:xfa|xfis|pls|plis|plz)\b", "por favor"),
    (r"\b(?:xq|xk|pq|pk|porq|xque)\b", "porque"),
    (r"\b(?:q|k|qe|ke)\b", "que"),
    (r"\b(?:qro|kiero|qiero|quero|kero|qiuero|queiro)\b", "quiero"),
    (r"\b(?:kisiera|qisiera|quiciera|kiciera|quisera)\b", "quisiera"),
    (r"\b(?:tmb|tb|tbn|tambn)\b", "tambien"),
    (r"\bbn\b", "bien"),
    (r"\bpal\b", "para el"),
    (r"\b(?:pa|pra|pra|p/)\b", "para"),
    (r"\b(?:xa|x)\b(?! ?\d)", "por"),
    (r"\bd\b", "de"),
    (r"\b(?:alas|ala|delas|dela|palas)\b", "a las"),
    (r"\b(?:grax|grcs|grs|grasias|grazias|graxias|gracs|gcias)\b", "gracias"),
    (r"\b(?:mnn|mnna|mnana|mna|manan|manna|maniana|mananna|amnana|manaa)\b", "manana"),
    (r"\b(?:msj|msg|mjs)\b", "mensaje"),
    (r"\b(?:sita|zita|cuta|cota|ciat|cta|citaa)\b", "cita"),
    (r"\b(?:sitas|zitas|citaas)\b", "citas"),
    (r"\bacita\b", "cita"),
    (r"\bay (?=lugar|cita|espacio|alguien|chance|hora|disponib|hueco|descuento|promo)", "hay "),
    (r"\b(las|mis|unas|de|tus) unas\b", r"\1 unias"),
    (r"\baver\b", "a ver"),
    (r"\bhaber si\b", "a ver si"),
    (r"\b(?:ntp|no t preocupes)\b", "no te preocupes"),
    (r"\b(?:wasap|wats|whats|wsp|whatsap)\b", "whatsapp"),
    (r"\b(?:aki)\b", "aqui"),
    (r"\bstan\b", "estan"),
    (r"\b(?:cto|cnto|quanto|kuanto)\b", "cuanto"),
    (r"\b(?:asta)\b", "hasta"),
    (r"\b(?:ora|oras)\b(?= (?:abren|cierran|tienen|hay|es))", "hora"),
    (r"\b(?:oki|okis|okay|okey|okei|oka|ok)\b", "ok"),
)
_CHAT = tuple((re.compile(pattern), plain) for pattern, plain in _CHAT_SPELLING)


@lru_cache(maxsize=8192)
def fold(text: str) -> str:
    """Lower case, no accents, chat spelling written out, laughter and stretched letters shortened.

    Line breaks stay, since bubbles are joined by them. Punctuation stays, except apostrophes.
    """
    low = _NAILS_WRITTEN.sub("unias", text.lower())
    bare = "".join(c for c in unicodedata.normalize("NFKD", low) if not unicodedata.combining(c))
    bare = _APOSTROPHE.sub("", bare)
    bare = _SPACE.sub(" ", _RUN.sub(r"\1", bare)).strip()
    for pattern, plain in _CHAT:
        bare = pattern.sub(plain, bare)
    return bare


def split_table(words: str) -> frozenset[str]:
    """A table of folded words, written with spaces between them."""
    return frozenset(words.split())


@lru_cache(maxsize=8192)
def split_words(folded: str) -> tuple[str, ...]:
    """Words and numbers of a folded text, in order; `4:30` stays one."""
    return tuple(_WORD.findall(folded))


@lru_cache(maxsize=16384)
def within_edits(one: str, other: str, limit: int) -> bool:
    """Whether `one` becomes `other` with at most `limit` edits (a swap of neighbours is one edit)."""
    if abs(len(one) - len(other)) > limit:
        return False
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        last, before, row = before, row, [i]
        for j, b in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return False
    return row[-1] <= limit


def is_alike(typed: str, meant: str) -> bool:
    """Whether a typed word is probably the meant one: one slip from 4 letters on, two from 8."""
    if typed == meant:
        return True
    size = min(len(typed), len(meant))
    if size < 4 or (typed[0] != meant[0] and size < 6):
        return False
    return within_edits(typed, meant, 2 if size >= 8 else 1)


def stem(word: str) -> str:
    """A word without its plural: `uñas` and `uña`, `acrílicas` and `acrílico` meet."""
    if len(word) > 4 and word.endswith("es") and word[-3] not in "aeiou":
        word = word[:-2]
    elif len(word) > 3 and word.endswith("s"):
        word = word[:-1]
    return word[:-1] + "o" if len(word) > 5 and word.endswith("a") else word
