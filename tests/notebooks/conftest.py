"""What the tests of notebooks share: the groups of packages they need, and a workbench with a folder of its own."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from evals.notebook import Workbench, open_workbench

NEEDED = {"pandas": "analysis", "matplotlib": "analysis", "nbclient": "notebooks", "jupytext": "notebooks"}
MISSING = sorted({group for package, group in NEEDED.items() if find_spec(package) is None})
REASON = f"the groups {' and '.join(MISSING)} are not installed: ./just group {' '.join(MISSING)}"


@pytest.fixture(scope="session")
def groups() -> None:
    """The packages of notebooks; CI installs them, and says so where it cannot."""
    if MISSING:
        pytest.skip(REASON)


@pytest.fixture
def workbench(groups: None, server_url: str, tmp_path: Path) -> Workbench:
    """A workbench that writes nothing into the project's own folders."""
    return Workbench(home=tmp_path, runs=tmp_path / "runs", server_url=server_url)


@pytest.fixture
def opened(groups: None, server_url: str, tmp_path: Path) -> Workbench:
    """As a notebook opens it."""
    return open_workbench(runs=tmp_path / "runs", database_url=server_url)
