"""Making text comparable: cleaning what a database refuses, folding case and accents, undoing chat spelling.

The inbox cleans every body with `clean_text`; routing, the offline model and the matchers compare folded
text; `is_opt_out` and `is_opt_in` decide on whole messages. Nothing here looks at dates.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import msgspec

DEFAULT_TEXT_LIMIT = 4096

_ENYE_MARK = "\ue000"
_KEPT_CONTROLS = frozenset("\n\t")
_JOINERS = frozenset("\u200c\u200d")
_INVISIBLE = frozenset("\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\u2064\ufeff")
_REPEATED = re.compile(r"([^\W\d_])\1{2,}")
_LAUGHTER = re.compile(r"\ba?(?:j[aeiou]+){2,}j?\b|\b(?:h[ae]){2,}h?\b|\b(?:js){2,}j?\b|\b[ja]{5,}\b")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_NOT_A_WORD = re.compile(r"[^\w]+|_")

_CHAT_WORDS = {
    "q": "que",
    "k": "que",
    "qe": "que",
    "ke": "que",
    "xq": "porque",
    "pq": "porque",
    "porq": "porque",
    "xk": "porque",
    "x": "por",
    "xfa": "por favor",
    "xfas": "por favor",
    "xfavor": "por favor",
    "porfa": "por favor",
    "porfas": "por favor",
    "porfis": "por favor",
    "pls": "por favor",
    "plis": "por favor",
    "tmb": "tambien",
    "tb": "tambien",
    "tbn": "tambien",
    "tmbn": "tambien",
    "tambn": "tambien",
    "bn": "bien",
    "d": "de",
    "dl": "del",
    "ntp": "no te preocupes",
    "msj": "mensaje",
    "msg": "mensaje",
    "wasap": "whatsapp",
    "wats": "whatsapp",
    "whats": "whatsapp",
    "grax": "gracias",
    "grx": "gracias",
    "gcs": "gracias",
    "pa": "para",
    "pal": "para el",
    "ps": "pues",
    "pos": "pues",
    "toy": "estoy",
    "aki": "aqui",
    "aver": "a ver",
    "ay": "hay",
    "ola": "hola",
    "kiero": "quiero",
    "qiero": "quiero",
    "qero": "quiero",
    "kero": "quiero",
    "sta": "esta",
    "stas": "estas",
    "tiens": "tienes",
    "cta": "cita",
    "sita": "cita",
    "ase": "hace",
    "asta": "hasta",
    "oy": "hoy",
    "mñn": "mañana",
    "mñna": "mañana",
    "mnn": "manana",
}

_OPT_OUT = frozenset(
    {
        "stop",
        "alto",
        "baja",
        "darme de baja",
        "dame de baja",
        "denme de baja",
        "quiero darme de baja",
        "no molestar",
        "ya no me escriban",
        "ya no me escribas",
        "no me escriban",
        "cancelar suscripcion",
        "unsubscribe",
    }
)
_OPT_IN = frozenset({"alta", "iniciar", "start"})


class CleanText(msgspec.Struct, frozen=True):
    """Text that may be stored. `truncated` says that the sender wrote more than was kept."""

    text: str
    truncated: bool


def clean_text(text: str, *, limit: int = DEFAULT_TEXT_LIMIT) -> CleanText:
    """Make any text storable: NFC, no NUL, control, bidirectional or lone-surrogate characters, at most `limit` long.

    Emoji survive, joiners and variation selectors included; new lines and tabs too. Leading and trailing
    white space goes. Idempotent.
    """
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    # Bounded before normalising: a hostile text may be long, and one character can expand into many.
    window = "".join(_storable(unified[: limit * 4 + 64]))
    normal = _strip_storable(unicodedata.normalize("NFC", window))
    kept = _strip_storable(normal[:limit])
    return CleanText(kept, truncated=len(normal) > limit or len(unified) > limit * 4 + 64)


def fold(text: str, *, keep_enye: bool = False) -> str:
    """Lower case, no accents, no invisible characters, single spaces. `keep_enye` leaves ñ distinct from n."""
    return _fold_again(text, keep_enye) if len(text) <= _SHORT else _fold(text, keep_enye)


def _fold(text: str, keep_enye: bool) -> str:
    lowered = text.lower()
    if keep_enye:
        lowered = unicodedata.normalize("NFC", lowered).replace("ñ", _ENYE_MARK)
    decomposed = unicodedata.normalize("NFKD", lowered)
    bare = "".join(char for char in decomposed if not unicodedata.combining(char) and char not in _INVISIBLE)
    # A compatibility decomposition may bring capitals back, and removed letters may have joined spaces.
    return " ".join(_blank_controls(bare).lower().replace(_ENYE_MARK, "ñ").split())


_SHORT = 120
_fold_again = lru_cache(maxsize=4096)(_fold)
"""Words, names and short sentences come again and again; long texts do not, and would fill the memory."""


def expand_chat_spelling(text: str) -> str:
    """Fold and spell out what people type in chats: "q", "xfa", "tmb", "holaaaa", "jajaja" (becomes "jaja").

    The result keeps ñ and punctuation, and is for comparing, never for showing.
    """
    folded = _REPEATED.sub(r"\1", fold(text, keep_enye=True))
    laughing = _LAUGHTER.sub("jaja", folded)
    return _WORD.sub(lambda found: _CHAT_WORDS.get(found[0], found[0]), laughing)


def fold_words(text: str) -> str:
    """The folded words of a text separated by single spaces: no punctuation, no emoji."""
    return _NOT_A_WORD.sub(" ", fold(text)).strip()


def is_opt_out(text: str) -> bool:
    """Whether a whole message asks for no more messages. "cancelar", "fin" and "terminar" mean other things here."""
    return len(text) <= 100 and fold_words(text) in _OPT_OUT


def is_opt_in(text: str) -> bool:
    """Whether a whole message asks for messages again."""
    return len(text) <= 100 and fold_words(text) in _OPT_IN


def _storable(text: str) -> list[str]:
    return [char for char in text if char in _KEPT_CONTROLS or char in _JOINERS or not _is_refused(char)]


def _is_refused(char: str) -> bool:
    return (
        unicodedata.category(char) in ("Cc", "Cs")
        or char in _INVISIBLE
        or "\u202a" <= char <= "\u202e"
        or ("\u2066" <= char <= "\u2069")
    )


def _strip_storable(text: str) -> str:
    return text.strip().strip("\u200c\u200d").strip()


def _blank_controls(text: str) -> str:
    return "".join(" " if unicodedata.category(char) in ("Cc", "Cs") else char for char in text)
