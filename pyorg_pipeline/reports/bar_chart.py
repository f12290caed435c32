"""Stacked bars as an SVG picture: a card of its own colours, so that it is readable on any page.

What is counted, and in which colours, stands in `pictures`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import floor, log10
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

from pyorg_pipeline.reports.words import printable

#: Pixels. A page of Dagster's UI shows it unscaled.
WIDTH: Final = 760
HEIGHT: Final = 320

_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 16, 70, 46
_INK: Final = "#1f2430"
_QUIET: Final = "#5b6270"
_GRID: Final = "#dfe2e8"
_CARD: Final = "#ffffff"
#: Pixels that a character of a label takes at most.
_CHARACTER: Final = 6.5


class Layer(NamedTuple):
    """One part of every bar."""

    name: str
    #: As SVG has it.
    colour: str
    #: By bar; a bar without one has none of it.
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class BarChart:
    """Bars of layers upon each other, the first at the bottom."""

    title: str
    #: What is counted along each axis, with the unit.
    x_label: str
    y_label: str
    #: From left to right.
    bars: Sequence[str]
    layers: Sequence[Layer]

    def svg(self) -> str:
        """The picture; the same chart gives the same text.

        Each part of a bar has a `title` with what it stands for: bar, layer and value.
        """
        top = max((self._height(bar) for bar in self.bars), default=0)
        step = _step(top)
        highest = step * max(1, -(-top // step))
        lines = [
            *self._card(),
            *self._legend(),
            *_grid(highest, step),
            *self._bars(highest),
            *self._labels(),
            "</svg>",
        ]
        return "\n".join(lines)

    def _card(self) -> Iterator[str]:
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
            f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{_attribute(self.title)}" '
            f'font-family="system-ui,sans-serif" font-size="11" fill="{_QUIET}">'
        )
        yield (
            f'<rect x=".5" y=".5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="6" '
            f'fill="{_CARD}" stroke="{_GRID}"/>'
        )
        yield (
            f'<text x="{_LEFT}" y="26" font-size="15" font-weight="600" fill="{_INK}">'
            f"{_text(self.title)}</text>"
        )

    def _height(self, bar: str) -> float:
        return sum(layer.values.get(bar, 0) for layer in self.layers)

    def _legend(self) -> list[str]:
        parts, x = [], float(_LEFT)
        if len(self.layers) > 1:
            for layer in self.layers:
                name = _text(layer.name)
                parts.append(
                    f'<rect x="{x:g}" y="40" width="10" height="10" fill="{layer.colour}"/>'
                    f'<text x="{x + 14:g}" y="49">{name}</text>'
                )
                x += 14 + _CHARACTER * len(layer.name) + 14
        return parts

    def _bars(self, highest: float) -> list[str]:
        pitch = (WIDTH - _LEFT - _RIGHT) / max(1, len(self.bars))
        width = pitch * 0.78
        room = HEIGHT - _TOP - _BOTTOM
        reached = dict.fromkeys(self.bars, 0.0)
        parts = []
        for layer in self.layers:
            # The line in the card's colour parts neighbours, also for who sees no colours.
            parts.append(f'<g fill="{layer.colour}" stroke="{_CARD}" stroke-width=".5">')
            for index, bar in enumerate(self.bars):
                value = layer.values.get(bar, 0)
                if value <= 0:
                    continue
                reached[bar] += value
                x = _LEFT + pitch * index + (pitch - width) / 2
                y = HEIGHT - _BOTTOM - room * reached[bar] / highest
                parts.append(
                    f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
                    f'height="{room * value / highest:.1f}"><title>{_text(bar)} '
                    f"{_text(layer.name)}: {value:g}</title></rect>"
                )
            parts.append("</g>")
        return parts

    def _labels(self) -> list[str]:
        pitch = (WIDTH - _LEFT - _RIGHT) / max(1, len(self.bars))
        longest = max((len(bar) for bar in self.bars), default=1)
        # Only as many as have room beside each other, and the last: people look for it.
        every = max(1, -(-int(_CHARACTER * (longest + 1)) // max(1, int(pitch))))
        last = len(self.bars) - 1
        shown = [index for index in range(last + 1) if (last - index) % every == 0]
        base = HEIGHT - _BOTTOM
        parts = [
            f'<text x="{_LEFT + pitch * (index + 0.5):.1f}" y="{base + 15}" '
            f'text-anchor="middle">{_text(self.bars[index])}</text>'
            for index in shown
        ]
        middle = (_LEFT + WIDTH - _RIGHT) / 2
        parts.append(
            f'<text x="{middle:g}" y="{HEIGHT - 10}" text-anchor="middle">'
            f"{_text(self.x_label)}</text>"
        )
        parts.append(
            f'<text transform="translate(16 {(_TOP + base) / 2:g}) rotate(-90)" '
            f'text-anchor="middle">{_text(self.y_label)}</text>'
        )
        if not self.bars:
            parts.append(
                f'<text x="{middle:g}" y="{HEIGHT / 2:g}" text-anchor="middle">nothing yet</text>'
            )
        return parts


def _grid(highest: float, step: float) -> list[str]:
    parts = []
    room = HEIGHT - _TOP - _BOTTOM
    for number in range(round(highest / step) + 1):
        y = HEIGHT - _BOTTOM - room * number * step / highest
        parts.append(
            f'<path d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}" stroke="{_GRID}"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{number * step:,g}</text>'
        )
    return parts


def _step(top: float) -> float:
    """Between two lines of the grid: 1, 2 or 5 times a power of 10, for some five lines."""
    if top <= 0:
        return 1
    power = 10.0 ** floor(log10(top / 5))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor * 5 >= top * 0.999)


def _text(text: str) -> str:
    # XML has no control characters at all, not even escaped.
    return escape(printable(text))


def _attribute(text: str) -> str:
    return escape(printable(text), {'"': "&quot;"})
