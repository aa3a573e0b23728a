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
# # Which lock keeps two customers off one chair, and what does it cost?
#
# Two customers want four o'clock. Both are told it is free, both say yes, both are written down: that must not
# happen, however unluckily the steps of the two fall between each other. Parlo knows several ways to prevent it
# (`docs/locking.md`). Here each is played through *every* order of steps of two rivals, and then under a crowd.

# %% tags=["parameters"]
STRATEGIES = None  # names, production's `line` among them; None: all there are
ACTORS = 32  # the largest crowd
ROUNDS = 3  # of each crowd at least
ORDERS = 30  # played of what is too much to be played whole

# %%
from charts import DARK, LIGHT, MIDDLE, Markdown, open_chart, plt

from evals.notebook import open_workbench

workbench = open_workbench()
race = workbench.race("booking", strategies=STRATEGIES, actors=ACTORS, rounds=ROUNDS, orders=ORDERS)
race

# %% [markdown]
# ## Every order of steps
#
# `wrong` counts orders with an anomaly: two appointments in one chair, a customer who is told something that is not
# in the calendar, an hour that nobody got. Where it says *complete*, there is no other order: zero is a proof for
# these steps, not an estimate. Where it does not, it is a sample.

# %%
orders = race.orders()
played = orders.groupby("strategy", sort=False)[["played", "wrong", "deadlocks", "retried", "waits"]].sum()
played["complete scenarios"] = orders.groupby("strategy", sort=False)["complete"].agg(
    lambda each: f"{each.sum()} of {len(each)}"
)
played

# %%
frame = race.frame()
default = frame.query("default").iloc[0].strategy
worst = played["wrong"].idxmax()
safe = [name for name, row in played.iterrows() if row["wrong"] == 0]
axis = open_chart(
    f"“{worst}” goes wrong in {played.loc[worst, 'wrong']} of {played.loc[worst, 'played']} orders; {len(safe)} of {len(played)} strategies in none",
    height=1.0 + 0.35 * len(played),
)
axis.barh(played.index, played["played"], color=LIGHT, edgecolor=MIDDLE, label="orders played")
axis.barh(played.index, played["wrong"], color=DARK, label="orders that went wrong")
for place, (_, row) in enumerate(played.iterrows()):
    axis.annotate(f"{row['wrong']}", (row["played"], place), xytext=(4, 0), textcoords="offset points", va="center")
axis.invert_yaxis()
axis.set_xlabel("orders of steps (count; at the end of a bar: how many went wrong)")
axis.figure.legend(frameon=False, loc="outside lower center", ncols=2)
plt.show()

# %% [markdown]
# The shortest way to go wrong, step by step. Each column is one customer:

# %%
race.story(worst) if played.loc[worst, "wrong"] else "no order went wrong"

# %% [markdown]
# ## Under a crowd
#
# Correct is not enough on a Saturday. On the left everybody wants the same hour, and the time is how long somebody
# waits for a yes or a no. On the right everybody wants an hour of their own: what a lock costs those who are nobody's
# rival.

# %%
crowds = race.crowds()
largest = int(crowds["actors"].max())
rivals = crowds.query("places == 1 and actors == @largest").set_index("strategy")
alone = crowds.query("places > 1 and actors == @largest").set_index("strategy")
right = [name for name in rivals.index if name in safe and rivals.loc[name, "wrong"] == 0]
quickest = rivals.loc[right, "p95_ms"].idxmin() if right else rivals["p95_ms"].idxmin()
left, other = open_chart(
    f"Of those that never go wrong, “{quickest}” answers first: 95 of 100 within {rivals.loc[quickest, 'p95_ms']:.0f} ms",
    height=1.4 + 0.35 * len(rivals),
    columns=2,
)
places = range(len(rivals))
spread = [rivals["p95_ms"] - rivals["p50_ms"], rivals["p99_ms"] - rivals["p95_ms"]]
left.errorbar(rivals["p95_ms"], places, xerr=spread, fmt="o", color=DARK, ecolor=MIDDLE, capsize=3)
left.set_yticks(places, [f"{name} (default)" if name == default else name for name in rivals.index])
left.set_ylim(len(rivals) - 0.5, -0.5)
left.set_xlim(left=0)
left.set_xlabel(f"ms for an answer, {largest} at one hour\n(dot: p95; line: p50 to p99)")
other.barh(alone.index, alone["per_s"], color=DARK)
other.set_yticks(places, [""] * len(alone))
other.set_ylim(len(rivals) - 0.5, -0.5)
other.set_xlabel(f"bookings a second,\n{largest} at hours of their own")
plt.show()

# %% tags=["prose"]
times = crowds.query("places == 1 and strategy == @default").sort_values("actors")
attempts = int(rivals["rounds"].iloc[0]) * largest
grown = " to ".join(f"{row.p95_ms:.0f} ms with {row.actors} rivals" for row in times.iloc[[0, -1]].itertuples())
if quickest == default:
    judged = "Nothing that is correct was quicker here."
else:
    late_ms = rivals.loc[default, "p95_ms"] - rivals.loc[quickest, "p95_ms"]
    judged = f"`{quickest}` was quicker here, by {late_ms:.0f} ms at p95."
Markdown(
    f"Production uses `{default}`: its p95 goes from {grown}. {judged} Each dot rests on {attempts} attempts on this machine, shared with "
    "whatever else it did; run it twice before you believe a difference of a few milliseconds."
)

# %% [markdown]
# ## To try one on conversations
#
# A lock is a setting, and is scored like a prompt: `workbench.evaluate(suite, locking="booking=row")`, then
# `workbench.gate(before, after)`.
