"""The workbench in a notebook: one object, and a method for each thing the commands of `parlo` do.

Each method calls what the command calls, so that a run of a notebook and one of the command line are the same thing in
the same folder. What is imported late here is what would make importing this slow.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from evals.notebook.comparison import Compared, Gated
    from evals.notebook.dataset import Dataset
    from evals.notebook.messages import Messages
    from evals.notebook.progress import Watch
    from evals.notebook.race import Race
    from evals.notebook.run import Run
    from evals.run_directory import RunInfo
    from sim.transcripts import Transcript

ROOT = Path(__file__).resolve().parents[2]
RUNS = {
    "id": "str",
    "created": "str",
    "suite": "str",
    "state": "str",
    "prompts": "str",
    "conversations": "int64",
    "rate": "float64",
    "low": "float64",
    "high": "float64",
}


def open_workbench(*, runs: Path | str | None = None, database_url: str | None = None) -> Workbench:
    """Find what a notebook needs: the embedded Postgres, started if need be, and the folder of runs.

    Args:
        runs: Where runs are written and found; by default where the commands have them, `.parlo/runs`.
        database_url: A Postgres in which databases may be made and dropped; by default DATABASE_URL's, else the
            embedded one.
    """
    from runtime.adapters.embedded import choose_database_url, find_home

    home = find_home(os.environ)
    url = database_url or choose_database_url(os.environ, durable=False)
    return Workbench(home=home, runs=Path(runs) if runs is not None else home / "runs", server_url=url)


class Workbench:
    """Everything a prompt engineer does, by name. Open it with `open_workbench`.

    Attributes:
        home: The folder of everything Parlo writes here.
        runs: The folder of the runs.
        server_url: The Postgres in which replays make their throw-away databases.
    """

    def __init__(self, *, home: Path, runs: Path, server_url: str) -> None:
        self.home = home
        self.runs = runs
        self.server_url = server_url

    def __repr__(self) -> str:
        return f"workbench: runs in {self.runs}, {len(self._list_infos())} so far"

    # --- suites and prompts

    def read(self, path: Path | str) -> Dataset:
        """A suite, or transcripts as they come; a path is looked for from here, then from the project's folder.

        Raises:
            MalformedInput: With every fault of every file.
        """
        from evals.datasets import load_suite
        from evals.notebook.dataset import Dataset

        return Dataset(load_suite(_find(path)))

    def prompt(self, reference: str) -> str:
        """The text of a prompt, such as `customer@1`; drafts first.

        Raises:
            Broken: There is none of this name and version.
        """
        from runtime.agent.prompts import load_prompt

        return load_prompt(reference, str(self.drafts)).text

    def draft(self, reference: str, text: str) -> str:
        """Write a prompt in the making, in place of an earlier draft of this name, and give the reference.

        Raises:
            Broken: The reference is not like `customer@2`.
        """
        from runtime.agent.prompts import load_prompt

        self.drafts.mkdir(parents=True, exist_ok=True)
        # what is no reference must not become a path
        if reference.replace("@", "").replace("_", "").isalnum():
            written = self.drafts / f".{reference}.{os.getpid()}"
            written.write_text(text, encoding="utf-8")
            # another notebook may be reading it
            written.replace(self.drafts / f"{reference}.md")
        return load_prompt(reference, str(self.drafts)).reference

    @property
    def drafts(self) -> Path:
        """The folder of the drafts."""
        return self.home / "drafts"

    # --- runs

    def evaluate(  # noqa: PLR0913 - the options of a command
        self,
        suite: Dataset | Path | str,
        *,
        prompt: str | Sequence[str] | None = None,
        locking: str | Sequence[str] | None = None,
        forced: bool = False,
        seed: int = 0,
        jobs: int | None = None,
        name: str | None = None,
        resume: Run | str | None = None,
        progress: bool = True,
    ) -> Run:
        """Replay a suite's conversations and score them, as `parlo eval` does.

        Args:
            suite: From `read`, or its path.
            prompt: References in place of production's, such as `customer@2`.
            locking: `booking=STRATEGY` or `conversation=STRATEGY`.
            forced: Score each decision after the recorded history, not the whole conversation.
            seed: Of everything that is left to chance.
            jobs: Processes; None chooses.
            name: Of the run; by default a new one from the moment and the suite.
            resume: Go on with this run, which was interrupted.
            progress: Whether to show it.

        Raises:
            KeyboardInterrupt: After what was finished has been saved; the message says how to go on.
            Broken: A prompt or strategy does not exist, or the run that is to be resumed is another one.
            FileExistsError: There is a run of this name.
        """
        from evals.evaluating import Options, evaluate
        from evals.notebook.dataset import Dataset, as_tuple
        from evals.notebook.progress import Watch, WatchedProgress, run_aside
        from evals.notebook.run import Run
        from runtime.adapters.system import SystemClock
        from sim.driver import Mode

        dataset = suite if isinstance(suite, Dataset) else self.read(suite)
        created = SystemClock().now().isoformat()
        directory = self._find_run(resume) if resume is not None else self._name_run(name, created, dataset.suite.name)
        options = Options(
            prompts=as_tuple(prompt),
            drafts=str(self.drafts),
            locks=as_tuple(locking),
            mode=Mode.FORCED if forced else Mode.FREE,
            seed=seed,
            jobs=jobs,
        )

        def work(watch: Watch) -> None:
            evaluate(
                dataset.suite,
                options,
                server_url=self.server_url,
                created=created,
                directory=directory,
                resume=resume is not None,
                progress=WatchedProgress(watch),
            )

        watch = Watch("conversations", len(dataset))
        if resume is not None:
            watch.done = len(Run(directory).reader.finished())
        try:
            run_aside(work, watch, show=progress)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(_explain_stop(directory, watch)) from None
        return Run(directory)

    def run(self, name: str = "latest") -> Run:
        """A run by its name or directory.

        Raises:
            FileNotFoundError: There is none.
        """
        from evals.notebook.run import Run

        return Run(self._find_run(name))

    def list_runs(self) -> pd.DataFrame:
        """The runs there are, the latest first.

        Columns: id str, created str, suite str, state str, prompts str, conversations int64 (finished), rate float64,
        low float64, high float64 (that passed, Wilson, 95 %; NaN where nothing is counted yet).
        """
        from evals.notebook.frames import make_frame

        infos = sorted(self._list_infos(), key=lambda info: info.created, reverse=True)
        return make_frame(RUNS, (_describe_run(info) for info in infos))

    def compare(self, first: Run | str, second: Run | str) -> Compared:
        """What became of each turn from one run to another, as `parlo compare` shows it.

        Raises:
            FileNotFoundError: There is no such run.
        """
        from evals.comparing.comparison import compare_runs
        from evals.notebook.comparison import Compared
        from evals.run_directory import RunReader

        return Compared(compare_runs(RunReader(self._find_run(first)), RunReader(self._find_run(second))))

    def gate(
        self,
        first: Run | str,
        second: Run | str,
        *,
        policy: Path | str | None = None,
        margin: float | None = None,
        noise: Run | str | None = None,
    ) -> Gated:
        """Whether the second run's change may be deployed, as `parlo gate` decides it.

        Args:
            first: The run before.
            second: The run that is to replace it.
            policy: The file that decides; by default `fixtures/policies/default.json`.
            margin: The loss of the policy's primary metric that is tolerated, between 0 and 1, instead of the
                policy's own; name it before you look.
            noise: A second run of the first's version: how much differs by chance.

        Raises:
            FileNotFoundError: There is no such run.
            MalformedInput: The policy cannot be read, or names what neither run knows.
            ValueError: The margin is not between 0 and 1.
        """
        from evals.comparing.gating import gate_runs
        from evals.comparing.policies import DEFAULT_POLICY, choose_policy
        from evals.notebook.comparison import Gated
        from evals.run_directory import RunReader

        path = Path(policy) if policy is not None else DEFAULT_POLICY
        chosen = choose_policy(path, margin)
        before, after = (RunReader(self._find_run(each)) for each in (first, second))
        aside = RunReader(self._find_run(noise)) if noise is not None else None
        return Gated(*gate_runs(before, after, chosen, path, aside))

    # --- messages, locks, and what production has

    def classify(
        self,
        task: str,
        *,
        file: Path | str | None = None,
        split: str | None = None,
        model: str | None = None,
        limit: int | None = None,
        progress: bool = True,
    ) -> Messages:
        """What production's code takes labelled messages for, as `parlo classify` measures it.

        Nothing is kept of a measurement that is stopped.

        Args:
            task: owner-intent or asks-human.
            file: JSON Lines with text and label; by default the project's own for this task.
            split: Only rows of this split.
            model: A model of OPENAI_API_KEY's; by default the offline one.
            limit: Only so many rows, spread evenly over the file.
            progress: Whether to show it.

        Raises:
            ValueError: There is no such task.
            MalformedInput: With every fault of the file.
            KeyboardInterrupt: It was stopped.
        """
        import asyncio

        from evals.classifying import Task, classify, read_labelled
        from evals.models import open_model
        from evals.notebook.messages import Messages
        from evals.notebook.progress import Watch, run_aside
        from runtime.settings import read_settings

        wanted = Task(task)
        path = _find(file) if file is not None else ROOT / "fixtures" / "intents" / f"{wanted.value}.jsonl"
        rows = read_labelled(path, wanted, split=split)
        if limit is not None and limit < len(rows):
            rows = [rows[place * len(rows) // limit] for place in range(limit)]
        settings, opened = open_model(read_settings(os.environ), model)
        watch = Watch(f"{len(rows)} messages")
        found = run_aside(
            lambda watch: asyncio.run(classify(rows, wanted, settings, opened, tell=watch.tell)), watch, show=progress
        )
        return Messages(found)

    def race(  # noqa: PLR0913 - the options of a command
        self,
        kind: str = "booking",
        *,
        strategies: str | Sequence[str] | None = None,
        actors: int = 32,
        rounds: int = 3,
        orders: int = 30,
        only: str | None = None,
        progress: bool = True,
    ) -> Race:
        """Locking strategies against each other, as `parlo race` plays them.

        Nothing is kept of a race that is stopped: figures under load only mean something side by side.

        Args:
            kind: booking or conversation.
            strategies: Names of docs/locking.md; by default all.
            actors: The largest crowd, at most 64.
            rounds: Of each crowd at least.
            orders: Played of what is too much to be played whole.
            only: orders or load; by default both.
            progress: Whether to show it.

        Raises:
            ValueError: There is no such kind, strategy or part.
            KeyboardInterrupt: It was stopped.
        """
        from evals.notebook.dataset import as_tuple
        from evals.notebook.progress import Watch, run_aside
        from evals.notebook.race import Race
        from evals.racing import Part, RacePlan, race_booking, race_conversation
        from runtime.domain.strategies import BookingStrategy, ConversationStrategy

        parts = frozenset([Part(only)] if only is not None else [Part.ORDERS, Part.LOAD])
        plan = RacePlan(
            server_url=self.server_url, redis_url="", parts=parts, actors=actors, rounds=rounds, orders=orders
        )
        names = as_tuple(strategies)
        if kind == "booking":
            of_bookings = [BookingStrategy(name) for name in names] or list(BookingStrategy)
            report = run_aside(
                lambda watch: race_booking(plan, of_bookings, watch.tell), Watch("racing"), show=progress
            )
        elif kind == "conversation":
            others = [ConversationStrategy(name) for name in names] or list(ConversationStrategy)
            report = run_aside(
                lambda watch: race_conversation(plan, others, watch.tell), Watch("racing"), show=progress
            )
        else:
            raise ValueError(f"{kind!r} is no race: booking or conversation")
        return Race(report)

    def export(
        self,
        out: Path | str,
        *,
        database_url: str | None = None,
        organization: str | Sequence[str] | None = None,
        conversation: str | Sequence[str] | None = None,
        limit: int | None = None,
        salt: str | None = None,
    ) -> Dataset:
        """Take customers' conversations out of a database, redacted, as `parlo export-transcripts` does, and read them.

        Args:
            out: A directory that is empty or not there yet.
            database_url: Whose conversations; by default DATABASE_URL's or the embedded one's.
            organization: Only of this business, by id or name.
            conversation: Only this one, by id.
            limit: At most so many, the latest first.
            salt: A secret of 12 letters or more; by default a new one.

        Raises:
            Leaked: Something real would have been written; nothing is.
            FileExistsError: The directory is not empty.
            ValueError: The salt is too short, or there is no conversation.
        """
        import asyncio

        from evals.exporting import prepare_export_from, write_directory
        from evals.notebook.dataset import as_tuple
        from evals.notebook.progress import Watch, run_aside
        from runtime.adapters.embedded import choose_database_url
        from runtime.store.exports import Wanted

        url = database_url or choose_database_url(os.environ)
        wanted = Wanted(organizations=as_tuple(organization), conversations=as_tuple(conversation), limit=limit)
        secret = salt.encode() if salt is not None else os.urandom(32)

        def take(_: object) -> None:
            export = asyncio.run(prepare_export_from(url, wanted, secret))
            if not export.ids:
                raise ValueError("no conversation of a customer is what was asked for")
            write_directory(export.redact(), Path(out))

        run_aside(take, Watch("exporting conversations"), show=False)
        return self.read(Path(out))

    @contextmanager
    def simulated_inbox(self, seed: int = 7) -> Iterator[str]:
        """The address of a database in which simulated people have written to simulated businesses; dropped afterwards.

        For trying an export where there is no production: the conversations went through the whole runtime.
        """
        from evals.notebook.progress import Watch, run_aside
        from sim.databases import borrow_copy
        from sim.simulation.knobs import Profile
        from sim.simulation.play import play
        from sim.simulation.runs import open_ground, silence

        silence()
        with borrow_copy(self.server_url, f"parlo_notebook_{os.getpid()}") as url:
            with open_ground(url) as ground:
                run_aside(lambda _: play(ground, seed, Profile.NONE), Watch("simulating people who write"))
            yield url

    def write(self, transcripts: Sequence[Transcript], out: Path | str) -> Dataset:
        """Write transcripts as a suite, all or none, and read it.

        Raises:
            FileExistsError: The directory is not empty.
            MalformedInput: They could not be loaded again; nothing is left of them.
        """
        from evals.exporting import write_directory

        write_directory(transcripts, Path(out))
        return self.read(Path(out))

    def _find_run(self, run: Run | str) -> Path:
        from evals.run_directory import find_run

        return find_run(run, self.runs) if isinstance(run, str) else run.path

    def _name_run(self, name: str | None, created: str, suite: str) -> Path:
        """A directory that is not there; of a name that was given, that one, and whoever writes to it refuses."""
        if name is not None:
            return self.runs / name
        stem, number = f"{created[:19].replace(':', '')}-{suite}-{os.getpid()}", 1
        while (self.runs / (wanted := stem if number == 1 else f"{stem}-{number}")).exists():
            number += 1
        return self.runs / wanted

    def _list_infos(self) -> list[RunInfo]:
        from evals.run_directory import RUN_FILE, RunReader

        found = sorted(self.runs.glob(f"*/{RUN_FILE}"))
        return [RunReader(path.parent).info for path in found]


def _find(path: Path | str) -> Path:
    here = Path(path)
    return here if here.exists() or here.is_absolute() else ROOT / here


def _explain_stop(directory: Path, watch: Watch) -> str:
    if not directory.exists():
        return "stopped before anything was finished"
    return (
        f"{watch.done} of {watch.total} conversations are kept in {directory.name}; resume={directory.name!r} goes on"
    )


def _describe_run(info: RunInfo) -> tuple[object, ...]:
    nothing = float("nan")
    rate = info.summary.pass_rate if info.summary is not None else None
    figures = (nothing, nothing, nothing) if rate is None else (rate.share, rate.low, rate.high)
    prompts = ", ".join(info.prompts)
    return info.id, info.created, info.suite, info.state.value, prompts, info.counts.get("finished", 0), *figures
