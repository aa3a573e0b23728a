"""Which words of a salon's chats stand for one another, so that what was learned of one is known of the others.

`features` calls `code`. A class says what a word is about ("dueña" and "jefe" are both somebody in charge), never what
a message means. A verb keeps its form: "pásamela" becomes `<pass>+mela`, "comunicas" `<reach>+2`.
"""

from __future__ import annotations

import re
from functools import lru_cache

from sim.offline_model.names import is_first_name
from sim.offline_model.text import split_table

_NOUNS = {
    "boss": """duen[oa] encargad[oa] jef[ea] jefecit[oa] patron patrona gerente gerenta responsable administrador
        administradora supervisor supervisora propietari[oa] mero director directora titular mandamas""",
    "human": """persona personita human[oa] alguien asesor asesora agente ejecutiv[oa] operador operadora representante
        recepcionista secretaria empleada empleado emplead[oa]s personal equipo staff gente cristiano companer[oa]
        companer[oa]s trabajador trabajadora especialista recepcion administracion gerencia mostrador""",
    "artist": """estilista estilistas barbero barberos manicurista peluquer[oa] maquillista cosmetologa tecnica
        lashista colorista masajista depiladora doctora maestr[oa]""",
    "lady": """senora senor senorita srita sra sr dona don muchach[oa] muchach[oa]s muchachit[oa] chic[oa] chic[oa]s
        chav[oa] chav[oa]s joven caballero dama guer[oa] doncella morr[oa] seno tipo bato vato chamac[oa]""",
    "client": "client[ea]s? clientit[oa]",
    "kin": """mama papa madre padre hij[oa]s? espos[oa] marido mujer novi[oa] herman[oa]s? abuel[oa] abuelit[oa]
        prim[oa] ti[oa] suegr[oa] amig[oa]s vecin[oa] sobrin[oa] niet[oa] cunad[oa] comadre pareja ahijad[oa] nin[oa]s?
        bebe familia""",
    "bot": """bot bots robot robots maquina maquinas maquinita contestadora ia asistente automatic[oa]s? grabadora
        computadora sistema robotito virtual parlo aparato programa app grabacion""",
    "nobody": "nadie ningun[oa]?",
    "day": """hoy manana lunes martes miercoles jueves viernes sabado sabados domingo domingos ayer antier pasado semana
        mes fin enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre quincena""",
    "soon": "ahorita ahora ya luego despues rato ratito tantito momento momentito minuto minutos min",
    "hour": "hora horas horario am pm tarde mediodia noche temprano hrs",
    "chat": "chat conversacion platica charla relevo conver mensajes hilo",
    "agenda": "agenda calendario citas cita hueco huecos espacio espacios lugar lugares turno turnos disponibilidad",
    "phone": "telefono tel cel celular llamada videollamada numero telefonazo whats whatsapp fono linea",
    "money": """precio precios costo pesos peso varos anticipo deposito pago transferencia comprobante efectivo tarjeta
        descuento promo promocion lana reembolso dinero cobro saldo abono cuenta""",
    "service": """corte cortes tinte tintes unas unias unitas gelish acrilic[oa]s? pestanas cejas balayage mechas luces
        keratina alaciado peinado maquillaje facial depilacion pedicure manicure barba fade retoque secado lavado
        extensiones color cabello pelo rayitos planchado permanente tratamiento masaje servicio servicios diseno""",
    "dear": """amor reina linda hermosa preciosa guapa corazon amiga mija mijo nena bonita chula querida cielo bro
        carnal compa amigo amix bb manita comadrita""",
    "thanks": "gracias grax",
    "hello": "hola buenas buenos buen buena hey oiga oye oigan disculpe disculpa disculpen",
    "please": "favor porfavor porfis",
    "shop": """reporte reportes ventas ingresos gastos inventario comision comisiones nomina renta clientas ficha nota
        notas pendientes stock producto productos caja corte_de_caja expediente historial""",
    "trouble": "queja problema reclamo asunto tema caso duda detalle situacion aclaracion reclamacion inconformidad",
}
_VERBS = {
    "talk": "habl ablar platic convers charl dialog chatear chatea",
    "reach": "comunic comuniqu contact",
    "pass": "pas pase transf transfier conect conec enlaz canaliz deriv turnen turna",
    "call": "llam marc marqu telefone",
    "write": "escrib texte",
    "answer": "contest respond",
    "attend": "atend atiend",
    "solve": "resolv resuelv arregl aclar soluc explic orient apoy ayud",
    "want": "quier quer necesit ocup requier dese gustari prefer prefier urg exij solicit pid ped busc",
    "close": "cerr cierr termin finali conclu acab finiq cort",
    "go_on": "sig seg sigu segu continu retom reanud prosig proseg",
    "take": "tom agarr recib encarg ocupat hazte",
    "give": "dej entreg devuelv devolv regres pased ced solt suelt volv vuelv",
    "leave": "sal sac retir desconect libr liber despid desped",
    "wake": "prend enciend activ reactiv despiert encend actives",
    "book": "agend apart anot apunt reserv registr agreg program met",
    "block": "quit bloque desbloque cancel borr elimin",
    "change": "muev mov cambi reagend recorr modific sub baj",
    "tell": "dil dig deci dij avis pregunt coment recuerd record cuent cont inform confirm salud ofrec ofrezc",
    "send": "mand envi reenvi",
    "show": "muestr ensen revis chec busc mir ve list resum lee",
    "wait": "esper aguant permit",
    "charge": "cobr pag deb vend",
    "can": "pued pod podr",
    "have": "teng tien ten hay hub",
    "know": "sab sep entiend entend conoc",
    "come": "vien ven veng lleg llegu",
    "done": "qued ked",
    "suffice": "list hech complet",
}


def _compile(table: dict[str, str]) -> re.Pattern[str]:
    """One pattern in which the group that matched is the class."""
    return re.compile("|".join(rf"(?P<{name}>{'|'.join(words.split())})" for name, words in table.items()))


_NOUN = _compile(_NOUNS)
_FORMS = (
    r"(?P<tail>(?:(?:[aeiou]|ar|er|ir|an|en|as|es|amos|emos|imos|o|e|ado|ido|ando|iendo|iera|ieran|aran?|ara|aria|"
    r"arian|arias|eria|iste|aste|aron|ieron|aba|aban|abas|ia|ian|ias|io|are|ire|go|gan|ga|gas|uen?|uan|uo|aje|on)?))"
    r"(?P<clitics>(?:me|te|se|nos|les?|las?|los?){0,3})"
)
_STEMS = sorted(
    ((stem, name) for name, stems in _VERBS.items() for stem in stems.split()), key=lambda each: (-len(each[0]), each)
)
_VERB = {
    stem[0]: tuple((re.compile(rf"{each}{_FORMS}"), name) for each, name in _STEMS if each[0] == stem[0])
    for stem, _ in _STEMS
}
"""By their first letter: most words are asked about once, and each pattern costs."""
_SHORT = {
    "dile": "<tell>+le", "diles": "<tell>+les", "digale": "<tell>+le", "dime": "<tell>+me", "di": "<tell>",
    "ponme": "<book>+me", "ponle": "<book>+le", "ponlo": "<book>+lo", "ponla": "<book>+la", "pon": "<book>",
    "crea": "<book>+a", "haz": "<book>", "hazme": "<book>+me", "quita": "<block>+a", "pasatela": "<take>+te",
    "sal": "<leave>", "ven": "<come>", "ten": "<have>", "ve": "<show>", "salir": "<leave>+ar", "sale": "sale",
    "voy": "<go>+o", "vas": "<go>+s", "va": "va", "vamos": "<go>+mos", "ir": "<go>+ar", "ire": "<go>+o",
    "este": "este", "esta": "esta", "para": "para", "pero": "pero", "todo": "todo", "nada": "nada", "mete": "<book>+o",
    "se": "se", "te": "te", "le": "le", "la": "la", "lo": "lo", "me": "me", "las": "las", "los": "los", "les": "les",
    "con": "con", "como": "como", "solo": "solo", "si": "si", "sigo": "<go_on>+o", "mero": "mero", "unas": "unas",
}  # fmt: skip
_PERSONS = {
    "o": "1", "as": "2", "es": "2", "aste": "2", "iste": "2", "an": "p", "en": "p", "amos": "w", "emos": "w",
    "imos": "w", "ar": "inf", "er": "inf", "ir": "inf", "ando": "ger", "iendo": "ger", "ado": "part", "ido": "part",
}  # fmt: skip
_NUMBER = re.compile(r"\d")
_FUNCTION = split_table("a al de del el la los las un una que y o en por para con sin no si mi tu su es")


@lru_cache(maxsize=8192)
def code(word: str) -> str:
    """The class of a folded word and, for a verb, its form; the word itself where it belongs to none."""
    if _NUMBER.match(word):
        return "#"
    if word in _SHORT:
        return _SHORT[word]
    if word in _FUNCTION:
        return word
    noun = _NOUN.fullmatch(word)
    if noun:
        return f"<{noun.lastgroup}>"
    for pattern, name in _VERB.get(word[0], ()):
        verb = pattern.fullmatch(word)
        if verb:
            form = verb["clitics"] or _PERSONS.get(verb["tail"], verb["tail"][-1:])
            return f"<{name}>+{form}"
    return "<name>" if is_first_name(word) else word
