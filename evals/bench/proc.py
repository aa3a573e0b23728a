"""What Linux says of a running process: the CPU time it has used, and the memory it holds."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

_KILO = 1024
_MEGA = 1024 * 1024


class Memory(msgspec.Struct, frozen=True):
    """Resident memory in megabytes: all of it, and with shared pages counted in parts (None: not told)."""

    rss_mb: float
    pss_mb: float | None


def read_cpu_s(pid: int) -> float:
    """User and system time of a process since its start, all its threads together."""
    # the second field is the program's name in brackets, which may hold spaces
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def read_memory(pid: int) -> Memory:
    """What a process holds now."""
    rss_mb = _read_kilobytes(Path(f"/proc/{pid}/status"), "VmRSS") * _KILO / _MEGA
    try:
        return Memory(rss_mb, _read_kilobytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss") * _KILO / _MEGA)
    except OSError:
        return Memory(rss_mb, None)


def _read_kilobytes(path: Path, name: str) -> int:
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
