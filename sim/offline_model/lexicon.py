"""What words and turns of phrase mean: one pattern per intent, over folded text without words of time.

Only `understand` uses this. Order does not matter here: a message may carry several intents.
"""

from __future__ import annotations

import re
from enum import StrEnum


class Intent(StrEnum):
    """Something a customer may want or do with a message."""

    GREETING = "greeting"
    HOW_ARE_YOU = "how_are_you"
    BOOK = "book"
    CANCEL = "cancel"
    MOVE = "move"
    FORGET = "forget"
    MY_APPOINTMENTS = "my_appointments"
    AVAILABILITY = "availability"
    PRICE = "price"
    DURATION = "duration"
    SERVICES = "services"
    HOURS = "hours"
    ADDRESS = "address"
    STAFF = "staff"
    WHO_SERVES_ME = "who_serves_me"
    FACT = "fact"
    PERSON = "person"
    YES = "yes"
    NO = "no"
    ANY = "any"
    OTHER_OPTIONS = "other_options"
    LATER = "later"
    EARLIER = "earlier"
    OTHER_DAY = "other_day"
    RUNNING_LATE = "running_late"
    ON_MY_WAY = "on_my_way"
    THANKS = "thanks"
    BYE = "bye"
    LAUGH = "laugh"
    THUMBS = "thumbs"
    INSULT = "insult"
    INJECTION = "injection"
    OTHERS_DATA = "others_data"
    OUT_OF_SCOPE = "out_of_scope"
    WHO_ARE_YOU = "who_are_you"
    HELP = "help"
    MEDIA = "media"
    RECAP = "recap"
    WAIT = "wait"
    START_OVER = "start_over"
    COMPLAINT = "complaint"
    SOONEST = "soonest"
    FOR_ME = "for_me"
    CORRECT = "correct"
    AND_THIS = "and_this"


_APPOINTMENT = (
    r"(?:cita|citas|espacio|lugar|turno|hora|reservacion|reserva|consulta|cupo|appointment|booking|reservation)"
)

_SOURCES: dict[Intent, str] = {
    Intent.GREETING: r"^\W*(?:hola+|ola|holi(?:s|wis)?|buen(?:os|as)\b(?: ?(?:dias?|tardes?|noches?))?"
    r"|que (?:tal|onda|hubo)|que hubole|quiubo(?:le)?|hey|oye+|oiga|hello|hi|hallo|saludos|buen dia|"
        r"good (?:morning|afternoon|evening)"
    r"|habla pe|oe)\b|\bhola\b|\bbuen(?:os|as) (?:dias|tardes|noches)\b",
    Intent.HOW_ARE_YOU: r"\b(?:como (?:estas?|andas?|te va|les va|estan|va)|que (?:haces?|hace|cuentas)|how are you"
    r"|(?:todo )?bien,? (?:y|gracias) ?(?:y )?(?:tu|usted|a ti|ati)?|bieny? (?:a )?ti|y tu|genial y tu|"
        r"todo chido|muy bienn?)\b",
    Intent.BOOK: r"\b(?:agend\w*|agfend\w*|afend\w*|ajend\w*|agen?d?aq?r|reserv\w*|apart\w*|sacar(?:me)? (?:una )?cita|"
    r"(?:hacer|haz|hazme|hagan?|pedir|pido|dame|denme|darme|das|dan|crear|asignar|asigna|programar|separar?|"
        r"sepame|separame) ?"
    rf"(?:una? |otra |mi |la |me )*{_APPOINTMENT}|asignar|(?:quiero|quisiera|quisieramos|necesito|neciso|ocupo|"
        rf"busco|deseo|me gustaria"
    rf"|me urge|me interesa|vengo (?:a|por)|puedo|para|para hacer) (?:ir )?(?:a )?(?:hacer |sacar |tener |pedir |"
        rf"agendar )?"
    rf"(?:una? |otra |mi |ina |un a)?(?:nueva )?{_APPOINTMENT}|^\W*(?:una |mi |nueva )?cita(?=\W*$)|cita para\b|"
        rf"otra cita|"
    r"me (?:agendas?|apuntas?|anotas?|apartas?|das cita|puedes (?:agendar|apuntar|apartar|dar))|apuntame|anotame|"
    r"(?:quiero|quisiera|necesito|me gustaria|vengo a) (?:que me )?(?:cortar|pintar|tenir|peinar|depilar|rasurar|"
        r"afeitar|arreglar|"
    r"alaciar|maquillar|hacer)(?:me|le|se)?\b|book\w*|schedule\b|reserve\b|make an? (?:appointment|reservation)|"
    r"(?:need|want|like|get|find|set up) (?:to )?(?:an? |another )?(?:[a-z]+ )?(?:appointment|haircut|booking|"
        r"reservation))\b",
    Intent.CANCEL: r"\b(?:cancel\w*|canselar?\w*|cansel\w*|kancel\w*|elimin(?:a|ar|e|o|as|enla|ala|arla)\w*|borr(?:a|"
        r"ar|e|en)(?:la|las|me)? "
    r"|quita(?:r|la|me|mela|rla)?(?: mi| la)? ?(?:cita)?(?! lo| el esmalte)|la quitamos|quitamos la cita|"
    r"anul(?:a|ar|e|en)\w*|(?:ya )?no (?:voy a|podre|puedo|voy|alcanzo a|podria) ?(?:poder )?(?:ir|asistir|"
        r"llegar|acudir|presentarme)"
    r"(?! a esa| a las)|no (?:ire|asistire|llegare|llego)|ya no voy|se me complico|"
    r"siempre no (?:voy|puedo|podre|ire)|dar de baja (?:mi|la) cita|call off)\b",
    Intent.MOVE: r"\b(?:re ?agend\w*|re ?program\w*|recorr\w*|(?:mover|mueve|muevo|muevan|muevas|moverla|muevela|"
        r"moverme|mueves)(?:la|me|mela)?|"
    r"(?:cambi(?:ar|a|o|e|en|as|arla|ala|arme|ame|amos)|cambi(?:ar|a)(?:la|me|mela)?) (?:de )?(?:mi |la |el |"
        r"de )?(?:cita|hora|dia|fecha|horario)|"
    r"cambi(?:arla|ala|amela|armela)|(?:pasa|pasar|pase|pasen|paso)(?:la|mela|me la|rla|sela|las)\b|pasar(?:la|"
        r"me)? (?:mi |la )?cita|pasa mi cita|"
    r"me la (?:pasas?|cambias?|mueves?|recorres?)|"
    r"(?:adelant|atras|posterg|pospon|retras)(?:ar|a|e|as|en|er|gan?|arla|ala|erla)?(?:la|me|mela)? (?:mi |la |"
        r"una |un )?(?:cita|hora|dia|rato)|"
    r"adelant(?:arla|ala|ar la cita|ar (?:media|una|unos|un|\d))|pospon(?:er|erla|gan|ga)|modific\w*|"
        r"mejor otro dia|otro dia mejor|"
    r"(?:puedo|podria|puedo yo) (?:llegar|ir) (?:mas|un poco mas|otro) (?:tarde|temprano|dia)|reschedule|"
        r"change (?:my |the )?appointment|"
    r"move (?:my |the )?appointment|cambiar mi reserva\w*)\b",
    Intent.FORGET: r"\b(?:olvid(?:alo|a|enlo|elo)|dejalo|dejemoslo|ya no (?:quiero|gracias|la quiero|lo quiero|"
        r"hace falta)|mejor (?:ya )?no|siempre no|"
    r"no (?:gracias )?(?:importa|hace falta)|nada olvidalo|luego (?:te|les) (?:aviso|digo|escribo|confirmo)|"
        r"dejame (?:ver|checar|pensar)|"
    r"lo pienso|never ?mind|forget it)\b",
    Intent.MY_APPOINTMENTS: r"\b(?:(?:cuando|a que hora|que dia|para cuando|con quien) (?:es|era|seria|tengo|quedo|"
        r"son|tenia)(?: (?:mi|mis|la|una|agendada))* ?citas?|"
    r"(?:mi|mis) (?:proximas? )?citas?(?= (?:agendadas?|programadas?|pendientes?))|(?:ver|consultar|revisar|"
        r"checar|saber|consulto|consulta|dime|cuales son|recuerdame|recordarme) "
    r"(?:de )?(?:de |sobre )?(?:mi|mis) citas?|^\W*(?:consultar|mis citas|mi cita)(?=\W*$)|tengo (?:una |alguna |"
        r"algun[ao]s? )?(?:cita|reserva)s?(?: (?:agendada|programada|pendiente))?(?=\W*(?:verdad\W*)?$)|"
    r"(?:informacion|info) de (?:mis )?citas|what time is my|my appointments?\b|a que hora (?:me toca|tengo|"
        r"es lo mio)|para que dia (?:quede|me agendaste|quedo))\b",
    Intent.AVAILABILITY: r"\b(?:(?:hay|tienes|tienen|tendras?|tendran|queda|quedan|habra|habria|tendrias|tendra|"
        r"encuentras?) (?:algun |algo de |algo |un |una |mas |otros? |todavia |aun |de |alguna )*"
    r"(?:espacios?|espacito|lugar(?:es|cito)?|citas?|disponib\w*|horarios?|horas?|hueco|huequito|chance|turnos?|"
        r"cupos?|libre|abierto|opciones)|"
    r"disponib\w*|que (?:horarios?|horas|dias|espacios)(?: disponibles)? (?:tienes?|tienen|hay|te quedan?|"
        r"manejas? disponibles?)|"
    r"cuando (?:hay|tienes|tienen|puedes|pueden|podria|se puede)|me (?:puedes|pueden) (?:atender|recibir)|"
        r"atiendes? (?=a esa)|"
    r"(?:any|have) (?:openings?|availability|available)|available)\b",
    Intent.PRICE: r"\b(?:cuanto (?:cuestan?|sale|salen|es|seria|esta|vale|valen|cobra[sn]?|me (?:sale|cobran?|"
        r"cobras)|por|el|la|un|una|cues\w*)|a cuanto|"
    r"precios?|presios?|costos?|cuest[ao]n?|cobran|cobras|tarifas?|que precio|en cuanto|how much|price|cost|"
        r"cuanto(?=\W*$))\b",
    Intent.DURATION: r"\b(?:cuanto (?:tiempo )?(?:dura|tarda|demora|se tarda|tardan|se tardan|tiempo)|"
        r"que tanto (?:dura|tarda)|dura(?:cion)?|how long|tardan)\b",
    Intent.SERVICES: r"\b(?:(?:que|cuales) (?:son )?(?:todo )?(?:los |otros |mas )?(?:servicios?|serv|hacen|haces|"
        r"ofrecen|ofreces|manejan|manejas|tratamientos?|tipos? de (?:corte|servicio|cita)s?)|"
    r"servicios (?:tienen|hay|ofrecen|manejan|que)|lista de (?:precios|servicios)|catalogo|menu de servicios|"
        r"sus servicios|los servicios|"
    r"(?:hacen|haces|tienen|manejan|ofrecen|realizan|trabajan) (?:el |la |los |las |servicio de |"
        r"tambien )*(?=\w)|que mas (?:hacen|tienen)|"
    r"what services|do you (?:do|offer|have))\b",
    Intent.HOURS: r"(?:\b(?:a que hora|que horas?|hasta que hora|desde que hora|de que hora|cuando|que dias?|"
        r"ya) ?(?:es que )?(?:abren?|cierran?|atienden?|trabajan?|estan|laboran?|abres|cierras|trabajas|atiendes|"
            r"es la hora que abren)\b|"
    r"\bhorarios?\b(?! (?:tienes|tienen|disponib|hay|te quedan?|libres?))(?<!otro horario)(?<!otros horarios)|"
        r"\b(?:abren|abres|atienden|estan abiertos?|trabajan|abierto|cierran)\b(?! (?:a |con )?(?:personas|ninos|"
            r"ninas|hombres|mujeres|mascotas|perros|caballeros|senores|clientes))"
    r"|\b(?:opening|business) hours\b|\bwhat time do you (?:open|close)\b|\bare you open\b)",
    Intent.ADDRESS: r"\b(?:d[oe]nde (?:es|estan?|se (?:encuentran?|ubican?|localizan?)|quedan?|los encuentro|andan|"
        r"esta el|esta ubicad\w*|mero)|direccion|direcion|"
    r"ubica(?:cion|dos|das|n)|ubi|domicilio (?:del|de (?:la|el|ustedes))|como (?:llego|llegar|"
        r"le hago para llegar)|el lugar ?(?=\W*$)|por (?:donde|que rumbo) (?:estan|quedan|es)|"
    r"en que (?:calle|colonia|parte|zona)|mapa|google maps|where are you|address|location|located)\b",
    Intent.STAFF: r"\b(?:quien(?:es)? (?:atiende[ns]?|corta|cortan|hace[n]?|trabajan?|esta[n]?|son|pinta|hay)|"
        r"(?:con )?quienes? (?:trabaja|esta|cuentan)|cuant[ao]s (?:personas )?(?:trabajan|son|atienden|"
            r"estilistas|barberos)|"
    r"(?:que|cuales|tienen|hay) (?:son )?(?:los |las |otras? )?(?:estilistas?|barberos?|manicuristas?|chicas|"
        r"muchachas|medicos|doctores|especialistas)|su equipo|como se llaman? (?:el|la|los|las) (?:doctor\w*|"
            r"estilista\w*|barbero\w*|chica\w*|muchacha\w*))\b",
    Intent.WHO_SERVES_ME: r"\b(?:con quien (?:me toca|voy|es mi cita|tengo cita|me atienden|seria|quede|quedo)|"
        r"quien me (?:toca|atiende|va a atender|atendera|corta|va a cortar|peina))\b",
    Intent.FACT: r"\b(?:promo(?:cion|ciones|s)?|descuentos?|ofertas?|2 ?x ?1|rebajas?|estaciona\w*|parking|"
        r"parqueadero|tarjetas?|transfer(?:encia|ir)\w*|efectivo|formas? de pago|metodos? de pago|"
    r"como (?:se )?pag(?:o|a|an)|aceptan|anticipo|deposito|factura\w*|wifi|wi fi|internet|a domicilio|"
        r"vienen a (?:mi )?casa|(?:atienden|reciben|cortan) (?:a )?(?:ninos|ninas|personas|hombres|mujeres|"
            r"mascotas|perros|caballeros|senores|bebes)|"
    r"mascotas|instagram|facebook|redes sociales|pagina|sucursal\w*|garantia|marcas?|que productos|venden|"
        r"certificad\w*|tarjeta de regalo|vacante\w*|empleo|trabajo para|puntos|propina|"
    r"(?:puedo|puede|se puede|pueden) (?:llevar|entrar|ir con|esperar)|silla de ruedas|rampa|elevador|cafe|bano|"
        r"correo|telefono|numero de telefono|email|e ?mail)\b",
    Intent.YES: r"^\W*(?:si+|bien(?! y)|sii|sip|sipi|seh?|sep|sisas?|simon|aja(?:m|n)?|ajam|claro(?: que si)?|"
        r"por supuesto|ok|vale|va|vas|sale|sale y vale|dale|orale|arre|adelante|hecho|listo|perfecto|excelente|"
            r"correcto|exacto|exactamente|asi es|de acuerdo|"
    r"esta (?:bien|perfecto|excelente|genial)|me (?:parece|late|gusta|queda)(?: (?:bien|perfecto))?|confirm\w*|"
        r"afirmativo|porfavor|por favor|muy bien|super|genial|eso|esa|ese|obvio|bueno|andale|ya|yes|yeah|yep|yup|"
            r"sure|fine|great|sounds good|correct|that works|of course|please do|"
    r"agendala|agendalo|agendame|resérvala|reservala|apartala|cancelala|muevela|cambiala|quitala|creo que si|"
        r"hazlo|procede|jalo|jala|sobres|arree|simona|tambien|quiero esa|me quedo con (?:esa|ese)|la tomo|"
            r"lo tomo|acepto)(?=\W|$)|^\W*(?:la|lo) quiero(?=\W*$)|\bsi,? (?:por favor|claro|esta bien|agendala|"
                r"quiero|gracias|me queda|confirm\w*|cancel\w*|adelante|muevela|cambiala)\b|✅|👌",
    Intent.NO: r"^\W*(?:no+|nop|nopi?|nel|nones|na+|nah|nunca|negativo|para nada|tampoco|mejor no|no gracias|"
        r"ningun[ao]?|todavia no|aun no|ahora no|incorrecto)(?=\W|$)|\bno,? (?:gracias|me (?:queda|sirve|late|"
            r"acomoda|gusta|conviene)|puedo (?:a )?(?:esa|ese)|esa no|ese no)\b|\besa no\b|\bninguna (?:de|me)\b|👎",
    Intent.ANY: r"\b(?:cualquier[ae]?|cualkiera|cualqier\w*|el que sea|la que sea|quien sea|quien este|con quien sea|"
        r"el que (?:este|puedas)|la que (?:este|puedas)|me da (?:igual|lo mismo)|es igual|no importa (?:quien|"
            r"con quien|cual)|"
    r"no tengo preferencia|sin preferencia|indistinto|la que (?:quieras|gustes)|el que (?:quieras|gustes)|"
        r"tu (?:dime|elige|escoge)|cuando (?:puedas|quieras|sea|tengas|haya|gustes)|a la hora que (?:sea|puedas|"
            r"quieras)|anyone|anytime|whatever|dont care|any)\b",
    Intent.OTHER_OPTIONS: r"\b(?:(?:otr[ao]s?|mas|diferentes?|distint[ao]s?) (?:horarios?|horas?|opcion(?:es)?|"
        r"fechas?|espacios?|lugares|momento)|que (?:otr[ao]s?|mas) (?:horarios?|horas?|opciones|hay|tienes|tienen)|"
    r"tienes? (?:algo )?(?:mas|otro|otra)|que opciones|siguientes?|otro(?=\W*$)|otra(?=\W*$)|ninguna (?:de las|me)|"
        r"something else|other times?|another time|a otra hora|otro horario)\b",
    Intent.LATER: r"\b(?:mas (?:tarde|tardecito|noche)|un poco (?:mas tarde|despues)|mas (?:adelante|al rato)|"
        r"despues de esa|later)\b",
    Intent.EARLIER: r"\b(?:mas (?:temprano|tempranito)|antes de esa|un poco antes|earlier|mas en la manana)\b",
    Intent.OTHER_DAY: r"\b(?:otro dia|otra fecha|ese dia no|ese dia no puedo|en otro dia|another day|different day)\b",
    Intent.RUNNING_LATE: r"\b(?:(?:llego|llegare|llegaremos|llegamos|voy a llegar|vamos a llegar|voy|estoy|ando|"
        r"me voy a) (?:un poco |como |un poquito |unos |a |con |\d{1,3} )*(?:min\w*|tarde|tardecito|retrasad[ao]|"
            r"retrasar|atrasad[ao]|tardar\w*|retraso)|"
    r"\d{1,3} ?min\w*(?: de)? (?:tarde|retraso)|se me (?:hizo|hace|esta haciendo|va a hacer) (?:un poco |"
        r"poquito |bien |muy )?tarde|hay (?:mucho |un chorro de )?trafico|estoy atorad[ao]|me retras[eo]|"
            r"voy retrasad[ao]|running late|be late)\b",
    Intent.ON_MY_WAY: r"\b(?:(?:ya )?voy (?:en camino|para alla|llegando|saliendo)|ya (?:casi )?(?:llego|voy|"
        r"estoy (?:afuera|aqui))|estoy (?:afuera|llegando)|on my way)\b",
    Intent.THANKS: r"\b(?:(?:muchas|mil|muchisimas) gracias|gracias|te agradezco|se agradece|agradecid[ao]|"
        r"mil gracias|thanks?|thank you|thx|ty|eres (?:muy amable|un amor)|que amable|bendiciones)\b|🙏",
    Intent.BYE: r"\b(?:adios|bye+|chao|chau|hasta (?:luego|pronto|manana|entonces|la vista)|nos vemos|ahi nos vemos|"
        r"me voy|hasta el|cuidate|buena (?:tarde|noche)|bonit[ao] (?:dia|tarde|noche)|excelente (?:dia|tarde|"
            r"noche)|que (?:tengas?|tengan|pases?) (?:un |una )?(?:buen|bonit|excelente|lind)\w*|"
    r"goodbye|see you|eso (?:es|seria) todo|seria todo|es todo|nada mas|no,? eso es todo|nada gracias|salir|exit|"
        r"alir)\b|^\W*nada(?=\W*$)",
    Intent.LAUGH: r"\b(?:(?:a?ja|je|ji|jo|ha|he){2,}\w*|jaj+\w*|jsjs\w*|jejej?\w*|lol|xd+|lmao|risitas|jeje)\b|"
        r"^\W*(?:ja|je)(?=\W*$)|😂|🤣|😅|😆",
    Intent.THUMBS: r"^(?=\W*$)(?<=[👍👌🙌✅🤝💯])|👍|🙌|🤝|💯",
    Intent.INSULT: r"\b(?:pendej\w*|est[uo]pid\w*|idiota|imbecil|inutil(?:es)?|ctm|ptm|put[ao]s?|verga|chinga\w*|"
        r"mierda|cabron\w*|culer\w*|mam(?:on|ada)\w*|basura|no sirve[sn]?(?: para nada)?|tont[ao]s?|mensa?o?|"
            r"babos[ao]|joto|zorra|perra|"
    r"(?:eres|es|son) (?:un |una |muy |bien |lo |el |la )*(?:malo|mala|malos|pesim[ao]|peor|terribles?|"
        r"molest[ao]|lent[ao]|aburrid[ao]|irritante)|callate|stupid|idiot|useless|fuck\w*|shit)\b",
    Intent.INJECTION: r"\b(?:ignor(?:a|e|ar|en) (?:todas? )?(?:(?:tus|las|mis|sus|todas|los|tu|"
        r"cualquier) )+(?:las )?(?:instruccion\w*|reglas|indicacion\w*|ordenes|anterior\w*|mensajes)|"
            r"olvida (?:todo|tus|las) ?(?:instruccion\w*|reglas|lo anterior|tus)?|"
    r"(?:muestra(?:me)?|dime|ensena(?:me)?|repite|revela|imprime|dame|cual es|copia|escribe|"
        r"pasame) (?:\w+ ){0,3}?(?:prompt|instrucciones|system|contrasena|password|base de datos|api ?key|token|"
            r"reglas internas|configuracion)|system prompt|\bprompt\b|"
    r"modo (?:desarrollador|dios|admin\w*|developer|debug|root)|jailbreak|actua como|"
        r"haz(?:te)? (?:de cuenta que eres|pasar por)|eres (?:ahora|chatgpt)|ahora eres|desde ahora|"
    r"soy (?:el |la |tu )*(?:dueno|duena|admin\w*|jefe|jefa|desarrollador|programador|gerente|"
        r"encargad[ao])\b[^.\n]{0,60}(?:dame|dime|muestra|cancela|gratis|descuento|borra|lista|pon(?:me|le)?|"
            r"autoriz\w*|quiero ver|pasame)|"
    r"(?:dame|damelo|ponme|ponlo|hazme|regala\w*|cobrame|dejamelo|quiero|agenda\w*|"
        r"reserva\w*)[^.\n]{0,40}\b(?:gratis|a \$ ?0|en \$ ?0|100 ?(?:%|por ciento) de descuento|sin costo|"
            r"sin pagar)|drop table|select \*|or 1=1|<script|</?system|<\|)",
    Intent.OTHERS_DATA: r"\b(?:(?:telefono|numero|celular|direccion|domicilio|datos|citas?|historial|"
        r"correo) de (?:otr[ao]s?|l[ao]s|los demas|tus|todos?)(?: \w+)? ?(?:client\w*|persona\w*)?|"
            r"citas? de (?:todos|otros clientes|otras? personas?|los demas|alguien mas)|todas las citas|citas de hoy|"
    r"(?:telefono|numero|celular|whatsapp|direccion) (?:personal|particular|de (?:la |el )?(?:duen[ao]|"
        r"client[ae]|[a-z]+ita|karla|lupita))|lista de clientes|quien mas (?:tiene cita|va|viene)|que clientes)\b",
    Intent.OUT_OF_SCOPE: r"\b(?:presidente|politic\w*|elecciones|votar|futbol|partido|america|chivas|clima|"
        r"tiempo (?:hace|hara)|llover|noticias|dolar|bitcoin|chiste|poema|cancion|cuento|tarea|matematicas|"
            r"cuanto es \d|raiz cuadrada|capital de|receta (?:de|medica|para)|"
    r"doctor\w*|enfermedad|medicament\w*|medicina|pastilla\w*|embaraz\w*|covid|sintoma\w*|alergia|infeccion|"
        r"hongos?|horoscopo|signo|novi[oa] (?:virtual|mia)|te amo|casate|sexo|desnud\w*|"
    r"traduc\w*|programa(?:r|me) (?:en|un)|codigo (?:en|de) |python|ajedrez|chatgpt|inteligencia artificial|"
        r"quien (?:gano|invento|descubrio|es (?:el|la|tu))|sabes quien|conoces|que opinas|religion|dios|"
            r"tienes (?:novi[oa]|hijos|sentimientos)|sentimientos|emocional\w*|proyecto|"
    r"pizza|tacos|taxi|uber|vuelo|hotel|prestame|dinero|comprar|vender|motor)\b",
    Intent.WHO_ARE_YOU: r"\b(?:(?:eres|estoy hablando con|es|hablo con) (?:un |una |realmente )*(?:robot|bot|maquina|"
        r"ia|persona|human[ao]|programa|chatbot|computadora|real|asistente)|quien eres|que eres|como te llamas|"
            r"cual es tu nombre|tu nombre|con quien (?:hablo|tengo el gusto)|quien habla|"
    r"quien te (?:hizo|creo|programo)|quien es tu (?:creador|jefe|dueno|programador)|are you (?:a )?(?:bot|human|"
        r"real|robot))\b",
    Intent.HELP: r"\b(?:que (?:puedes|sabes|pueden) hacer|que haces|para que sirves|en que (?:me )?(?:puedes|"
        r"pueden) ayudar\w*|ayuda(?:me|rme|rias)?|como funciona(?:s|n)?|menu|opciones|que opciones tengo|"
            r"(?:mas )?informacion|informes?|info|help|necesito apoyo|me (?:ayudas|podrias ayudar|puedes ayudar)|"
                r"una pregunta|una duda|"
    r"pregunta(?=\W*$))\b",
    Intent.MEDIA: r"\[(?:nota de voz|audio|imagen|foto|video|archivo|documento|sticker|ubicacion|contacto|"
        r"mensaje vacio)[^\]]*\]",
    Intent.RECAP: r"\b(?:(?:en )?que quedamos|como quedamos|en que (?:quede|quedo|ibamos)|que (?:me )?(?:dijo|"
        r"dijeron|habiamos dicho|acordamos|te dijo|quedo)|lo que (?:me dijo|quedamos|acordamos|hable)|"
            r"como (?:me )?(?:dijo|quede|quedamos|acorde|acordamos)|ya (?:quede|hable|habia quedado|me dijo)|"
                r"lo (?:del|de la) descuento|el descuento que|me (?:iban|ibas) a)\b",
    Intent.WAIT: r"\b(?:esper(?:a|ame|e|en)(?: tantito| un momento)?|dame (?:un |dos )?(?:momento|minuto|segundo|"
        r"chance|tantito)\w*|un (?:momento|segundo|minuto)|ahorita te (?:digo|confirmo|aviso)|deja (?:checo|"
            r"reviso|veo|pregunto)|permiteme|hold on)\b",
    Intent.START_OVER: r"\b(?:volver a empezar|empez(?:ar|amos) de nuevo|reiniciar|desde (?:el principio|cero)|"
        r"empecemos|start over|otra vez desde|reset|vovler|regresar|reroceder|volver)\b",
    Intent.COMPLAINT: r"\b(?:queja|reclam\w*|mal servicio|me (?:dejaron|quedo|quemaron|cortaron|cobraron) (?:muy |"
        r"bien |el \w+ )?(?:mal|feo|horrible|de mas)|estoy (?:molest[ao]|enojad[ao]|furios[ao])|pesimo|"
            r"quiero (?:mi dinero|un reembolso)|no me gusto (?:como|el|mi))\b",
    Intent.FOR_ME: r"^\W*(?:si )?(?:(?:es|seria) )?para (?:mi|mi solit[oa]|mi mism[oa]|nosotr[oa]s)(?=\W*$)|^\W*(?:mi|"
        r"yo)(?=\W*$)",
    Intent.AND_THIS: r"^\W*y (?:el|la|los|las|un|una|unas|de|del|para|por|como)\b",
    Intent.CORRECT: r"\b(?:corregir|corrige(?:lo|me)?|correccion|esta mal|hay un error|cambiar(?: algo)?|modificar|"
        r"cambio)(?=\W*$)",
    Intent.SOONEST: r"\b(?:lo (?:mas pronto|antes) posible|cuanto antes|lo mas (?:pronto|rapido|temprano) (?:que|"
        r"posible)\w*|(?:el|la) (?:primer|primera|proxim[ao]) (?:espacio|lugar|cita|hora|horario|"
            r"hueco) (?:disponible|libre|que)?|urge|asap|soonest|as soon as)\b",
}  # fmt: skip

PATTERNS: tuple[tuple[Intent, re.Pattern[str]], ...] = tuple(
    (intent, re.compile(source)) for intent, source in _SOURCES.items()
)
