"""Scores the `end` line: appointments, handoffs, tasks, customers and inbox rows as they must be at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from evals.expected import read_ends
from evals.matching import agrees, list_fields, pair_rows
from evals.reading import Reading
from evals.verdicts import Verdict
from sim.transcripts.structs import EndAppointment, EndCustomer, EndHandoff

Row = Mapping[str, object]


def score_final_rows(reading: Reading) -> Iterator[Verdict]:
    """One verdict for each table the `end` line names."""
    for end in read_ends(reading.record):
        if end.appointments is not None:
            yield _score_appointments(reading, _to_rows(end.appointments))
        if end.handoffs is not None:
            yield _score_handoffs(reading, _to_rows(end.handoffs))
        if end.tasks is not None:
            yield _score_tasks(reading, end.tasks)
        if end.customers is not None:
            yield _score_customers(reading, end.customers)
        if end.inbox is not None:
            yield _score_inbox(reading, {str(state): n for state, n in end.inbox.items()})


def _to_rows(wanted: Sequence[EndAppointment | EndHandoff]) -> list[Row]:
    """The fields that are asked about; a confirmed appointment is asked for where no status is given."""
    rows: list[Row] = []
    for struct in wanted:
        fields: dict[str, object] = {f: getattr(struct, f) for f in struct.__struct_fields__}
        rows.append({key: str(value) for key, value in fields.items() if value is not None})
    return rows


def _score_handoffs(reading: Reading, wanted: Sequence[Row]) -> Verdict:
    """Handoffs stand in the order they were asked for."""
    found = [_name_people(reading, msgspec.to_builtins(h)) for h in reading.record.final.handoffs]
    expected = [_name_people(reading, w) for w in wanted]
    if len(found) == len(expected) and all(agrees(w, f) for w, f in zip(expected, found, strict=True)):
        return _verdict("final/handoffs", [], [], len(wanted))
    missing, surplus = pair_rows(expected, found)
    if missing or surplus:
        return _verdict("final/handoffs", missing, surplus, len(wanted))
    order = "; ".join(list_fields(row) for row in found)
    return Verdict("final/handoffs", False, f"in another order: {order}")


def _score_appointments(reading: Reading, wanted: Sequence[Row]) -> Verdict:
    """Rows of people who are not in the transcript (the world's own) may stand there unasked."""
    rows = [msgspec.to_builtins(a) for a in reading.record.final.appointments]
    found = [_tidy(reading, row) for row in rows]
    missing, surplus = pair_rows([_tidy(reading, w) for w in wanted], found)
    known = set(reading.record.people) | {reading.name_of(key) for key in reading.record.people}
    surplus = [row for row in surplus if row.get("customer") in known]
    return _verdict("final/appointments", missing, surplus, len(wanted))


def _tidy(reading: Reading, row: Row) -> Row:
    """Times to the minute; a person of the transcript by name, however they were named."""
    tidy = dict(_name_people(reading, row))
    if isinstance(tidy.get("starts_at"), str):
        tidy["starts_at"] = str(tidy["starts_at"])[:16]
    return tidy


def _name_people(reading: Reading, row: Row) -> Row:
    fields = ("customer", "human", "staff", "person")
    return {k: reading.name_of(v) if k in fields and isinstance(v, str) else v for k, v in row.items()}


def _score_tasks(reading: Reading, wanted: int | Sequence[str]) -> Verdict:
    kinds = [task.kind for task in reading.record.final.tasks]
    listed = ", ".join(sorted(kinds)) or "none"
    good = len(kinds) == wanted if isinstance(wanted, int) else Counter(kinds) == Counter(wanted)
    expected = wanted if isinstance(wanted, int) else ", ".join(sorted(wanted)) or "none"
    return Verdict("final/tasks", good, f"tasks: {listed}" + ("" if good else f"; expected {expected}"))


def _score_customers(reading: Reading, wanted: Sequence[EndCustomer]) -> Verdict:
    """Everyone named must be there; others may be too. A null name asks for a customer without one."""
    found = [{"person": c.person, "name": c.name} for c in reading.record.final.customers]
    missing, _ = pair_rows([{"person": w.person, "name": w.name or ""} for w in wanted], found)
    if not missing:
        return Verdict("final/customers", True, f"{len(wanted)} customers as expected")
    there = "; ".join(list_fields(row) for row in found) or "nobody"
    return Verdict("final/customers", False, f"missing: {list_fields(missing[0])}; there: {there}")


def _score_inbox(reading: Reading, wanted: dict[str, int]) -> Verdict:
    found = reading.record.final.inbox
    wrong = {state: n for state, n in wanted.items() if found.get(state, 0) != n}
    if not wrong:
        return Verdict("final/inbox", True, "inbox: " + list_fields(dict(found)))
    return Verdict("final/inbox", False, f"inbox: {list_fields(dict(found))}; expected {list_fields(dict(wrong))}")


def _verdict(scorer: str, missing: Sequence[Row], surplus: Sequence[Row], wanted: int) -> Verdict:
    if not missing and not surplus:
        return Verdict(scorer, True, f"{wanted} rows as expected")
    parts = [f"missing: {list_fields(row)}" for row in missing]
    parts += [f"not expected: {list_fields(row)}" for row in surplus]
    return Verdict(scorer, False, "; ".join(parts))
