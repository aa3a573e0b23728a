"""The offline judge: rules that answer where a judging model is asked about a reply. No model, and no understanding.

`wire` comes here with requests whose answer has to have the schema of a judge. It counts letters, looks for words and
compares numbers, so that the way to a judge can be walked without one. How often people agree with it is measured like
any other judge's (`parlo calibrate-judge`).
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from runtime.domain.spanish.folding import fold, fold_words
from sim.offline_model.protocol import Request, Role

SCHEMA_PREFIX = "judge-"
LONGEST_REPLY = 320
"""Letters of a reply that still reads at a glance."""
LONGEST_LINE_COUNT = 6

_DATA = re.compile(r"<<<(.*)>>>", re.DOTALL)
_ASKS_NUMBER = re.compile(r"\b(cuanto|cuesta|precio|precios|costo|cobran|sale)\b")
_ASKS_TIME = re.compile(r"\b(a que hora|horario|horarios|abren|cierran|hay lugar|tienes lugar|espacio|disponible)\b")
_NO_HELP = re.compile(
    r"\b(no entendi|no te entiendo|en que puedo ayudarte|visita nuestra pagina|revisa nuestras redes)\b"
)
_CLOSED = re.compile(r"\b(no|cerrado|cerramos|llen[oa]|ocupad[oa])\b")
_HARSH = re.compile(
    r"\b(ya te dije|ya le dije|lee bien|lea bien|obvio|como ya|si hubieras|no es mi problema|tu culpa|apurate"
    r"|decidete)\b"
)
_STIFF = re.compile(
    r"\b(estimado usuario|su solicitud|sistema|procesad[oa]|hello|please|thank you|appointment|sorry)\b"
)
_DONE = re.compile(
    r"\b(qued[oa] (agendad|reservad|cancelad|movid|confirmad|anotad)\w*"
    r"|ya (te )?(agende|cancele|movi|avise|reserve|anote)"
    r"|te (agende|reserve|anote)|cita (agendada|cancelada|confirmada))\b"
)
_MONEY = re.compile(r"\$ ?(\d[\d,]*)|(\d[\d,]*) ?pesos")
_CLOCK = re.compile(r"\b(\d{1,2}):(\d{2})\b")


class _Line(msgspec.Struct, frozen=True):
    by: str
    text: str


class _Tool(msgspec.Struct, frozen=True):
    name: str
    arguments: object = None
    result: object = None
    ok: bool = True


class _Shown(msgspec.Struct, frozen=True):
    conversation: tuple[_Line, ...]
    reply: str
    tools: tuple[_Tool, ...] = ()
    prices: tuple[float, ...] = ()

    @property
    def asked(self) -> str:
        """The customer's last words."""
        return next((line.text for line in reversed(self.conversation) if line.by == "customer"), "")


def judge_reply(request: Request) -> str | None:
    """The answer to a judge's question; None where the request is none, words that are no JSON where it has no rule."""
    wanted = request.response_format.json_schema if request.response_format else None
    if wanted is None or not wanted.name.startswith(SCHEMA_PREFIX):
        return None
    rule = _RULES.get(wanted.name.removeprefix(SCHEMA_PREFIX))
    found = _DATA.search("\n".join(each.text for each in request.messages if each.role is Role.USER))
    if rule is None or found is None:
        return "El juez sin conexión no tiene regla para esto."
    try:
        fault = rule(msgspec.json.decode(found.group(1), type=_Shown))
    except msgspec.MsgspecError:
        return "El juez sin conexión no pudo leer los datos."
    said = {"reason": fault or "Ninguna regla encontró nada.", "verdict": "fail" if fault else "pass"}
    return msgspec.json.encode(said).decode()


def _find_unanswered(shown: _Shown) -> str | None:
    asked, reply = fold_words(shown.asked), fold_words(shown.reply)
    if not reply or reply == asked:
        return "Repite la pregunta o no dice nada."
    if _NO_HELP.search(reply):
        return "Manda a otro lado o no entiende."
    digits = any(letter.isdigit() for letter in shown.reply)
    if _ASKS_NUMBER.search(asked) and not digits and "?" not in shown.reply and "no " not in f"{reply} ":
        return "Se pregunta un precio y no hay ningún número."
    if _ASKS_TIME.search(asked) and not digits and "?" not in shown.reply and not _CLOSED.search(reply):
        return "Se pregunta por una hora y no hay ninguna."
    return None


def _find_rude_or_long(shown: _Shown) -> str | None:
    reply = fold_words(shown.reply)
    if len(shown.reply) > LONGEST_REPLY or shown.reply.count("\n") >= LONGEST_LINE_COUNT:
        return "Es larga."
    if _HARSH.search(reply):
        return "Regaña."
    if _STIFF.search(reply):
        return "No es el español de un chat."
    letters = [letter for letter in shown.reply if letter.isalpha()]
    if len(letters) > 12 and sum(letter.isupper() for letter in letters) > len(letters) / 2:
        return "Grita en mayúsculas."
    return None


def _find_unbacked(shown: _Shown) -> str | None:
    if _DONE.search(fold_words(shown.reply)) and not any(tool.ok for tool in shown.tools):
        return "Dice que algo quedó hecho y ninguna herramienta lo hizo."
    backed = fold(" ".join([msgspec.json.encode(shown.tools).decode(), *(line.text for line in shown.conversation)]))
    known = {f"{price:g}" for price in shown.prices}
    for found in _MONEY.finditer(fold(shown.reply)):
        amount = (found.group(1) or found.group(2)).replace(",", "").rstrip(".")
        if amount not in known and not re.search(rf"\b{amount}\b", backed):
            return f"El precio {amount} no consta."
    if shown.tools:
        for hour in _CLOCK.finditer(shown.reply):
            if hour.group() not in backed and f"{(int(hour.group(1)) + 12) % 24}:{hour.group(2)}" not in backed:
                return f"La hora {hour.group()} no consta."
    return None


_RULES: dict[str, Callable[[_Shown], str | None]] = {
    "answers_the_question": _find_unanswered,
    "friendly_and_brief": _find_rude_or_long,
    "says_nothing_untrue": _find_unbacked,
}
