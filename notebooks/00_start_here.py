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
# # Does the receptionist do its job today?
#
# Parlo answers WhatsApp for small beauty businesses. In this folder you change what it says, and know half an hour
# later whether the change may be deployed. This page makes one run and shows how to read it; each of the others
# answers one question.
#
# Run a cell with Shift+Enter. A long cell may be stopped at any time: what is finished is kept, and the message says
# how to go on.

# %% tags=["parameters"]
SUITE = "fixtures/suites/core"
PATTERNS = ["*"]  # of the conversations' ids
JOBS = None  # processes; None: as many as cores

# %%
from charts import Markdown, plot_rates

from evals.notebook import open_workbench

workbench = open_workbench()
suite = workbench.read(SUITE).pick(ids=PATTERNS)
suite

# %% [markdown]
# A *suite* is what everything is measured on: conversations as customers had them, each with what must come of it,
# and single messages with a label. Its hash covers every word; two runs are only ever compared where it is the same.
# Let us replay the conversations. They go through the same program that answers in production, on a clock that jumps,
# against a real Postgres; only WhatsApp and the language model are stand-ins.

# %%
run = workbench.evaluate(suite, jobs=JOBS)
run

# %% [markdown]
# **passed** means that everything expected of the conversation came true *and* that no rule was broken which holds
# for all of them: no invented price, one question at a time, nothing said to be booked that is not. The interval
# behind it says how far off the share may be with so many conversations.

# %%
rates = run.tags().query("n > 0").sort_values("n", ascending=False).head(16).reset_index(drop=True)
whole, fewest = rates.iloc[0], rates.iloc[-1]
plot_rates(
    rates,
    title=f"{whole.hits} of {whole.n} conversations pass: {whole.low:.0%} or more of all such would",
    what="conversations that passed, by tag",
)

# %% tags=["prose"]
Markdown(
    f"Every dot is a share, every line its 95 % interval: what the share may really be. That of all {whole.n} is short. "
    f"`{fewest['name']}` rests on {fewest.n}, so conversations like it could pass as rarely as {fewest.low:.0%} of the time "
    "and this suite would not have noticed. A line grows shorter with more conversations, and with nothing else."
)

# %% [markdown]
# ## What went wrong
#
# Whatever did not pass, the worst first. An empty table is a good day; a conversation that *did not run* is a fault
# of the harness, which is counted and never held against the prompt.

# %%
run.frame().query("outcome != 'passed'")[["id", "title", "outcome", "reason"]]

# %% [markdown]
# And one of them to be read, as the customer saw it (`→` is what Parlo sent, `·` what it did):

# %%
frame = run.frame()
broken = frame.query("outcome == 'broken'")
run.conversation((broken if len(broken) else frame).iloc[0].id)

# %% [markdown]
# ## Where to go on
#
# | you ask | open |
# | --- | --- |
# | What do customers say, and what is done with it? | `01_read_conversations` |
# | Is my prompt better than the one in production? | `02_change_a_prompt` |
# | Does Parlo understand owners, and notice who wants a person? | `03_handoff_intent` |
# | Which lock keeps two customers off one chair? | `04_locking_under_load` |
# | May I deploy? | `05_before_deploy` |
# | How does a real conversation become a test? | `06_from_production` |
#
# The answers here come from **the offline model**, a stand-in of rules. It obeys what a prompt *says*, and does not
# care how nicely it is said: it finds what an edit has lost, not what it has won.
