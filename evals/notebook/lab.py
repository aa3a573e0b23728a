"""Opens JupyterLab on the notebooks, with the embedded Postgres running. `./just lab` calls it.

It listens on 127.0.0.1 only and asks for a token, which is in the address it prints. Notebooks are text files with a
twin beside them that Jupytext keeps; the twin is not committed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from evals.notebook.jupyter import NOTEBOOKS, prepare_environment
from runtime.adapters.embedded import choose_database_url

FIRST = "00_start_here.py"


def compose_command(words: Sequence[str], *, is_root: bool) -> list[str]:
    """The command that becomes JupyterLab; what the caller adds comes last, except for where it listens."""
    return [
        sys.executable,
        *("-m", "jupyterlab"),
        f"--ServerApp.root_dir={NOTEBOOKS}",
        "--ServerApp.contents_manager_class=jupytext.TextFileContentsManager",
        f"--LabApp.default_url=/lab/tree/{FIRST}",
        *(["--allow-root"] if is_root else []),
        *words,
        "--ServerApp.ip=127.0.0.1",
    ]


def main(words: Sequence[str]) -> None:
    """Start what the notebooks need, and become JupyterLab."""
    choose_database_url(os.environ, durable=False)
    command = compose_command(words, is_root=os.geteuid() == 0)
    os.execve(command[0], command, prepare_environment(os.environ))


if __name__ == "__main__":
    main(sys.argv[1:])
