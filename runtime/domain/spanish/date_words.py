"""The words of dates and times, and every spelling people give them in a chat, as tables.

`phrase.read_phrase` uses them to write a message in one plain spelling before any rule looks at it.
"""

from __future__ import annotations

from runtime.domain.spanish.folding import fold
from runtime.domain.spanish.formats import MONTHS, WEEKDAYS

WEEKDAY_NUMBERS = {fold(name): index for index, name in enumerate(WEEKDAYS)}
MONTH_NUMBERS = {fold(name): index for index, name in enumerate(MONTHS, start=1)}

WEEKDAY_PATTERN = "|".join(WEEKDAY_NUMBERS)
MONTH_PATTERN = "|".join(MONTH_NUMBERS)


def _spellings(table: dict[str, str]) -> dict[str, str]:
    return {spelling: word for word, spellings in table.items() for spelling in spellings.split()}


NUMBER_WORDS = {
    word: number
    for number, words in {
        0: "cero zero",
        1: "uno",
        2: "dos",
        3: "tres trez",
        4: "cuatro cuatr",
        5: "cinco sinco",
        6: "seis",
        7: "siete",
        8: "ocho",
        9: "nueve nuebe",
        10: "diez dies",
        11: "once onse",
        12: "doce dose",
        13: "trece trese",
        14: "catorce catorse",
        15: "quince quinse",
        16: "dieciseis",
        17: "diecisiete",
        18: "dieciocho",
        19: "diecinueve",
        20: "veinte",
        21: "veintiuno veintiun",
        22: "veintidos",
        23: "veintitres",
        24: "veinticuatro",
        25: "veinticinco",
        26: "veintiseis",
        27: "veintisiete",
        28: "veintiocho",
        29: "veintinueve",
        30: "treinta",
        40: "cuarenta",
        45: "cuarentaicinco",
        50: "cincuenta",
        60: "sesenta",
    }.items()
    for word in words.split()
}
COUNTED_UNITS = frozenset(("hora", "semana", "dia", "mes", "min", "anio"))

# One word to one or more words. "manana" alone always means tomorrow: "la manana" becomes "la matina" later.
SPELLINGS = _spellings(
    {
        "lunes": "lun lune lunez",
        "martes": "marte martez",
        "miercoles": "mie mier mierc miercole mircoles miecoles mierocles miercolez",
        "jueves": "jue juev jueve juebes juevez",
        "viernes": "vie vier viern viernez biernes virnes vierns",
        "sabado": "sab sabad savado sabdo sabados zabado savados sabadito",
        "domingo": "dom domin domig dmingo domigo domingos dominguito",
        "enero": "ene",
        "febrero": "feb febr",
        "abril": "abr",
        "junio": "jun",
        "julio": "jul",
        "agosto": "ago agto",
        "septiembre": "sep sept setiembre septimbre",
        "octubre": "oct octbre",
        "noviembre": "nov novimbre",
        "diciembre": "dic dicimbre disiembre",
        "manana": "mnn mnna mnana manna mannana maniana manan mananaa mnan manhana mañana",
        "mananita": "mananitas",
        "hoy": "oy hoi oi",
        "ahorita": "orita aorita horita ahorta ahoritita ahorititita ahoritas oritita",
        "ahora": "aora haora",
        "rato": "ratito ratitito ratico raton",
        "tardecita": "tardesita tardecito tardesito",
        "tarde": "tardes tard",
        "noche": "noches nochecita nochesita",
        "tempranito": "tempranitito tempranillo tmpranito temprano tmprano tempra tempranisimo",
        "mediodia": "meridia",
        "antier": "anteayer",
        "despues": "despus depues dsp dps desp dspues dsps luego",
        "antes": "antesito ants",
        "proximo": "prox proxi proximos prximo prosimo",
        "proxima": "proximas prxima prosima",
        "siguiente": "sig sigte siguientes sigiente",
        "semana": "sem semanas semanita smana",
        "dia": "dias",
        "mes": "meses",
        "hora": "h hr hrs hs horas hra hras horitas horita",
        "min": "mins minuto minutos minutitos mns",
        "anio": "anos ano",
        "que": "q k qe ke",
        "para": "pa pra",
        "el": "l",
        "por": "x",
        "de": "d",
        "como": "komo cmo",
        "viene": "vien biene vienen",
        "entra": "entrante",
        "ultimo": "ultimos",
        "quincena": "quinsena",
        "aprox": "aproximadamente aproximado aproximada masomenos",
    }
)

# One word that stands for several.
EXPANSIONS = {
    "pal": "para el",
    "palas": "para las",
    "alas": "a las",
    "ala": "a la",
    "delas": "de las",
    "dela": "de la",
    "enla": "en la",
    "finde": "fin de semana",
    "findes": "fin de semana",
    "weekend": "fin de semana",
    "pasadomanana": "pasado manana",
    "medianoche": "media noche",
}

# What may be counted before "s" without being an amount of things: "a las 4 gracias".
NOT_THINGS = (
    "gracias|antes|despues|entonces|lunes|martes|miercoles|jueves|viernes|mas|mes|menos|pues|tienes|puedes|las|los|"
    "quieres|es|estas|sabes|porfas|crees|vas|podemos|vamos|saludos|favor|veras"
)
