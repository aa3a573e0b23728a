"""Turns recordings of other makers into transcripts: `import_file` is the one way in.

The `import` command calls it. Each format is a file of its own; adding one means a file, a member of
`ImportFormat` and a line in `_IMPORTERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from sim.importers.barberia import import_barberia
from sim.importers.sesiones import import_sesiones
from sim.importers.sgd import import_sgd
from sim.importers.star import import_star
from sim.importers.whatsapp_export import ExportOptions, import_whatsapp_export
from sim.importers.whatsapp_text import DateOrder, ExportMessage, parse_export
from sim.transcripts.structs import Transcript


class ImportFormat(StrEnum):
    """What can be imported."""

    SESIONES = "sesiones"
    BARBERIA = "barberia"
    SGD = "sgd"
    STAR = "star"
    WHATSAPP_EXPORT = "whatsapp-export"


_IMPORTERS: dict[ImportFormat, Callable[[Path], list[Transcript]]] = {
    ImportFormat.SESIONES: import_sesiones,
    ImportFormat.BARBERIA: import_barberia,
    ImportFormat.SGD: import_sgd,
    ImportFormat.STAR: import_star,
}


def import_file(format: ImportFormat | str, path: Path | str, options: ExportOptions | None = None) -> list[Transcript]:
    """The conversations of a file in one of the formats, in its order.

    Args:
        format: The format or its name.
        path: The file.
        options: For `whatsapp-export` only: who the business is, which world, which year.

    Raises:
        ValueError: There is no such format.
        MalformedInput: The file cannot be used; every bad row is named with its line.
    """
    chosen = ImportFormat(format)
    if chosen is ImportFormat.WHATSAPP_EXPORT:
        return import_whatsapp_export(Path(path), options)
    return _IMPORTERS[chosen](Path(path))


__all__ = ["DateOrder", "ExportMessage", "ExportOptions", "ImportFormat", "import_file", "parse_export"]
