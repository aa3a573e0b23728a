"""What an owner changes of the business, read from a message: services and prices, hours, people, figures."""

from __future__ import annotations

import re

from sim.offline_model.context import Context
from sim.offline_model.names import find_staff
from sim.offline_model.services import find_services
from sim.offline_model.staff_words import Wish
from sim.offline_model.text import fold
from sim.offline_model.when import find_when

PHONE = re.compile(r"(?<!\d)\+?\d[\d ()-]{8,16}\d(?!\d)")
_PRICE = re.compile(
    r"\$ ?(-?[\d,]+(?:\.\d{1,2})?)|(-?[\d,]+(?:\.\d{1,2})?) ?(?:pesos|varos)|\ba (-?[\d,]{2,})(?! ?min)"
)
_MINUTES = re.compile(r"(-?\d+) ?min")
_NEW = re.compile(r"servicio(?: nuevo)?:? (?:de |llamado )?([^,$\d]+)", re.IGNORECASE)
_ROLES = {"solo": "viewer", "consulta": "viewer", "admin": "admin", "duen": "owner"}


def fill_owner(wish: Wish, text: str, context: Context, customer: str) -> dict[str, object]:
    """The arguments of the tool for this wish; `customer` is a name in the message that is of nobody in the team."""
    if wish is Wish.STATS:
        return {"period": find_when(text).day or _period(fold(text))}
    if wish is Wish.HOURS:
        closed = re.search(r"\bno abr\w+\b|\bcerrado\b|\bdescans\w+\b", fold(text)) is not None
        return {"days": text, "hours": "" if closed else text, "closed": closed}
    if wish in (Wish.ADD_STAFF, Wish.REMOVE_STAFF, Wish.CHANGE_ROLE):
        return _fill_staff(wish, text, context, customer)
    return _fill_service(wish, text, context)


def _fill_service(wish: Wish, text: str, context: Context) -> dict[str, object]:
    folded = fold(text)
    found = find_services(folded, context.service_names)
    price, minutes, new = _PRICE.search(folded), _MINUTES.search(folded), _NEW.search(text)
    number = next((group for group in price.groups() if group), "").replace(",", "") if price else ""
    name = new.group(1).strip() if wish is Wish.ADD_SERVICE and new else found.best
    if not name and found.candidates:
        name = fold(found.candidates[0]).split()[0]
    return {
        "change": {Wish.ADD_SERVICE: "add", Wish.RETIRE_SERVICE: "retire"}.get(wish, "update"),
        "service": name or "?",
        "price_pesos": float(number) if number else None,
        "minutes": int(minutes.group(1)) if minutes else None,
    }


def _fill_staff(wish: Wish, text: str, context: Context, customer: str) -> dict[str, object]:
    folded = fold(text)
    phone = PHONE.search(text)
    own = re.search(r"\bquitame\b|\ba mi\b", folded)
    name = "yo" if own else find_staff(text, context.staff) or customer
    role = next((role for word, role in _ROLES.items() if word in folded), "staff")
    if wish is Wish.ADD_STAFF:
        return {"name": customer or name, "phone": phone.group().strip() if phone else "", "role": role}
    return {"name": name} if wish is Wish.REMOVE_STAFF else {"name": name, "role": role}


def _period(folded: str) -> str:
    return "mes" if "mes" in folded.split() else "semana" if "semana" in folded else "hoy"
