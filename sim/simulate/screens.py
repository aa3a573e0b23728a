"""What stands on every phone's screen: the provider's memory and the database's rows put together.

The board asks for all chats' bubbles and shows what changed. Nothing here reads or writes anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from runtime.domain.enums import InboxState, OutboxState, TurnState
from runtime.domain.whatsapp import InboundMessage, parse_inbound
from sim.simulate.bubbles import Attached, Bubble, Chip, Meta, Quoted, Screens, Ticks, Tone
from sim.simulate.labels import HELD, INBOX, KINDS, OUTBOX, REASONS, ROUTES, explain_error, explain_template
from sim.simulate.phones import key_of
from sim.simulate.rows import Heard, Rows, Said
from sim.simulate.speaking import Spoken
from sim.twilio.messages import SentRecord


def compose_screens(rows: Rows, spoken: Mapping[str, Spoken], sent: Sequence[SentRecord], since: datetime) -> Screens:
    """Put together what everybody sees.

    Args:
        rows: Of the database.
        spoken: What the page handed over, by sid.
        sent: What the emulator accepted.
        since: When this run began.
    """
    found: dict[tuple[str, str], list[Bubble]] = {}
    stored = {row.sid for row in rows.heard}
    accepted = {record.outbox_id for record in sent}
    for row in rows.heard:
        found.setdefault((row.their_key, row.our_key), []).append(_hear(row, spoken.get(row.sid), since))
    for each in spoken.values():
        if each.sid not in stored:
            _add(found, each.form["From"], each.form["To"], _hear_unstored(each))
    by_id = {row.id: row for row in rows.said}
    for record in sent:
        _add(found, record.to_address, record.from_address, _say(record, by_id.get(record.outbox_id or "")))
    for said in rows.said:
        if (said.held or said.id not in accepted) and _is_told(said):
            found.setdefault((said.their_key, said.our_key), []).append(_say_again(said, since))
    return Screens({chat: _finish(bubbles) for chat, bubbles in found.items()}, _find_typing(rows))


def _add(found: dict[tuple[str, str], list[Bubble]], their: str, our: str, bubble: Bubble) -> None:
    found.setdefault((key_of(their), key_of(our)), []).append(bubble)


def _finish(bubbles: list[Bubble]) -> list[Bubble]:
    """In order of time, and with the words of what they answer."""
    known = {bubble.sid: bubble for bubble in bubbles if bubble.sid}
    ordered = sorted(bubbles, key=lambda bubble: bubble.at)
    return [_quote(bubble, known.get(bubble.quoted.sid)) if bubble.quoted else bubble for bubble in ordered]


def _quote(bubble: Bubble, answered: Bubble | None) -> Bubble:
    if bubble.quoted is None or answered is None:
        return bubble
    quoted = Quoted(bubble.quoted.sid, answered.summary, answered.mine)
    return msgspec.structs.replace(bubble, quoted=quoted)


# -- what people write ---------------------------------------------------------------------------------------------


def _hear(row: Heard, spoken: Spoken | None, since: datetime) -> Bubble:
    message = parse_inbound(row.payload)
    at = spoken.at if spoken else row.received_at
    earlier = spoken is None and row.received_at < since
    status = 200 if spoken is None else spoken.status
    ticks, title = _tick_heard(row)
    meta = Meta(ticks, title, tuple(_list_heard_chips(row, status)), f"recibido/{row.id}")
    if not earlier:
        return _show_inbound(message, at, meta)
    kept = row.kept or {}
    files = (Attached(it.content_type, _kept_url(kept.get(str(place)))) for place, it in enumerate(message.media))
    return msgspec.structs.replace(_show_inbound(message, at, meta), files=tuple(files), earlier=True)


def _hear_unstored(spoken: Spoken) -> Bubble:
    message = parse_inbound(spoken.form)
    if spoken.status is None or spoken.status == 200:
        return _show_inbound(message, spoken.at, Meta(Ticks.WAITING, "entregándose al webhook"))
    said = "el webhook no contestó" if spoken.status == 0 else f"el webhook contestó {spoken.status}"
    chip = Chip("sin respuesta" if spoken.status == 0 else str(spoken.status), said, Tone.BAD)
    meta = Meta(Ticks.FAILED, said, (chip,), f"rechazado/{spoken.sid}")
    return _show_inbound(message, spoken.at, meta)


def _show_inbound(message: InboundMessage, at: datetime, meta: Meta) -> Bubble:
    files = tuple(Attached(it.content_type, _inbound_url(it.url)) for it in message.media)
    quoted = Quoted(message.replied_to_sid) if message.replied_to_sid else None
    return Bubble(
        id=message.sid,
        sid=message.sid,
        mine=True,
        text=message.text,
        at=at,
        meta=meta,
        kind=message.kind,
        files=files,
        place=message.location,
        quoted=quoted,
    )


def _inbound_url(url: str) -> str | None:
    """Where the page shows a file that the emulator keeps: the last parts of its address name it."""
    parts = url.rsplit("/", 3)
    return f"/archivos/recibido/{parts[1]}/{parts[3]}" if len(parts) == 4 and parts[2] == "Media" else None


def _kept_url(media_id: str | None) -> str | None:
    """Where the page shows a file that Parlo itself keeps."""
    return f"/archivos/guardado/{media_id}" if media_id else None


def _tick_heard(row: Heard) -> tuple[Ticks, str]:
    if row.state is InboxState.DEAD:
        return Ticks.FAILED, "nadie pudo atenderlo"
    if row.state is InboxState.ACCEPTED:
        return Ticks.TWO, "guardado; todavía sin atender"
    return Ticks.BLUE, INBOX[row.state]


def _list_heard_chips(row: Heard, status: int | None) -> Iterable[Chip]:
    if status not in (None, 200):
        yield Chip(str(status), f"el webhook contestó {status}", Tone.BAD)
    if row.state is InboxState.ACCEPTED:
        thinking = row.turn_state is TurnState.RUNNING
        yield Chip("pensando" if thinking else "en espera", "aún no termina su turno", Tone.BUSY)
    elif row.state is not InboxState.DONE:
        yield Chip(INBOX[row.state], "estado en la bandeja de entrada", Tone.BAD)
    if row.route:
        reason = REASONS.get(row.reason or "", row.reason or "")
        yield Chip(f"ruta {row.route}", f"{ROUTES.get(row.route, row.route)}: {reason}", Tone.GOOD)
    if row.started_at and row.finished_at:
        took_s = (row.finished_at - row.started_at).total_seconds()
        yield Chip(f"{took_s:.1f} s", "lo que tardó su turno")


# -- what we send --------------------------------------------------------------------------------------------------


def _say(record: SentRecord, row: Said | None) -> Bubble:
    files = tuple(Attached(it.content_type, f"/archivos/enviado/{it.sid}") for it in record.media)
    missing = Attached("application/octet-stream", None)
    ghost = None
    if record.failure is not None:
        ghost = f"No llegó al teléfono ({explain_error(record.failure)})"
    return Bubble(
        id=record.sid,
        sid=record.sid,
        mine=False,
        text=record.body,
        at=record.created_at,
        meta=_describe_sent(record, row),
        files=files or (missing,) * len(record.media_urls),
        buttons=record.buttons,
        ghost=ghost,
    )


def _describe_sent(record: SentRecord, row: Said | None) -> Meta:
    if row is None:
        return Meta(Ticks.ONE, "aceptado por el emulador")
    if record.failure is not None and row.provider_sid != record.sid:
        # refused for the window: the row tells of what was tried afterwards
        chips = (_name_kind(row), Chip(f"error {record.failure}", explain_error(record.failure), Tone.BAD))
        return Meta(Ticks.FAILED, OUTBOX[OutboxState.FAILED], chips, f"enviado/{row.id}")
    return _describe_said(row)


def _say_again(row: Said, since: datetime) -> Bubble:
    """A message that only the database knows: sent in an earlier run, or not sent yet."""
    ghost = None
    if row.held:
        ghost = "Aún no sale: se entrega cuando esta persona escriba"
    elif not _has_left(row):
        ghost = "Aún no sale: se intenta otra vez"
    elif row.state in (OutboxState.FAILED, OutboxState.UNDELIVERED):
        ghost = "No llegó al teléfono"
    return Bubble(
        id=row.provider_sid or row.id,
        sid=row.provider_sid,
        mine=False,
        text=row.body,
        at=row.submitted_at or row.created_at,
        meta=_describe_said(row),
        files=(Attached(row.media_type, _kept_url(row.media_id)),) if row.media_type else (),
        ghost=ghost,
        earlier=(row.submitted_at or row.created_at) < since,
    )


def _is_told(row: Said) -> bool:
    """Worth showing though the provider does not have it: it left, or something keeps it from leaving."""
    return _has_left(row) or row.held or row.attempts > (1 if row.state is OutboxState.SUBMITTING else 0)


def _has_left(row: Said) -> bool:
    return row.state not in (OutboxState.QUEUED, OutboxState.SUBMITTING)


def _describe_said(row: Said) -> Meta:
    ticks = {
        OutboxState.QUEUED: Ticks.WAITING,
        OutboxState.SUBMITTING: Ticks.WAITING,
        OutboxState.DELIVERED: Ticks.TWO,
        OutboxState.READ: Ticks.BLUE,
        OutboxState.FAILED: Ticks.FAILED,
        OutboxState.UNDELIVERED: Ticks.FAILED,
    }.get(row.state, Ticks.ONE)
    return Meta(ticks, HELD if row.held else OUTBOX[row.state], tuple(_list_said_chips(row)), f"enviado/{row.id}")


def _list_said_chips(row: Said) -> Iterable[Chip]:
    yield _name_kind(row)
    if row.as_template:
        yield Chip("plantilla", explain_template(row.template or ""), Tone.GOOD)
    if row.held:
        yield Chip(HELD, "WhatsApp sólo deja mandar plantillas hasta que esta persona escriba", Tone.BUSY)
    if row.attempts > 1:
        yield Chip(f"{row.attempts} intentos", "cuántas veces se intentó enviar", Tone.BUSY)
    if row.error_code is not None:
        yield Chip(f"error {row.error_code}", explain_error(row.error_code), Tone.BAD)


def _name_kind(row: Said) -> Chip:
    return Chip(KINDS[row.kind], f"bandeja de salida: {row.kind}")


def _find_typing(rows: Rows) -> frozenset[tuple[str, str]]:
    return frozenset((row.their_key, row.our_key) for row in rows.heard if row.state is InboxState.ACCEPTED)
