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
# # What do customers say, and what is done with it?
#
# Before you change a prompt, read. An hour with conversations tells more than a week with averages. This page helps
# to find the ones worth reading.

# %% tags=["parameters"]
SUITE = "fixtures/suites/core"
PATTERNS = ["*"]  # of the conversations' ids
JOBS = None  # processes; None: as many as cores

# %%
import pandas as pd
from charts import DARK, LIGHT, Markdown, label_totals, open_chart, plt

from evals.notebook import open_workbench

workbench = open_workbench()
suite = workbench.read(SUITE).pick(ids=PATTERNS)
recorded = suite.frame()
recorded.sort_values("messages", ascending=False)[["id", "title", "messages", "tags"]].head(10)

# %% tags=["prose"]
middle, longest = recorded["messages"].median(), recorded.loc[recorded["messages"].idxmax()]
Markdown(
    f"Half of these {len(recorded)} conversations have at most {middle:.0f} messages from people; the longest, `{longest.id}`, has "
    f"{longest.messages}. A prompt that needs one question more costs a customer a good part of such a conversation."
)

# %% [markdown]
# ## What Parlo did
#
# A recording holds what people said. What Parlo does about it is made anew in every run, so let us make one and count
# the tools it called. A *refusal* is a tool that says no with a reason (the hour is taken, the day is closed):
# nothing is wrong with that, but what the customer reads next is where conversations are won and lost.

# %%
run = workbench.evaluate(suite, jobs=JOBS)
tools = run.tools().sort_values("calls").reset_index(drop=True)
tools["refused"] = tools["calls"] - tools["ok"]

# %%
most = tools.iloc[-1] if len(tools) else None
refused = int(tools["refused"].sum())
axis = open_chart(
    f"{refused} of {tools['calls'].sum()} tool calls were refused; {most.tool} is called most"
    if most is not None
    else "No tool was called",
    height=1.2 + 0.35 * len(tools),
)
axis.barh(tools["tool"], tools["ok"], color=DARK, label="did what was asked")
axis.barh(tools["tool"], tools["refused"], left=tools["ok"], color=LIGHT, edgecolor=DARK, hatch="///", label="refused")
label_totals(axis, tools["calls"])
axis.set_xlabel("calls (count)")
axis.legend(frameon=False, loc="lower right")
plt.show()

# %% [markdown]
# Why it was refused, most frequent first:

# %%
reasons = [(row.tool, code, times) for row in tools.itertuples() for code, times in row.refusals.items()]
pd.DataFrame(reasons, columns=["tool", "reason", "times"]).sort_values("times", ascending=False, ignore_index=True)

# %% [markdown]
# ## One to read
#
# The conversation in which most was done: what people wrote, `·` what Parlo did about it, `→` what it answered.

# %%
talks = [run.conversation(name) for name in run.frame()["id"]]
busiest = max(talks, key=lambda talk: sum(who == "· tool" for who, _ in talk.lines))
busiest

# %% [markdown]
# ## To find others
#
# Frames are ordinary pandas: `run.verdicts()` has every judgement with its reason, `suite.pick(tags="handoff")` is a
# suite of its own, `run.report` a page with all of it for the phone. Say a word, and every conversation in which
# somebody wrote it is here:

# %%
WORD = "mañana"
found = [
    (talk.id, words) for talk in talks for who, words in talk.lines if who[0] not in "·→✗" and WORD in words.lower()
]
pd.DataFrame(found, columns=["conversation", "said"]).head(10)
