"""Takes real conversations out of Parlo's database as redacted transcripts that load and replay.

`parlo export-transcripts` and `parlo fixture` call `export_transcripts`. Nothing is written before the last
conversation has passed the leak check.
"""

from __future__ import annotations

from evals.exporting.exporting import Exported, Leaked, export_transcripts
from evals.exporting.opening import export_from
from evals.exporting.writing import write_directory, write_fixture

__all__ = ["Exported", "Leaked", "export_from", "export_transcripts", "write_directory", "write_fixture"]
