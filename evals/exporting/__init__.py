"""Takes real conversations out of Parlo's database as redacted transcripts that load and replay.

`parlo export-transcripts` and `parlo fixture` call `prepare_export_from`. What does not pass the leak check is not
written, and nothing is put in place before the last conversation has passed it.
"""

from __future__ import annotations

from evals.exporting.exporting import Export, Leaked, prepare_export
from evals.exporting.opening import prepare_export_from
from evals.exporting.writing import write_directory, write_fixture

__all__ = ["Export", "Leaked", "prepare_export", "prepare_export_from", "write_directory", "write_fixture"]
