"""Pictures by matplotlib in the manner of pandas: an Axes is drawn on and returned, nothing shown, no style set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cleanlist_pandas.errors import ConfigurationError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Bars", "axes", "draw_bars"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Counts to be drawn.

    Attributes
    ----------
    counts : mapping of str to int
        From the top down.
    label : str
        What the lengths are.
    whole : int or None
        Of how many; then the lengths are shares of it.
    """

    counts: Mapping[str, int]
    label: str
    whole: int | None = None


def axes(ax: Axes | None = None, *, height_in: float | None = None) -> Axes:
    """Return where to draw: the caller's axes, or those of a figure of its own.

    Raises
    ------
    ConfigurationError
        If matplotlib is missing.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise ConfigurationError(
            'Plots need matplotlib; install it with: pip install "cleanlist-pandas[plot]".'
        ) from None
    if ax is not None:
        return ax
    size = plt.rcParams["figure.figsize"]
    _, made = plt.subplots(figsize=(size[0], height_in or size[1]), layout="constrained")
    return made


def draw_bars(bars: Bars, *, ax: Axes | None = None, **kwargs: Any) -> Axes:
    """Draw counts as horizontal bars, each with its number at its end."""
    ax = axes(ax, height_in=1 + 0.36 * len(bars.counts))
    names, counts = list(bars.counts), list(bars.counts.values())
    lengths = counts if bars.whole is None else [n / (bars.whole or 1) for n in counts]
    drawn = ax.barh(names, lengths, **kwargs)
    ax.bar_label(drawn, [f"{n:,}" if bars.whole is None else f"{n:.0%}" for n in lengths], padding=3)
    ax.yaxis.set_inverted(True)
    ax.set_xlabel(bars.label)
    if bars.whole is None:
        ax.margins(x=0.15)  # room for the numbers
    else:
        ax.set_xlim(0, 1.2)
        ax.set_xticks([0, 0.25, 0.5, 0.75, 1])
        ax.xaxis.set_major_formatter("{x:.0%}")
    return ax
