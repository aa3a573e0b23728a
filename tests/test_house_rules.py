"""Rules of the house that no linter knows: no builtin `hash()`, and no address or path of one machine in a file."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# In pieces, so that this file does not break its own rule.
HOSTS = ("py" + "pi.org", "python" + "hosted.org", "registry." + "npmjs", "deb." + "debian", "proxy." + "golang")
MACHINE_PATH = re.compile(r"(?<![\w.>$}/-])/(?:work|root|home|Users)/[\w.]")


def test_nobody_calls_the_builtin_hash() -> None:
    """Its value differs from process to process: chance is seeded with SHA-256."""
    for path in (path for package in ("runtime", "sim", "evals") for path in (ROOT / package).rglob("*.py")):
        calls = [node for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.Call)]
        assert not [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "hash"], path


def test_no_file_names_a_package_host_or_a_path_of_one_machine() -> None:
    """The project works wherever it is cloned, with whatever index that machine uses."""
    listing = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    if listing.returncode:
        pytest.skip("this is no git checkout")
    files = [path for name in listing.stdout.splitlines() if (path := ROOT / name).is_file()]

    texts = {path: path.read_bytes().decode("utf-8", errors="ignore") for path in files}

    assert [str(path) for path, text in texts.items() if any(host in text for host in HOSTS)] == []
    assert [(str(path), found) for path, text in texts.items() if (found := MACHINE_PATH.findall(text))] == []
