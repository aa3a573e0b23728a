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
# # Is my prompt better than the one in production?
#
# Edit the prompt in a cell, score both on the same conversations, read the turns that broke, decide. The edit made
# here is one that people really make: the prompt gets shorter, and a line goes that nobody thought was needed.

# %% tags=["parameters"]
SUITE = "fixtures/suites/core"
PATTERNS = ["*"]  # of the conversations' ids
JOBS = None  # processes; None: as many as cores
MARGIN = 0.03  # the loss of pass rate that is tolerated; named before anything is seen

# %%
from charts import DARK, LIGHT, MIDDLE, Markdown, open_chart, plt
from matplotlib.ticker import PercentFormatter

from evals.notebook import open_workbench

workbench = open_workbench()
suite = workbench.read(SUITE).pick(ids=PATTERNS)
before = workbench.evaluate(suite, jobs=JOBS)
before

# %% [markdown]
# ## The edit
#
# `workbench.prompt("customer@1")` is production's text. A draft gets a version of its own and lies in
# `.parlo/drafts`; nothing in production changes. Edit this cell as you like and run the page again from here.

# %%
production = workbench.prompt("customer@1")
shorter = "".join(line for line in production.splitlines(keepends=True) if not line.startswith("- Para agendar:"))
draft = workbench.draft("customer@2", shorter)

gone = [line for line in production.splitlines() if line not in shorter.splitlines()]
print(*gone, sep="\n")

# %% [markdown]
# ## The score

# %%
after = workbench.evaluate(suite, prompt=draft, jobs=JOBS)
gated = workbench.gate(before, after, margin=MARGIN)
gated


# %%
def plot_decision(decided, title):
    rate = decided.comparison.pass_rate
    found, low, high = rate.difference.mean, rate.guarded_low, rate.guarded_high
    axis = open_chart(title, height=2.0)
    axis.axvspan(-decided.margin, 0, color=LIGHT, label=f"tolerated: up to {decided.margin:.0%} of conversations lost")
    axis.axvline(0, color="black", linewidth=1)
    axis.errorbar([found], [0], xerr=[[found - low], [high - found]], fmt="o", color=DARK, ecolor=MIDDLE, capsize=4)
    axis.annotate(f"{found:+.1%}", (found, 0), xytext=(6, 8), textcoords="offset points")
    axis.set_yticks([])
    axis.set_ylim(-1, 1)
    axis.set_xlim(min(-0.2, low - 0.05), max(0.2, high + 0.05))
    axis.xaxis.set_major_formatter(PercentFormatter(1.0))
    axis.set_xlabel("conversations that pass: the draft minus production (percentage points, 95 % interval)")
    axis.legend(frameon=False, loc="lower right" if found >= -0.1 else "upper left")
    plt.show()


broken = gated.frame().query("change == 'broken'")
plot_decision(gated, f"{gated.verdict.value}: the shorter prompt breaks {len(broken)} of {len(suite)} conversations")

# %% tags=["prose"]
rate, outcomes = gated.comparison.pass_rate, gated.comparison.outcomes
chance = f"{outcomes.p_worse:.1%}" if outcomes.p_worse >= 0.001 else "less than 0.1%"
must = gated.comparison.broken_must_pass
Markdown(
    f"Before, {rate.before:.1%} passed; now {rate.after:.1%}. The interval goes from {rate.guarded_low:+.1%} to "
    f"{rate.guarded_high:+.1%}. {outcomes.broken} broke and {outcomes.mended} were mended; were the two prompts equally good, chance "
    f"alone would break as many in {chance} of all tries. "
    + (
        f"And {len(must)} of those may never break, whatever the average: {', '.join(f'`{each}`' for each in must)}."
        if must
        else ""
    )
)

# %% [markdown]
# ## The turns that broke
#
# A number says that something is wrong; the turns say what. `gained` are the faults that only the draft has. Read
# them from the top: must-pass conversations come first. A turn is `off-policy` where the recorded line no longer fits
# what the draft had done by then: its faults are told, and may follow from an earlier one.

# %%
turns = gated.turns().query("change in ['broken', 'off-policy'] and gained != ''")
turns[["conversation", "turn", "change", "said", "gained"]].head(12)

# %% [markdown]
# One whole conversation, both ways. Up to where they part there is one version; then `before` and `after`:

# %%
gated.conversation(broken.iloc[0].id) if len(broken) else "nothing broke"

# %% tags=["prose"]
on_policy = gated.comparison.on_policy
Markdown(
    "A caution: people's words are recorded. After the turn in which the two prompts first do different things, a recorded answer may be to a "
    f"question that was never asked. {on_policy:.0%} of the turns compared here came before that point; look at the *first* broken "
    "turn of a conversation, and be slow to believe the later ones."
)

# %% [markdown]
# ## Another try
#
# So the line was needed. It can still be said in fewer words:

# %%
brief = production.replace(
    next(line for line in production.splitlines() if line.startswith("- Para agendar:")),
    "- Para agendar: servicio, día, hora y nombre; luego un resumen y, cuando confirme, agendas.",
)
brief_draft = workbench.draft("customer@3", brief)
second = workbench.evaluate(suite, prompt=brief_draft, jobs=JOBS)
again = workbench.gate(before, second, margin=MARGIN)
again

# %%
shorter_by = 1 - len(brief) / len(production)
plot_decision(
    again,
    f"{again.verdict.value}: the prompt that is {shorter_by:.0%} shorter breaks {again.comparison.outcomes.broken}",
)

# %% tags=["prose"]
words = {
    "PASS": "It is not worse by more than the margin, so it may go.",
    "WARN": "It is worse, but within what was tolerated; somebody should want it for another reason.",
    "BLOCK": "It is worse. It stays here.",
    "INCONCLUSIVE": "Nothing is settled: there are too few conversations to exclude a loss beyond the margin. "
    "That is not a pass; `05_before_deploy` says how many it takes.",
    "NOT_COMPARABLE": "The two runs are not of the same suite; nothing follows.",
}
Markdown(
    f"## Decision\n\n**{gated.verdict.value}** for the first draft, **{again.verdict.value}** for the second. {words[again.verdict.value]}"
)

# %% [markdown]
# To deploy a draft, move it from `.parlo/drafts` to `runtime/agent/prompts`, set `PARLO_CUSTOMER_PROMPT` to its name,
# and let CI run the same gate. With the offline model a pass says that no rule of conduct was lost; whether customers
# like it better, only a real model's run can say.
