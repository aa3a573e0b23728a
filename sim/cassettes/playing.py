"""Plays one conversation with a cassette in the place of the model: recorded from a live one, or replayed strictly.

`evals.replaying` calls it on a stage in virtual time. What a cassette or a live model does not answer is a failure of
the harness: the record says so and is never scored, since nothing Parlo did afterwards says anything about a prompt.
"""

from __future__ import annotations

import msgspec

from runtime.domain.errors import Broken
from sim.cassettes.plan import REFUSED, CassettePlan, LiveModel
from sim.cassettes.secrets import PHONE, Disguise
from sim.cassettes.shelf import FORMAT, Header, Shelf, describe_model, describe_recording
from sim.cassettes.tapes import describe_vcrpy, load_tape, new_tape, save_tape
from sim.cassettes.transport import CassetteTransport, NoAnswer
from sim.driver import Mode, replay
from sim.live_transport import LiveTransport
from sim.record import ConversationRecord, ErrorData, make_event
from sim.stage import Stage
from sim.transcripts import PARLO, Transcript, list_participants


async def play(
    plan: CassettePlan, stage: Stage, transcript: Transcript, *, mode: Mode, seed: int
) -> ConversationRecord:
    """Record or replay one conversation, as the plan says."""
    before = stage.open_model
    try:
        if plan.live is None:
            return await replay_cassette(plan, stage, transcript, mode=mode, seed=seed)
        return await record(plan, plan.live, stage, transcript, mode=mode, seed=seed)
    finally:
        stage.open_model = before


async def replay_cassette(
    plan: CassettePlan, stage: Stage, transcript: Transcript, *, mode: Mode, seed: int
) -> ConversationRecord:
    """Replay one conversation from its cassette and nothing else."""
    path = Shelf(plan.directory).path_of(transcript.id)
    disguise = make_disguise(transcript)
    tape = load_tape(path, disguise)
    transport = CassetteTransport(tape, NoAnswer(), disguise)
    # a forced replay sets a scene for every turn, all of one cassette
    stage.open_model = lambda: transport
    played = await replay(stage, transcript, mode=mode, seed=seed)
    return _fail(played, f"{path}: no such request was recorded; {transport.miss}") if transport.miss else played


async def record(
    plan: CassettePlan, live: LiveModel, stage: Stage, transcript: Transcript, *, mode: Mode, seed: int
) -> ConversationRecord:
    """Replay one conversation with a live model and write its cassette, whole or not at all.

    A record with a `failure` has no cassette; one that begins with `REFUSED` will fail again for all others.
    """
    path = Shelf(plan.directory).path_of(transcript.id)
    disguise = make_disguise(transcript, live.api_key)
    tape, asked = new_tape(path, disguise), LiveTransport(live.base_url, live.api_key, patience=live.patience)
    transport = CassetteTransport(tape, asked, disguise)
    stage.open_model = lambda: transport
    try:
        played = await replay(stage, transcript, mode=mode, seed=seed)
    finally:
        asked.close()
    if asked.failure is not None:
        return _fail(played, f"{REFUSED if asked.refused else ''}{asked.failure}")
    if played.failure is not None:
        return played
    header = Header(
        format=FORMAT,
        note=describe_model(stage.settings),
        recorded=plan.recorded[:10],
        calls=len(tape),
        written_by=describe_vcrpy(),
        **describe_recording(transcript.id, plan.digests[transcript.id], stage.settings, mode.value, seed),
    )
    try:
        save_tape(tape, path, msgspec.to_builtins(header))
    except (OSError, Broken) as error:
        return _fail(played, f"{REFUSED}{path} cannot be written: {error}")
    return played


def make_disguise(transcript: Transcript, *secrets: str) -> Disguise:
    """What hides the numbers of a conversation: those of its people and its business, and any that is written in it."""
    said = msgspec.json.encode([transcript.header, transcript.events, transcript.world]).decode()
    people = [each.phone for each in list_participants(transcript).values() if each.phone.startswith("+")]
    return Disguise([*people, *PHONE.findall(said)], secrets)


def _fail(played: ConversationRecord, why: str) -> ConversationRecord:
    at = played.events[-1].t if played.events else 0.0
    event = make_event(at, PARLO, ErrorData(where="cassette"), why)
    return msgspec.structs.replace(played, failure=why, events=[*played.events, event])
