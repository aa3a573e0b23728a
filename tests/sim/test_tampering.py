"""A webhook whose signature a transcript has altered."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from sim.driver import replay
from sim.record import AcceptedData, ConversationRecord, EventKind
from sim.stage import Stage
from sim.transcripts import load_transcripts
from tests.runtime.staging import on_stage

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "transcripts" / "hostiles" / "firma-alterada.jsonl"
LIKE_ALTERED = ("hostil-firma-alterada-3", "hostil-firma-alterada-35", "hostil-firma-alterada-37")
"""Ids with which the true signature ends as one does whose end is overwritten."""


@pytest.mark.replay
def test_an_altered_signature_is_refused_whatever_the_true_one_was(database_url: str) -> None:
    """Also where it happens to end like the altered one."""
    [transcript] = load_transcripts([FIXTURE])

    async def on(stage: Stage) -> list[ConversationRecord]:
        headers = [msgspec.structs.replace(transcript.header, id=each) for each in LIKE_ALTERED]
        return [await replay(stage, msgspec.structs.replace(transcript, header=header)) for header in headers]

    records = on_stage(database_url, on)

    statuses = [
        [event.read(AcceptedData).status for event in record.events if event.kind is EventKind.ACCEPTED]
        for record in records
    ]
    assert all(found[0] == 403 for found in statuses)
