"""How long a replayed model call takes from a cassette, by digest and by vcrpy's own matcher of bodies.

Bodies are those of a chat that grows: a long system message, and one message more for each call. No database is used.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2
import msgspec
import vcr
from vcr.cassette import Cassette
from vcr.record_mode import RecordMode

from evals.bench.figures import Figure, Measurement, Unit
from evals.bench.ground import Ground
from sim.cassettes.secrets import Disguise
from sim.cassettes.tapes import Tape, load_tape, new_tape, save_tape
from sim.cassettes.transport import CassetteTransport, NoAnswer

SIZES = (25, 200, 800)
"""Calls in a cassette."""
URL = "https://model.example/v1/chat/completions"
_SAMPLE = 12
"""Calls of vcrpy's own matcher that are timed, evenly spread: all of them would take minutes."""
_REPEATS = 3
_MOST_RATIO = 1.5
_UNUSED = ("path_transformer", "func_path_generator", "record_on_exception")


class _Server(httpx2.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        message = {"role": "assistant", "content": f"Claro, {len(request.content)}."}
        return httpx2.Response(200, json={"choices": [{"message": message}]}, request=request)


class _Times(msgspec.Struct, frozen=True, kw_only=True):
    """Of one size, in milliseconds of CPU a call."""

    calls: int
    by_digest: float
    bare: float
    load: float
    by_body: float
    timed: int


def measure_cassettes(_ground: Ground) -> Measurement:
    """Replay cassettes of several sizes by digest and by vcrpy's matcher, in the same process."""
    with TemporaryDirectory(prefix="parlo-bench-") as folder:
        taken = [measure_size(size, Path(folder)) for size in SIZES]
    least, most = taken[0], taken[-1]
    figures = [figure for times in taken for figure in _describe(times)]
    figures.append(
        Figure(
            name=f"a call of {most.calls} to one of {least.calls}, by digest",
            value=most.by_digest / least.by_digest,
            unit=Unit.RATIO,
            n=_REPEATS,
            how="CPU time; 1 where a call does not grow with its cassette",
            most=_MOST_RATIO,
        )
    )
    return Measurement(name="cassettes", figures=figures)


def measure_size(count: int, folder: Path) -> _Times:
    """The times of one size; what vcrpy's own matcher replays is the same recording in its own format."""
    path, disguise, bodies = folder / f"{count}.json", Disguise(["+5212221230020"]), make_bodies(count)
    tape = new_tape(path, disguise)
    asyncio.run(_time_calls(CassetteTransport(tape, _Server(), disguise), bodies))
    save_tape(tape, path, {"format": 1})
    loaded, by_digest = [], []
    for _ in range(_REPEATS):
        started = time.process_time()
        replayed = load_tape(path, disguise)
        loaded.append((time.process_time() - started) * 1000 / count)
        by_digest.append(asyncio.run(_time_calls(CassetteTransport(replayed, NoAnswer(), disguise), bodies)))
    asked = bodies[:: max(1, count // _SAMPLE)]
    by_body = asyncio.run(_time_by_body(folder / f"{count}.yaml", bodies, asked))
    return _Times(
        calls=count,
        by_digest=statistics.median(by_digest),
        bare=asyncio.run(_time_calls(_Server(), bodies)),
        load=statistics.median(loaded),
        by_body=by_body,
        timed=len(asked),
    )


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


def _describe(times: _Times) -> list[Figure]:
    where = f"{times.calls} calls"
    taken = [
        ("by digest", times.by_digest, times.calls * _REPEATS, "a replayed call, HTTP client included; median of 3"),
        ("vcrpy's own matcher", times.by_body, times.timed, "the same by method, path and body; calls evenly spread"),
        ("no cassette", times.bare, times.calls, "the same client, and a transport that answers at once"),
        ("to load", times.load, times.calls * _REPEATS, "of a cassette of ours, for each recorded call"),
    ]
    return [
        Figure(name=f"{where}: {name}", value=value, unit=Unit.MILLISECONDS, n=n, how=f"CPU time; {how}")
        for name, value, n, how in taken
    ]


async def _time_calls(transport: httpx2.AsyncBaseTransport, bodies: Sequence[bytes]) -> float:
    """Milliseconds of CPU a call, with the HTTP client around it; others use the machine too."""
    async with httpx2.AsyncClient(transport=transport) as client:
        started = time.process_time()
        for body in bodies:
            answer = await client.post(URL, content=body, headers={"content-type": "application/json"})
            assert answer.status_code == 200
        return (time.process_time() - started) * 1000 / len(bodies)


async def _time_by_body(path: Path, bodies: Sequence[bytes], asked: Sequence[bytes]) -> float:
    """The same with vcrpy alone: its matcher of bodies, its YAML."""
    merged = vcr.VCR(match_on=("method", "path", "body")).get_merged_config(path=str(path))
    config = {name: value for name, value in merged.items() if name not in _UNUSED}
    recorded = Tape(**{**config, "record_mode": RecordMode.ALL})
    await _time_calls(CassetteTransport(recorded, _Server(), Disguise()), bodies)
    # put in one by one: vcrpy compares each new request with all others while it records, too
    kept = Cassette(**{**config, "record_mode": RecordMode.ALL})
    for request, response in zip(recorded.requests, recorded.responses, strict=True):
        kept.append(request, response)
    kept._save()
    replayed = Cassette.load(**{**config, "record_mode": RecordMode.NONE})
    return await _time_calls(CassetteTransport(replayed, NoAnswer(), Disguise()), asked)
