"""Whether a customer's words have anything to do with talking to somebody: the guard around a model that hands off.

Far wider than `asks_for_person`, which decides by itself: this only tells a request that a model may have understood
from a question in which nobody is spoken of, however hard it is. Called by the tool `handoff_to_human`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from runtime.domain.spanish.folding import expand_chat_spelling, fold, fold_words

_STEMS = re.compile(
    r"[🤖👩🧑👨🙋]|\bcontigo no\b|\b(?:person|human|alguien|algun|quien|otr[oa]\b|encargad|duen|gerent|asesor|agente|"
    r"ejecutiv|recepcion|operador"
    r"|operator|represent|responsable|jef[ea]|patron|administrador|supervis|senor|muchach|chic[oa]\b|resuelva|"
    r"explique|aclare|emplead|chav[oa]|don\b|dona\b|busco a\b|superior|escal[ae]|prest[ae]|decirle|comentarle|"
    r"preguntarle|l[ao] necesito|su cel\b|el cel\b|sra\b|sr\b|fonazo|con (?:el|la) que|doctor|licenciad|morr[oa]|"
    r"mera\b|ponga|pongan|cargo\b|ella\b|me pon|mero\b|estilista|barber|trabajador|gente\b|companer|especialista|"
    r"equipo|personal"
    r"|contest|respond|atiend|atend|atienda|comuni|conect|transf|transfier|deriv|canaliz|enlaz|pas[ae]|pongan?me|ponme"
    r"|habl|ablar|platic|charl|convers|trat|llam|marc|marqu|telefon|numero|contact|escrib|bot|bots|robot|maquina|"
    r"grabad"
    r"|contestadora|automatic|ia\b|virtual|real\b|vivo\b|atencion|servicio|cliente|soporte|apoyo|ayud"
    r"|some|talk|speak|call|agent|manager|owner|staff|support|service|representative|chat)"
)


def mentions_person(texts: Iterable[str], names: Iterable[str] = ()) -> bool:
    """Whether any of the texts speaks of somebody, of talking or calling, or of one of these names.

    Args:
        texts: What the customer wrote lately.
        names: People of the business.
    """
    first_names = {fold_words(name).split(" ")[0] for name in names} - {""}
    return any(
        _STEMS.search(expand_chat_spelling(text))
        or _STEMS.search(fold(text))
        or not first_names.isdisjoint(fold_words(text).split())
        for text in texts
    )
