"""Whether a whole message is a yes, a no, or "undo that"; whatever says more than that is none of them."""

from __future__ import annotations

from runtime.domain.spanish.folding import fold_words

_LONGEST = 80
_YES = frozenset(
    {
        *("si", "sip", "simon", "sii", "siii", "claro", "dale", "va", "vale", "sale", "ok", "okay", "oki", "okey"),
        *("confirmo", "confirmado", "confirmar", "correcto", "exacto", "hazlo", "adelante", "perfecto", "andale"),
        *("afirmativo", "procede", "mandalo", "mandaselo", "envialo", "cancelala", "muevela", "agendala", "agendalo"),
        *("cambialo", "bloquealo", "bloqueala", "cierralo", "quitalo", "quitala", "agregala", "agregalo"),
    }
)
_FILLERS = frozenset({"por", "favor", "porfa", "porfis", "gracias", "asi", "esta", "bien", "es", "que", "ya", "muy"})
_NO = frozenset({"no", "nop", "nel", "mejor no", "no gracias", "no no", "dejalo", "dejala", "dejalo asi", "nada"})
_NO_LONGER = frozenset(
    {"no lo hagas", "no la canceles", "no lo canceles", "no la muevas", "no mandes nada", "olvidalo"}
)
_UNDO = frozenset(
    {
        *("deshaz", "deshazlo", "deshacer", "desaz", "deshas", "deshaslo", "me equivoque", "perdon me equivoque"),
        *("no espera me equivoque", "uy me equivoque", "ay me equivoque", "era otra", "era otro", "no era esa"),
        *("no era ese", "regresalo", "quita eso", "borra eso", "eso no", "no eso no", "undo"),
    }
)
_YES_SIGNS = frozenset("👍👌✅")


def is_yes(text: str) -> bool:
    """Whether a message says yes and nothing else: "sí, por favor" does, "sí, pero a las 6" does not."""
    if len(text) > _LONGEST:
        return False
    words = fold_words(text).removeprefix("asi esta bien").removeprefix("esta bien").split()
    if not words and text.strip() and fold_words(text):
        return True
    if not words:
        signs = {char for char in text.strip() if not char.isspace()} - set("\ufe0f\U0001f3fb\U0001f3fc\U0001f3fd")
        return bool(signs) and signs <= _YES_SIGNS
    return words[0] in _YES and all(word in _YES or word in _FILLERS for word in words)


def is_no(text: str) -> bool:
    """Whether a message says no and nothing else."""
    folded = fold_words(text)
    return len(text) <= _LONGEST and (folded in _NO or folded in _NO_LONGER)


def is_undo(text: str) -> bool:
    """Whether a message takes back what was just done, and says nothing else."""
    folded = fold_words(text)
    return len(text) <= _LONGEST and (folded in _UNDO or folded.removeprefix("no ") in _UNDO)
