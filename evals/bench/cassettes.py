"""How long a replayed model call takes from a cassette, by digest and by vcrpy's own matcher of bodies.

`python -m evals.bench.cassettes` prints it; no part of `parlo bench`, since the slow side takes minutes. Bodies are
those of a chat that grows: a system message, tools, and one message more for each call. No database is used.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
import msgspec
import vcr
from vcr.record_mode import RecordMode

from sim.cassettes.secrets import Disguise
from sim.cassettes.tapes import load_tape, new_tape, save_tape
from sim.cassettes.transport import CassetteTransport, NoAnswer

SIZES = (25, 200, 800)
URL = "https://model.example/v1/chat/completions"
_SAMPLE = 12
"""Calls of vcrpy's own matcher that are timed, evenly spread: all of them would take minutes."""


class _Server(httpx2.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        message = {"role": "assistant", "content": f"Claro, {len(request.content)}."}
        return httpx2.Response(200, json={"choices": [{"message": message}]}, request=request)


def make_bodies(count: int) -> list[bytes]:
    """Requests of about 5 KB each, all unlike."""
    system = "\n".join(f"- Regla {n}: contesta en español de México, con mensajes cortos." for n in range(60))
    return [
        msgspec.json.encode(
            {
                "model": "m",
                "messages": [
                    {"role": "system", "content": system},
                    *({"role": "user", "content": f"mensaje {n}.{m}"} for m in range(n % 8)),
                    {"role": "user", "content": f"¿a las {n}?"},
                ],
            }
        )
        for n in range(count)
    ]


async def time_calls(transport: httpx2.AsyncBaseTransport, bodies: list[bytes]) -> float:
    """Milliseconds of CPU a call, with the HTTP client around it; others use the machine too."""
    async with httpx2.AsyncClient(transport=transport) as client:
        started = time.process_time()
        for body in bodies:
            answer = await client.post(URL, content=body, headers={"content-type": "application/json"})
            assert answer.status_code == 200
        return (time.process_time() - started) * 1000 / len(bodies)


def measure(count: int, folder: Path) -> dict[str, Any]:
    """Milliseconds of CPU a call of one size: by digest, without a cassette, and by vcrpy's matcher."""
    path, disguise, bodies = folder / f"{count}.json", Disguise(["+5212221230020"]), make_bodies(count)
    tape = new_tape(path, disguise)
    asyncio.run(time_calls(CassetteTransport(tape, _Server(), disguise), bodies))
    save_tape(tape, path, {"format": 1})
    loaded, by_digest = [], []
    for _ in range(3):
        started = time.process_time()
        replayed = load_tape(path, disguise)
        loaded.append((time.process_time() - started) * 1000 / count)
        by_digest.append(asyncio.run(time_calls(CassetteTransport(replayed, NoAnswer(), disguise), bodies)))
    bare = asyncio.run(time_calls(_Server(), bodies))
    asked = bodies[:: max(1, count // _SAMPLE)]
    by_body = asyncio.run(_time_by_body(folder / f"{count}.yaml", bodies, asked))
    return {
        "calls": count,
        "by_digest_ms": round(statistics.median(by_digest), 2),
        "load_ms_per_call": round(statistics.median(loaded), 2),
        "no_cassette_ms": round(bare, 2),
        "by_vcrpys_body_matcher_ms": round(by_body, 2),
        "of_which_timed": len(asked),
    }


async def _time_by_body(path: Path, bodies: list[bytes], asked: list[bytes]) -> float:
    """The same with vcrpy alone: its matcher of bodies, its YAML."""
    machine = vcr.VCR(match_on=("method", "path", "body"))
    disguise = Disguise()
    config = {name: value for name, value in machine.get_merged_config(path=str(path)).items() if name not in _UNUSED}
    plain = vcr.cassette.Cassette
    tape = plain(**{**config, "record_mode": RecordMode.ALL})
    await time_calls(CassetteTransport(tape, _Server(), disguise), bodies)
    tape._save()
    replayed = plain.load(**{**config, "record_mode": RecordMode.NONE})
    return await time_calls(CassetteTransport(replayed, NoAnswer(), disguise), asked)


_UNUSED = ("path_transformer", "func_path_generator", "record_on_exception")


def main() -> None:
    """Print one JSON line for each size."""
    with TemporaryDirectory() as folder:
        for size in SIZES:
            sys.stdout.write(msgspec.json.encode(measure(size, Path(folder))).decode() + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
