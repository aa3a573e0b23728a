"""Deciding whether a message explicitly asks to be put through to a person.

The runtime asks it when no model answers, so that the way to a person never depends on one; the offline
model asks it about every message. It says yes only to a request in the customer's own name, for now, to talk with a
human being of the business: frustration, questions about people, people who merely come along, and
requests that are denied, reported or put off are not requests.
"""

from __future__ import annotations

import re
from functools import lru_cache

from runtime.domain.spanish.folding import expand_chat_spelling, fold

_SOMEBODY = (
    r"(?:(?:otra |alguna |una |un |algun |la |el |las |los |su |tu |al |del )*"
    r"(?:persona|human[oa]|ser humano|encargad[oa]|duen[oa]|asesor[a]?|agente|ejecutiv[oa]|recepcionista|gerente"
    r"|operador[a]?|representante|responsable|jef[ea]|patron[a]?|administrador[a]?|supervisor[a]?|senorita|secretaria"
    r"|servicio al cliente|atencion al? clientes?|supervis(?:ion|or)|alguien)\b)"
)
_STRONG = (
    r"(?:(?:una |un |la |el |al |otra |alguna |algun )*(?:persona|human[oa]|ser humano|encargad[oa]|duen[oa]|asesor[a]?"
    r"|agente|ejecutiv[oa]|gerente|operador[a]?|representante|recepcionista)\b)"
)
_REAL = (
    r"(?: (?:real|de verdad|human[oa]|de carne y hueso|fisica|viva?|del? (?:local|equipo|negocio|salon|estetica|"
    r"lugar|ahi|ustedes)))"
)
_WANT = (
    r"(?:quiero|quisiera|quierp|qiero|puedo|podria|podre|necesito|nesecito|nececito|ocupo|me gustaria|prefiero|"
    r"preferiria"
    r"|deseo|me urge|dejame|dejeme|se puede|como (?:le hago|puedo|hago)|hay (?:forma|manera|modo|chance) de|quero"
    r"|tienen a|puede|pueden|puedes|podrian|podrias|es posible|solicito|pido|exijo|mejor)"
)
_TALK = (
    r"(?:hablar|ablar|hablr|platicar|charlar|conversar|chatear|comunicar(?:me|se)?|tratar|contactar(?:me)?|"
    r"entender(?:me)?"
    r"|arreglar(?:me|lo)?|verlo|dialogar|habar)"
)
_NOT_THEM = r"(?! que (?:sepa|haga|corte|sea|tenga|este|corta|hace|pone|pueda))(?! me (?:recomendo|dijo|paso|conto))"

_SPANISH_REQUESTS = tuple(
    re.compile(pattern)
    for pattern in (
        # "quiero hablar con una persona", "¿puedo platicar con la encargada?"
        rf"\b{_WANT}\b(?:(?! no\b)[^,.;!?\n]){{0,40}}?\b{_TALK}\b[^,.;!?\n]{{0,25}}?\b(?:con|a|al|de)\s?{_SOMEBODY}",
        rf"^[^a-z]*(?:por favor )?{_TALK} (?:con|al?) {_SOMEBODY}",
        # "pásame al encargado", "me comunicas con alguien", "conéctame con un agente"
        r"\b(?:me |nos )?(?:pasa(?:s|n|me|r|rme|menos)?|pase(?:n|me|nme)?|comunica(?:s|n|me|r|rme)?|comunique(?:n|me)?|"
        r"conecta(?:s|n|me|r|rme)?|conecte(?:n|me)?|transfiere(?:s|n|me)?|transferir(?:me)?|contacta(?:me|r|rme|s)?|"
        r"contacte(?:n|me)?|ponme|poner(?:me)?|ponga(?:n|me)?|enlaza(?:me|r|rme)?|deriva(?:me|r|rme)?|"
        r"canaliza(?:me|r|rme)?|"
        r"echame|mandame|mandas|llama(?:le)?|llame(?:n)?) (?:por favor )?(?:con|al?|en contacto con|directo con|"
        r"ya con)\s?"
        rf"{_SOMEBODY}",
        # "que me responda alguien del local", "quiero que me atienda una persona"
        r"\b(?:me |nos )(?:responda|conteste|atienda|hable|marque|llame|escriba|ayude|atienden?|contesta|"
        r"responde)n? (?:ya |por favor )?"
        rf"(?:{_STRONG}|alguien{_REAL}){_NOT_THEM}",
        rf"\b(?:alguien{_REAL}|{_STRONG}{_REAL}?) que me (?:responda|conteste|atienda|ayude|explique)",
        r"\bque (?:me|nos) (?:marque|llame|hable por telefono|llamen|marquen) (?:alguien|una persona|el|la)\b",
        r"\balguien (?:me |nos )?(?:puede|podria) (?:atender|contestar|responder|llamar|marcar|hablar)(?:me|nos)?\b",
        r"\b(?:me |nos )?(?:puede|podria|pudiera) (?:atender|contestar|responder|llamar|marcar)(?:me|"
        r"nos)? (?:alguien|una persona)(?: (?:real|de verdad|por favor|ya|del local))*[^a-z]*$",
        # "quiero una persona real", "necesito un asesor"
        rf"\b(?:quiero|quisiera|necesito|ocupo|prefiero|deseo|exijo|dame|denme|solicito|"
        rf"busco) (?:a )?(?:hablar )?{_STRONG}"
        rf"{_REAL}?(?:,| por favor| ya| ahora|$|[.!?]| y no| no (?:a )?(?:un|una) (?:bot|robot|maquina))",
        rf"\b(?:quiero|quisiera|necesito|prefiero|busco|dame) (?:a )?(?:alguien|ayuda|atencion|apoyo|{_STRONG}){_REAL}",
        # "¿hay alguna persona con la que pueda hablar?", "¿hay algún humano real?"
        rf"\b(?:hay|habra|esta|se encuentra) {_SOMEBODY}{_REAL}?(?: (?:disponible|ahi))? (?:con (?:la |"
        rf"el )?(?:que|quien|cual)"
        r"[^,.\n]{0,20}hablar|(?:que|quien) (?:me )?(?:atienda|conteste|responda)|para hablar)",
        rf"\bhay (?:(?:alguna|algun|una|un) (?:persona|humano)|alguien){_REAL}",
        # "servicio humano", "ayuda humana", "servicio al cliente" and nothing else
        r"\b(?:servicio|atencion|ayuda|asistencia|apoyo) (?:human[oa]|al cliente manual)\b",
        r"^[^a-z]*(?:(?:con )?(?:un |una |el |la |al )?(?:asesor[a]?|agente|human[oa]|operador[a]?|"
        r"representante|ejecutiv[oa])"
        r"(?: human[oa]| real)?|servicio al cliente|atencion al cliente|persona real)(?: por favor)?[^a-z]*$",
        r"\bcontacte(?:n)? con (?:el |la )?(?:servicio|atencion) al cliente",
        # "¿me marcan por favor?", "que me llame alguien", "llámenme"
        r"\b(?:que )?(?:me|nos) (?:marcan?|marquen?|llaman|llamen|pueden (?:marcar|llamar)|podrian (?:marcar|"
        r"llamar)|puedes marcar)"
        r"(?: (?:por favor|por telefono|alguien|ya|ahorita|a este numero|al (?:numero|telefono|celular|cel)"
        r"|tantito|de favor|de vuelta|una persona|ustedes))*[^a-z]*$",
        r"\b(?:marquenme|llamenme|hablenme por telefono|marcame por favor|llamame por favor)[^a-z]*",
        # "no quiero contestadora"
        r"\bno (?:quiero|me (?:gusta|gustan|pongas|pongan|manden))[^,.;!?\n]{0,20} contestadoras?\b",
    )
)
_ENGLISH_SOMEBODY = (
    r"(?:(?:an?|the|your|some|any|another|one|proper|real|live|actual|bloody|fucking|damn|goddamn|freaking|human|"
    r"lousy|f\w+ing) )*"
    r"(?:human(?: being)?s?|persons?|people|agents?|representatives?|rep|operators?|someone|somebody|some one|"
    r"somenoe|someon|managers?"
    r"|assistants?|advisors?|employee|supervisor|owner|receptionist|(?:the )?(?:front desk|reception|concierge|"
    r"spa|housekeeping)"
    r"|customer (?:care|rep))\b"
)
_ENGLISH_REQUESTS = tuple(
    re.compile(pattern)
    for pattern in (
        r"\b(?:speak|speaking|talk|talking|chat|chatting|connect(?:ed)?|transfer(?:red)?|contact(?:ing)?|pass|"
        r"put|hand|switch|"
        r"reach|touch|spoke|redirect|forward|route|escalate)\b(?: me| us| this| directly| straight| over| through|"
        rf" in touch| on| hold of| a hold of)*(?: to| with| w| wit| at)?(?: with)? {_ENGLISH_SOMEBODY}",
        r"\b(?:want|need|give me|prefer|like|get me|is there|are there|have|id like|switch me to|"
        r"where is)\b(?: to have)?"
        r" (?:an? |the |any |some |your )?(?:real |live |actual |human )*(?:humans?|representative|rep|agents?|operator"
        r"|(?:real |live |actual )(?:person|people|human|someone|assistant)|person|someone (?:real|human))\b",
        r"\b(?:help|assistance) (?:from|of) (?:a |an )?(?:real |live )?(?:human|person|agent)\b|"
        r"\bsomeone (?:real|human)\b",
        r"^(?:human|real human|service agent|agent|representative|operator|handoff|human handoff|live agent|"
        r"real person|live person|human agent)"
        r"(?: please| now)?[^a-z]*$",
        r"\bhuman (?:help|support|assistance|agent|handoff|being please)\b|\bagent (?:please|now)\b",
    )
)
_DENIED = re.compile(
    rf"\bno (?:\w+ ){{0,2}}?(?:quiero|necesito|ocupo|hace falta|es necesario|me pase[sn]?|deseo|prefiero|"
    rf"me comuniques|quisiera"
    rf"|hay necesidad)(?:(?! quiero| prefiero| necesito| pasame| contestadora)[^,.;!?\n]){{0,40}}?\b{_SOMEBODY}"
    r"|\bsin (?:tener que )?(?:hablar|tratar|platicar) con|\bno (?:me |nos )?(?:pases|comuniques|transfieras|"
    r"llamen|marquen|llames|marques)"
    r"|\bprefiero (?:hablar )?contigo"
)
_REPORTED = re.compile(
    r"\b(?:mi|su|tu|un|una|el|la) (?:\w+ ){1,2}?(?:quiere|quieren|queria|necesita|pide|pidio|desea|busca|"
    r"quisiera saber)\b"
    r"|\b(?:el|la|un|una) (?:que|cual) (?:quiere|queria)"
    r"|\b(?:ya|ayer|antes|anoche|antier|hace rato|apenas) (?:hable|platique|me (?:marcaron|llamaron|atendio)|me hablo)"
    r"|\bsi (?:necesito|quiero|ocupo|llego a|hace falta)[^,.;!?\n]{0,40}"
    r"(?:despues|luego|mas adelante|les aviso|te aviso|te digo|les digo)"
    r"|\b(?:cuando|despues|luego|mas tarde|al rato|manana|otro dia) (?:yo )?(?:hablo|platico|hable|les marco|"
    r"les llamo)\b"
    r"|\b(?:que|quien|como) (?:hace|es|son|trabaja) (?:un|una|el|la|tu|su)\b"
)
_NOT_OURS = re.compile(
    r"\b(?:desarrollador|creador|programador|inventor|disenador|tus padres|tu mama|dios|presidente)[a-z]*\b"
)
_DENIED_ENGLISH = re.compile(
    r"\b(?:find|get|have|want|like|need)\b(?: \w+){0,2} (?:someone|somebody) else\b(?! to (?:talk|speak|chat))|"
    r"\b(?:dont|do not|not|no need to|never|didnt|doesnt) (?:\w+ ){0,3}?(?:speak|talk|chat|"
    r"want)[a-z]*(?:(?!\b(?:want|need|give"
    r"|get|let)\b).){0,20}(?:bot|machine|robot|computer|to you\b)"
    r"|\b(?:dont|do not) (?:want|need) (?:to (?:speak|talk|chat) (?:to|with) )?(?:an? |any )?(?:human|person|"
    r"agent|someone)"
    r"|\bare you (?:an?|the)\b|\bam i (?:talking|speaking|chatting)\b|\bis this an?\b|\bwho (?:made|created|built)"
)
_APOSTROPHE = re.compile(r"[’'`´]")
_CLAUSE = re.compile(r"[.;!?\n]+|,| pero | aunque ")
_SENTENCE = re.compile(r"[.;!?\n]+")
_LATER = re.compile(
    r"^[^a-z]*(?:cuando|si) (?!puede)|\b(?:cuando|si) (?:se desocupe|este list|haya|hay|sale|cancel|se libere)"
)


@lru_cache(maxsize=4096)
def asks_for_person(text: str, staff: tuple[str, ...] = ()) -> bool:
    """Whether the customer, for themself and now, explicitly asks to talk with a person.

    Args:
        text: The message as it was typed; bubbles joined by line breaks.
        staff: Names of the people of the business: asking to talk with one of them counts.
    """
    folded = _read(text)
    if _asks_for_staff(folded, staff):
        return True
    return any(_asks_in(sentence.strip()) for sentence in _SENTENCE.split(folded) if sentence.strip())


def _read(text: str) -> str:
    """The text folded, its chat spelling written out, line breaks kept: bubbles are sentences of their own."""
    return "\n".join(_APOSTROPHE.sub("", fold(expand_chat_spelling(line))) for line in text.splitlines())


def _asks_in(sentence: str) -> bool:
    """Whole sentences are tried first; where something speaks against one, its clauses on their own."""
    if _speaks_against(sentence):
        clauses = [clause.strip() for clause in _CLAUSE.split(sentence)]
        return len(clauses) > 1 and any(_requests(c) and not _speaks_against(c) for c in clauses if c)
    return _requests(sentence)


def _speaks_against(text: str) -> bool:
    patterns = (_DENIED, _REPORTED, _NOT_OURS, _DENIED_ENGLISH, _LATER)
    return any(pattern.search(text) for pattern in patterns)


def _requests(text: str) -> bool:
    return any(pattern.search(text) for pattern in (*_SPANISH_REQUESTS, *_ENGLISH_REQUESTS))


def _asks_for_staff(folded: str, staff: tuple[str, ...]) -> bool:
    """`quiero hablar con Lupita`, `pásame a Karla`, `me comunicas con la señora Lupita`."""
    if not staff:
        return False
    names = "|".join(re.escape(fold(name).split(" ")[0]) for name in staff if name)
    person = rf"(?:la |el |dona |don |senora |senorita |sra |srita )*(?:{names})\b"
    verbs = (
        rf"{_WANT} (?:\w+ ){{0,2}}?(?:hablar|platicar|comunicarme) (?:directo |directamente |por favor |tantito )?con"
        r"|(?:me )?(?:pasa(?:s|n|me)?|comunica(?:s|n|me)?|conecta(?:s|n|me)?) (?:por favor )?(?:con|a)"
        r"|que me (?:conteste|responda|atienda ya|llame|marque|hable)"
    )
    match = re.search(rf"\b(?:{verbs}) {person}", folded)
    return match is not None and not _speaks_against(folded)
