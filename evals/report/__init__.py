"""Reports: of a run, and of two runs compared. Each is one self-contained file that needs no server and no network.

`parlo eval`, `replay` and `report` call `write_report`, `compare` and `gate` call `write_comparison`. They read run
directories only, so a report can be made again at any time, and of an interrupted run too. A page is drawn here, by
templates that escape everything; its script only unpacks what is drawn, searches it and moves about in it.
"""

from evals.report.comparisons import write_comparison
from evals.report.runs import write_report

__all__ = ["write_comparison", "write_report"]
