"""Long calls in a notebook: in a thread of their own, with progress, and stopped without loss.

A notebook's kernel has an event loop running, in which a replay's own virtual loop cannot run; so the work is done in a
thread, and the cell waits. An interrupt (the notebook's stop button, Ctrl-C) ends the work after the conversation
that is under way; what is finished is saved by whoever does the work, as it is for the commands.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from html import escape
from typing import Any, Self, TypeVar

from evals.scoreboard import ProgressView
from evals.verdicts import Outcome

T = TypeVar("T")
LOOK_EVERY_S = 0.2
LINES_OF_TEXT = 5
_BAR = 30


class Watch:
    """How far something is. The thread that works counts; the cell that waits looks, and may ask for the end.

    Args:
        what: A noun for what is counted, in the plural.
        total: How many there are; None where nobody knows.
    """

    def __init__(self, what: str, total: int | None = None) -> None:
        self.what = what
        self.total = total
        self.done = 0
        self.words = ""
        self._began_s = time.perf_counter()
        self._stopped = threading.Event()

    @property
    def stopped(self) -> bool:
        """Whether the end was asked for."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """Ask for the end; the next `advance` or `tell` gives it."""
        self._stopped.set()

    def advance(self, words: str = "") -> None:
        """Count one more, with words about all so far.

        Raises:
            KeyboardInterrupt: The end was asked for.
        """
        self.done += 1
        self.tell(words)

    def tell(self, words: str) -> None:
        """Say something about it.

        Raises:
            KeyboardInterrupt: The end was asked for.
        """
        self.words = words.strip()
        if self.stopped:
            raise KeyboardInterrupt

    def describe(self) -> str:
        """One line: how many of how many, what of it, since when and how much longer."""
        took_s = time.perf_counter() - self._began_s
        counted = f"{self.done}" if self.total is None else f"{self.done} of {self.total}"
        left = ""
        if self.total is not None and 0 < self.done < self.total:
            left = f", about {took_s / self.done * (self.total - self.done):.0f} s left"
        parts = [
            f"{counted} {self.what}" if self.total or self.done else self.what,
            self.words,
            f"{took_s:.0f} s{left}",
        ]
        return " · ".join(part for part in parts if part)

    def __repr__(self) -> str:
        return self.describe()

    def _repr_html_(self) -> str:
        share = self.done / self.total if self.total else 0.0
        bar = f'<progress value="{share:.3f}" max="1"></progress> ' if self.total else ""
        return f"<div>{bar}{escape(self.describe())}</div>"


class WatchedProgress(ProgressView):
    """The progress of a run, told to a watch in place of a terminal."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch.total or 0, done=watch.done)
        self._watch = watch

    def __enter__(self) -> Self:
        return self

    def advance(self, outcome: Outcome) -> None:
        """Count one conversation that is done and saved.

        Raises:
            KeyboardInterrupt: The end was asked for.
        """
        self._counts[outcome] += 1
        self._watch.advance(self._describe())


def run_aside(work: Callable[[Watch], T], watch: Watch, *, show: bool = True) -> T:
    """Do the work in a thread, whatever loop runs here, and give what it gives.

    Args:
        work: Gets the watch and tells it of each step.
        watch: Is shown until the work is done.
        show: False shows nothing.

    Raises:
        KeyboardInterrupt: The cell was interrupted; the work has ended in order. A second interrupt does not wait.
    """
    view = _open_view(watch) if show else None
    with ThreadPoolExecutor(1, "workbench") as pool:
        future = pool.submit(work, watch)
        try:
            _wait_for(future, view)
        except KeyboardInterrupt:
            watch.stop()
            wait([future])
            raise
        finally:
            if view is not None:
                view.close()
        return future.result()


def _wait_for(future: Future[Any], view: _View | None) -> None:
    while not wait([future], timeout=LOOK_EVERY_S).done:
        if view is not None:
            view.look()


class _View:
    """Text on standard error: a line now and then, or one that is written over where somebody looks."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._told = -1
        self._alive = sys.stderr.isatty()

    def look(self) -> None:
        """Show how far it is, if there is something new."""
        if self._alive:
            sys.stderr.write(f"\r\x1b[2K{self._watch.describe()}")
            sys.stderr.flush()
            return
        step = self._watch.done * LINES_OF_TEXT // self._watch.total if self._watch.total else self._watch.done
        if self._told < step < LINES_OF_TEXT:
            self._told = step
            sys.stderr.write(f"{self._watch.describe()}\n")

    def close(self) -> None:
        """Leave the last line there."""
        sys.stderr.write(f"\r\x1b[2K{self._watch.describe()}\n" if self._alive else f"{self._watch.describe()}\n")


class _NotebookView(_View):
    """One output of the cell, replaced as it goes on."""

    def __init__(self, watch: Watch, display: Callable[..., Any]) -> None:
        super().__init__(watch)
        self._handle = display(watch, display_id=True)

    def look(self) -> None:
        """Show it anew."""
        self._handle.update(self._watch)

    def close(self) -> None:
        """Leave the last state there."""
        self._handle.update(self._watch)


def _open_view(watch: Watch) -> _View:
    shell = sys.modules.get("IPython.core.interactiveshell")
    if shell is not None and shell.InteractiveShell.initialized() and "ipykernel" in sys.modules:
        return _NotebookView(watch, sys.modules["IPython.display"].display)
    return _View(watch)
