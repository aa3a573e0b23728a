"""Runs races on a database of their own and shows how they ended."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable

import msgspec

from sim.databases import create_copy, drop_copy
from sim.quiet_logs import silence_logs
from sim.rivals import Race, race
from sim.stage import open_stage
from sim.virtual_time import VirtualLoop


def race_for_a_slot(server_url: str, *, rivals: int, rounds: int, seed: int, tell: Callable[[str], None]) -> list[Race]:
    """Play the rounds, one line of progress for each ten."""
    silence_logs()
    name = f"parlo_race_{os.getpid()}"
    url = create_copy(server_url, name)
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)

    async def play() -> list[Race]:
        results = []
        async with open_stage(url) as stage:
            for number in range(rounds):
                results.append(await race(stage, rivals=rivals, seed=seed + number))
                if (number + 1) % 10 == 0 or number + 1 == rounds:
                    tell(f"{number + 1}/{rounds} rounds: {sum(each.fair for each in results)} fair")
        return results

    try:
        return loop.run_until_complete(play())
    finally:
        loop.close()
        drop_copy(server_url, name)


def show_races(results: list[Race], *, as_json: bool) -> bool:
    """Print the outcome; True when every round was fair."""
    fair = sum(each.fair for each in results)
    total = {
        "rounds": len(results),
        "rivals": results[0].rivals,
        "fair": fair,
        **{
            field: sum(getattr(each, field) for each in results)
            for field in ("won", "booked", "refused", "polite", "unanswered", "doubly_answered")
        },
    }
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(total)).decode() + "\n")
    else:
        lines = [f"{name.replace('_', ' '):16} {value}" for name, value in total.items()]
        sys.stdout.write("\n".join(lines) + "\n")
    return fair == len(results)
