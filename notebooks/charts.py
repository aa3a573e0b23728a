"""The charts of the notebooks: one look, readable in grey, with intervals drawn and units on every axis."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import Markdown
from matplotlib.ticker import MaxNLocator, PercentFormatter

__all__ = ["DARK", "LIGHT", "MIDDLE", "Markdown", "label_totals", "open_chart", "plot_confusion", "plot_rates", "plt"]

DARK, MIDDLE, LIGHT = "#1f3b4d", "#7d9aaa", "#d5dee3"
"""Far apart in grey as well."""

pd.set_option("display.max_colwidth", 100)
plt.rcParams.update(
    {
        "figure.dpi": 110,
        "font.size": 10,
        "axes.titlesize": 12,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "figure.constrained_layout.use": True,
    }
)


def open_chart(title: str, *, width: float = 8.5, height: float = 3.5, columns: int = 1) -> Any:
    """A figure with a title that states what was found; gives its axes, several where there are columns."""
    figure, axes = plt.subplots(1, columns, figsize=(width, height))
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=12, wrap=True)
    return axes


def plot_rates(frame: Any, *, title: str, what: str, name: str = "name") -> None:
    """A dot and its interval for each row of a frame with rate, low, high and n; the first row on top."""
    axis = open_chart(title, height=0.9 + 0.27 * len(frame))
    places = range(len(frame))
    low, high = frame["rate"] - frame["low"], frame["high"] - frame["rate"]
    axis.errorbar(
        frame["rate"], places, xerr=[low.clip(0), high.clip(0)], fmt="o", color=DARK, ecolor=MIDDLE, capsize=3
    )
    axis.set_yticks(places, [f"{row[name]} ({row['n']})" for _, row in frame.iterrows()])
    axis.invert_yaxis()
    axis.set_xlim(-0.02, 1.02)
    axis.xaxis.set_major_formatter(PercentFormatter(1.0))
    axis.set_xlabel(f"{what} (share of those in brackets, with its 95 % interval)")
    axis.grid(axis="x", color=LIGHT)
    plt.show()


def plot_confusion(counts: Any, *, title: str) -> None:
    """A square of counts, darker where a row has more of its own; what is right lies on the diagonal."""
    axis = open_chart(title, width=5.2, height=4.0)
    shares = counts.div(counts.sum(axis=1).clip(lower=1), axis=0)
    axis.imshow(shares, cmap="Greys", vmin=0, vmax=1)
    for row in range(len(counts)):
        for column in range(len(counts.columns)):
            share = shares.iat[row, column]
            words = f"{counts.iat[row, column]}\n{share:.0%}"
            axis.text(column, row, words, ha="center", va="center", color="white" if share > 0.5 else "black")
    axis.set_xticks(range(len(counts.columns)), counts.columns)
    axis.set_yticks(range(len(counts)), counts.index)
    axis.set_xlabel("taken for (messages)")
    axis.set_ylabel("is (messages)")
    plt.show()


def label_totals(axis: Any, totals: Any) -> None:
    """A whole number at the end of every bar of a frame that was drawn in its own order."""
    for place, total in enumerate(totals):
        axis.annotate(f"{total}", (total, place), xytext=(4, 0), textcoords="offset points", va="center")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
