"""Turning "dile a Juan que llegue 10 minutos antes" into whom it is for and what they read."""

from __future__ import annotations

import re

from sim.offline_model.text import fold, split_table

_FORM = re.compile(
    r"\b(?:di[lg]ele|dile|digale|dígale|av[ií]s[ae]le|m[aá]nd[ae]le|escr[ií]b[ae]le|recu[eé]rd[ae]le)\b"
    r"(?:\s+(?:un\s+)?(?:mensaje|msj|whats\w*|recado))?\s+(?:a|al)\s+(?P<to>.+?)"
    r"(?:\s*:\s*|\s*,?\s+(?P<that>que)\s+|\s*,\s+)(?P<words>.+)$",
    re.IGNORECASE | re.DOTALL,
)
_WHOM = re.compile(
    r"\b(?:di[lg]ele|dile|digale|dígale|av[ií]s[ae]le|m[aá]nd[ae]le|escr[ií]b[ae]le|recu[eé]rd[ae]le)\b"
    r"(?:\s+(?:un\s+)?(?:mensaje|msj|whats\w*|recado))?\s+(?:a|al)\s+(?P<to>.+)$",
    re.IGNORECASE | re.DOTALL,
)
_OF_HOUR = re.compile(
    r"^(?:el |la |los )?(?:client[ea] |señora? )?(?:de )(?P<when>(?:hoy |mañana )?(?:a )?las? .+)$", re.IGNORECASE
)
_ASKED = split_table(
    """llegue venga traiga pase espere confirme llame avise mande cancele regrese se salga entre pague marque conteste
    responda tenga deje tome use"""
)
_ASIDE = re.compile(r"^((?:ya |no |mejor |por favor |porfa )*)(\S*)\s*(.*)$", re.IGNORECASE | re.DOTALL)
_SECOND_PERSON = (
    (r"\bsu\b", "tu"),
    (r"\bsus\b", "tus"),
    (r"\b(?:lo|la|le) (?=espero|esperamos|atiendo|atendemos|veo|vemos|busco|aviso|marco|llamo)", "te "),
    (r"\bpuede\b", "puedes"),
    (r"\btiene\b", "tienes"),
    (r"\bviene\b", "vienes"),
    (r"\bquiere\b", "quieres"),
    (r"\bnecesita\b", "necesitas"),
)


def read_message(text: str) -> tuple[str, str, str]:
    """Who it is for, or the hour of their appointment, and the words as the customer reads them; each may be empty."""
    form = _FORM.search(text.strip())
    if form is None:
        whom = _WHOM.search(text.strip())
        to, when = _split(whom.group("to")) if whom else ("", "")
        return to, when, ""
    to, when = _split(form.group("to"))
    words = form.group("words").strip()
    return to, when, _address(to, words) if form.group("that") else words


def _split(whom: str) -> tuple[str, str]:
    """A name, or the hour by which somebody is called."""
    plain = whom.strip()
    by_hour = _OF_HOUR.match(plain)
    if by_hour is not None:
        return "", by_hour.group("when")
    return re.sub(r"^(?:la|el|señora?|sra?\.?)\s+", "", plain, flags=re.IGNORECASE), ""


def _address(to: str, words: str) -> str:
    """Reported speech as it is said to the person."""
    words = words.replace("|", " ")
    for pattern, said in _SECOND_PERSON:
        words = re.sub(pattern, said, words, flags=re.IGNORECASE)
    before, head, rest = _ASIDE.sub(r"\1|\2|\3", words, count=1).split("|", 2)
    name = to.split(" ")[0].capitalize() if to and not any(char.isdigit() for char in to) else ""
    hello = f"Hola, {name}. " if name else "Hola. "
    if fold(head) in _ASKED:
        return f"{hello}Te pedimos que {before.lower()}{head.lower()}s {rest}".strip().rstrip(".") + "."
    return f"{hello}{words[:1].upper()}{words[1:]}".rstrip(".") + "."
