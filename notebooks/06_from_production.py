# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # How does a real conversation become a test?
#
# The best test is a conversation that went wrong last week. It has names, numbers and an address in it, so it is
# redacted on the way out of the database; then somebody reads it and says what should have happened; then it belongs
# to the suite, and no later change can break it unseen.

# %% tags=["parameters"]
SEED = 7  # of the simulated people
FOLDER = None  # where the suite is written; None: a new temporary folder

# %% [markdown]
# ## Somebody has to write first
#
# So that this page runs anywhere, simulated people write to simulated businesses, through the whole program that runs
# in production. Against your own database leave this out, and set `DATABASE_URL` before you start.

# %%
import secrets
import tempfile
from pathlib import Path

import msgspec
from charts import DARK, LIGHT, Markdown, label_totals, open_chart, plt

from evals.comparing.turns import cut_turns
from evals.notebook import open_workbench
from evals.reading import Reading
from sim.transcripts import End, EndAppointment, Expect, Say, ToolExpectation

workbench = open_workbench()
folder = Path(FOLDER or tempfile.mkdtemp(prefix="from-production-"))
with workbench.simulated_inbox(SEED) as inbox:
    exported = workbench.export(folder / "export", database_url=inbox, salt=secrets.token_hex())
exported

# %% [markdown]
# ## Redacted, or not there at all
#
# Names, phones and addresses have stand-ins of the same shape, the same one for the same person throughout. Before
# anything was written, a leak check looked for every real value; had it found one, there would be no file. What no
# rule can know, a nickname say, stays: **read before you share.**

# %%
frame = exported.frame().sort_values("messages").reset_index(drop=True)
handed = frame["tags"].map(lambda tags: "handoff" in tags)
axis = open_chart(
    f"{len(frame)} conversations with {frame['messages'].sum()} messages; {handed.sum()} have a person in them",
    height=1.2 + 0.3 * len(frame),
)
for flag, color, words in ((False, LIGHT, "assistant only"), (True, DARK, "with a person of the business")):
    axis.barh(frame["id"], frame["messages"].where(handed == flag, 0), color=color, edgecolor=DARK, label=words)
label_totals(axis, frame["messages"])
axis.set_xlabel("messages that people wrote (count)")
axis.legend(frameon=False, loc="lower right")
plt.show()

# %% [markdown]
# ## What would Parlo do today?
#
# An export expects nothing yet. It can be replayed all the same: the same words, answered by today's version.

# %%
run = workbench.evaluate(exported, jobs=1)
records = {record.id: record for record in run.reader.records()}
booked = {name: record.final.appointments for name, record in records.items() if record.final.appointments}
chosen = next(iter(booked), next(iter(records)))
run.conversation(chosen)

# %% tags=["prose"]
rules = int(run.frame()["violations"].sum())
Markdown(
    f"Of {len(records)} conversations {len(booked)} end with an appointment. {rules} rules were broken on the way; those hold for every "
    "conversation, labelled or not, so even an unlabelled export is worth a run."
)

# %% [markdown]
# ## Say what must come of it
#
# This is the part that no program can do for you. You have just read the conversation: is what stands in the calendar
# at the end what the customer asked for? If so, that is the label. If not, write down what *should* stand there; the
# test then fails until somebody mends it, which is its purpose.

# %%
what_stands_there = tuple(
    EndAppointment(
        customer=each.customer,
        service=each.service,
        staff=each.staff,
        starts_at=each.starts_at_local,
        status=each.status,
    )
    for each in records[chosen].final.appointments
)
what_stands_there

# %% [markdown]
# The right row in the calendar is not everything: it must not be written before the customer has said yes. So each
# message after which a tool was called is labelled too, with the tools that it calls.

# %%
turns = {turn.number: turn for turn in cut_turns(Reading(records[chosen]), [])}
events, number = [], 0
recorded = next(each.transcript for each in exported.suite.conversations if each.id == chosen)
for event in recorded.events:
    events.append(event)
    number += isinstance(event, Say)
    if isinstance(event, Say) and (calls := turns[number].calls):
        events.append(Expect(tools=tuple(ToolExpectation(name=call.name, ok=call.outcome == "ok") for call in calls)))
        print(f"after “{event.text}”:", *(call.name for call in calls))

# %%
header = msgspec.structs.replace(
    recorded.header,
    title="From production: an appointment is made",
    tags=(*recorded.header.tags, "labelled"),
)
labelled = msgspec.structs.replace(recorded, header=header, events=(*events, End(appointments=what_stands_there)))

# %% [markdown]
# ## Into the suite
#
# Written as a suite of its own here; in the project you put the file under `fixtures/transcripts` and name it in a
# `suite.json`. Nothing is half written: the file is loaded once more before it takes its place.

# %%
suite = workbench.write([labelled], folder / "suite")
checked = suite.check()
scored = workbench.evaluate(suite, jobs=1)
scored

# %% [markdown]
# ## Does the test test anything?
#
# A test that cannot fail is none. So once more, with a prompt that forgets to ask before it books:

# %%
careless = "".join(
    line for line in workbench.prompt("customer@1").splitlines(keepends=True) if "cuando confirme, agendas" not in line
)
careless_run = workbench.evaluate(suite, prompt=workbench.draft("customer@9", careless), jobs=1)
verdicts = {
    name: each.verdicts().query("kind == 'expectation'")
    for name, each in (("as it is", scored), ("careless", careless_run))
}

# %%
holds, unnoticed = ((each.frame()["outcome"] == "passed").all() for each in (scored, careless_run))
if not holds:
    finding = "The label is wrong: today's version does not meet it either"
else:
    finding = (
        "The new test does not notice this prompt: label more of it"
        if unnoticed
        else "The new test notices a careless prompt"
    )
axis = open_chart(
    finding,
    height=1.8,
)
met = [int(each["met"].fillna(False).sum()) for each in verdicts.values()]
unmet = [len(each) - hits for each, hits in zip(verdicts.values(), met, strict=True)]
axis.barh(list(verdicts), met, color=DARK, label="expectations met")
axis.barh(list(verdicts), unmet, left=met, color=LIGHT, edgecolor=DARK, hatch="///", label="not met")
label_totals(axis, [a + b for a, b in zip(met, unmet, strict=True)])
axis.invert_yaxis()
axis.set_xlabel("expectations of the new conversation (count)")
axis.figure.legend(frameon=False, loc="outside lower center", ncols=2)
plt.show()

# %%
careless_run.conversation(chosen)

# %% tags=["prose"]
Markdown(
    f"{finding}. The suite in `{folder.name}` has {len(suite)} conversation with a label, and `check` finds {len(checked)} things wrong with it. "
    f"Its hash is `{suite.suite.content_hash[:12]}`; when it joins a bigger suite, runs from before can no longer be compared with runs after, and the "
    "gate says so. Make a new baseline then."
)
