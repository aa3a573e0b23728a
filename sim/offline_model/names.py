"""Finding people's names: the customer's own, somebody the appointment is for, and members of staff.

Used by `understand`. A bare word counts as a name only where a name was asked for, or where it is a
common first name.
"""

from __future__ import annotations

import re

from sim.offline_model.services import is_service_word
from sim.offline_model.text import fold, is_alike, split_table, split_words

_FIRST_NAMES = split_table(
    """abel abigail abril adela adolfo adrian adriana agustin aida alan alberto alejandra alejandro alexis alexa
    alfonso alfredo alicia alma alonso alondra amalia amanda amelia ana anabel andrea andres angel angela angelica
    anibal antonio araceli ariadna ariel arturo aurora axel barbara beatriz belen benito benjamin bernardo berta
    betty blanca brandon brayan brenda bruno camila carla carlos carmen carolina catalina cecilia cesar chayo
    claudia claudio concepcion consuelo cristian cristina cristobal cynthia dafne dalia damian daniel daniela
    dario david debora delia denisse diana diego dolores dulce edgar edith eduardo efrain elba elena elias elisa
    elizabeth eloisa elsa elvira emilia emiliano emilio emma enrique erasmo eric erick erika ernesto esmeralda
    esperanza esteban estela esther eugenia eva evelyn fabian fabiola fatima federico felipe fernanda fernando
    fidel flor francisco francisca frida gabriel gabriela genaro gerardo german gilberto gisela gloria gonzalo
    graciela gregorio guadalupe guillermo gustavo hector hilda hortensia hugo humberto ignacio ilse imelda ines
    iris irma isaac isabel isela ismael itzel ivan ivonne jacqueline jaime janet javier jazmin jessica jesus jimena
    joaquin joel jonathan jorge jose josefa josefina juan juana julia julian juliana julieta julio karen karina
    karla kevin kimberly lalo laura leonardo leonor leopoldo leticia lety lidia liliana lilia lizbeth lizeth lola
    lorena lorenzo lucero lucia luis luisa lupe lupita luz magdalena manuel manuela marcela marco marcos margarita
    maria mariana maribel maricela mario marisol marta martha martin mateo matias mauricio mayra melissa mercedes
    miguel miriam moises monica montserrat nadia nancy natalia nayeli nicolas noe noemi nora norma octavio ofelia
    olga oliver olivia omar oscar pablo paco paola patricia paty paulina pedro pepe perla pilar priscila rafael
    ramiro ramon raquel raul rebeca regina renata rene ricardo roberto rocio rodolfo rodrigo rogelio roman rosa
    rosalba rosario roxana ruben ruth salvador samantha samuel sandra santiago sara saul sebastian selena sergio
    silvia simon sofia sonia susana tania teresa tere tomas ulises valentina valeria vanessa veronica vicente
    victor victoria violeta virginia viviana wendy ximena yadira yahir yesenia yolanda zaira zoe john mary michael
    pedrito jorgito joselito manolo memo nacho beto chuy lulu caro fer dani ale"""
)
_SELF = re.compile(
    r"\b(?:(?:yo )?(?:me llamo|m[3e] llamo)|(?:mi nombre es|mi nombre)|(?:habla|le habla|te habla|te escribe|"
    r"le escribe)"
    r"|(?:yo )?soy|a nombre de|al nombre de|my name is|this is|i am|im)\s+(?P<name>[^\n,.;!?¿¡()]+)"
)
_FOR = re.compile(
    r"\b(?:es |seria |la cita es |cita )?(?:para|pa) (?P<whom>(?:mi|el|la|una?|mis) (?P<kin>[a-z]+)"
    r"(?: (?P<name>[a-z]{3,}(?: [a-z]{3,})?))?|(?P<bare>[a-z]{3,}(?: [a-z]{3,})?))"
)
_KIN = split_table(
    """tia tio mama papa madre padre hijo hija hijos esposo esposa marido mujer novio novia hermano hermana abuela
    abuelo abuelita abuelito abue primo prima suegra suegro amiga amigo sobrina sobrino nieta nieto cunada cunado
    nino nina bebe vecina jefa comadre compadre pareja ahijada hermanita hermanito hijito hijita mami papi"""
)
_ARTICLES = {
    "hijo": "tu hijo", "hija": "tu hija", "nino": "el niño", "nina": "la niña", "tia": "tu tía", "tio": "tu tío",
    "mama": "tu mamá", "papa": "tu papá", "mami": "tu mamá", "papi": "tu papá", "cunada": "tu cuñada",
    "cunado": "tu cuñado", "bebe": "tu bebé",
}  # fmt: skip
_NOT_NAMES = split_table(
    """a al algo alguien agendar amigo aqui asi bien bueno buenas buenos cita cliente clienta como con corte cual
    cuando cuanto de del dia dias el ella ellos en es esa ese eso esta este esto estoy favor gracias gratis hacer
    hay hola hora hombre hoy la las le lo los manana mas me mejor mi mia mio mujer muy nada nadie necesito ninguna
    ninguno no nueva nuevo o ok otra otro para pero perfecto persona personas por porque precio que quien quiero
    quisiera robot saber se senor senora senorita ser servicio si sin solo soy su tal tambien tarde te tengo ti tu
    un una uno va vale vez y ya yo listo correcto claro sale orale sip sep nel nop jaja jeje ajam aja dale
    alergica alergico puntual foranea foraneo dueno duena encargado encargada administrador admin mayor menor
    reservar agenda agende agendame apartar cancelar cambiar mover consultar eliminar modificar asignar siguiente
    regresar volver salir exit atras documento cedula identificacion medica medico medicina general odontologica
    odontologia psicologo lunes martes miercoles jueves viernes sabado domingo enero febrero marzo abril mayo junio
    julio agosto septiembre octubre noviembre diciembre noche dos tres cuatro cinco mitad primera segunda tercera
    ultima opcion horario informacion info ubicacion direccion promociones promocion domicilio pagar saludos adios
    nos vemos luego espectador jugador fan vegana pelona calvo gorda feliz triste aburrido preocupado mal regular
    hallo hello hi hey yes please want would like need the an appointment book haircut checking not sure here
    igual vecino vecina viene vengo voy ti ver cualquiera quien mande dime ayuda help menu terminar fin the this
    am are that what when about looking going trying interested calling just available
    free ready sorry sir okay thanks thank"""
)
_STOPPERS = split_table(
    """y e quiero quisiera necesito para por con de tengo me te le lo la que busco vengo pero a al en mi soy
    gracias ya hola agendar cita mucho gusto and i want would here tambien ando"""
)
_TITLES = split_table("dr dra doctor doctora sr sra senor senora srita don dona lic mtra mtro de la del los")
_PARTICLES = frozenset(("de", "la", "del", "los", "las", "y"))


def find_name(text: str) -> str:
    """The name a customer says is theirs (`soy Ana`, `a nombre de Luis Pérez`), as they wrote it."""
    folded = fold(text)
    for match in _SELF.finditer(folded):
        words: list[str] = []
        said = split_words(match.group("name"))
        for n, word in enumerate(said):
            inside = bool(words) and (words[-1] in _PARTICLES or _joins(text, said[n : n + 3]))
            if word in _STOPPERS and not (inside and word in _PARTICLES):
                break
            words.append(word)
        while words and words[-1] in _PARTICLES:
            words.pop()
        is_weak = re.match(r"(?:yo )?soy|this is|i am|im\b|(?:t?l?e )?(?:habla|escribe)", match.group()) is not None
        if _is_name(words) and (not is_weak or words[0] in _FIRST_NAMES or _is_capital(text, words[0])):
            return write_name(text, words[:4])
        if _is_name(words) and match.group().startswith(("soy", "yo soy")) and len(words) <= 2 and len(words[0]) >= 3:
            return write_name(text, words)
    return ""


def find_bare_name(text: str) -> str:
    """A name given as an answer (`hugo`, `Carlos Rodríguez`, `a Laura`): at most four words, all plain."""
    said = find_name(text)
    if said:
        return said
    words = [word for word in split_words(fold(text)) if word not in ("es", "a", "nombre", "mi", "el", "mio")]
    plain = re.fullmatch(r"[^\d?¿@#$%]*", text.strip()) is not None
    return write_name(text, words) if plain and len(words) <= 4 and _is_name(words) else ""


def find_first_name(text: str) -> str:
    """A message that is nothing but one common first name, perhaps with a surname."""
    words = list(split_words(fold(text)))
    return write_name(text, words) if 0 < len(words) <= 3 and words[0] in _FIRST_NAMES and _is_name(words) else ""


def is_first_name(word: str) -> bool:
    """Whether a folded word is a common first name."""
    return word in _FIRST_NAMES


def find_other_person(text: str) -> tuple[str, str]:
    """Whom the appointment is for, if somebody else: (how to say it, their name or nothing)."""
    for match in _FOR.finditer(fold(text)):
        kin = match.group("kin")
        if kin in _KIN:
            name = [word for word in (match.group("name") or "").split() if word not in _NOT_NAMES | _STOPPERS]
            known = [word for word in name if word in _FIRST_NAMES or _is_capital(text, word)]
            return _ARTICLES.get(kin, f"tu {kin}"), write_name(text, known)
        bare = (match.group("bare") or "").split()
        is_name = bool(bare) and bare[0] not in _NOT_NAMES | _STOPPERS and not is_service_word(bare[0])
        if is_name and (bare[0] in _FIRST_NAMES or _is_capital(text, bare[0])):
            name = [word for word in bare if word not in _NOT_NAMES | _STOPPERS]
            return write_name(text, name), write_name(text, name)
    return "", ""


def find_staff(text: str, staff: tuple[str, ...]) -> str:
    """The member of staff named in a message, as the prompt writes the name."""
    words = split_words(fold(text))
    for name in staff:
        called = [part for part in split_words(fold(name)) if part not in _TITLES and len(part) > 2]
        if any(
            is_alike(word, part) and (word == part or word not in _FIRST_NAMES) for word in words for part in called
        ):
            return name
    return ""


def find_stranger(text: str) -> str:
    """A first name after `con` (`con Brandon`): somebody asked for who may not work here."""
    match = re.search(r"\bcon (?:la |el )?([a-z]{3,})\b", fold(text))
    if match is None:
        return ""
    word = match.group(1)
    if word in _NOT_NAMES or not (word in _FIRST_NAMES or (_is_capital(text, word) and not text.isupper())):
        return ""
    return write_name(text, [word])


def write_name(text: str, words: list[str]) -> str:
    """Folded words as the customer spelled them, each with a capital."""
    spelled = {fold(word): word for word in re.findall(r"[^\W\d_]+", text)}
    shown = [spelled.get(word, word) for word in words]
    return " ".join(word if word in _PARTICLES else word[:1].upper() + word[1:].lower() for word in shown)[:60]


def _joins(text: str, words: tuple[str, ...]) -> bool:
    """Whether words begin the second half of a surname, like `de la Torre` or `del Río`."""
    if words[:2] in (("de", "la"), ("de", "los"), ("de", "las")) and len(words) > 2:
        return _is_capital(text, words[2])
    return words[:1] == ("del",) and len(words) > 1 and _is_capital(text, words[1])


def _is_name(words: list[str]) -> bool:
    if not words or len(words) > 5 or not all(re.fullmatch(r"[a-z]{2,20}", word) for word in words):
        return False
    if words[0] in _PARTICLES or (
        re.search(r"[aei]r(?:l[aoe]s?|me|te|se)?$", words[0]) and words[0] not in _FIRST_NAMES
    ):
        return False
    return all(word not in _NOT_NAMES or word in _PARTICLES for word in words)


def _is_capital(text: str, folded_word: str) -> bool:
    return any(fold(word) == folded_word and word[:1].isupper() for word in re.findall(r"[^\W\d_]+", text))
