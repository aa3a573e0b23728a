"""What notebooks type: suites, runs, comparisons, gates, classified messages, races and exports, as pandas frames.

Begin with `open_workbench`. Everything here is thin: it calls what the commands of `parlo` call. Importing it is cheap;
the runtime and pandas come in on first use, and pandas only with the group `analysis`.
"""

from __future__ import annotations

from evals.notebook.workbench import Workbench, open_workbench

__all__ = ["Workbench", "open_workbench"]
