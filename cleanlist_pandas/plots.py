"""Pictures by matplotlib in the manner of pandas: an Axes is drawn on and returned, nothing shown, no style set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cleanlist_pandas.errors import ConfigurationError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Bars", "Curve", "axes", "draw_bars", "draw_curve"]


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
    spread : sequence of (float, float), optional
        Between which two lengths each may lie.
    """

    counts: Mapping[str, int]
    label: str
    whole: int | None = None
    spread: Sequence[tuple[float, float]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """What is got for what is spent, and how far a limit reaches.

    Attributes
    ----------
    x, y : sequence of float
        Spent and got, each step added to those before; from 0, which is not among them.
    labels : tuple of str
        What x and y are.
    limit : int or None
        How much may be spent; None: all that the curve shows.
    marks : mapping of int to str
        Numbers of steps that the limit allows, with words to mark them by; the largest is where it cuts.
    """

    x: Sequence[float]
    y: Sequence[float]
    labels: tuple[str, str]
    limit: int | None = None
    marks: Mapping[int, str] = field(default_factory=dict)


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
    drawn = ax.barh(names, lengths, **_spread(bars, lengths), **kwargs)
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


def _spread(bars: Bars, lengths: Sequence[float]) -> dict[str, Any]:
    """Return what makes error bars, in the colour of the caller's text."""
    if not bars.spread:
        return {}
    import matplotlib as mpl

    pairs = list(zip(lengths, bars.spread, strict=True))
    errors = [[n - low for n, (low, _) in pairs], [high - n for n, (_, high) in pairs]]
    return {"xerr": errors, "ecolor": mpl.rcParams["text.color"], "capsize": 3}


def draw_curve(curve: Curve, *, ax: Axes | None = None, **kwargs: Any) -> Axes:
    """Draw a curve from 0 with its marks and its limit, faint where the limit does not reach."""
    ax = axes(ax)
    from matplotlib import cbook, lines

    kwargs = cbook.normalize_kwargs(kwargs, lines.Line2D)  # one name for each: the colour may be given as c=
    x, y = [0, *curve.x], [0, *curve.y]
    cut = max(curve.marks, default=len(curve.x))
    (line,) = ax.plot(x[: cut + 1], y[: cut + 1], **kwargs)
    colour = line.get_color()
    if cut < len(curve.x):
        ax.plot(x[cut:], y[cut:], **{**kwargs, "color": colour, "alpha": 0.35, "label": "_beyond"})
    for at, words in curve.marks.items():
        ax.plot(x[at], y[at], "o", color=colour, label="_mark")
        side, away = ("right", (-8, 2)) if x[at] > x[-1] / 5 else ("left", (8, -8))
        ax.annotate(words, (x[at], y[at]), away, textcoords="offset points", ha=side)
    if curve.limit is not None:
        ax.axvline(curve.limit, color=colour, linestyle=":", linewidth=1, label="_limit")
        side = "right" if curve.limit > x[-1] / 5 else "left"
        told = f" budget {curve.limit:,} "
        ax.text(curve.limit, 0.02, told, ha=side, transform=ax.get_xaxis_transform())
    ax.set(xlabel=curve.labels[0], ylabel=curve.labels[1])
    ax.set_xlim(left=0)
    ax.set_ylim(bottom=0)
    if x[-1] >= 10:  # a few seconds have decimals
        ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.yaxis.set_major_formatter("{x:,.0f}")
    return ax
