"""Lists that redaction draws from and tells words apart by: names of Mexico, words that are also names, streets.

Folded words are small and without accents.
"""

from __future__ import annotations

from runtime.domain.spanish.folding import fold


def _cut(words: str) -> list[str]:
    """The words of a list that is written like a text."""
    return words.split()


FEMALE = tuple(
    _cut("""
    Adriana Alejandra Alicia Ana Andrea Angélica Ariadna Beatriz Berenice Brenda Carmen Carolina Catalina Cecilia
    Claudia Cristina Daniela Diana Edith Elena Elisa Elizabeth Elvira Erika Estefanía Eugenia Evelyn Fabiola Fátima
    Fernanda Gabriela Georgina Graciela Guadalupe Hilda Ileana Irene Isabel Ivonne Jaqueline Jessica Jimena Josefina
    Juana Julia Karen Karina Karla Laura Leonor Leticia Liliana Lorena Lourdes Lucía Luisa Lupita Magdalena Marcela
    María Mariana Maribel Marisol Marta Martha Mayra Melissa Miriam Mónica Nadia Nancy Natalia Norma Ofelia Olga
    Paola Patricia Paty Paulina Rebeca Regina Renata Rocío Rosario Sandra Sara Silvia Sofía Susana Tania Teresa
    Valentina Valeria Vanessa Verónica Viridiana Ximena Yadira Yolanda Zoila
    """)
)
MALE = tuple(
    _cut("""
    Adolfo Adrián Agustín Alberto Alejandro Alfonso Alfredo Andrés Antonio Armando Arturo Benito Bernardo Beto
    Carlos César Cristian Daniel David Diego Eduardo Efraín Enrique Ernesto Esteban Fausto Federico Felipe Fernando
    Fidel Francisco Gabriel Gerardo Gilberto Gonzalo Guillermo Gustavo Héctor Hugo Ignacio Iván Jaime Javier Joaquín
    Jorge José Juan Leonardo Leopoldo Lorenzo Luis Manuel Mario Martín Mauricio Memo Miguel Nicolás Octavio Omar
    Óscar Pablo Pedro Rafael Ramiro Ramón Raúl Ricardo Roberto Rodolfo Rodrigo Rogelio Rubén Samuel Saúl Sebastián
    Sergio Tomás Ulises Vicente Víctor
    """)
)
SURNAMES = tuple(
    _cut("""
    Acosta Aguilar Alcántara Alvarado Álvarez Arellano Arriaga Ávila Ayala Barrera Bautista Becerra Benítez
    Bustamante Cabrera Calderón Camacho Cárdenas Carrillo Castañeda Cervantes Cisneros Contreras Coronado Cuevas
    Dávila Domínguez Escobar Espinoza Estrada Fernández Figueroa Fuentes Gallegos Galván García Garza Gómez González
    Gutiérrez Guzmán Hernández Herrera Hinojosa Huerta Ibarra Islas Jiménez Juárez Lara López Lozano Macías
    Maldonado Márquez Martínez Mejía Méndez Mendoza Mercado Miranda Molina Montes Montoya Munguía Muñoz Nava Navarro
    Nájera Núñez Ochoa Ordóñez Orozco Ortega Ortiz Padilla Palacios Pérez Pineda Ponce Quintero Quiroz Ramírez
    Rangel Rincón Rivas Rivera Rodríguez Romero Rosas Ruiz Salazar Saldaña Salgado Salinas Sánchez Sandoval
    Sepúlveda Serrano Silva Solís Soto Suárez Tapia Téllez Torres Trejo Treviño Urrutia Valdez Valencia Vargas
    Vázquez Velasco Velázquez Villanueva Villarreal Villaseñor Zamora Zárate Zavala Zúñiga
    """)
)
STREETS = tuple(
    _cut("""
    Acueducto Ahuehuetes Alcatraces Almendros Bugambilias Cafetales Caoba Capulines Cedros Colibríes Encinos
    Eucaliptos Framboyanes Fresnos Gardenias Geranios Girasoles Golondrinas Granados Huizaches Jacarandas Laureles
    Limoneros Magnolias Mezquites Nogales Nopaleras Ocotes Olmos Orquídeas Pirules Sabinos Sauces Tabachines
    Tamarindos Tepozanes Tulipanes Yucas
    """)
)

COMMON = frozenset(
    _cut("""
    abril agosto alba alma amada amor ana angel aura aurora azul barba bella bello blanca blanco bravo brisa cabello
    calvo campo campos cano cantu caridad castano celeste cielo clara concepcion consuelo cortes cruz delgado diosa
    dolores domingo dulce enero esmeralda esperanza estrella eva febrero feliz flor flores fuentes gloria gracia
    guerra guerrero guia iglesias iris jardin jazmin julio junio leal leon lima linda lirio lola lugo luna luz mano
    mar marin margarita martes maria marzo mata maya mayo mercado mercedes mesa mia milagros miranda molina montes
    mora moreno nava negra negrete nieves nogales novia olivo oro pacifico palma paloma paredes parra pastor paz
    pena perla piedra pilar pino plata plaza ponce prado prieto princesa puente quintero ramos real reina remedios
    rey reyes rico rincon rios rivera roble robles rocio rojas rojo rosa rosales rosario rosas rubi rubio salas
    salud salvador santos sierra silva socorro sol soledad torres trinidad valle vara vega vera verde victoria villa
    violeta viva zafiro zapata
    """)
) - {"ana", "maria"}
"""Folded names that are words too: written small they stay."""

TALK = frozenset(
    _cut("""
    a ah al amiga amigo ay bonita buen buena buenas bueno buenos bye chao cita clienta cliente como con cuando
    cuanto de del dia dias donde dona don el ella en es esta gracias hay hola la las listo lo los mama mami mi mis
    muchas muy no noches ok oye papa para perdon pero por porfa porque que quien quiero salon se senora senor si soy
    tardes te tu un una unas va y ya yo
    """)
)
"""Folded words that somebody's profile may be called and that every chat is full of: never a name by themselves."""

PARTICLES = frozenset(
    _cut("""
    de del la las los y e da do van von mc don dona sr sra srta dr dra lic ing san santa
    """)
)
"""Folded words inside names that say nothing."""

GENERIC = frozenset(
    _cut("""
    av ave avenida blvd boulevard c calle calz calzada carretera cda centro circuito col colonia consultorio
    consultorios cp edificio esq esquina estetica barberia barber shop fracc fraccionamiento hair int interior letra
    local lote mz manzana clinica nails no norte num numero oriente peluqueria piso plaza poniente priv privada prol
    prolongacion salon sn spa studio estudio sur zona belleza negocio unisex s
    """)
)
"""Folded words of businesses' names and addresses that say nothing."""

GIVEN = {fold(name): "f" for name in FEMALE} | {fold(name): "m" for name in MALE}
GIVEN |= dict.fromkeys(
    _cut("""
    abril alma aurora blanca clara dulce esperanza flor luz margarita paz perla rosa
    """),
    "f",
)
GIVEN |= dict.fromkeys(
    _cut("""
    consuelo dolores mercedes pilar soledad socorro estrella victoria violeta linda
    """),
    "f",
)
GIVEN |= dict.fromkeys(
    _cut("""
    anita rosita lety betty chelo lola concha conchita lulu caro dani vale vicky sofi mari
    """),
    "f",
)
GIVEN |= dict.fromkeys(
    _cut("""
    julio angel salvador domingo leon pepe paco nacho chucho lalo quique beto rafa
    """),
    "m",
)
"""Folded given names, and whose they are."""

FAMILY = frozenset(fold(name) for name in SURNAMES)
