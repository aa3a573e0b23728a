"""The bare loop: what such dialogues cost where next to nothing is done. A database and a log each, no framework."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
import tempfile
from pathlib import Path
from typing import TextIO

from benchmarks.timing import time_dialogues

ROWS = 2_000
DAYS = ("lunes", "martes", "miércoles", "jueves")


def measure(turns: int, dialogues: int, warm_up: int) -> float:
    """Seconds a dialogue."""
    with tempfile.TemporaryDirectory(prefix="parlo-bare-") as folder, (Path(folder) / "log.jsonl").open("w") as log:

        def play(count: int) -> None:
            asyncio.run(_play_all(turns, count, log))

        return time_dialogues(play, dialogues, warm_up)


async def _play_all(turns: int, count: int, log: TextIO) -> None:
    for number in range(count):
        await _play(number, turns, log)


async def _play(number: int, turns: int, log: TextIO) -> None:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE slots (id INTEGER PRIMARY KEY, day TEXT, taken INTEGER)")
    database.executemany("INSERT INTO slots VALUES (?, ?, 0)", ((i, DAYS[i % len(DAYS)]) for i in range(ROWS)))
    for turn in range(turns):
        day = DAYS[turn % len(DAYS)]
        call = await _answer(f"¿qué horas hay el {day}?")
        free = database.execute("SELECT id FROM slots WHERE day = ? AND taken = 0 LIMIT 3", (call,)).fetchall()
        text = await _answer(f"hay {free}")
        for event in ({"say": day}, {"tool": call, "result": free}, {"send": text}):
            log.write(json.dumps({"dialogue": number, **event}) + "\n")
    rows = database.execute("SELECT * FROM slots WHERE taken = 1 ORDER BY id").fetchall()
    log.write(json.dumps({"final": hashlib.sha256(repr(rows).encode()).hexdigest()}) + "\n")
    database.close()


async def _answer(text: str) -> str:
    await asyncio.sleep(0)
    return text.rpartition(" ")[2].strip("?")
