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
# # Does Parlo understand owners, and how late is a person there?
#
# While the owner of a business talks to a customer through Parlo, every message of hers is one of three things: for
# the customer (*relay*), said to Parlo and over (*end*), or said to Parlo while she stays (*aside*). Two mistakes are
# not alike. A **false end** throws the customer out of a conversation with a person; a **missed end** passes "listo"
# on to the customer and keeps the assistant away a while longer. So the question is not how often Parlo is right, but
# at which price of the one against the other it should dare to end.

# %% tags=["parameters"]
SPLIT = "test"  # what nothing was built on
LIMIT = None  # messages; None: all of the split
PATTERNS = ["relevo-*"]  # of the conversations with a handoff
JOBS = None  # processes; None: as many as cores
COST_RATIO = 5  # how many missed ends are as bad as one false end: your judgement, not a measurement

# %%
import numpy as np
from charts import DARK, MIDDLE, Markdown, open_chart, plot_confusion, plt

from evals.notebook import open_workbench
from evals.statistics.rates import rate_of

workbench = open_workbench()
found = workbench.classify("owner-intent", split=SPLIT, limit=LIMIT)
found

# %%
confusion = found.confusion()
off = confusion.where(~np.eye(len(confusion), dtype=bool), 0).stack()
is_, taken = off.idxmax()
plot_confusion(confusion, title=f"The most frequent mistake: {off.max()} times “{is_}” is\ntaken for “{taken}”")

# %% [markdown]
# ## Which threshold?
#
# Production ends a handoff when a rule knows the words, or when the model says *end* and a guard finds nothing
# against it. The offline model gives each label a share behind its word. Below, *end* is believed from a threshold
# on, for the messages that no rule decides; each line is one price of a false end. The dots are the cheapest
# thresholds.

# %%
from sim.offline_model.classify import read_examples, score_labels
from sim.offline_model.own_examples import load_leans

prompt = workbench.prompt(found.classified.prompt)
examples, leans = read_examples(prompt), load_leans(prompt)
messages = found.frame()
ends_by_rule = (messages["decided_by"] == "rule") & (messages["predicted"] == "end")
by_rule = messages["decided_by"] == "rule"
shares = np.array([score_labels(examples, text, leans).get("end", 0.0) for text in messages["text"]])
is_end = (messages["label"] == "end").to_numpy()


def count_mistakes(threshold):
    taken_for_end = np.where(by_rule, ends_by_rule, shares >= threshold)
    return int((taken_for_end & ~is_end).sum()), int((~taken_for_end & is_end).sum())


thresholds = np.linspace(0.02, 1.0, 99)
mistakes = np.array([count_mistakes(each) for each in thresholds])


def price(counts, ratio):
    return (counts[..., 0] * ratio + counts[..., 1]) / len(messages) * 100


shipped = np.array(
    [
        ((messages["predicted"] == "end") & (messages["label"] != "end")).sum(),
        ((messages["predicted"] != "end") & (messages["label"] == "end")).sum(),
    ]
)
best = thresholds[price(mistakes, COST_RATIO).argmin()]

# %%
axis = open_chart(
    f"If one false end is as bad as {COST_RATIO} missed ones, believe “end” from a share of {best:.2f} on"
)
ratios = sorted({1, COST_RATIO, 4 * COST_RATIO})
for ratio, style in zip(ratios, ("-", "--", ":"), strict=False):
    costs = price(mistakes, ratio)
    axis.plot(thresholds, costs, style, color=DARK, label=f"1 false end = {ratio} missed")
    axis.plot(thresholds[costs.argmin()], costs.min(), "o", color=DARK)
axis.axhline(price(shipped, COST_RATIO), color=MIDDLE, linewidth=3, alpha=0.6, label=f"as shipped, 1 = {COST_RATIO}")
axis.set_xlabel("threshold on the model's share for “end” (0 to 1)")
axis.set_ylabel("cost per 100 messages\n(in missed ends)")
axis.set_ylim(0, price(mistakes, COST_RATIO).min() * 4 + 10)
axis.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
plt.show()

# %% tags=["prose"]
at_best = count_mistakes(best)
n_end, n_other = int(is_end.sum()), int((~is_end).sum())
false_end, missed_end = rate_of(int(shipped[0]), n_other), rate_of(int(shipped[1]), n_end)
cheaper = price(np.array(at_best), COST_RATIO) < price(shipped, COST_RATIO)
Markdown(
    f"At {best:.2f} it makes {at_best[0]} false ends and misses {at_best[1]}. What is shipped, with its guard, makes {shipped[0]} of {n_other} "
    f"(at most {false_end.high:.1%}, as far as so many messages can tell) and misses {shipped[1]} of {n_end} "
    f"({missed_end.low:.0%} to {missed_end.high:.0%}). At this price a bare threshold would be "
    f"{'cheaper' if cheaper else 'no cheaper'}. The threshold was chosen on the messages it is judged by, which flatters it; and a "
    "difference of one or two messages is none."
)

# %% [markdown]
# ## The hard ones
#
# What no rule decides, and was taken wrongly. Read them as if they came from a stranger: is the label what you would
# have said?

# %%
wrong = found.mistakes()
wrong[["text", "label", "predicted", "decided_by", "unsure"]].head(15)

# %% tags=["prose"]
saved = int((wrong["unsure"] | wrong["ask_to_end"]).sum())
Markdown(
    f"{saved} of these {len(wrong)} mistakes were made in doubt: Parlo relayed the message and told the owner how to end, or asked. A mistake that "
    "says so costs a second; one that keeps silent costs a customer."
)

# %% [markdown]
# ## How long until a person is there?
#
# Understanding is one half of a handoff; the other is waiting. These are minutes of the conversation's own time, from
# the moment a person was offered the customer until one took them, in every recorded handoff.
#
# Recordings were chosen because they are difficult: how many were never taken says what is tested here, and nothing about
# an ordinary day of a business. What the late ones show is what to read.

# %%
run = workbench.evaluate(workbench.read("fixtures/suites/core").pick(ids=PATTERNS), jobs=JOBS)
steps = run.handoffs()
people = ["conversation", "customer"]
asked = steps.query("event == 'offer'").groupby(people)["t_s"].min()
taken_at = steps.query("event == 'take'").groupby(people)["t_s"].min()
waits = ((taken_at - asked) / 60).dropna()
waits = waits[waits >= 0].sort_values()
never = sorted(set(asked.index) - set(taken_at.index))

# %%
axis = open_chart(
    f"Half of {len(waits)} customers wait at most {waits.median():.1f} min; {len(never)} were never taken"
)
axis.step(np.append(0, waits), np.arange(len(waits) + 1) / max(1, len(asked)), where="post", color=DARK)
axis.axhline(len(waits) / max(1, len(asked)), color=MIDDLE, linestyle=":", label="ever taken by a person")
axis.set_xlabel("time from the offer to the person (minutes of the conversation)")
axis.set_ylabel("customers who are with a person\n(share of those offered)")
axis.set_ylim(0, 1.02)
axis.legend(frameon=False, loc="lower right")
plt.show()

# %% [markdown]
# The latest ones. Open one with `run.conversation(…)`: was nobody on duty, did somebody put it off, or was the first
# message of the person not understood as taking it?

# %%
waits.tail(5).rename("minutes").reset_index()

# %%
run.conversation(waits.index[-1][0])
