"""Plots as SVG, drawn by hand: bars, and lines over a load; both with logarithmic scales, since brokers differ by factors."""

import math
from html import escape

COLOURS = ("#1b6ca8", "#d1495b", "#edae49", "#66a182", "#8d6a9f")
FONT = 'font-family="sans-serif" font-size="12"'


def bars(title, unit, rows, names):
    """`rows`: a title and a value (or None) for each of `names`."""
    values = [value for _, row in rows for value in row if value]
    if not values:
        return None
    scale = Log(min(values) / 1.5, max(values), 330, 860)
    height, bar = 50 + 22 * len(names), 14
    group = bar * len(names) + 14
    total = height + group * len(rows) + 30
    out = [head(930, total), words(10, 22, title, size=16), words(10, 40, f"{unit}; logarithmic scale")]
    out += legend(names, 10, 58)
    bottom = total - 28
    for tick in scale.ticks():
        at = scale.at(tick)
        out.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{height - 6}" y2="{bottom}" stroke="#ddd"/>')
        out.append(words(at, bottom + 16, short(tick), anchor="middle"))
    for number, (label, row) in enumerate(rows):
        top = height + group * number
        out.append(words(320, top + bar * len(names) / 2 + 4, label, anchor="end"))
        for place, value in enumerate(row):
            y = top + bar * place
            if not value:
                out.append(words(334, y + 11, "no figure", colour="#999"))
                continue
            width = max(scale.at(value) - 330, 1)
            colour = COLOURS[place % len(COLOURS)]
            out.append(f'<rect x="330" y="{y}" width="{width:.1f}" height="{bar - 2}" fill="{colour}"/>')
            out.append(words(334 + width, y + 11, short(value)))
    return "\n".join([*out, "</svg>\n"])


def lines(title, x_label, y_label, series):
    """`series`: a name, and points (x, y), in the order of their colours; None for y where there is no figure."""
    points = [point for _, row in series for point in row if point[1]]
    if not points:
        return None
    across = Log(min(x for x, _ in points), max(x for x, _ in points), 80, 780)
    up = Log(min(y for _, y in points) / 1.3, max(y for _, y in points) * 1.3, 430, 110)
    out = [head(860, 490), words(10, 22, title, size=16), words(10, 40, f"{y_label}; both scales are logarithmic")]
    out += legend([name for name, _ in series], 10, 58, across=True)
    for tick in up.ticks():
        y = up.at(tick)
        out.append(f'<line x1="80" x2="780" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        out.append(words(72, y + 4, short(tick), anchor="end"))
    for x in sorted({x for x, _ in points}):
        out.append(words(across.at(x), 448, short(x), anchor="middle"))
    out.append(words(430, 472, x_label, anchor="middle"))
    for place, (_, row) in enumerate(series):
        colour = COLOURS[place % len(COLOURS)]
        spots = [(across.at(x), up.at(y)) for x, y in row if y]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in spots]
    return "\n".join([*out, "</svg>\n"])


class Log:
    """A logarithmic scale from one place to another."""

    def __init__(self, low, high, start, end):
        self.low, self.high, self.start, self.end = low, max(high, low * 1.01), start, end

    def at(self, value):
        part = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        return self.start + part * (self.end - self.start)

    def ticks(self):
        """Powers of ten; with 2 and 5 times them, where there are few."""
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        steps = (1,) if len(powers) > 4 else (1, 2, 5)
        ticks = [step * 10.0**power for power in powers for step in steps]
        return [tick for tick in ticks if self.low <= tick <= self.high]


def head(width, height):
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {FONT}>\n<rect width="100%" height="100%" fill="white"/>'


def words(x, y, text, anchor="start", size=12, colour="#222"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}">{escape(text)}</text>'


def legend(names, x, y, across=False):
    out = []
    for place, name in enumerate(names):
        left, top = (x + 150 * place, y) if across else (x, y + 20 * place)
        out.append(f'<rect x="{left}" y="{top - 10}" width="12" height="12" fill="{COLOURS[place % len(COLOURS)]}"/>')
        out.append(words(left + 18, top, name))
    return out


def short(value):
    """A number in few characters."""
    for limit, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:.3g}{suffix}"
    return f"{value:.3g}"
