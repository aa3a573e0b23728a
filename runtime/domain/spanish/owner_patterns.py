"""The words and turns of phrase that `owner_words` looks for: who is spoken to, what ends, what is ordered.

Patterns over folded text (`folding.fold`, chat spelling written out). Only `owner_words` uses them; none of them
decides anything by itself.
"""

from __future__ import annotations

import re

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

END_SIGNS = re.compile(r"[\s🔚🏁]*[🔚🏁][\s🔚🏁]*")
LONGEST_COMMAND = 80
LONGEST_END = 400
"""Nobody needs as many characters to say that they are done; so long a message has something in it."""

THANKED_WORDS = frozenset(
    ["ya termine", "termine", "ya acabe", "acabe", "fin", "ya concluimos", "terminado", "ya esta atendida"]
)
LAST_WORDS = frozenset({"sigue", "siguele", "continua", "regresa", "retoma", "vuelve"})
"""Orders to end after a report; alone they may be said to a customer."""
ORDERS_TO_END = re.compile(
    r"(?:cierra|cerrar|termina|terminar|finaliza|finalizar|fin de|fin del|acaba|cierrame|cierre)"
    r"(?: (?:ya|con))?(?: (?:la|el|este|esta))?"
    r" (?:chat|conversacion|platica|charla|relevo)"
    r"|(?:ya )?(?:cierra|cierral[aoe]|termina|terminal[ao]|finaliza|finalizal[ao])(?: ya)?"
    r"|(?:ya )?(?:(?:puedes )?(?:seguir|continuar)|siguele|sigue|continua|contestale|contestasel[ao]s?|"
    r"atiendel[ao]|encargate|"
    r"retoma|regresa|vuelve|respondele|entrale) tu(?: (?:con (?:ella|el)|de aqui en adelante|ahora|de nuevo|otra vez|"
    r"al quite))?"
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
    r"|exit|quit|close|(?:close|end)(?: the)? chat|finalizo|finalizamos|reanuda|reanudar|devolver|desconectar|"
    r"(?:termina|terminar|fin|finaliza|finalizar|cierra|cerrar)(?: el)? (?:handoff|modo (?:manual|humano))|"
    r"(?:pasa|pasar|regresa|regresar|vuelve|volver|cambia|cambiar|pon|poner) (?:a|al|el|en)(?: modo)? "
    r"(?:bot|asistente|automatico|robot)|(?:modo )?automatico|quitar? (?:el )?modo (?:manual|humano)"
)
ADDRESS = re.compile(
    r"^\W*(?:(?:oye|oyes|hey|ey|ok|bueno|a ver|gracias|hola|mira|por favor)[\s,]+)*"
    r"(?:parlo\b(?! (?:te|es|nos|se|puede|(?:l[aeo]s?|ya te|tambien te) (?:puede|da|va|contesta|dijo|ayuda|manda))\b)"
    r"(?P<mark>\s*[,:;.!-])?|asistente\s*[,:;!-])\s*"
)
NAME_LAST = re.compile(r",\s*(?:oye )?parlo\s*(?P<mark>[?!.]*)\s*$")
PADS = re.compile(
    r"^(?:(?:ok|okay|oki|okey|va|bueno|bien|pues|hey|oye|ahora si|perfecto|muchas gracias|gracias|sale|jaja|a ver|"
    r"parlo|asistente|por favor|listo|mira|entonces) )+|(?: (?:muchas gracias|gracias|parlo|asistente|"
    r"por favor|jaja|ok|"
    r"ya|va|bye))+$"
)
NAME_PADS = re.compile(
    r"^(?:(?:parlo|asistente|ok parlo|gracias parlo) )+|(?: (?:parlo|asistente|gracias parlo|jaja))+$"
)
DOUBLED_END = re.compile(r"([a-z])\1+\b")
SMALL_TALK = re.compile(
    r"a|adios|aja|ajam|amiga|amigo|bendiciones|bien|bonita|bonito|buen|buena|buenas|bueno|buenos|bye|claro|"
    r"con|cuidate|dale|de|desde|dia|dias|entendido|enterada|enterado|excelente|favor|genial|gracias|gusto|"
    r"hasta|hola|igualmente|jaja|le|linda|lindo|luego|mil|mmm|muchas|muchisimas|muy|nada|nel|no|noche|"
    r"noches|nop|nos|ok|okay|okey|oki|okis|orale|perfecto|por|pronto|que|sale|saludos|si|simon|sip|super|"
    r"tarde|tardes|te|ti|usted|va|vale|vaya|vemos"
)

_TU = (
    r"tu(?=$|[.,;!\n]| (?:con|de aqui|desde|de ahora|a partir|en adelante|y|por favor|ya|el|la|lo|le|les|"
    r"los|las|gracias|parlo|"
    r"sol[oa]|ahora|al|cuando|de nuevo|otra vez|\w+ndol[ao]|atendiendo|contestando|respondiendo|siguiendo|"
    r"por|fa|porfa|plis|porfavor|parlit\w*|ok|nomas|mejor|aqui|que yo|yo|entonces|pues|asistente|bot|robot|amig[oa]|"
    r"compa|wey|guey|we|bro|jaja|va|vale|sale|eh|no)\b)"
)
_CUSTOMER = (
    r"(?:clientas?|clientes?|senora|sra|sr|senor|senorita|srita|muchach[oa]|chic[oa]|joven|dama|"
    r"caballero|chav[oa]|novia|"
    r"persona|don|dona|doctora?|guer[oa])"
)
_HIM = r"el(?=$|[.,;!\n]| (?:ya|y|gracias|por|ahora|sigue|siguele|cierra|todo|tambien|parlo|muchas|puedes)\b)"
_CHAT = r"(?:chat|conversacion|platica|charla|estafeta|relevo)"
_HANDED = (
    rf"(?:ella|{_HIM}|(?:la|el|al|esta|este) (?:{_CUSTOMER}|{_CHAT}|resto|demas)|lo (?:demas|que (?:falta|sigue)))"
)
_TAKES = (
    r"(?:agarr|tom|retom|segu|segi|sigu|continu|atend|atiend|contest|respond|cerr|cierr|termin|finali|encarg|despid|"
    r"desped|"
    r"resolv|resuelv)"
)
_YOU_TAKE = r"(?:sigues|atiendes|contestas|respondes|cierras|terminas)"
HANDS_BACK = re.compile(
    rf"\b(?:ya )?(?:l[aeo]s? )?puedes (?:ya )?(?:l[aeo]s? )?{_TAKES}\w* {_TU}"
    r"|\bes tod[oa] tuy[oa](?= (?:otra vez|de nuevo|el chat|la (?:conversacion|platica)))"
    rf"|\b(?:me puedo|ya puedo|quiero) (?:ir|salir|irme|salirme) del? (?:este |esta |la |el )?{_CHAT}"
    r"|\bno hace falta que (?:yo )?siga\b|\bahi muere con\b"
    rf"|\b(?:reanuda|vuelve a tomar|toma|recupera) (?:tu )?(?:el control|la {_CHAT}|el {_CHAT})"
    r"|\b(?:ya )?puedes (?:ya )?(?:entrarle|seguirle|retomarl[ao]|encargarte|despedirte de (?:ella|el|la|este|esta))\b"
    r"(?: tu\b)?"
    rf"|\bpuedes {_TAKES}\w* (?:de |con )?{_HANDED}"
    rf"|\bte toca[ ,]+(?:a ti[ ,]+)?(?:parlo|asistente)\b|\b(?:es )?tu turno (?:con {_HANDED}|parlo)"
    rf"|\b(?:quedas|quedate|te quedas|te encargas) (?:tu )?(?:al mando|al frente|con {_HANDED}|de {_HANDED})"
    rf"|\b(?:a partir de|desde|de) (?:ahora|aqui|ahorita|"
    rf"aca)(?: en adelante)?,? (?:ya )?(?:l[aeo]s? )?{_TAKES}\w* tu\b"
    rf"|\bl[aeo]s? {_YOU_TAKE} tu\b|\btu (?:l[aeo]s? )?(?:ves|{_YOU_TAKE}) (?:con )?(?:{_HANDED}|desde|de aqui)"
    rf"|\btu (?:sigue|termina|cierra|atiende|contesta|encarga|despide|responde)(?:l[aeo]|te)\b(?! \w+ndo)"
    rf"(?! con (?:el|la|los|las|tu|su) (?!{_CUSTOMER}|{_CHAT}))"
    r"|\bte la (?:devuelvo|reboto|regreso|cedo|aviento)(?: de (?:nuevo|vuelta)| otra vez| ya| parlo| a ti)*(?=$|[.,!])"
    rf"|\bte (?:cedo|entrego|devuelvo|regreso|reboto) (?:la|el|a la|al|este|esta) ?(?:{_CUSTOMER}|{_CHAT})"
    rf"|\b(?:saca|retira|quita|desconecta|libera|baja)me (?:ya )?(?:del?|de la|de este|de esta) ?"
    rf"(?:{_CHAT}|{_CUSTOMER})"
    rf"|\b(?:retoma|toma|agarra|continua|sigue)(?: tu)?(?: con)? (?:la|el|este|esta) (?:{_CHAT}|hilo)"
    rf"|\b(?:regresa|devuelve)\w* (?:la|el) {_CHAT} al? (?:bot|asistente|robot|parlo)"
)
"""What gives the customer back to the assistant; the first alternatives hold words that would address a customer."""
TO_PARLO = re.compile(
    rf"{HANDS_BACK.pattern}|\blo (?:demas|que sigue) (?:ya )?lo ves tu\b|\bpuedes entrar tu\b|\bahi te va\b"
    r"|\b(?:regresa|vuelve) (?:a tus?|al|a lo tuyo)\b(?: \w+)?|\bpor pasarmel[ao]\b"
    r"|(?<!cita )(?<!lugar )(?<!espacio )(?<!turno )(?<!turno ya )(?<!lugar ya )\b(?:es|queda|todo|toda|"
    r"ya) tuy[oa]s?\b"
    r"(?! (?:el|la|ese|esa) (?:lugar|espacio|turno|cita|hora))"
    rf"|\b(?:ya )?l[aeo]s? puedes (?:ya )?{_TAKES}\w*|\bpuedes (?:ya )?(?:volver a )?{_TAKES}\w*(?: tu)? por mi\b"
    rf"|\bte (?:dejo|paso) (?:(?:otra vez|de nuevo|de vuelta|ya) )+con (?:{_HANDED}|ella|el)|\bvuelve a tomar\b"
    r"|\b(?:quedas|te quedas) (?:tu )?a cargo\b|\bl[ao] ves tu\b|^\W*(?:ya )?vas tu\W*$|\bya es (?:contigo|"
    r"cosa tuya)\b|\bsi \w+ (?:\w+ ){0,2}ya es contigo\b|\btu (?:dale|le sigues|te sigues)\b"
    r"|\b(?:el resto|lo que (?:siga|falte)) (?:l[oa] \w+ tu|ya es cosa tuya)\b|\bte devuelvo el mando\b|"
    r"\bte paso la (?:batuta|estafeta)\b"
    r"|\b(?:de (?:nuevo|vuelta|regreso)|otra vez|^va) (?:contigo|pa ti|para ti|a ti)\b|^\W*tuy[oa]\b|\bcontestas tu\b"
    r"|\bya no me (?:necesitas|ocupas|pases)\b|\bte toca (?:seguir|contestar|atender)\w* a ti\b"
    r"|\b(?:atendi|conteste|resolvi)(?: yo)?, no te preocupes\b"
    r"|\bsigue con tu (?:chamba|trabajo)\b|\btu turno(?=$|[.,!])"
    rf"|\b(?!como|de\b|que\b|si\b|o\b|y\b)\w*[^\W\ds] {_TU}"
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
PROMISED = re.compile(
    r"\bte (?:espero|esperamos|veo|vemos|mando|mandamos|aparto|apartamos|agendo|agendamos|confirmo|atiendo|atendemos|"
    r"recibo|recibimos|cobro|cobramos|marco|llamo|aviso)\b|\bnos vemos\b|\bvente\b"
)
"""What is promised to whoever is spoken to; nobody promises the assistant such a thing."""
CALLED_LAST = re.compile(
    r"(?<!\bun)(?<!\bel)(?<!\bal)(?<!\bdel)(?<!\bsoy)(?<!\bes)[\s,]+(?:parlo|bot|asistente|robot)\W*$"
)
SAID_BY_THEM = re.compile(
    r"\b(?:me |ya )*dijo (?:que )?(?:si|no|gracias|adios|bye|va)\b(?: y (?:adios|gracias|bye|ya))?"
)
TU_LEFT = re.compile(r"·\s*tu\b")
ABOUT_CUSTOMER = re.compile(
    rf"\bella\b|\b(?:con|de|a|para) {_HIM}|\b(?:la|el|al|esta|este|del) (?!otr)(?:\w+ )?{_CUSTOMER}\b"
    r"|\b(?:l[aeo]s?|se l[aeo]s?) (?:atendi|conteste|dije|explique|resolvi|mande|di|agende|marque|"
    r"hable|escribi|avise|"
    r"pase|cobre|deje|confirme|envie|aclare|respondi|aparte|puse|quedo claro)\b"
    r"|\b(?:l[aeo]s?|se l[aeo]s?) (?:cambie|movi|cancele|reagende|regrese|devolvi|ofreci|vendi|anote|despache|"
    r"salude)\b"
    r"|\bya (?:vino|pago|deposito|confirmo|dijo|acepto|colgo|colgamos)\b|\bno (?:quiso|contesto|le intereso)\b"
    r"|\b(?:quedo|se fue) (?:muy |bien )?(?:conforme|content[oa]|feliz|satisfech[oa]|tranquil[oa]|encantad[oa])\b"
    r"|\b(?:este|ese|el|al|con el) (?:vato|bato|compa|tipo|wey|morr[oa])\b|\b(?:yo ya|ya yo|yo aqui)\b"
    r"|\bme despedi de\b|\bse (?:fue|despidio)\b|\bdecirle\b"
)
I_DID = re.compile(r"\b(?:se )?l[aeo]s? \w{2,}[éí]\b")
"""With its accent, a deed of one's own that was done to somebody else."""
COMES = re.compile(
    r"\b(?:pasar|venir|pasa|pasale|vente|ven|venirte|pasas|vienes|recoger\w*|llegar|llegas|"
    r"escrib\w*)\b"
)
"""What a customer does next; with it "puedes" is said to them."""
SECOND_PERSON = re.compile(
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
USTED = re.compile(
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
COURTESY = re.compile(
    r"\bnos vemos\b|\baqui (?:andamos|nos|estamos|estoy)\b|\bbonit[oa] (?:dia|tarde|noche|fin)\b|"
    r"\bbuen(?:a|as|os)? (?:dia|tarde|noche)s?\b|\bque descans|(?<!le dije )\badios\b|\bhasta (?:luego|"
    r"pronto|manana|el)\b|"
    r"\bbendiciones\b|\bcon gusto\b|\bgracias (?:a ti|a usted|por (?!todo\b|(?:la|tu) ayuda|avisar|pasar)\w+)|"
    r"\bde nada\b|\bcualquier (?:cosa"
    r"|duda)\b|"
    r"(?<!la )\b(?:disculp(?:a|e|en)|perdon|perdona|perdone)\b|(?<!que )\b(?:estaba|andaba)\b|\bbienvenid[oa]\b|"
    r"\bhola\b|"
    r"\bquedo (?:atent[oa]|al pendiente|pendiente)\b|"
    r"\b(?:amor|reina|linda|hermosa|preciosa|guapa|corazon|amiga|mija|nena|bonita|chula|querida|cielo|amix)\b"
)
DATA = re.compile(
    r"\$ ?\d|\b\d+ ?(?:pesos|varos|mxn|hrs?|am|pm|min(?:utos)?)\b|\b\d{1,2}[:.]\d\d\b|\b\d{3,}\b"
    r"|\ba las? (?:\d|una|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce)"
    r"|\b(?:hoy|manana|lunes|martes|miercoles|jueves|viernes|sabado|domingo|al rato|al ratito|semana)\b"
)
SERVICES = re.compile(
    r"\b(?:tintes?|cortes?|peinados?|secado|lavado|mechas|retoque|pedidos?|promo|promocion|precios?|"
    r"pago|anticipo|deposito|"
    r"comprobante|paquetes?|productos?|keratina|alaciado|cabello|mezcla|lugar|espacio|local|cita)\b"
)
OF_AN_END = re.compile(
    r"\b(?:termin|acab|qued|qdo|ked|cerr|cierr|fin\b(?! de (?!chat|la (?:conv|plat|char)))|final|"
    r"list[oa]|atend|contest|hable|platique|sigu|segui|continu|"
    r"retom|resuel|resuelt|resolv|arregl|aclar|solucion|todo\b|encarg|regres|devuel|sal(?:ir|te|"
    r"go)\b|sac|desped|despid|conclu|"
    r"tom[ae]|despach|desocup|control|automatic|desactiv|respond|hasta aqui|bot\b|asistente|parlo|"
    r"robot|estuvo|dej|te la paso|te lo paso|toca|encien|prend|activ|vuelv|"
    r"(?:no )?me pases|mensajes|se fue|solt|turno|tuy[oa]|retir|quitame|entr[ae]|agarr|conform|content|satisf|feliz|"
    r"acuerdo|entendi|ayud|finiq|asunto|aclar|solucion|pendient|nada|cumplid|convenc|cobre|pago|compr|vend|"
    r"reactiv|apag|reanud|cuelg|corta|archiv|mi parte|estuf|\bover\b|finish|stop|done|prosig|proseg|conectate|chat\b|"
    r"conversacion|platica|relevo|"
    r"ocup[oa]s?\b|sigo|termn|trmin|kbe\b|ac[ab]?be\b|cort[oe]\b|cortamos|interven|mando\b|batuta|estafeta|muere|"
    r"paro\b|cosa tuya|contigo|manual|automat|pasatel|pasar a\b|regreso\b|vuelta|cambio y fuera|siga\b|suelt|colg|"
    r"ponte\b|ced|bajo de|escribirle|modo|rebot|avient|orden|marque|llam|colgu|lade?o|con eso"
    r"|cerrad|liber|desconect|trmin|decirle|servid|hech)"
)
OF_BUSINESS = re.compile(
    r"\?|(?:^|[,.;:\n])\W*(?:(?:y|a ver|oye|ey|hey|pero|ah|oh|mientras|ve|por favor|ahorita|ahora|luego|ya|listo|"
    r"primero|mejor|tu)\W+)*"
    r"(?:que|cuant\w*|cual\w*|quien\w*|como|cuando|donde|a (?:que|quien|como)|de (?:que|quien|donde)|"
    r"en (?:que|cuanto)|"
    r"por que|hay|tengo|tiene|checa|checame|revisa|busca|dame|ponme|quita\w*|bloque\w*|cancel\w*|sube\w*|baja\w*|"
    r"cambia\w*|cierra\w*|abre\w*|recuerd\w*|recordar\w*|muestr\w*|ensen\w*|pasame|mandame|resum\w*|anot\w*|apunt\w*|"
    r"apart\w*|agend\w*|regist\w*|guard\w*|borr\w*|agreg\w*|elimin\w*|aviso?\w*|dile\w*|diles|digan?le|"
    r"pon\b|saca\w*|compara|etiquet\w*|recorr\w*|activa\w*|aprende|manda\w*|envia\w*|haz\w*|ayudame|redact\w*|"
    r"suma\w*|resta\w*|gast[eo]\b|acuerda\w*|idea\b|da de\b|no entendi|en cuanto|sigo\b|mete\w*|muev\w*|confirma\b|"
    r"nota\b|con que|esper\w*|aguanta\w*|todavia|aun|no (?:l[aeo]s?|me|vayas|cierres|sigas|contestes|agendes|abro|"
    r"vengo|trabajo)\b|"
    r"s[ui] (?:l[ao]|ultima|cita)|\w{3,}(?:l[aeo]s?|sel[aeo]s?)\b)"
    r"|\bavisale|\by (?:yo )?(?:le )?(?:sigo|ahorita)\b|\b(?:ingresos|ventas|gastos|reporte|inventario|cuant[oa]s?|"
    r"quienes?|clientas|desbloquea\w*|hazme|crea|actualiza\w*|da de baja|pendientes)\b|\bmi (?:\w+ )?(?:cita|agenda|"
    r"horario)\b|"
    r"\bclienta\b|\bcliente\b|\bella\b|\bmi agenda\b|\bmis citas\b"
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
    r"|(?:muestrame|ensename|pasame|dame|mandame|checa|checame|revisa) (?:mis?(?! (?:catalogo|pagina|insta|perfil|"
    r"face|fotos|trabajos))|la agenda|las citas|"
    r"el reporte|sus datos|"
    r"su (?:numero|telefono|historial|cita|ultima)|los datos (?:de|del) |el (?:numero|telefono) (?:de|del) "
    rf"(?:la |el )?{_CUSTOMER})"
    r"|agenda esto|(?:agenda|mueve|apunta|anota|cambia|reserva|pasa) al? (?!est[ae]\b|ella\b|automatic|modo|manual|"
    r"bot|tus?\b|las?\b|los\b|el\b|que\b)\w{3,}"
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
PASSED_ON = re.compile(
    r"\b(?:dile|diles|avisale|avisales|preguntale|comentale|explicale|recuerdale|contestale|respondele|mandale|"
    r"ponle)\b"
    r"(?! a tus?\b)[^.;!?\n]*"
)
"""What the assistant is to tell somebody: whoever is spoken of there, it is the assistant that is spoken to."""
ASKED_OF_PARLO = re.compile(
    r"\b(?:me (?:puedes |podrias )?(?:dices|decir|pasas|pasar)|dime)(?: (?:si|que|cual|cuanto|quien|cuando|el|su|"
    r"la)\b)"
    rf"(?=.*(?:\b(?:la|el|esta|este|de la|del) {_CUSTOMER}\b|\bpidio\b|\bse hizo\b|\bqueria\b|\bpago\b|\bella\b))"
    r"|\bpor que (?:no )?(?:me )?(?:l[aeo]s? )?\w+[ai]ste\b(?: tu\b)?|\b(?:esto|lo) que te (?:escribo|pongo|mando|"
    r"digo)\b"
    r"|\b(?:en|de|cambia|corrige) tus? (?:mensajes?|suscripcion|respuestas?|saludo|sistema)\b|\btu l[aeo]s? \w+[ae]s\b"
    r"|\b(?:l[aeo]s?) (?:habias|has|habrias) \w+ tu\b|\btu que l[aeo]s?\b|\w+l[aeo]s? tu\b"
)
OF_ORDERS = re.compile(rf"{_LED}(?:{_ORDERED})\b")
OF_QUESTIONS = re.compile(rf"{_LED}(?:{_ASKED})\b|\bmi agenda\b|\bmis (?:citas|ventas)\b")
ANSWER_YOURSELF = re.compile(
    r"\b(?:contest|respond|atiend|mand|pas)\w+ tu\b|\b(?:al|con el|a la) (?:asistente|bot|robot|sistema|ia)\b"
)
"""To answer is what a receptionist does on taking over again; to book is not."""
OF_A_BODY = re.compile(r"\b(?:puerta|paso|pasas|gusto|cabello|pelo|crema|aceite|unas|agua|shampoo)\b")
ENDS = re.compile(
    r"\b(?:termine|acabe|terminamos|acabamos|concluimos|finalice)\b|\bya (?:quedo|quede|quedamos|"
    r"estuvo|esta|con eso|es todo|"
    r"l[ao] atendi)\b|\b(?:eso|es|seria|fue) (?:es |seria |fue )?todo\b"
    rf"|\b(?:cierra|termina|finaliza)(?:l[ao])?(?: ya)?(?: (?:el|la|este|esta) {_CHAT})?(?=$|[.,!\n]|"
    rf" (?:por favor|ya|gracias))"
    r"|\b(?:siguele|encargate|retoma)\b|\b(?:sigue|continua) (?:tu|con)\b|\btu sigue"
    r"|\bpuedes (?:seguir|continuar|retomar|cerrar|volver|regresar)|\bvuelve a (?:contestar|atender)|\bte toca\b"
    r"|\bfin de (?:mi|la) |\bya no (?:te|me) (?:ocup|necesit)\w*|\ben adelante\b|\ba partir de (?:aqui|ahora)\b"
)
NOT_YET = re.compile(
    r"\b(?:ahorita|al rato|al ratito|en un rato|luego|en cuanto|cuando) (?:te l[aeo]|cierr|termin|acab)|"
    r"\bno (?:l[aeo]s? |me )*(?:vayas a )?(?:cierres|sigas|termines|contestes|finalices|atiendas|agarres|tomes|"
    r"despidas|"
    r"cerrar|contestar|atender|he)\b|\b(?:aun|todavia|espera|esperate|aguanta|aguantame|sigo)\b|\bdejame terminar\b"
)
FORBIDDEN = re.compile(
    r"\b(?:no (?:vayas a )?(?:l[aeo]s? (?:vayas a )?)(?:cierr|contest|atiend|agarr|tom|despid|respond|escrib|agend|"
    r"mand|"
    r"dig|cobr|confirm)\w*[ae]s\b"
    r"|no (?:vayas a cerrar|cierres|contestes|le sigas)(?= tu\b|\W*$| (?:todavia|aun|el chat|la conversacion))"
    r"|tu no (?:l[aeo]s? )?(?:escribas|contestes|respondas|cierres|digas|mandes|sigas))\b(?: tu\b)?"
)
"""A receptionist's deed that is forbidden, with the customer as its object: only the assistant can be told so."""
