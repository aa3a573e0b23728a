"""Deciding whether a message explicitly asks to be put through to a person.

The runtime asks it when no model answers, so that the way to a person never depends on one; the offline
model asks it about every message. It says yes only to a request in the customer's own name, for now, to talk with a
human being of the business: frustration, questions about people, people who merely come along, and
requests that are denied, reported or put off are not requests.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from runtime.domain.spanish.folding import expand_chat_spelling, fold

_SOMEBODY = (
    r"(?:(?:otra |alguna |una |un |algun |la |el |las |los |su |tu |al |del )*"
    r"(?:persona|human[oa]|ser humano|encargad[oa]|duen[oa]|asesor[a]?|agente|ejecutiv[oa]|recepcionista|gerente"
    r"|operador[a]?|representante|responsable|jef[ea]|patron[a]?|administrador[a]?|supervisor[a]?|senorita|secretaria"
    r"|servicio al cliente|atencion al? clientes?|supervis(?:ion|or)|alguien)\b)"
)
_STRONG = (
    r"(?:(?:una |un |la |el |al |otra |alguna |algun )*(?:persona|human[oa]|ser humano|encargad[oa]|"
    r"duen[oa]|asesor[a]?"
    r"|agente|ejecutiv[oa]|gerente|operador[a]?|representante|recepcionista)\b)"
)
_REAL = (
    r"(?: (?:real|de verdad|human[oa]|de carne y hueso|fisica|viva?|del? (?:local|equipo|negocio|salon|estetica|"
    r"lugar|ahi|ustedes)))"
)
_WANT = (
    r"(?:quiero|quisiera|quierp|qiero|queiro|puedo|podria|podre|n[ei][cs]e[cs]+ito|ocupo|requiero|"
    r"me gustaria|prefiero|"
    r"preferiria|me interesa|necesitaria"
    r"|deseo|me urge|dejame|dejeme|se puede|como (?:le hago|puedo|hago)|hay (?:forma|manera|modo|chance) de|quero"
    r"|tienen a|puede|pueden|puedes|podrian|podrias|(?:es|sera|seria) posible|hay (?:posibilidad|"
    r"oportunidad) de|solicito|pido|exijo|mejor)"
)
_TALK = (
    r"(?:hablar|ablar|hablr|hblar|avlar|platicar|charlar|conversar|chatear|comunicar(?:me|se)?|tratar|"
    r"contactar(?:me)?|"
    r"entender(?:me)?"
    r"|arreglar(?:me|lo)?|verlo|dialogar|habar|aclarar(?:lo)?|tratarlo|quejarme|hablarlo|consultar(?:lo)?|"
    r"poner (?:una|mi) queja|presentar (?:una|mi) queja)"
)
_MACHINE = (
    r"(?:(?:un|una|el|la|este|esta) )?(?:bots?|robots?|maquinas?|contestadora|ia|asistente|grabadora|"
    r"computadora|sistema)\b"
)
_ANYBODY = rf"(?!(?:mis?|nuestr[oa]s?|dios|nadie|ustedes?|vos|confianza|calma|tiempo|{_MACHINE})\b)\w{{2,}}\b"
_WHEN = (
    r"(?! (?:hoy|manana|el|la|las|al?|ahorita|para|en|si|sin|con|lunes|martes|miercoles|jueves|viernes|"
    r"sabado|domingo|este|un|"
    r"mas tarde|pasado)\b)"
)
_ANSWER = r"(?:llamar|marcar|contestar|responder|escribir|contactar|ayudar|hablar)"
_HURRY = (
    r"(?:(?:mejor|por favor|ya|yo|directo|directamente|urgentemente|urgente|por telefono|de favor|"
    r"tantito|solo|poder) )*"
)
_CALLS = (
    r"(?:llam(?:en?|aran?)|mar(?:qu|k)en?|marcaran?|habl(?:en?|aran?)|escrib(?:an?|ieran?)|contest(?:en?|"
    r"aran?)|respond(?:an?|ieran?)|"
    r"contact(?:en?|aran?)|mande (?:un )?mensaje|comuni(?:quen?|caran?))"
)
_ATTENDS = r"(?:atiendan?|atendieran?|asistan?|ayuden?)"
_HUMAN = (
    r"(?:una persona|un humano|un ser humano|una persona humana|un asesor|una asesora|un agente|"
    r"alguien (?:real|de verdad|human[oa]))"
)
_NAMED = (
    r"(?!las?\b|los?\b|el\b|un|otr|mi\b|tu\b|su\b|manana|hoy|lunes|martes|miercoles|jueves|viernes|"
    r"sabado|domingo|ese|esa|"
    r"este|esta|cualquier|algun|mas\b|menos|partir|traves|veces|ver\b|donde|que\b|diario|mediodia|"
    r"todas?\b|\w+[aei]r\b)"
    r"[a-z]{3,}"
)
_ENDING = r"(?=[^a-z]*$|,| por favor| ya\b| para| que\b| y\b| es\b| necesito| quiero| urge)"
_NOT_THEM = (
    r"(?! (?:con|de|mayor|mas|joven)\b(?! (?:verdad|ustedes|ahi)))(?! que (?:sepa|haga|corte|sea|"
    r"tenga|este|corta|hace|pone|pueda))(?! me (?:recomendo|dijo|paso|conto))"
)

_SPANISH_REQUESTS = tuple(
    re.compile(pattern)
    for pattern in (
        # "quiero hablar con una persona", "¿puedo platicar con la encargada?"
        rf"\b{_WANT}\b(?:(?! no\b)[^,.;!?\n]){{0,40}}?\b{_TALK}\b[^,.;!?\n]{{0,25}}?\b(?:con|a|al|de)\s?{_SOMEBODY}",
        rf"^[^a-z]*(?:por favor )?{_TALK} (?:con|al?) {_SOMEBODY}",
        # "pásame al encargado", "me comunicas con alguien", "conéctame con un agente"
        r"\b(?:me |nos )?(?:pasa(?:s|n|me|r|rme|menos)?|pase(?:n|me|nme)?|comunica(?:s|n|me|r|rme)?|"
        r"comunique(?:n|me)?|"
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
        r"\balguien (?:me |nos )?(?:puede|podria) (?:atender|contestar|responder|llamar|marcar|hablar)(?:me|nos)?\b"
        r"(?! (?:hoy|manana|el|la|al?|ahorita|para|en|si|sin|con|lunes|martes|miercoles|jueves|viernes|"
        r"sabado|domingo|este|un|"
        r"mas tarde)\b)",
        r"\b(?:me |nos )?(?:puede|podria|pudiera) (?:atender|contestar|responder|llamar|marcar)(?:me|"
        r"nos)? (?:alguien|una persona)(?: (?:real|de verdad|por favor|ya|del local))*[^a-z]*$",
        # "quiero una persona real", "necesito un asesor"
        rf"\b(?:quiero|quisiera|necesito|ocupo|prefiero|deseo|exijo|dame|denme|solicito|"
        rf"busco) (?:a )?(?:hablar )?{_STRONG}"
        rf"{_REAL}?(?:,| por favor| ya| ahora|$|[.!?]| y no| no (?:a )?(?:un|una) (?:bot|robot|maquina))",
        rf"\b(?:quiero|quisiera|necesito|prefiero|busco|dame) (?:a )?(?:alguien|ayuda|atencion|apoyo|"
        rf"{_STRONG}){_REAL}",
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
        r"\b(?:que )?(?:me|nos) (?:marcan?|marquen?|llaman|llamen|contactan|contacten|pueden (?:marcar|"
        r"llamar)|podrian (?:marcar|"
        r"llamar)|puedes marcar)"
        r"(?: (?:por favor|por telefono|alguien|ya|ahorita|a este numero|al? (?:numero|telefono|"
        r"celular|cel)|al|hoy|de favorcito"
        r"|tantito|de favor|de vuelta|una persona|ustedes))*[^a-z]*$",
        r"\b(?:marquenme|llamenme|hablenme por telefono|marcame por favor|llamame por favor)(?=[^a-z]*$|[.,;!?]|"
        r" (?:por|ya|"
        r"cuando|al?|para|en|ahorita|ahora|hoy|es|que|si|de|luego|tantito|tengo|necesito|quiero|urge|lo|y|mejor)\b)",
        # "quiero hablar con quien esté a cargo", "necesito hablar con ella", "hablar con ustedes por teléfono"
        rf"\b(?:{_WANT}|busco|solo quiero) {_HURRY}{_TALK} {_HURRY}con {_ANYBODY}",
        rf"\b(?:{_WANT}) {_HURRY}{_TALK} (?:con ustedes )?por (?:telefono|llamada)",
        # "con una persona por favor", "con el patrón"
        r"^[^a-z]*(?:no |mejor |directo )*con (?:un |una |el |la )?(?:persona|human[oa]|asesora?|"
        r"agente|encargad[oa]|gerente|"
        r"patron|jef[ea]|supervisora?)(?: real| de verdad|"
        r" del? (?:local|negocio|salon|estetica|ahi|ustedes|equipo))?(?: por favor)?[^a-z]*$",
        # "me puede comunicar con el barbero Toño", "pásame con Karla"
        rf"\b(?:comunica(?:r|rme|me|s|n)?|comunique(?:me|n)?|pasame|me pasas|me pasan|conectame|transfiereme|"
        rf"enlazame) {_HURRY}"
        rf"con {_ANYBODY}(?! (?:para|el|a las?|manana|hoy)\b)",
        # "pásame a Karla", "ponme a Lupita"
        rf"\b(?:pasame|me pasas|me pasan|me puedes pasar|pasenme|paseme|ponme) {_HURRY}a {_NAMED}{_ENDING}",
        # "dile a la dueña que me marque", "pide que me contacten", "que Karla me llame"
        r"\b(?:dile|digale|diganle|le (?:dices|puedes decir|podrias decir|pides|avisas)|pide|pidele|avisale|"
        r"(?:puedes|podrias|puede|pueden) (?:avisar|pedir|decir)(?:le)?) (?:por favor )?(?:al? (?:\w+ ){1,4}?)?q"
        r"ue (?:por favor )?"
        rf"(?:me|se) {_CALLS}\b",
        rf"\bque (?!nadie|no\b|ya\b|si\b|luego)(?:\w+ ){{1,4}}?(?:me|nos) {_CALLS}\b(?! (?:cuando|"
        rf"si|en cuanto|la atencion))",
        rf"\bque (?:me|nos) {_CALLS} (?:por telefono |directamente )?"
        r"(?!ya\b|rapido|pronto|por\b|bien|hoy|manana|cuando|si\b|la (?:que|misma)|el (?:que|mismo)|"
        r"en\b|de\b|tu\b|lo\b|al?\b|"
        rf"las?\b|quien|karla a)(?:(?:el|la) )?{_ANYBODY}(?! a las?)",
        r"\bque (?:se (?:comunique|comuniquen|pongan en contacto) conmigo|me contacten?)\b",
        rf"\bque (?:{_STRONG}|alguien){_REAL}? (?:me |nos |se )?(?:{_CALLS}|{_ATTENDS})\b(?! (?:hoy|"
        rf"manana|el|la|al?|en|para)\b)",
        # "necesito que me llamen hoy", "que me contestara una persona", "cómo hablo con una persona"
        r"\b(?:quiero|quisiera|necesito|ocupo|prefiero|me gustaria|me urge|urge|pido|exijo) que (?:me|"
        r"nos) (?:llam(?:en?|aran?)|marquen?(?! (?:el|la|los|las|bien|mas)\b)|"
        r"marcaran?|contact(?:en?|aran?)|habl(?:en?|aran?)(?! (?:de|sobre|claro|en)\b))\b",
        rf"\bque (?:me |nos )?(?:{_CALLS}|{_ATTENDS}|venga|entre) (?:ya |por favor |mejor )?(?:{_HUMAN}|"
        rf"alguien{_REAL}){_NOT_THEM}",
        rf"\bcomo (?:le hago para |puedo |me |hago para )?(?:hablo|hablar|comunico|comunicarme|platico|"
        rf"contacto|contactar) (?:con |a )?{_STRONG}",
        rf"\bhabl\w* con {_STRONG}[^,.;!?\n]{{0,15}}\b(?:quiero|por favor)",
        r"\bcon quien (?:puedo|podria|puede uno) (?:hablar|comunicarme|quejarme)\b",
        rf"\b(?:hay|habra|no hay) (?:alguna persona|una persona|algun humano|un humano) que (?:me |nos )?"
        rf"(?:(?:pueda|pudiera) (?:{_ANSWER}|atender)(?:me)?|{_ATTENDS}|atiende|contesta|responda|conteste)"
        rf"(?: por aqui| ahora| ahorita| ya| por favor)*[^a-z]*$",
        rf"\b(?:me urge|urge|quiero|necesito|dame|denme|dame con|denme con|dejame con|que sea) (?:ya )?{_HUMAN}[^"
        rf"a-z]*$",
        rf"\b(?:dame|denme|dejame|pongame|ponganme) con {_STRONG}",
        rf"\b(?:asistencia|ayuda|atencion|apoyo|soporte|respuesta) (?:de|por parte de) {_HUMAN}{_NOT_THEM}",
        # "me podrían contestar ustedes y no el bot?", "alguien que no sea un robot"
        rf"\b(?:contest|atiend|atend|respond|habl)\w* [^,.;!?\n]{{0,30}}(?:y no|que no sea) {_MACHINE}",
        rf"\b(?:quiero|necesito|quisiera|prefiero) [^,.;!?\n]{{0,20}}(?:y no|que no sea) {_MACHINE}",
        rf"^[^a-z]*(?:y |oye )?me (?:llama|marca|contesta|responde) (?:alguien|{_HUMAN}){_REAL}?(?: por favor|"
        rf" ya| ahorita)*[^a-z]*$",
        # "ando buscando hablar con la señora que atiende"; what speaks against it is told by _REPORTED
        rf"\b(?:hablar|platicar|conversar|chatear|comunicarme|tratar) (?:directamente |ya )?con (?:{_SOMEBODY}|"
        rf"(?:la|el|una|un) "
        r"(?:senora?|muchach[oa]|chic[oa]|emplead[oa]) (?:que|de|del)\b)",
        # "quiero que me pases con tu encargada", "mejor hablo con una persona", "atiéndeme un humano"
        rf"\bque me (?:pas|comuni|conect|transf|pong|enlac)\w+ (?:con|a) (?:{_SOMEBODY}|recepcion)",
        r"\b(?:me )?(?:comunica|pasa)\w* (?:a|con) (?:la )?(?:recepcion|administracion|gerencia)\b",
        rf"\b(?:mejor|ya mejor) (?:yo )?(?:hablo|platico|trato) con {_STRONG}",
        rf"\b(?:atiende|contesta|responde|atienda|conteste|responda)me {_HUMAN}[^a-z]*$",
        rf"\bme (?:puede|podria) {_ANSWER} alguien{_REAL}",
        # "que me atienda alguien, no un robot"
        rf"\b(?:quiero|quisiera|prefiero|necesito|que me)\b.{{0,40}}\b(?:alguien|persona|duen[oa]|"
        rf"encargad[oa]|humano)\b.{{0,30}}"
        rf"\bno (?:a |con )?{_MACHINE}",
        rf"\b(?:me pones|ponme|me pasas|me comunicas|me conectas) con {_HUMAN}",
        # "me puede responder un humano?", "¿puede alguien llamarme?"
        rf"\b(?:me |nos )?(?:puede|podria|pudiera|pueden|podrian) {_HURRY}(?:{_ANSWER}|atender)(?:me|nos)? "
        rf"(?:un humano|una persona|un ser humano|un asesor|una asesora|un agente){_REAL}?{_WHEN}{_NOT_THEM}",
        rf"\b(?:puede|podria|pudiera) (?:llamar|marcar|contestar|responder|escribir)(?:me|nos) (?:{_STRONG}|"
        rf"(?:la|el) senora?)\b",
        rf"\bme (?:puede|podria|pudiera) (?:llamar|marcar|contestar|responder|escribir) (?:{_STRONG}|"
        rf"(?:la|el) senora?)\b",
        rf"\b\w{{3,}}me con {_HUMAN}{_NOT_THEM}|\bme comunico con {_HUMAN}|\b(?:pas|comuni)\w* (?:al|"
        rf"con el) area de\b",
        rf"\b(?:puede|podria|pudiera|pueden|podrian) (?:{_STRONG}|alguien){_REAL}? {_HURRY}{_ANSWER}(?:me|"
        rf"nos)\b{_WHEN}",
        rf"\b(?:{_STRONG}|alguien){_REAL}? (?:que )?(?:me |nos )(?:puede|podria|pueda) {_ANSWER}{_WHEN}",
        rf"\b(?:{_STRONG}|alguien){_REAL}? (?:que )?(?:puede|podria|pueda) {_ANSWER}(?:me|nos){_WHEN}",
        rf"\b(?:atencion|trato|servicio)(?: \w+)? (?:con|de|por) (?:un humano|una persona|personas|"
        rf"humanos|alguien){_REAL}?{_NOT_THEM}[^a-z]*",
        # "me puedes pasar con la muchacha", "pásame alguien"
        rf"\b(?:me (?:pasas?|pasan|pasen|pase|(?:puedes?|pueden|podrias?) pasar)|pasarme) con (?!las? \d|"
        rf"el (?:tinte|corte)){_ANYBODY}(?! (?:\w+ )?(?:para|a las?|el|manana|hoy)\b)",
        r"\b(?:pasame|paseme|pasenme|me pasas|me pasan|me puedes pasar) (?:con |a )?(?:alguien|una persona|"
        r"un humano|un asesor)\b",
        # "hay alguien que me pueda contestar?", "¿habrá alguien con quien platicar?"
        r"\b(?:hay|habra|tienen a) (?:alguien|alguna persona|una persona) (?:que|quien) (?:me |nos )?"
        r"(?:pueda (?:contestar|atender|responder|ayudar)(?:me)?|(?:atienda|conteste|responda))[^a-z]*$",
        rf"\b(?:hay|habra) {_SOMEBODY} con (?:quien|la que|el que|la cual|el cual) [^,.\n]{{0,20}}{_TALK}",
        rf"\b(?:pasame|me pasas|me pasan|ponme|me comunicas) {_HURRY}(?:con |a |al )(?:la |el )?(?:senora|"
        rf"senor|srita|sra|sr|senorita|"
        r"muchach[oa]|chic[oa]|barbero|estilista|doctora?)\b",
        r"\b(?:pueden|podrian|puedes|podrias|puede|podria|quiero|seria posible) (?:por favor )?(?:llamar|"
        r"marcar)(?:me|nos)(?: por favor| "
        r"ahorita| por telefono| ya| tantito)*[^a-z]*$",
        r"^[^a-z]*(?:hola |por favor |mejor |oye )*(?:llama|marca)(?:me|nos)(?: por favor| ya| ahorita|"
        r" tu| mejor| porfa)*[^a-z]*$",
        r"^[^a-z]*una llamada(?: por favor)?[^a-z]*$",
        r"\b(?:quiero|necesito|prefiero) (?:la )?(?:atencion|ayuda|respuesta) (?:de|por) (?:una persona|"
        r"un humano|alguien)\b(?! que)",
        r"\b(?:soporte|contacto|trato|servicio|atencion|ayuda) (?:con |de )?(?:un |una )?(?:human[oa]|"
        r"persona real)\b",
        r"\b(?:quiero|necesito|ocupo|prefiero|me (?:hacen|dan|pueden (?:hacer|dar)|podrian (?:hacer|"
        r"dar))|pueden (?:hacer|dar)me|regalenme) una llamada\b",
        r"^[^a-z]*(?:y |mejor |oye )*me (?:marcas|llamas|hablas por telefono)(?: tu| mejor| por favor|"
        r" ahorita)*[^a-z]*$",
        # "está Martín? pásamelo", "me la comunicas?": a pronoun for somebody named before
        r"^(?!.*\b(?:citas?|fotos?|precios?|ubicacion|direccion|cuenta|info\w*|promo\w*|lista|clabe|hora|catalogo|"
        r"liga)\b)"
        r"(?=.*\b(?:quien|esta|estan|busco|buscaba|queria|quiero|necesito|con|es|a|la|el|don|dona|senora?)\b).*"
        r"\b(?:me l[ao] (?:puede[sn]? |podrian? )?(?:pas(?:as?|an?|ar)|comunic(?:as?|an?|ar))|(?:pasa|pase|comunica|"
        r"comunique|"
        r"presta)mel[ao])(?=[^a-z]*$|[,.?!]| por favor| tantito)",
        # "¿alguno de ustedes me devuelve la llamada?"
        r"\b(?:me (?:devuelve[sn]?|regresa[sn]?|(?:puede[sn]?|podrian?|podrias) (?:devolver|regresar))|"
        r"(?:devuelva|regrese)n?me|(?:puede[sn]?|podrian?|podrias|podria \w+ de ustedes) (?:devolver|regresar)me) "
        r"(?:la |una |mi )?llamada\b",
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
        r" (?:an? |the |any |some |your )?(?:real |live |actual |human )*(?:humans?|representative|"
        r"rep|agents?|operator"
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
    rf"\bno (?:\w+ ){{0,2}}?(?!.*\bsino\b)(?:quiero|necesito|ocupo|hace falta|es necesario|me pase[sn]?|deseo|"
    rf"prefiero|"
    rf"me comuniques|quisiera"
    rf"|hay necesidad)(?:(?! quiero| prefiero| necesito| pasame| contestadora)[^,.;!?\n]){{0,40}}?\b{_SOMEBODY}"
    r"|\bsin (?:tener que )?(?:hablar|tratar|platicar) con|\bno (?:me |nos )?(?:pases|comuniques|transfieras|"
    r"llamen|marquen|llames|marques)"
    r"|\bprefiero (?:hablar )?contigo"
    rf"|\bno (?:\w+ ){{0,2}}?(?!.*\bsino\b)(?:quiero|necesito|hace falta|quisiera) (?:\w+ )?(?:hablar|platicar|"
    rf"tratar) con (?!{_MACHINE})"
    rf"|\bno (?:hace falta|es necesario|necesito|quiero|ocupo|requiero|hay necesidad de|me (?:gusta|interesa)) que "
    rf"(?:me|nos|se)\b(?! \w+ {_MACHINE})"
    r"|\bno (?:\w+ )?(?:necesito|quiero|ocupo|requiero) (?:\w+ )?(?:asistencia|atencion|llamadas?)\b"
    r"(?! de (?:un|el|la) (?:bot|robot|maquina))|"
    r"\bcon nadie\b|\bque nadie\b"
)
_SERVED = re.compile(
    r"\b(?:me|nos) atiendan? [\w ]{1,25} (?:el|para el|a las?|hoy|manana) ?(?:\d|lunes|martes|miercoles|jueves|"
    r"viernes|"
    r"sabado|domingo|una|$)|\b(?:pasame|me pasas|ponme|me pones) con [\w ]{2,25} (?:el|para|a las?) "
    r"(?:\d|lunes|martes|miercoles|jueves|viernes|sabado|domingo|la una)|\b(?:tenga|este) libre\b"
)
"""To be served by somebody on a day or at an hour is an appointment."""
_REPORTED = re.compile(
    r"\b(?:mi|su|tu|un|una|el|la) (?:\w+ ){1,2}?(?:quiere|quieren|queria|necesita|pide|pidio|desea|busca|"
    r"quisiera saber)\b"
    r"|\b(?:el|la|un|una) (?:que|cual) (?:quiere|queria)"
    r"|\b(?:ya|ayer|antes|anoche|antier|hace rato|apenas|la (?:ultima|otra) vez"
    r"|la vez pasada) (?:hable|platique|me (?:marcaron|llamaron|"
    r"atendio)|me hablo)"
    r"|\bsi (?:necesito|quiero|ocupo|llego a|hace falta)[^,.;!?\n]{0,40}"
    r"(?:despues|luego|mas adelante|les aviso|te aviso|te digo|les digo)"
    r"|\b(?:cuando|despues|luego|mas tarde|al rato|manana|otro dia) (?:yo )?(?:hablo|platico|hable|les marco|"
    r"les llamo)\b"
    r"|\b(?:antes de|despues de|pude|logre|acabo de|acababa de|pena|odio|raro|(?<!no me )gusta|encanta|"
    r"en vez de|sin|tuve que|a punto de) "
    r"(?:\w+ )?(?:hablar|platicar|chatear|tratar)"
    r"|\b(?:paso|voy|vengo|ire|pasare|pasar|ir) (?:\w+ ){0,3}a (?:hablar|platicar)"
    r"|\b(?:que|quien|como) (?:hace|es|son|trabaja) (?:un|una|el|la|tu|su)\b"
    r"|\b(?:va|van|voy|vamos) a (?:hablar|platicar|preguntar|checar)|\b(?:ojala|espero que|cualquier (?:cosa|duda))\b"
    r"|\b(?:persona|human[oa]|alguien(?: real)?) o (?:es |eres )?(?:un|una|el|la)\b"
    # a fade is marked too; and some would rather not speak on the phone
    r"|\bmarc(?:ame|arme|ado) (?:\w+ )?(?:el |la |las |los )?"
    r"(?:degradado|desvanecido|contornos?|lineas?|patillas?|cejas?|fade)"
    r"|\b(?:hablar|llamar|contestar) (?:por telefono |llamadas )?(?:me (?:da|dan|pone|estresa)|no es lo mio)\b"
)
_NOT_OURS = re.compile(
    r"\bquien te (?:programo|creo|hizo|invento)\b|\b(?:desarrollador|creador|programador|inventor|disenador|"
    r"tus padres|tu mama|dios|presidente)[a-z]*\b"
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
_OF_SOMEBODY = re.compile(rf"\b{_SOMEBODY}|\b{_CALLS}\b|\bcomuni")
_APOSTROPHE = re.compile(r"[’'`´]")
_YES = re.compile(r"\bsí\b", re.IGNORECASE)
_DRAWN_OUT = re.compile(r"([a-z])\1{2,}")
_ONE_WORD = re.compile(r"\bpor ?favor(?:cito)?\b")
_SHORT_CON = re.compile(r"\b(?:kon|cn|cno)\b")
_SHORT_ME = re.compile(r"\bm (?=pas|comun|marc|llam|pued)")
_CLAUSE = re.compile(r"[.;!?\n]+|,| pero | aunque ")
_SENTENCE = re.compile(r"[.;!?\n]+")
_LATER = re.compile(
    r"^[^a-z]*(?:cuando|si) (?!pueda|puede|la\b|el\b|don\b|dona\b|alguien|eres|es |no |ya |hay (?:forma|manera|modo|"
    r"chance))|\b(?:cuando|si) (?:este list|haya|hay|sale|cancel|se libere)"
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


def takes_it_back(text: str) -> bool:
    """Whether every part of a message that speaks of somebody denies, reports or puts off a request.

    Then no request is believed that a model reads into it: "no quiero hablar con nadie", "ya hablé con la dueña".
    """
    folded = _read(text)
    if not _speaks_against(folded):
        return False
    parts = [part for part in _CLAUSE.split(folded) if _OF_SOMEBODY.search(part)]
    return all(_speaks_against(part) for part in parts) or len(parts) < 1


def _read(text: str) -> str:
    """The text folded, its chat spelling written out, line breaks kept: bubbles are sentences of their own."""
    # an accent tells "sí hay manera" from "si hay manera"; folding would lose it
    lines = (_YES.sub("claro", unicodedata.normalize("NFC", line)) for line in text.splitlines())
    lines = (_DRAWN_OUT.sub(r"\1", _APOSTROPHE.sub("", fold(expand_chat_spelling(line)))) for line in lines)
    return "\n".join(_ONE_WORD.sub("por favor", _SHORT_ME.sub("me ", _SHORT_CON.sub("con", line))) for line in lines)


def _asks_in(sentence: str) -> bool:
    """Whole sentences are tried first; where something speaks against one, its clauses on their own."""
    if _speaks_against(sentence):
        clauses = [clause.strip() for clause in _CLAUSE.split(sentence)]
        return len(clauses) > 1 and any(_requests(c) and not _speaks_against(c) for c in clauses if c)
    return _requests(sentence)


def _speaks_against(text: str) -> bool:
    patterns = (_DENIED, _SERVED, _REPORTED, _NOT_OURS, _DENIED_ENGLISH, _LATER)
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
        r"|(?:busco|buscaba|me prestas?|me pones?|ponme) a|me (?:contesta|escribe|llama|marca|responde)"
        r"|(?:puede|podria) (?:contestar|escribir|llamar|marcar|responder)me|me (?:puede|podria) (?:contestar|"
        r"escribir|llamar|"
        r"marcar|responder)|que me (?:conteste|responda|atienda ya|llame|marque|hable|escriba)"
    )
    match = re.search(rf"\b(?:{verbs}) {person}(?! (?:para|el|a las?|hoy|manana)\b)", folded)
    return match is not None and not _speaks_against(folded)
