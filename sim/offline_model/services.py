"""Matching what a customer calls a service with what the business calls it.

`find_services` is used by `understand`. It knows everyday words for beauty services and forgives
slips; which services exist, it takes from the prompt alone.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from sim.offline_model.text import fold, is_alike, split_table, split_words, stem

_SYNONYMS = {
    "unias": ("manicure", "manicura", "gelish", "acrilicas"),
    "unitas": ("unias",),
    "manos": ("manicure", "manicura"),
    "mani": ("manicure", "manicura"),
    "manicura": ("manicure",),
    "manicure": ("manicura",),
    "manicur": ("manicure", "manicura"),
    "manikiur": ("manicure", "manicura"),
    "manicurist": ("manicure", "manicura"),
    "pies": ("pedicure", "pedicura"),
    "pedi": ("pedicure", "pedicura"),
    "pedicura": ("pedicure",),
    "pedicure": ("pedicura",),
    "pedicur": ("pedicure", "pedicura"),
    "gel": ("gelish",),
    "gelish": ("gel",),
    "gelis": ("gelish", "gel"),
    "yelish": ("gelish", "gel"),
    "jelish": ("gelish", "gel"),
    "acrilico": ("acrilicas",),
    "acrilicas": ("acrilico",),
    "pelo": ("cabello", "corte"),
    "cabello": ("pelo", "corte"),
        "grenas": ("corte",),
    "pelito": ("corte",),
    "cortarme": ("corte",),
    "cortar": ("corte",),
    "cortarse": ("corte",),
    "cortarle": ("corte",),
    "corten": ("corte",),
    "cortes": ("corte",),
    "cortecito": ("corte",),
    "despuntar": ("despunte", "corte"),
    "despunte": ("corte",),
    "puntas": ("despunte", "corte"),
    "fade": ("corte", "degradado"),
    "degradado": ("corte", "fade"),
    "desvanecido": ("corte", "degradado", "fade"),
    "rapar": ("corte",),
    "haircut": ("corte",),
    "cut": ("corte",),
    "trim": ("corte",),
    "hair": ("corte", "cabello"),
    "tinte": ("color", "coloracion"),
    "tenir": ("tinte", "color"),
    "tenirme": ("tinte", "color"),
    "tenido": ("tinte", "color"),
    "pintar": ("tinte", "color"),
    "pintarme": ("tinte", "color"),
    "pinten": ("tinte", "color"),
    "color": ("tinte", "coloracion"),
    "canas": ("tinte", "color"),
    "coloracion": ("tinte", "color"),
    "dye": ("tinte", "color"),
    "coloring": ("tinte", "color"),
    "mechas": ("luces", "rayitos", "balayage"),
    "luces": ("mechas", "rayitos"),
    "rayitos": ("luces", "mechas"),
    "highlights": ("luces", "mechas"),
    "balayash": ("balayage",),
    "balayach": ("balayage",),
    "baleyage": ("balayage",),
    "barbita": ("barba",),
    "barba": ("afeitado", "rasurado"),
    "bigote": ("barba",),
    "afeitar": ("afeitado", "barba"),
    "afeitarme": ("afeitado", "barba"),
    "rasurar": ("rasurado", "afeitado", "barba"),
    "rasurarme": ("rasurado", "afeitado", "barba"),
    "afeitado": ("rasurado", "barba"),
    "beard": ("barba",),
    "shave": ("afeitado", "barba"),
    "ceja": ("cejas",),
    "cejita": ("cejas",),
    "eyebrows": ("cejas",),
    "pestana": ("pestanas",),
    "lashes": ("pestanas",),
    "extensiones": ("pestanas",),
    "depilar": ("depilacion", "cera"),
    "depilarme": ("depilacion", "cera"),
    "depilacion": ("cera",),
    "cera": ("depilacion",),
    "waxing": ("depilacion", "cera"),
    "wax": ("depilacion", "cera"),
    "facial": ("limpieza",),
    "limpieza": ("facial",),
    "masajito": ("masaje",),
    "massage": ("masaje",),
    "peinar": ("peinado",),
    "peinarme": ("peinado",),
    "peinen": ("peinado",),
    "planchado": ("alaciado", "peinado"),
    "planchar": ("alaciado",),
    "alaciar": ("alaciado", "keratina"),
    "keratina": ("alaciado", "queratina"),
    "queratina": ("keratina",),
    "nails": ("manicure", "unias", "gelish"),
    "maquillar": ("maquillaje",),
    "maquillarme": ("maquillaje",),
    "makeup": ("maquillaje",),
    "mujer": ("dama",), "dama": ("mujer",), "damas": ("dama",), "senora": ("dama",), "ella": ("dama",),
    "woman": ("dama",), "womens": ("dama",), "femenino": ("dama",),
    "hombre": ("caballero",), "caballero": ("hombre",), "senor": ("caballero",), "varon": ("caballero",),
    "esposo": ("caballero", "hombre"), "marido": ("caballero", "hombre"), "novio": ("caballero", "hombre"),
    "esposa": ("dama",), "mama": ("dama",), "tia": ("dama",), "hermana": ("dama",), "abuelita": ("dama",),
    "papa": ("caballero",), "hermano": ("caballero",), "tio": ("caballero",), "man": ("caballero",),
    "men": ("caballero",), "women": ("dama",), "lady": ("dama",),
    "mens": ("caballero",), "masculino": ("caballero",),
    "nino": ("infantil",), "nina": ("infantil",), "hijo": ("infantil", "nino"), "hija": ("infantil", "nina"),
    "kids": ("infantil", "nino"), "chiquito": ("infantil", "nino"), "bebe": ("infantil",),
    "infantil": ("nino", "ninos"),
    "medica": ("medicina", "doctor", "consulta"), "medico": ("medicina", "doctor", "consulta"),
    "mdedica": ("medicina", "doctor"), "matasanos": ("medicina", "doctor"), "doctor": ("medicina",),
    "doctora": ("medicina", "doctor"), "medician": ("medicina",),
    "odontologica": ("odontologia", "dentista"), "odontologo": ("odontologia", "dentista"),
    "odontologixa": ("odontologia", "dentista"), "odontologio": ("odontologia", "dentista"),
    "odotongologo": ("odontologia", "dentista"), "dentista": ("odontologia",), "dental": ("odontologia", "dentista"),
    "muela": ("odontologia", "dentista"), "diente": ("odontologia", "dentista"),
    "incisivo": ("odontologia", "dentista"), "dentist": ("dentista", "odontologia"),
    "visit": ("visita",), "property": ("visita",), "apartment": ("visita",), "meeting": ("junta",),
    "reunion": ("junta",),
}  # fmt: skip
_QUALIFIERS = split_table(
    """dama caballero hombre mujer infantil nino nina ninos corto largo completo completa sencillo sencilla basico
    basica tradicional clasico clasica express premium spa normal general de con y para a la el en del por los las"""
)
_LINKS = split_table("de con y para a la el en del por los las un una unas unos mi tu")
_VAGUE = split_table("pelo cabello hair pelito grenas")
"""They point at a cut unless something else says what is to be done with it."""
_NOT_SERVICES = split_table("cuanto corto hora horas cita citas largo para pies hotel carta corta ella tengo")
_BEAUTY = {
    "depilacion": "depilación", "masaje": "masajes", "tatuaje": "tatuajes", "pestanas": "pestañas",
    "piercing": "piercings", "bronceado": "bronceado", "botox": "bótox", "keratina": "keratina",
    "queratina": "keratina", "alaciado": "alaciado", "permanente": "permanente", "balayage": "balayage",
    "tinte": "tinte", "barba": "barba", "afeitado": "afeitado", "unias": "uñas", "manicure": "manicure",
    "pedicure": "pedicure", "gelish": "gelish", "facial": "faciales", "maquillaje": "maquillaje",
    "peinado": "peinados", "extensiones": "extensiones", "corte": "cortes", "cejas": "cejas", "mechas": "mechas",
    "rayitos": "rayitos", "trenzas": "trenzas", "rastas": "rastas", "micropigmentacion": "micropigmentación",
    "microblading": "microblading", "laser": "láser", "sauna": "sauna", "ducha": "duchas", "yoga": "yoga",
    "pizza": "pizza", "pizzas": "pizza", "tacos": "tacos", "hamburguesa": "hamburguesas", "comida": "comida",
    "medica": "citas médicas", "medico": "citas médicas", "mdedica": "citas médicas", "medicina": "citas médicas",
    "doctor": "citas médicas", "doctora": "citas médicas", "matasanos": "citas médicas",
    "odontologica": "citas con dentista", "odontologia": "citas con dentista", "odontologo": "citas con dentista",
    "odontologixa": "citas con dentista", "odontologio": "citas con dentista", "dentista": "citas con dentista",
    "dental": "citas con dentista", "muela": "citas con dentista", "psicologo": "psicología",
    "psicologa": "psicología", "neurologia": "citas médicas", "veterinario": "veterinaria",
    "veterinaria": "veterinaria", "perro": "estética canina", "perrito": "estética canina",
    "gato": "estética canina", "lentes": "lentes", "llantas": "llantas", "abogado": "asesoría legal",
    "hotel": "hospedaje", "habitacion": "hospedaje", "vuelo": "vuelos", "taxi": "taxis",
    "dentist": "citas con dentista", "therapist": "psicología", "restaurant": "reservaciones de restaurante",
}  # fmt: skip


class ServiceMatch(msgspec.Struct, frozen=True):
    """What a message says about services.

    Attributes:
        best: The service meant, or nothing when none or several fit.
        candidates: Services that fit equally well, two or more, in the prompt's order.
        unknown: What was asked for that this business does not do, ready to be said; or nothing.
        others: Further services named beside `best`.
    """

    best: str = ""
    candidates: tuple[str, ...] = ()
    unknown: str = ""
    others: tuple[str, ...] = ()


@lru_cache(maxsize=4096)
def find_services(rest: str, names: tuple[str, ...]) -> ServiceMatch:
    """Which of the services named `names` a folded text (without words of time) speaks of."""
    words = split_words(rest)
    if not words or not names:
        return ServiceMatch(unknown=_find_unknown(words, names))
    scores = {name: _score(words, _content(name)) for name in names}
    top = max(score for score, _ in scores.values())
    if top <= 0.0:
        return ServiceMatch(unknown=_find_unknown(words, names))
    leaders = tuple(name for name in names if scores[name][0] >= top - 1e-9)
    if len(leaders) > 1:
        exact = tuple(name for name in leaders if fold(name) in rest)
        separate = _separate(leaders, scores) if len(exact) != 1 else exact
        if separate:
            return ServiceMatch(best=separate[0], others=tuple(n for n in separate[1:]))
        return ServiceMatch(candidates=leaders)
    used = scores[leaders[0]][1]
    others = [name for name in names if scores[name][0] >= 0.45 and not scores[name][1] & used]
    said = sorted((leaders[0], *others), key=lambda name: min(scores[name][1]))
    return ServiceMatch(best=said[0], others=tuple(said[1:]))


def choose_by_detail(rest: str, names: tuple[str, ...]) -> str:
    """The one of a few offered services that a bare detail points at (`de dama`, `completo`); or nothing."""
    words = split_words(rest)
    scores = {name: sum(max(_likeness(w, m) for w in words) for m in _content(name)) for name in names if words}
    top = max(scores.values(), default=0.0)
    leaders = [name for name, score in scores.items() if score == top]
    return leaders[0] if top > 0.0 and len(leaders) == 1 else ""


def _separate(leaders: tuple[str, ...], scores: dict[str, tuple[float, frozenset[int]]]) -> tuple[str, ...]:
    """Leaders that were each named in full by words of their own, in the order they were said."""
    full = [name for name in leaders if scores[name][0] >= 1.0]
    seen: set[int] = set()
    for name in full:
        if scores[name][1] & seen:
            return ()
        seen |= scores[name][1]
    return tuple(sorted(full, key=lambda name: min(scores[name][1])))


@lru_cache(maxsize=2048)
def _content(name: str) -> tuple[str, ...]:
    return tuple(word for word in split_words(fold(name)) if word not in _LINKS)


def _score(words: tuple[str, ...], content: tuple[str, ...]) -> tuple[float, frozenset[int]]:
    """How well words name a service, and which of them do: 1 is all of a one-word name."""
    matched: set[int] = set()
    weight = 0.0
    has_head = False
    for meant in content:
        position, strength = _find_word(words, meant)
        if position < 0:
            continue
        matched.add(position)
        is_head = meant not in _QUALIFIERS
        has_head = has_head or is_head
        weight += strength * (1.0 if is_head else 0.6)
    total = sum(0.6 if word in _QUALIFIERS else 1.0 for word in content)
    if not has_head or total == 0.0:
        return 0.0, frozenset()
    return weight * weight / total, frozenset(matched)


def _find_word(words: tuple[str, ...], meant: str) -> tuple[int, float]:
    """Where a word of a name is said, and how surely: a second word that points at it counts a little."""
    best = (-1, 0.0)
    hints = 0
    for position, word in enumerate(words):
        strength = _likeness(word, meant)
        hints += strength > 0.0
        if strength > best[1]:
            best = (position, strength)
    return best[0], best[1] + 0.03 * max(hints - 1, 0)


@lru_cache(maxsize=16384)
def _likeness(word: str, meant: str) -> float:
    if word == meant or stem(word) == stem(meant):
        return 1.0
    if word in _LINKS or word in _NOT_SERVICES:
        return 0.0
    if meant in _SYNONYMS.get(word, ()) or stem(meant) in _SYNONYMS.get(word, ()):
        return 0.6 if word in _VAGUE else 0.9
    if is_alike(word, meant) and (meant not in _QUALIFIERS or len(word) > 4):
        return 0.8
    return 0.0


def _find_unknown(words: tuple[str, ...], names: tuple[str, ...]) -> str:
    known = {stem(word) for name in names for word in _content(name)}
    for said in words:
        word = next((form for form in (said, said.removesuffix("s"), said.removesuffix("es")) if form in _BEAUTY), "")
        if word and stem(word) not in known and not any(stem(w) in known for w in _SYNONYMS.get(word, ())):
            return _BEAUTY[word]
    return ""


def is_service_word(word: str) -> bool:
    """Whether a folded word speaks of beauty services in general, offered here or not."""
    return word in _BEAUTY or (word in _SYNONYMS and word not in _QUALIFIERS)


def mentions_appointment_of(folded: str) -> str:
    """The name in `la cita de Pedro`, folded; nothing when no name follows."""
    match = re.search(r"\bcitas? (?:que tiene |a nombre )?de (?:la |el |senora |senor )*([a-z]{3,})\b", folded)
    return match.group(1) if match else ""
