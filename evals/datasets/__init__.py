"""Datasets: suites of recorded conversations and labelled messages, with tags, splits and one hash of what they say.

`parlo datasets` and whoever scores a suite take from here. Transcripts are read by `sim.transcripts` and labelled
messages by `evals.classifying`; nothing in this package replays or scores anything.
"""

from __future__ import annotations

from evals.datasets.checking import Finding, FindingKind, check_suite
from evals.datasets.loading import SUITES_DIR, list_suites, load_suite
from evals.datasets.manifest import MANIFEST, Manifest, MustPass, Split, Utterances, read_manifest
from evals.datasets.overview import SuiteOverview, describe_suite
from evals.datasets.suites import Conversation, Suite, Utterance, UtteranceSet, derive_split, slice_suite

__all__ = [
    "MANIFEST",
    "SUITES_DIR",
    "Conversation",
    "Finding",
    "FindingKind",
    "Manifest",
    "MustPass",
    "Split",
    "Suite",
    "SuiteOverview",
    "Utterance",
    "UtteranceSet",
    "Utterances",
    "check_suite",
    "derive_split",
    "describe_suite",
    "list_suites",
    "load_suite",
    "read_manifest",
    "slice_suite",
]
