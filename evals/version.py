"""Which code a run was made with."""

from __future__ import annotations

import subprocess
from pathlib import Path


def describe_code() -> str:
    """`git describe` of this checkout, `-dirty` where files were changed; `unknown` outside one."""
    root = Path(__file__).resolve().parents[1]
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=root,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return done.stdout.strip() or "unknown"
