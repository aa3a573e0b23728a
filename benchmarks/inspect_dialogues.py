"""inspect-ai's part: a task of so many dialogues with `mockllm/model`, a tool, and the defaults of `eval`."""

from __future__ import annotations

import tempfile
from typing import Any

from inspect_ai import Task
from inspect_ai import eval as evaluate
from inspect_ai.dataset import Sample
from inspect_ai.model import ChatMessage, ChatMessageTool, ChatMessageUser, ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import Score, Scorer, Target, accuracy, scorer
from inspect_ai.solver import Generate, Solver, TaskState, solver, use_tools
from inspect_ai.tool import Tool, tool

from benchmarks.timing import time_dialogues

DAYS = ("lunes", "martes", "miércoles", "jueves")
HOURS = {day: ["10:00", "12:00", "17:00"] for day in DAYS}


def measure(turns: int, dialogues: int, warm_up: int) -> float:
    """Seconds a dialogue."""
    with tempfile.TemporaryDirectory(prefix="parlo-inspect-") as folder:

        def play(count: int) -> None:
            model = get_model("mockllm/model", custom_outputs=_answer, memoize=False)
            task = Task(
                dataset=[Sample(input=f"hola {number}", target="ok") for number in range(count)],
                solver=[use_tools(check_availability()), talk(turns)],
                scorer=said_hours(),
            )
            [log] = evaluate(task, model=model, log_dir=folder, display="none")
            assert log.status == "success", log.error

        return time_dialogues(play, dialogues, warm_up)


@tool
def check_availability() -> Tool:
    """The tool of the dialogues."""

    async def execute(day: str) -> str:
        """Look up the free hours of a day.

        Args:
            day: Its name.
        """
        return ", ".join(HOURS[day])

    return execute


@solver
def talk(turns: int) -> Solver:
    """A customer who asks about one day after another."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        for turn in range(turns):
            state.messages.append(ChatMessageUser(content=f"¿qué horas hay el {DAYS[turn % len(DAYS)]}?"))
            # its default goes on until the model calls no more tools
            state = await generate(state)
        return state

    return solve


@scorer(metrics=[accuracy()])
def said_hours() -> Scorer:
    """Whether the last answer names hours."""

    async def score(state: TaskState, target: Target) -> Score:
        return Score(value="10:00" in state.output.completion)

    return score


def _answer(messages: list[ChatMessage], *_: Any) -> ModelOutput:
    last = messages[-1]
    if isinstance(last, ChatMessageTool):
        output = ModelOutput.from_content("mockllm/model", f"Tengo libre a las {last.text}. ¿Cuál te queda?")
    else:
        day = last.text.rpartition(" ")[2].strip("?")
        output = ModelOutput.for_tool_call("mockllm/model", "check_availability", {"day": day})
    # without it tokens are counted, with a vocabulary from the internet
    output.usage = ModelUsage(input_tokens=100, output_tokens=20, total_tokens=120)
    return output
