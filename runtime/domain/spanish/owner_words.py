"""What can be read for sure in a message that a human of a business writes in a handoff.

`runtime.agent.owner_intent` asks here before it asks a model, and again before it believes one. Every function
takes the message as it was typed and compares it folded; none of them knows what was said before.
"""

from __future__ import annotations

import re

from runtime.domain.spanish.folding import expand_chat_spelling, fold, fold_words

END_WORDS = frozenset(
    {
        "listo",
        "lista",
        "ya termine",
        "termine",
        "terminar",
        "terminado",
        "termina",
        "fin",
        "finalizar",
        "finaliza",
        "finalizado",
        "ya quedo",
        "ya acabe",
        "cerrar",
        "cierra",
        "salir",
    }
)
"""Alone in a message, with or without a slash, these end a handoff (folded). They are what humans are taught."""

_LONGEST_COMMAND = 80
_LONGEST_END = 400
"""Nobody needs as many characters to say that they are done; so long a message has something in it."""

_THANKED_WORDS = frozenset(
    ["ya termine", "termine", "ya acabe", "acabe", "fin", "ya concluimos", "terminado", "ya esta atendida"]
)
_LAST_WORDS = frozenset({"sigue", "siguele", "continua", "regresa", "retoma", "vuelve"})
"""Orders to end after a report; alone they may be said to a customer."""
_ORDERS_TO_END = re.compile(
    r"(?:cierra|cerrar|termina|terminar|finaliza|finalizar|fin de|fin del|acaba|cierrame|cierre)"
    r"(?: (?:ya|con))?(?: (?:la|el|este|esta))?"
    r" (?:chat|conversacion|platica|charla|relevo)"
    r"|(?:ya )?(?:cierra|cierral[aoe]|termina|terminal[ao]|finaliza|finalizal[ao])(?: ya)?"
    r"|(?:ya )?(?:(?:puedes )?(?:seguir|continuar)|siguele|sigue|continua|contestale|contestasel[ao]s?|"
    r"atiendel[ao]|encargate|"
    r"retoma|regresa|vuelve|respondele) tu(?: (?:con (?:ella|el)|de aqui en adelante|ahora))?"
    r"|(?:ya )?tu (?:siguele|sigue|continua|contestale)"
    r"|ya puedes (?:seguir|continuar|retomar|cerrar|cerrarl[ao])(?: tu)?"
    r"|(?:ya )?(?:siguele|retoma)(?: con)? (?:tu )?(?:con )?(?:ella|el|la clienta|el cliente)"
    r"|ya (?:la|lo) atendi(?: yo)?(?: mism[oa])?"
    r"|(?:ya )?(?:termine|acabe|quede|termino|acabamos|terminamos) con (?:ella|el|la clienta|el cliente|la senora|"
    r"el senor|la muchacha|el muchacho|este cliente|esta clienta)"
    r"|(?:ya )?(?:toma|tomal[ao]|hazte cargo|ocupate|encargate)(?: de (?:ella|el|la clienta|el cliente))?(?: tu)?"
    r"|(?:ya )?(?:cierra|termina|finaliza|concluye) (?:el caso|esto|aqui)|(?:ya )?(?:termine|acabe) (?:aqui|"
    r"mi conversacion|la conversacion)"
    r"|ya quedo con (?:ella|el|la clienta|el cliente|la senora|el senor)"
)
_ADDRESS = re.compile(
    r"^\W*(?:(?:oye|oyes|hey|ey|ok|bueno|a ver|gracias|hola|mira|por favor)[\s,]+)*"
    r"(?:parlo\b(?P<mark>\s*[,:;.!-])?|asistente\s*[,:;!-])\s*"
)
_PADS = re.compile(
    r"^(?:(?:ok|okay|oki|okey|va|bueno|bien|pues|hey|oye|ahora si|perfecto|muchas gracias|gracias|sale|jaja|a ver|"
    r"parlo|asistente|por favor|listo|mira|entonces) )+|(?: (?:muchas gracias|gracias|parlo|asistente|"
    r"por favor|jaja|ok|"
    r"ya|va|bye))+$"
)
_NAME_PADS = re.compile(
    r"^(?:(?:parlo|asistente|ok parlo|gracias parlo) )+|(?: (?:parlo|asistente|gracias parlo|jaja))+$"
)
_DOUBLED_END = re.compile(r"([a-z])\1+\b")
_SMALL_TALK = re.compile(
    r"a|adios|aja|ajam|amiga|amigo|bendiciones|bien|bonita|bonito|buen|buena|buenas|bueno|buenos|bye|claro|"
    r"con|cuidate|dale|de|desde|dia|dias|entendido|enterada|enterado|excelente|favor|genial|gracias|gusto|"
    r"hasta|hola|igualmente|jaja|le|linda|lindo|luego|mil|mmm|muchas|muchisimas|muy|nada|nel|no|noche|"
    r"noches|nop|nos|ok|okay|okey|oki|okis|orale|perfecto|por|pronto|que|sale|saludos|si|simon|sip|super|"
    r"tarde|tardes|te|ti|usted|va|vale|vaya|vemos"
)

_TU = (
    r"tu(?=$|[.,;!\n]| (?:con|de aqui|desde|de ahora|a partir|en adelante|y|por favor|ya|el|la|lo|le|les|"
    r"los|las|gracias|parlo|"
    r"sol[oa]|ahora|al|cuando|de nuevo|otra vez|\w+ndol[ao])\b)"
)
_CUSTOMER = (
    r"(?:clientas?|clientes?|senora|sra|sr|senor|senorita|srita|muchach[oa]|chic[oa]|joven|dama|"
    r"caballero|chav[oa]|novia|"
    r"persona|don|dona|doctora?|guer[oa])"
)
_HIM = r"el(?=$|[.,;!\n]| (?:ya|y|gracias|por|ahora|sigue|siguele|cierra|todo|tambien|parlo|muchas|puedes)\b)"
_CHAT = r"(?:chat|conversacion|platica|charla|estafeta|relevo)"
_TO_PARLO = re.compile(
    rf"\b(?!como|de\b|que\b|si\b|o\b|y\b)\w*[^\W\ds] {_TU}"
    r"|\btu (?:sigue|contest|atiend|continua|encarg|cierra|termina|retoma|agend)\w*"
    rf"|\b(?:ya |la |lo )*puedes (?:ya )?(?:seguir|continuar)(?: {_TU}| con (?:ella|{_HIM}|la {_CUSTOMER}|"
    rf"el {_CUSTOMER}|"
    rf"la {_CHAT}|el {_CHAT}|lo tuyo)| (?:atendiend|contestand|respondiend)\w*(?: {_TU})?|$|[.,!])"
    r"|\b(?:ya |la |lo )*puedes (?:ya )?(?:cerrar|retomar|finalizar|terminar|encargarte)\w*(?: tu)?"
    r"|\b(?:ya )?puedes (?:ya )?(?:volver a )?(?:contestar|atender|responder|hablar|tomar)(?:l[aeo]s?\b|"
    rf"selo|sela| la| el|(?= {_TU}))"
    rf"(?: {_CHAT})?(?: {_TU})?"
    r"|\bvuelve a (?:contestar|atender|responder|seguir|encenderte|prenderte)\w*(?: tu)?"
    r"|\bte (?:la|lo|las|los) (?:dejo|encargo|regreso|devuelvo|paso)\b(?: a ti)?(?! (?:en|por) \$?\d)"
    rf"|\bte (?:dejo|paso|regreso|devuelvo|encargo) (?:a |con )?(?:ella|{_HIM}|(?:al?|la|el|esta|este|a la) ?"
    rf"(?:{_CUSTOMER}|{_CHAT}))\b"
    r"|\bte toca(?: a ti| ya| seguir\w*| contestar\w*| atender\w*|$|[.,])"
    r"|\ba ti(?= (?:parlo|asistente))|\bhazte cargo\b|\bencargate\b|\bactivate\b|\b(?:prende|enciende)te\b|"
    r"\bcon lo tuyo\b"
    rf"|\b(?:cierra|termina|finaliza|acaba|retoma|toma|continua|sigue)(?: con)? (?:la|el|este|esta) {_CHAT}"
    r"|\b(?:cierra|termina|finaliza|siguele|contesta|atiende|agenda|apunta|anota|retoma)l[aeo]s?\b"
    r"|\b(?:sacame|desconectame|sal del chat)\b|\bpuedes (?:volver|regresar)(?=$|[.,!])"
    r"|\b(?:al?|el|del) (?:asistente|bot|robot)\b"
    r"|\bte (?:encargo|pido|diga|avise|escribio|puso|pidio|pregunto|habia (?:dicho|puesto|pedido))\b"
)
_ABOUT_CUSTOMER = re.compile(
    rf"\bella\b|\b(?:con|de|a|para) {_HIM}|\b(?:la|el|al|esta|este|del) (?!otr)(?:\w+ )?{_CUSTOMER}\b"
    r"|\b(?:l[aeo]s?|se l[aeo]s?) (?:atendi|conteste|dije|explique|resolvi|mande|di|agende|marque|"
    r"hable|escribi|avise|"
    r"pase|cobre|deje|confirme|envie|aclare|respondi|aparte|puse|quedo claro)\b"
    r"|\bme despedi de\b|\bse (?:fue|despidio)\b|\bdecirle\b"
)
_SECOND_PERSON = re.compile(
    r"\b(?:te|ti|tus?|tuy[oa]s?|contigo|usted(?:es)?|quieres|puedes|tienes|gustas|vienes|llegas|"
    r"traes|prefieres|necesitas|"
    r"ocupas|sabes|vas|avisas|confirmas|dices|pasas|mandas|eres|andas|esperas|deseas|podrias|puedas|"
    r"quieras|gustes|estes|"
    r"seas|tengas|vengas|sigues|terminas|quedas|quedaste|traigas|llegues|mandame|avisame|dime|"
    r"esperame|cuentame|traeme|confirmame|marcame|"
    r"escribeme|llamame|vente|"
    r"ven|fijate|agendate|cuidate|siguenos|mira)\b"
    r"|\b(?!parte|aparte|suerte|fuerte|muerte|encargarte|desactivarte|activarte|salirte)\w{2,}[aei]rte\b|"
    r"\b\w{2,}ndote\b"
)
_USTED = re.compile(
    r"\b(?:l[aeo]s?|se l[aeo]s?) (?:espero|esperamos|aparto|apartamos|mando|mandamos|confirmo|confirmamos|"
    r"agendo|marco|"
    r"cobro|cobramos|recuerdo|recordamos|veo|vemos|guardo|anoto|recomiendo|salen?|quedan? (?:bien|a)|gustaria|gusta|"
    r"parece|late|acomoda|interesa|ofrezco|comento|agradezco|aviso|atendemos|atiendo|invito|pido|puedo|podemos)\b"
    r"|\bsu (?:preferencia|paciencia|confianza|visita|comprension)\b|\bque (?:tenga|este|le vaya|disfrute)\b"
    r"|\bsus ordenes\b|\bsi (?:gusta|gustan|desea)\b|\bservirle\b|\bno se preocupe\b"
    r"|\b(?:diga|mande|avise|confirme|permita|disculpe|espere|cuente|pregunte|marque|escriba|llame)(?:me|nos)\b"
    r"|\b(?:puede|podria|gusta|quiere|desea) (?:pasar|venir|llegar|mandarme|confirmarme|esperar|"
    r"esperarme|traer|darme|"
    r"decirme|agendar|marcarme|enviarme)\b|\bme (?:puede|podria|permite|confirma|regala) \w+"
)
_COURTESY = re.compile(
    r"\bnos vemos\b|\baqui (?:andamos|nos|estamos|estoy)\b|\bbonit[oa] (?:dia|tarde|noche|fin)\b|"
    r"\bbuen(?:a|as|os)? (?:dia|tarde|noche)s?\b|\bque descans|(?<!le dije )\badios\b|\bhasta (?:luego|"
    r"pronto|manana|el)\b|"
    r"\bbendiciones\b|\bcon gusto\b|\bgracias (?:a ti|a usted|por (?!todo\b)\w+)|\bde nada\b|\bcualquier (?:cosa"
    r"|duda)\b|"
    r"\b(?:disculp(?:a|as|e|en)|perdon|perdona|perdone|estaba|andaba)\b|\bbienvenid[oa]\b|\bhola\b|"
    r"\bquedo (?:atent[oa]|al pendiente|pendiente)\b|"
    r"\b(?:amor|reina|linda|hermosa|preciosa|guapa|corazon|amiga|mija|nena|bonita|chula|querida|cielo|amix)\b"
)
_DATA = re.compile(
    r"\$ ?\d|\b\d+ ?(?:pesos|varos|mxn|hrs?|am|pm|min(?:utos)?)\b|\b\d{1,2}[:.]\d\d\b|\b\d{3,}\b"
    r"|\ba las? (?:\d|una|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce)"
    r"|\b(?:hoy|manana|lunes|martes|miercoles|jueves|viernes|sabado|domingo|al rato|al ratito|semana)\b"
)
_SERVICES = re.compile(
    r"\b(?:tintes?|cortes?|peinados?|secado|lavado|mechas|retoque|pedidos?|promo|promocion|precios?|"
    r"pago|anticipo|deposito|"
    r"comprobante|paquetes?|productos?|keratina|alaciado|cabello|mezcla|lugar|espacio|local|cita)\b"
)
_OF_AN_END = re.compile(
    r"\b(?:termin|acab|qued|qdo|ked|cerr|cierr|fin\b(?! de (?!chat|la (?:conv|plat|char)))|final|"
    r"list[oa]|atend|contest|hable|platique|sigu|segui|continu|"
    r"retom|resuel|resuelt|resolv|arregl|aclar|solucion|todo\b|encarg|regres|devuel|sal(?:ir|te|"
    r"go)\b|sac|desped|despid|conclu|"
    r"tom[ae]|despach|desocup|control|automatic|desactiv|respond|hasta aqui|bot\b|asistente|parlo|"
    r"robot|estuvo|dej|te la paso|te lo paso|toca|encien|prend|activ|vuelv|"
    r"(?:no )?me pases|mensajes|se fue|colgu|lade?o|con eso|cerrad|liber|desconect|trmin|decirle|servid|hech)"
)
_OF_BUSINESS = re.compile(
    r"\?|^\W*(?:(?:y|a ver|oye|ey|hey|pero|ah|oh|mientras|ve|por favor|ahorita|luego|ya|primero|mejor|tu)\W+)*"
    r"(?:que|cuant\w*|cual\w*|quien\w*|como|cuando|donde|a (?:que|quien|como)|de (?:que|quien|donde)|"
    r"en (?:que|cuanto)|"
    r"por que|hay|tengo|tiene|checa|checame|revisa|busca|dame|ponme|quita\w*|bloque\w*|cancel\w*|sube\w*|baja\w*|"
    r"cambia\w*|cierra\w*|abre\w*|recuerd\w*|recordar\w*|muestr\w*|ensen\w*|pasame|mandame|resum\w*|anot\w*|apunt\w*|"
    r"apart\w*|agend\w*|regist\w*|guard\w*|borr\w*|agreg\w*|elimin\w*|aviso?\w*|dile\w*|diles|digan?le|"
    r"esper\w*|aguanta\w*|todavia|aun|no (?:l[aeo]s?|cierres|sigas|contestes|agendes|abro|vengo|trabajo)\b|"
    r"s[ui] (?:l[ao]|ultima|cita)|\w{3,}(?:l[aeo]s?|sel[aeo]s?)\b)"
    r"|\bavisale|\by (?:yo )?(?:le )?(?:sigo|ahorita)\b|\bclienta\b|\bcliente\b|\bella\b|\bmi agenda\b|\bmis citas\b"
)
_LED = r"^\W*(?:(?:y|a ver|oye|ey|hey|ok|bueno|va|si|por favor|mejor|ah|mientras|ahorita|luego|ve)\W+)*"
_ORDERED = (
    r"(?:agend|apart|registr|confirm|cobr|salud|anot|apunt|reserv|cancel|bloque|desbloque)(?:al[aeo]s?|asel[ao]s?)"
    r"|(?:apuntal|metel|muevel|cambial|ponl|pasal|quital|buscal|reagendal|despidel|marcal|borral|"
    r"guardal|aceptal|rechazal)[ao]s?"
    r"|(?:dile|diles|avisa|avisale|avisales|preguntale|explicale|contestale|respondele|ofrecele|pidele|recuerdale|"
    r"mandale|enviale|mandales|mandasel[ao]s?|enviasel[ao]s?|pasasel[ao]s?|comentale|aclarale|agradecele|agregale|"
    r"quitale|subele|bajale|reagendale|muevele|cambiale|hazle)"
    r"|pasale (?:el|la|los|las|mi|nuestr\w+|un|una)|(?:ponle|dale|hazle) (?:\d|las? \d)|dale (?:cita|"
    r"el|la|un|una|su|chance|descuento)|ponle (?:que|descuento|cita|una|un|vacaciones|descanso|de nota|"
    r"en)"
    r"|(?:bloquea|bloqueame|agendame|desbloqueame|libera|liberame|quitame|ponme) (?:l[ao]s?|el|mi|"
    r"mis|un|una|todo|hoy|"
    r"manana|de|desde|lunes|martes|miercoles|jueves|viernes|sabado|domingo)"
    r"|(?:muestrame|ensename|pasame|dame|mandame|checa|checame|revisa) (?:mi|mis|la agenda|las citas|"
    r"el reporte|sus datos|"
    r"su (?:numero|telefono|historial|cita|ultima)|los datos (?:de|del) |el (?:numero|telefono) (?:de|del) "
    rf"(?:la |el )?{_CUSTOMER})"
    r"|agenda esto|(?:agenda|mueve|apunta|anota|cambia|reserva|pasa) al? (?!tus?\b|las?\b|los\b|el\b|que\b)\w{3,}"
    r"|sigo con (?:ella|el)|(?:busca|buscame|buscale|checale|consigue) (?:un |una |otro |algun )?(?:hueco|"
    r"espacio|lugar|hora|horario)"
    r"|(?:traduceme|resumeme|leeme|explicame|repiteme) lo (?:que|ultimo|de)|(?:muestrame|ensename|"
    r"dame) (?:el dia|la semana|lo de)"
    r"|(?:manda|envia) (?:la |una |un )?(?:promo|promocion|mensaje|recordatorio|aviso)s? (?:a|para)\b"
    r"|avisame (?:cuando|si) (?:conteste|responda|escriba|cancele|cancela|alguien|ella|ya)\b"
    r"|(?:pasame|mandame|dame|me pasas) (?:su|el) (?:numero|telefono|cel|celular|historial|contacto|expediente)"
    r"|no l[aeo]s? (?:despidas|atiendas|canceles|muevas|borres|digas|agendes|confirmes|mandes|contestes|"
    r"ofrezcas|pongas|apartes|cobres|respondas|pases|cierres|"
    r"escribas|des)|no cierres(?=$|\W*(?:todavia|aun|eh|el chat|la conversacion|por favor|que|aqui|nada))"
)
_ASKED = (
    r"(?:que|cuantos|cuantas|cuales) (?:citas?|huecos?|espacios?|clientas?|clientes?|lugares|personas)? ?(?:son "
    r"mis|tengo|"
    r"me (?:quedan?|faltan?)|hay (?:hoy|manana|pendientes|en (?:la )?(?:fila|espera)))"
    r"|(?:(?:que|cuanto|como|cuando|por que|donde|a como) )?(?:ya )?(?:no )?l[aeo]s? (?:dijiste|"
    r"contestaste|respondiste|pusiste|"
    r"mandaste|ofreciste|diste|agendaste|confirmaste|pasaste|cobraste|avisaste|prometiste|escribiste|explicaste|"
    r"habias (?:dicho|dado|puesto|cobrado|mandado|contestado|ofrecido))"
    r"|(?:que|cuanto|como) (?:le|les|se lo|se la) (?:cobro|digo|contesto|respondo|mando)|(?:cuanto|"
    r"que|cuando) le (?:falta|toca|debo)"
    r"|cuanto (?:nos |me )?debe|que (?:tinte|tono|color|servicio|producto) (?:usa|lleva|trae|se (?:hizo|hace|puso))"
    r"|quien (?:trabaja|descansa|falto|cancelo)|hoy quien|cuantas? \w+ (?:\w+ )?(?:llevo|tengo|cancel)|"
    r"con quien estoy hablando|como va mi"
    r"|quien l[aeo] (?:agendo|cobro|dio|vendio|hizo)|por que me l[ao] (?:pasaste|mandaste|diste)|cuanto (?:dinero|he)"
    r"|a que hora (?:viene|llega|es la cita de) (?:don|dona|la|el) \w+|(?:que|cual) (?:empleada|"
    r"estilista|muchacha|silla) (?:esta|hay)"
    r"|a quien tengo|quien (?:sigue|es (?:la|el|mi) (?:siguiente|que sigue)|me toca|viene (?:hoy|"
    r"manana|despues|a las?|ahorita))"
    r"|(?:a que hora|cuando|cual|con quien) es mi\b|a que hora (?:termino|acabo|empiezo|salgo|me desocupo)"
    r"|cuanto (?:vendi|gane|llevo|cobre|vendimos|he (?:vendido|cobrado|ganado)|le (?:cobre|cobramos|"
    r"deje|dejamos|hice))"
    r"|en cuanto (?:le|se lo|se la) (?:deje|hice|cobre)"
    r"|cuantas (?:veces|visitas|citas) (?:lleva|ha|me ha|tiene)|(?:me ha|ya me ha|nos ha) (?:quedado mal|"
    r"cancelado|fallado)"
    rf"|(?:como se llama|quien es|que (?:quiere|necesita|busca|dijo|pidio|escribio)) (?:ella|la|el|"
    rf"esta|este) ?{_CUSTOMER}?"
    rf"(?=\W*$)|es (?:{_CUSTOMER} )(?:nuev|frecuente|de siempre|regular)"
)
_OF_ORDERS = re.compile(rf"{_LED}(?:{_ORDERED})\b")
_OF_QUESTIONS = re.compile(rf"{_LED}(?:{_ASKED})\b|\bmi agenda\b|\bmis (?:citas|ventas)\b")
_OF_A_BODY = re.compile(r"\b(?:puerta|paso|pasas|gusto|cabello|pelo|crema|aceite|unas|agua|shampoo)\b")
_ENDS = re.compile(
    r"\b(?:termine|acabe|terminamos|acabamos|concluimos|finalice)\b|\bya (?:quedo|quede|quedamos|"
    r"estuvo|esta|con eso|es todo|"
    r"l[ao] atendi)\b|\b(?:eso|es|seria|fue) (?:es |seria |fue )?todo\b"
    rf"|\b(?:cierra|termina|finaliza)(?:l[ao])?(?: ya)?(?: (?:el|la|este|esta) {_CHAT})?(?=$|[.,!\n]|"
    rf" (?:por favor|ya|gracias))"
    r"|\b(?:siguele|encargate|retoma)\b|\b(?:sigue|continua) (?:tu|con)\b|\btu sigue"
    r"|\bpuedes (?:seguir|continuar|retomar|cerrar|volver|regresar)|\bvuelve a (?:contestar|atender)|\bte toca\b"
    r"|\ben adelante\b|\ba partir de (?:aqui|ahora)\b"
)
_NOT_YET = re.compile(
    r"\bno (?:cierres|sigas|termines|contestes|finalices|he)\b|\b(?:aun|todavia|espera|esperate|sigo)\b"
)


def is_end_command(text: str) -> bool:
    """Whether a whole message is a command to end: a taught word, or an order that can mean nothing else."""
    if len(text) > _LONGEST_COMMAND or "?" in text or "¿" in text:
        return False
    words = _DOUBLED_END.sub(r"\1", fold_words(expand_chat_spelling(text)))
    if _NAME_PADS.sub("", words) in END_WORDS:
        return True
    return _PADS.sub("", words) in _THANKED_WORDS or _is_order_to_end(words)


def closes_with_order(text: str) -> bool:
    """Whether the last thing a message says is an order to end, and nothing in it is for the customer.

    "ya le di su cita, ciérrala"; not "te espero mañana, ciérrala".
    """
    clauses = [clause for clause in re.split(r"[,.;!\n]| y (?=\w+$)", _read(text)) if re.search(r"\w", clause)]
    if len(clauses) < 2 or carries_content(text):
        return False
    last = fold_words(clauses[-1])
    return _is_order_to_end(last) or _PADS.sub("", last) in _LAST_WORDS


def _is_order_to_end(words: str) -> bool:
    return _ORDERS_TO_END.fullmatch(_PADS.sub("", words)) is not None


def is_small_talk(text: str) -> bool:
    """Whether a message is nothing but courtesy, or has no letter at all: "ok", "sí gracias", 👍, "4:30"."""
    if not any(char.isalpha() for char in text):
        return True
    if len(text) > _LONGEST_COMMAND:
        return False
    words = _DOUBLED_END.sub(r"\1", fold_words(expand_chat_spelling(text))).split(" ")
    return len(words) <= 7 and all(_SMALL_TALK.fullmatch(word) for word in words)


def read_address(text: str) -> str | None:
    """What is said to the assistant after its name ("parlo, …", "oye asistente: …") or a slash; None without either."""
    line = expand_chat_spelling(text[:500])
    if re.match(r"^\s*/\s*[^\W\d_]", line):
        return line.strip().removeprefix("/").strip()
    match = _ADDRESS.match(fold(line))
    return fold(line)[match.end() :] if match else None


def ends_by_order(said: str) -> bool:
    """Whether words that are said to the assistant for sure tell it that the handoff is over."""
    if is_end_command(said):
        return True
    read = _read(said)
    return _ENDS.search(read) is not None and "?" not in read and _NOT_YET.search(read) is None


def speaks_of_an_end(text: str) -> bool:
    """Whether any word of a message could belong to an end, or it tells of the customer in the third person."""
    read = _read(text)
    if _OF_AN_END.search(read) or _TO_PARLO.search(read):
        return True
    return _ABOUT_CUSTOMER.search(read) is not None and _DATA.search(read) is None


def speaks_of_business(text: str) -> bool:
    """Whether a message asks or orders something, or speaks of the customer. Else no "aside" is believed."""
    return _OF_BUSINESS.search(_read(text)) is not None


def is_own_business(text: str) -> bool:
    """Whether a message can only be said to the assistant: an order about the customer, a question about the business.

    "agéndala el lunes", "dile que sí", "¿cuántas citas tengo?", "¿qué le dijiste?"; never what speaks to the customer.
    """
    read = _read(text)
    asked = _OF_QUESTIONS.search(read)
    if _OF_A_BODY.search(read) or not (asked or _OF_ORDERS.search(read)):
        return False
    # "¿cuánto le cobro?" is asked about the customer, though "le cobro" alone would be said to them
    return not addresses_customer(f"{read[: asked.start()]} {read[asked.end() :]}" if asked else text)


def orders_assistant(text: str) -> bool:
    """Whether a message holds words that only the assistant can be meant by: "síguele tú", "te la regreso"."""
    return _TO_PARLO.search(_read(text)) is not None


def addresses_customer(text: str) -> bool:
    """Whether a message speaks to the customer: tú or usted, a courtesy, an endearment."""
    read = _TO_PARLO.sub(" · ", _read(text))
    return any(pattern.search(read) for pattern in (_SECOND_PERSON, _USTED, _COURTESY))


def carries_content(text: str) -> bool:
    """Whether something in a message is for the customer, so that ending without passing it on would lose it.

    Days, times, prices and questions count unless the message speaks of the customer in the third person, or
    gives the assistant an order.
    """
    if len(text) > _LONGEST_END or addresses_customer(text):
        return True
    read = _read(text)
    if _TO_PARLO.search(read):
        return False
    if "?" in read:
        return True
    told = _DATA.search(read) or _SERVICES.search(read)
    return told is not None and _ABOUT_CUSTOMER.search(read) is None


def _read(text: str) -> str:
    """The text folded, its chat spelling written out, line breaks kept."""
    return "\n".join(fold(expand_chat_spelling(line)) for line in text.splitlines())
