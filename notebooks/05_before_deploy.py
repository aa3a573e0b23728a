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
# # May I deploy?
#
# The gate says PASS, BLOCK, or that it does not know. Whoever deploys by it should know three things first: what it
# says when nothing was changed, how many conversations it takes to say PASS, and what it cannot see.

# %% tags=["parameters"]
SUITE = "fixtures/suites/core"
PATTERNS = ["*"]  # of the conversations' ids
JOBS = None  # processes; None: as many as cores
MARGIN = 0.03  # the loss of pass rate that is tolerated; named before anything is seen
MOST = 2000  # conversations, to the right end of the charts

# %%
import numpy as np
from charts import DARK, LIGHT, MIDDLE, Markdown, open_chart, plt
from matplotlib.ticker import PercentFormatter

from evals.notebook import open_workbench
from evals.statistics.noise_floor import measure_flips
from evals.statistics.pairs import guard_limits
from evals.statistics.sample_size import count_cases_mcnemar, find_detectable_difference_mcnemar

workbench = open_workbench()
suite = workbench.read(SUITE).pick(ids=PATTERNS)

# %% [markdown]
# ## The noise floor: A against A
#
# The same prompt, twice. Whatever differs is noise, and no comparison can see below it.

# %%
first = workbench.evaluate(suite, jobs=JOBS)
second = workbench.evaluate(suite, jobs=JOBS)
same = workbench.gate(first, second, margin=MARGIN)
same

# %%
outcomes = [run.frame().set_index("id")["outcome"] == "passed" for run in (first, second)]
flips = measure_flips(list(outcomes[0]), list(outcomes[1].reindex(outcomes[0].index)))
changed = sum(count for change, count in same.comparison.turns.items() if change != "same")

# %% tags=["prose"]
Markdown(
    f"{flips.hits} of {flips.n} conversations came out differently, and {changed} turns. With the offline model a run repeats exactly, so the floor is "
    f"what {flips.n} conversations can exclude: up to {flips.high:.1%} might still flip. With a real model measure it anew for each of its releases; a "
    "change that flips no more conversations than this has shown nothing."
)

# %% [markdown]
# ## How many conversations does a PASS take?
#
# A PASS says: *not worse by more than the margin*. With few conversations nothing says so, even if none of them
# changed, since a handful cannot show that one in a hundred does not break. This is the gate's lower limit when not a
# single conversation changes:

# %%
sizes = np.unique(np.geomspace(10, MOST, 60).astype(int))
limits = np.array([guard_limits([0.0] * int(n))[0] for n in sizes])
enough = next((int(n) for n in range(10, MOST) if guard_limits([0.0] * n)[0] > -MARGIN), None)
ours, our_limit = len(suite), guard_limits([0.0] * len(suite))[0]

# %%
axis = open_chart(
    f"Even without any change a PASS at {MARGIN:.0%} takes {enough} conversations; this suite has {ours}"
    if enough
    else f"No suite of up to {MOST} conversations passes at {MARGIN:.0%}; this one has {ours}"
)
axis.plot(sizes, limits, color=DARK, label="lower limit, nothing changed")
axis.axhline(-MARGIN, color="black", linestyle="--", label=f"margin of {MARGIN:.0%}: above it is a PASS")
axis.plot([ours], [our_limit], "o", color=DARK, markersize=9, label=f"this suite: {our_limit:+.1%}")
axis.fill_between(sizes, -MARGIN, limits, where=limits > -MARGIN, color=LIGHT)
axis.set_xscale("log")
axis.set_xticks([10, 30, 100, 300, 1000], ["10", "30", "100", "300", "1,000"])
axis.yaxis.set_major_formatter(PercentFormatter(1.0))
axis.set_xlabel("conversations in the suite (count, logarithmic)")
axis.set_ylabel("loss that cannot be excluded\n(points of pass rate)")
axis.legend(frameon=False, loc="lower right")
plt.show()

# %% [markdown]
# ## What can it not see?
#
# The other side is power. A change that breaks some conversations and mends others is harder to judge the more of
# them flip. This is the smallest loss that would be *noticed* four times out of five:

# %%
axis_sizes = np.unique(np.geomspace(30, MOST, 60).astype(int))
detectable = {}
axis = open_chart("")
for share, style in ((0.05, "-"), (0.1, "--"), (0.2, ":")):
    found = [find_detectable_difference_mcnemar(int(n), share) for n in axis_sizes]
    detectable[share] = find_detectable_difference_mcnemar(ours, share)
    axis.plot(
        axis_sizes,
        [np.nan if each is None else each for each in found],
        style,
        color=DARK,
        label=f"{share:.0%} of conversations flip",
    )
middle = detectable[0.1]
seen = f"a loss below {middle:.0%} goes unnoticed" if middle is not None else "no loss is sure to be noticed"
axis.figure.suptitle(
    f"With {ours} conversations, one in ten of them flipping, {seen}", x=0.01, ha="left", fontweight="bold", fontsize=12
)
axis.axvline(ours, color=MIDDLE, linewidth=3, alpha=0.6, label="this suite")
axis.set_xscale("log")
axis.set_xticks([30, 100, 300, 1000], ["30", "100", "300", "1,000"])
axis.yaxis.set_major_formatter(PercentFormatter(1.0))
axis.set_xlabel("conversations in the suite (count, logarithmic)")
axis.set_ylabel("smallest loss noticed with\n80 % power (points of pass rate)")
axis.legend(frameon=False)
plt.show()

# %% tags=["prose"]
for_three, for_five = (count_cases_mcnemar(each, 0.1) for each in (0.03, 0.05))
Markdown(
    f"With one conversation in ten flipping, three points take {for_three:,} conversations to be seen, and five points {for_five:,}. Nobody records that "
    "many by hand. Two things help more than size: **must-pass** conversations, of which a single one that breaks is enough, and reading the "
    "turns that changed, which needs no statistics at all."
)

# %% [markdown]
# ## The must-pass ones
#
# They are what does harm if it breaks once. No average is asked about them.

# %%
suite.pick(must_pass=True).frame()[["id", "title", "tags"]].assign(tags=lambda it: it["tags"].map(", ".join)).head(40)

# %% [markdown]
# ## A change that must not go
#
# A gate that has never said no has not been tried. This draft forgets that a booking is confirmed before it is made:

# %%
careless = "".join(
    line for line in workbench.prompt("customer@1").splitlines(keepends=True) if "cuando confirme, agendas" not in line
)
after = workbench.evaluate(suite, prompt=workbench.draft("customer@9", careless), jobs=JOBS)
gated = workbench.gate(first, after, margin=MARGIN)
gated

# %% [markdown]
# What each line of the policy (`fixtures/policies/default.json`) says to it:

# %%
gated.lines()[["tier", "metric", "verdict", "worse", "better", "conversations"]]

# %%
rows = [("the same again", same), ("forgets to confirm", gated)]
axis = open_chart(f"{same.verdict.value} for the same prompt, {gated.verdict.value} for the careless one", height=2.2)
for place, (_, each) in enumerate(rows):
    rate = each.comparison.pass_rate
    found = rate.difference.mean
    axis.errorbar(
        [found],
        [place],
        xerr=[[found - rate.guarded_low], [rate.guarded_high - found]],
        fmt="o",
        color=DARK,
        ecolor=MIDDLE,
        capsize=4,
    )
axis.axvspan(-MARGIN, 0, color=LIGHT, label=f"tolerated: {MARGIN:.0%}")
axis.axvline(0, color="black", linewidth=1)
axis.set_yticks(range(len(rows)), [f"{name}: {each.verdict.value}" for name, each in rows])
axis.set_ylim(-0.6, len(rows) - 0.4)
axis.invert_yaxis()
axis.xaxis.set_major_formatter(PercentFormatter(1.0))
axis.set_xlabel("conversations that pass: after minus before (percentage points, 95 % interval)")
axis.legend(frameon=False, loc="lower left")
plt.show()

# %% [markdown]
# ## Before you deploy
#
# 1. Name the margin before you look. Here it is a parameter, at the top.
# 2. Do not try prompts until one passes: of twenty harmless looks one is lucky. Try on `split="dev"`, gate once on
#    everything.
# 3. INCONCLUSIVE is not a pass. It says how many more conversations would settle it; `06_from_production` is where
#    they come from.
# 4. `parlo gate` in CI ends with 100 for BLOCK and 101 for what it cannot say; this page and the command decide by
#    the same rule.
