"""Where Jupyter keeps its things for us: everything under `.parlo/`, nothing of the user's own set-up read or changed.

`executing` and `lab` call `prepare_environment` before they start anything of Jupyter's.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from runtime.adapters.embedded import find_home

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
_SETTINGS = {
    "@jupyterlab/docmanager-extension:plugin": {"defaultViewers": {"python": "Jupytext Notebook"}},
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
}
"""A click on a notebook of ours opens a notebook, not a text; and nobody is asked, or told, about news."""


def prepare_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for Jupyter's processes; makes the folders that it names."""
    place = find_home(environ) / "jupyter"
    folders = {
        "JUPYTER_CONFIG_DIR": place / "config",
        "JUPYTER_DATA_DIR": place / "data",
        "JUPYTER_RUNTIME_DIR": place / "runtime",
        "JUPYTERLAB_SETTINGS_DIR": place / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": place / "workspaces",
        "IPYTHONDIR": place / "ipython",
        "MPLCONFIGDIR": place / "matplotlib",
    }
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    overrides = place / "config" / "labconfig" / "default_setting_overrides.json"
    overrides.parent.mkdir(exist_ok=True)
    overrides.write_text(json.dumps(_SETTINGS), encoding="utf-8")
    # kernels find our packages wherever a notebook lies
    path = os.pathsep.join(filter(None, [str(ROOT), environ.get("PYTHONPATH", "")]))
    named = {name: str(folder) for name, folder in folders.items()}
    return {**environ, **named, "PYTHONPATH": path, "JUPYTER_PREFER_ENV_PATH": "1"}
