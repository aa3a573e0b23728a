"""Runs the notebooks in a kernel of this environment and writes them as pages. `./just notebooks` and tests call it.

A notebook's text is all that is read; its outputs go to the page alone. Values given with `--set` follow the cell that
is tagged `parameters`, so that tests run the same cells with smaller numbers.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from ast import literal_eval
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from nbconvert import HTMLExporter
from nbconvert.preprocessors import TagRemovePreprocessor

from evals.notebook.jupyter import NOTEBOOKS, prepare_environment
from runtime.adapters.embedded import find_home

CELL_LIMIT_S = 600
_STYLE = "<style>.dataframe td, .dataframe th { text-align: left !important; vertical-align: top; }</style>"
"""Tables of ours are words more often than numbers."""


class UnknownNotebook(Exception):
    """No notebook is called so."""


def find_notebooks(names: Sequence[str]) -> list[Path]:
    """The notebooks whose names begin so, or all of them, in order.

    Raises:
        UnknownNotebook: None begins so; or a parameter is given to a notebook without such a cell.
    """
    there_are = sorted(NOTEBOOKS.glob("[0-9]*.py"))
    found: dict[Path, None] = {}
    for name in names:
        hits = [path for path in there_are if path.stem.startswith(Path(name).stem)]
        if not hits:
            raise UnknownNotebook(f"no notebook is called {name!r}; there are {', '.join(it.stem for it in there_are)}")
        found |= dict.fromkeys(hits)
    return list(found) if names else there_are


def execute_notebook(
    path: Path, out: Path, *, values: Mapping[str, object] | None = None, cell_limit_s: int = CELL_LIMIT_S
) -> Path:
    """Run a notebook from its first cell to its last, and write it as a page, also where a cell fails.

    Args:
        path: In percent format.
        out: A folder, made if it is missing.
        values: Of names that the notebook's parameters cell sets, in place of its own.
        cell_limit_s: Seconds a cell may take.

    Returns:
        The page.

    Raises:
        CellExecutionError: A cell raised; the page is there and shows it.
        CellTimeoutError: A cell took too long; likewise.
        UnknownNotebook: Values are given and there is no parameters cell.
    """
    notebook = jupytext.read(path)
    if values:
        insert_values(notebook, values)
    os.environ |= prepare_environment(os.environ)
    client = NotebookClient(
        notebook,
        timeout=cell_limit_s,
        kernel_name="python3",
        # it would warn that loopback is not encrypted; what is sent is signed
        extra_arguments=["--log-level=40"],
        resources={"metadata": {"path": str(path.parent)}},
    )
    try:
        client.execute()
    finally:
        written = _write_page(notebook, out / f"{path.stem}.html")
    return written


def _write_page(notebook: Any, out: Path) -> Path:
    """The page; of cells tagged `prose`, which only compute a sentence, the sentence alone."""
    exporter = HTMLExporter(exclude_input_prompt=True, exclude_output_prompt=True)
    hiding = TagRemovePreprocessor(remove_input_tags={"prose"})
    exporter.register_preprocessor(hiding, enabled=True)
    page, _ = exporter.from_notebook_node(notebook)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page.replace("</head>", f"{_STYLE}</head>", 1), encoding="utf-8")
    return out


def insert_values(notebook: Any, values: Mapping[str, object]) -> None:
    """Put a cell with these values after the one tagged `parameters`.

    Raises:
        UnknownNotebook: There is no such cell.
    """
    places = [at for at, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", [])]
    if not places:
        raise UnknownNotebook("the notebook has no cell that is tagged `parameters`")
    source = "\n".join(f"{name} = {value!r}" for name, value in values.items())
    notebook.cells.insert(places[0] + 1, nbformat.v4.new_code_cell(source, metadata={"tags": ["injected-parameters"]}))


def main(words: Sequence[str]) -> int:
    """Run what is named; 1 when a cell failed, 2 when there is no such notebook."""
    parser = argparse.ArgumentParser(prog="./just notebooks", description="Run notebooks and write them as pages.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="How a notebook's name begins; by default all.")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="In place of a parameter.")
    parser.add_argument("--limit", type=int, default=CELL_LIMIT_S, help="Seconds a cell may take.")
    parser.add_argument("--out", type=Path, default=find_home(os.environ) / "notebooks")
    given = parser.parse_args(words)
    try:
        paths = find_notebooks(given.names)
    except UnknownNotebook as error:
        sys.stderr.write(f"notebooks: {error}\n")
        return 2
    failed = [path.stem for path in paths if not _execute(path, given.out, _read_values(given.set), given.limit)]
    return 1 if failed else 0


def _execute(path: Path, out: Path, values: Mapping[str, object], limit_s: int) -> bool:
    began_s = time.perf_counter()
    try:
        page = execute_notebook(path, out, values=values, cell_limit_s=limit_s)
    except (CellExecutionError, CellTimeoutError, UnknownNotebook) as error:
        sys.stderr.write(f"{path.stem}: {error}\n")
        return False
    sys.stdout.write(f"{time.perf_counter() - began_s:5.1f} s  {page}\n")
    sys.stdout.flush()
    return True


def _read_values(settings: Sequence[str]) -> dict[str, object]:
    """`NAME=VALUE` as Python's literals; what is none is a text."""
    values: dict[str, object] = {}
    for setting in settings:
        name, _, text = setting.partition("=")
        try:
            values[name] = literal_eval(text)
        except (SyntaxError, ValueError):
            values[name] = text
    return values


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
