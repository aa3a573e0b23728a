"""A small pretend salon for conversations with the offline model: a prompt, tools that answer, a customer.

The tests of the offline model drive it through the OpenAI SDK and `OfflineTransport`. Its tools keep
their promises of form (results, refusals) but have no store: a list of taken times is all there is.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import httpx2
import msgspec
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

from runtime.agent.prompts import load_prompt
from runtime.domain.schedule_hours import TimeRange, WeekHours
from runtime.domain.spanish.dates import resolve
from runtime.domain.spanish.formats import format_date, format_hours, format_when
from runtime.domain.spanish.reply_checks import find_format_problems, looks_spanish
from runtime.domain.spanish.resolution import ResolutionKind
from sim.offline_model import MODEL_NAME, OfflineTransport

NOW = datetime(2026, 1, 12, 10, 0, tzinfo=ZoneInfo("America/Mexico_City"))
_DAY = (TimeRange.of("09:00", "19:00"),)
HOURS = WeekHours((_DAY, _DAY, _DAY, _DAY, _DAY, (TimeRange.of("09:00", "16:00"),), ()))
SERVICES = {
    "Corte de dama": ("45 min", "$250", ("Lupita", "Karla")),
    "Corte de caballero": ("30 min", "$150", ("Lupita", "Karla")),
    "Tinte completo": ("2 h", "$850", ("Lupita",)),
    "Peinado": ("1 h", "$350", ("Lupita", "Karla")),
    "Manicure": ("45 min", "$180", ("Karla",)),
    "Gelish": ("1 h", "$280", ("Karla",)),
    "Depilación de ceja": ("20 min", "$90", ("Karla",)),
}
WEEKDAYS = ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo")
NICKNAMES = {0: " = hoy", 1: " = mañana", 2: " = pasado mañana"}

RULES = load_prompt("customer@1").text.partition("\n")[2].partition("\n## ")[0]
"""How production's prompt tells the assistant to behave."""

Arguments = dict[str, str | None]
Services = dict[str, tuple[str, str, tuple[str, ...]]]


class Visit(msgspec.Struct, frozen=True):
    """An upcoming appointment of the customer."""

    id: str
    service: str
    when: str
    staff: str = "Lupita"


CORTE = Visit("0192-1", "Corte de dama", "viernes 16 de enero, 3:00 PM")
GELISH = Visit("0192-2", "Gelish", "sábado 17 de enero, 11:00 AM", "Karla")


class Reply(msgspec.Struct, frozen=True):
    """One turn's outcome: what was said, and which tools were called with what."""

    text: str
    tools: tuple[tuple[str, Arguments], ...]

    @property
    def names(self) -> list[str]:
        """The tools, in order."""
        return [name for name, _ in self.tools]

    def arguments(self, tool: str) -> Arguments:
        """The arguments of the one call of a tool."""
        return next(arguments for name, arguments in self.tools if name == tool)


class Salon:
    """A conversation with one customer."""

    def __init__(  # noqa: PLR0913 - how a conversation may begin
        self,
        *,
        customer: str = "",
        visits: tuple[Visit, ...] = (),
        taken: tuple[str, ...] = (),
        flow: str = "ninguno",
        relay: str = "ninguno",
        services: Services | None = None,
        rules: str = RULES,
    ) -> None:
        self.rules = rules
        self.services = services or SERVICES
        self.customer = customer
        self.visits = list(visits)
        self.taken = set(taken)
        self.flow = flow
        self.relay = relay
        self.history: list[ChatCompletionMessageParam] = []
        self._client = AsyncOpenAI(
            api_key="sin-llave",
            base_url="http://offline/v1",
            max_retries=0,
            http_client=httpx2.AsyncClient(transport=OfflineTransport()),
        )

    async def say(self, *bubbles: str) -> Reply:
        """Send a burst and carry the turn through to its text."""
        asked: ChatCompletionMessageParam = {"role": "user", "content": "\n".join(bubbles)}
        system: ChatCompletionMessageParam = {"role": "system", "content": self.prompt()}
        turn: list[ChatCompletionMessageParam] = [asked]
        called: list[tuple[str, Arguments]] = []
        for _ in range(6):
            completion = await self._client.chat.completions.create(
                model=MODEL_NAME,
                messages=[system, *self.history, *turn],
                tools=TOOLS,
            )
            message = completion.choices[0].message
            if not message.tool_calls:
                text = message.content or ""
                answer: ChatCompletionMessageParam = {"role": "assistant", "content": text}
                self.history = [*self.history, asked, answer][-20:]
                return Reply(text, tuple(called))
            calls = [call for call in message.tool_calls if call.type == "function"]
            turn.append(
                {
                    "role": "assistant",
                    "content": message.content,
                    "tool_calls": [
                        {
                            "id": call.id,
                            "type": "function",
                            "function": {"name": call.function.name, "arguments": call.function.arguments},
                        }
                        for call in calls
                    ],
                }
            )
            for call in calls:
                arguments = msgspec.json.decode(call.function.arguments, type=Arguments)
                called.append((call.function.name, arguments))
                if call.function.name == "handoff_to_human":
                    return Reply("", tuple(called))
                content = msgspec.json.encode(self.run(call.function.name, arguments)).decode()
                turn.append({"role": "tool", "tool_call_id": call.id, "content": content})
        raise AssertionError("the model found no answer in six rounds")

    async def talk(self, *messages: str) -> Reply:
        """Send messages one after the other; the answer to the last."""
        reply = Reply("", ())
        for message in messages:
            reply = await self.say(message)
        return reply

    def run(self, tool: str, arguments: Arguments) -> object:
        """Answer a tool call."""
        if tool == "update_customer_info":
            self.customer = arguments["name"] or ""
            return {"status": "updated", "name": self.customer}
        if tool == "get_my_appointments":
            return {"appointments": [_describe(visit) for visit in self.visits]}
        if tool == "cancel_appointment":
            visit = self._take(arguments["appointment_id"] or "")
            return {"status": "cancelled", "service": visit.service, "when": visit.when, "staff": visit.staff}
        if tool == "check_availability":
            return self._check(arguments)
        if tool == "book_appointment":
            return self._book(arguments)
        return self._move(arguments)

    def _check(self, asked: Arguments) -> object:
        service, when = asked["service"] or "", asked["when"]
        minutes, price, staff = self.services[service]
        about = {"service": service, "minutes": int(minutes.split()[0]), "price": price}
        if not when:
            return {"status": "available", **about, "slots": self._nearest(NOW, asked["staff"] or staff[0])}
        found = resolve(when, now_local=NOW, hours=HOURS)
        if found.starts_at is None or found.kind is ResolutionKind.AMBIGUOUS:
            return _refuse("ask_date", "No me quedó claro el día.", found.question or "¿Para qué día y a qué hora?")
        who = asked["staff"] or staff[0]
        if who not in staff:
            return _refuse("staff_does_not_do_service", f"{who} no hace {service}. Te puede atender {staff[0]}.", None)
        label = format_when(found.starts_at, NOW)
        if not _is_open(found.starts_at):
            day = format_date(found.starts_at.date(), NOW.date())
            slots = self._nearest(found.starts_at, who)
            return {"status": "unavailable", **about, "reason": f"El {day} está cerrado.", "slots": slots}
        if found.kind is ResolutionKind.WINDOW:
            return {"status": "available", **about, "slots": self._nearest(found.starts_at, who)}
        if label in self.taken:
            slots = self._nearest(found.starts_at, who)
            return {
                "status": "unavailable",
                **about,
                "asked": label,
                "reason": f"{label} ya está ocupado.",
                "slots": slots,
            }
        return {"status": "available", **about, "asked": label, "slots": [{"when": label, "staff": who}]}

    def _book(self, asked: Arguments) -> object:
        service, label = asked["service"] or "", self._label(asked["when"])
        staff = asked["staff"] or self.services[service][2][0]
        if label in self.taken:
            return {
                "error": {
                    "code": "slot_taken",
                    "message": f"{label} ya está ocupado.",
                    "question": "¿Te queda alguno de estos horarios?",
                    "slots": self._nearest(NOW, staff),
                }
            }
        self.customer = asked["customer_name"] or self.customer
        self.visits.append(Visit(f"0192-{len(self.visits) + 7}", service, label, staff))
        return {
            "status": "booked",
            "appointment_id": self.visits[-1].id,
            "service": service,
            "when": label,
            "staff": staff,
            "price": self.services[service][1],
            "minutes": 45,
        }

    def _move(self, asked: Arguments) -> object:
        found = resolve(asked["when"] or "", now_local=NOW, hours=HOURS)
        if found.starts_at is None or found.kind is not ResolutionKind.INSTANT:
            return _refuse("ask_date", "Falta la hora.", "¿A qué hora te gustaría?")
        label = format_when(found.starts_at, NOW)
        if label in self.taken:
            return {
                "error": {
                    "code": "slot_taken",
                    "message": f"{label} ya está ocupado.",
                    "question": "¿Te queda alguno de estos horarios?",
                    "slots": self._nearest(found.starts_at, "Lupita"),
                }
            }
        old = self._take(asked["appointment_id"] or "")
        self.visits.append(Visit(old.id, old.service, label, asked["staff"] or old.staff))
        return {
            "status": "rescheduled",
            "service": old.service,
            "before": old.when,
            "when": label,
            "staff": self.visits[-1].staff,
        }

    def _take(self, wanted: str) -> Visit:
        visit = next(visit for visit in self.visits if visit.id == wanted)
        self.visits.remove(visit)
        return visit

    def _label(self, when: str | None) -> str:
        found = resolve(when or "", now_local=NOW, hours=HOURS)
        assert found.kind is ResolutionKind.INSTANT and found.starts_at is not None
        return format_when(found.starts_at, NOW)

    def _nearest(self, start: datetime, staff: str) -> list[dict[str, str]]:
        moments = (start + timedelta(minutes=30 * step) for step in range(1, 400))
        free = [m for m in moments if _is_open(m) and format_when(m, NOW) not in self.taken]
        return [{"when": format_when(moment, NOW), "staff": staff} for moment in free[:3]]

    def prompt(self) -> str:
        """The system message of the customer agent."""
        services = [
            f"- {name} | {t} | {price} | con {', '.join(who)}" for name, (t, price, who) in self.services.items()
        ]
        dates = [
            f"{format_date((NOW + timedelta(days=n)).date(), NOW.date())}{NICKNAMES.get(n, '')}" for n in range(21)
        ]
        hours = [f"{day}: {format_hours(HOURS.days[n])}" for n, day in enumerate(WEEKDAYS)]
        visits = [f"- id {v.id} | {v.service} | {v.when} | con {v.staff}" for v in self.visits]
        return "\n".join(
            (
                "# Recepcionista de Estética Lupita",
                self.rules,
                "## Negocio",
                "Nombre: Estética Lupita",
                "Dirección: Av. Juárez 123, Centro, Puebla",
                "Zona horaria: America/Mexico_City",
                "## Ahora",
                "lunes 12 de enero de 2026, 10:00 AM",
                "## Horario",
                *hours,
                "## Servicios",
                *services,
                "## Equipo",
                *(f"- {name}" for name in dict.fromkeys(name for _, _, who in self.services.values() for name in who)),
                "## Fechas",
                *dates,
                "## Cliente",
                f"Nombre: {self.customer or 'desconocido'}",
                f"Visitas: {2 if self.customer else 0}",
                "## Citas próximas del cliente",
                *(visits or ["ninguna"]),
                "## Flujo pendiente",
                self.flow,
                "## Relevo con una persona",
                self.relay,
            )
        )


def _is_open(moment: datetime) -> bool:
    minute = moment.hour * 60 + moment.minute
    return any(each.contains(minute) for each in HOURS.days[moment.weekday()])


def _describe(visit: Visit) -> dict[str, str]:
    return {"appointment_id": visit.id, "service": visit.service, "when": visit.when, "staff": visit.staff}


def _refuse(code: str, message: str, question: str | None) -> object:
    return {"error": {"code": code, "message": message, "question": question, "slots": []}}


def _tool(name: str, *properties: str) -> ChatCompletionToolParam:
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": name,
            "parameters": {"type": "object", "properties": {key: {"type": "string"} for key in properties}},
        },
    }


TOOLS: list[ChatCompletionToolParam] = [
    _tool("check_availability", "service", "when", "staff"),
    _tool("book_appointment", "service", "when", "staff", "customer_name"),
    _tool("get_my_appointments"),
    _tool("cancel_appointment", "appointment_id", "reason"),
    _tool("reschedule_appointment", "appointment_id", "when", "staff"),
    _tool("update_customer_info", "name"),
    _tool("handoff_to_human", "reason"),
]


class Line(msgspec.Struct, frozen=True):
    """One message of a scripted conversation, and what must come of it.

    Attributes:
        says: The customer's message; a line break separates bubbles.
        tools: The tools called, in order; None leaves them open.
        sends: Arguments that the last call must have had.
        contains: Words the answer must hold.
        lacks: Words it must not hold.
    """

    says: str
    tools: tuple[str, ...] | None = None
    sends: Arguments = {}
    contains: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()


async def perform(salon: Salon, lines: tuple[Line, ...]) -> None:
    """Hold a scripted conversation; every answer must also be Spanish and in our formats."""
    for line in lines:
        reply = await salon.say(*line.says.split("\n"))
        said = f"{line.says!r} -> {reply.names} {reply.text!r}"
        if line.tools is not None:
            assert reply.names == list(line.tools), said
        for key, value in line.sends.items():
            assert reply.tools[-1][1].get(key) == value, f"{said} {reply.tools[-1]}"
        for words in line.contains:
            assert words.lower() in reply.text.lower(), f"{words!r} is missing: {said}"
        for words in line.lacks:
            assert words.lower() not in reply.text.lower(), f"{words!r} should not be there: {said}"
        assert find_format_problems(reply.text) == [], said
        assert looks_spanish(reply.text), said
        assert reply.text.count("?") <= 1, f"more than one question: {said}"
