"""Plots as SVG: bars, and lines over a load; both with logarithmic scales, since brokers differ by factors."""

import math
from html import escape

# Each broker has its own, whichever others there are.
COLOURS = {"mosquitto": "#4c72b0", "ours": "#c9302c", "rumqttd": "#e0a030", "nats": "#4f9d69", "aedes": "#8d6a9f"}
FONT = 'font-family="sans-serif" font-size="12"'


def bars(title, unit, rows, names):
    """`rows`: a title and a value (or None) for each of `names`."""
    values = [value for _, row in rows for value in row if value]
    if not values:
        return None
    left, right, top, bar, gap = 300, 850, 84, 14, 16
    scale = Log(min(values) / 2, max(values), left, right)
    group = bar * len(names) + gap
    bottom = top + group * len(rows)
    out = [head(930, bottom + 50), words(20, 28, title, size=17), *legend(names, 20, 54)]
    for tick in scale.ticks():
        at = scale.at(tick)
        out.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{top - 8}" y2="{bottom}" stroke="#e4e4e4"/>')
        out.append(words(at, bottom + 16, short(tick), anchor="middle", colour="#555"))
    out.append(words((left + right) / 2, bottom + 38, f"{unit} (logarithmic scale)", anchor="middle", colour="#555"))
    for number, (label, row) in enumerate(rows):
        begin = top + group * number
        out.append(words(left - 10, begin + bar * len(names) / 2 + 3, label, anchor="end"))
        for place, (name, value) in enumerate(zip(names, row)):
            y = begin + bar * place
            if not value:
                out.append(words(left + 4, y + 10, f"{name}: not measured", size=10, colour="#999"))
                continue
            width = max(scale.at(value) - left, 1)
            out.append(f'<rect x="{left}" y="{y}" width="{width:.1f}" height="{bar - 2}" fill="{COLOURS[name]}"/>')
            out.append(words(left + width + 5, y + 10, short(value), size=11))
    return "\n".join([*out, "</svg>\n"])


def lines(title, x_label, y_label, series):
    """`series`: the name of a broker, and points (x, y); None for y where there is no figure."""
    points = [point for _, row in series for point in row if point[1]]
    if not points:
        return None
    left, right, top, bottom = 90, 820, 84, 440
    across = Log(min(x for x, _ in points), max(x for x, _ in points), left + 10, right - 10)
    up = Log(min(y for _, y in points) / 1.3, max(y for _, y in points) * 1.3, bottom, top)
    out = [head(850, 510), words(20, 28, title, size=17), *legend([name for name, _ in series], 20, 54)]
    for tick in up.ticks():
        y = up.at(tick)
        out.append(f'<line x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e4e4e4"/>')
        out.append(words(left - 8, y + 4, short(tick), anchor="end", colour="#555"))
    for x in sorted({x for x, _ in points}):
        at = across.at(x)
        out.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{bottom}" y2="{bottom + 5}" stroke="#555"/>')
        out.append(words(at, bottom + 20, short(x), anchor="middle", colour="#555"))
    out.append(f'<line x1="{left}" x2="{right}" y1="{bottom}" y2="{bottom}" stroke="#555"/>')
    out.append(words((left + right) / 2, bottom + 48, f"{x_label} (logarithmic scale)", anchor="middle", colour="#555"))
    middle = (top + bottom) / 2
    text = words(24, middle, f"{y_label} (logarithmic scale)", anchor="middle", colour="#555")
    out.append(f'<g transform="rotate(-90 24 {middle})">{text}</g>')
    for name, row in series:
        spots = [(across.at(x), up.at(y)) for x, y in row if y]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        out.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS[name]}" stroke-width="2"/>')
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{COLOURS[name]}"/>' for x, y in spots]
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


def legend(names, x, y):
    out = []
    for place, name in enumerate(names):
        left = x + 120 * place
        out.append(f'<rect x="{left}" y="{y - 11}" width="13" height="13" fill="{COLOURS[name]}"/>')
        out.append(words(left + 19, y, name))
    return out


def short(value):
    """A number in few characters."""
    for limit, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:.3g}{suffix}"
    return f"{value:.3g}"
