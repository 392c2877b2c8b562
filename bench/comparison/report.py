"""What the runs say: a markdown page, and plots beside it."""

import statistics

from . import plots
from .scenarios import PER_CPU, RATE

COMMAND = "bench/run"
# What stands around the place for the table on another page.
BEGIN, END = "<!-- bench -->", "<!-- /bench -->"


def write(path, facts, scenarios, loads, brokers, runs, parts):
    """`facts`: lines about the machine. `brokers`: names and versions, the one that ratios are taken to first. `runs`: what
    mosquitto_bench said, each with its scenario's title and its broker's name. `parts`: sections that are finished. Returns
    the table for the first page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    results = Results(runs)
    names = list(brokers)
    page = [f"<!-- Made by `{COMMAND}`: run that. -->", "", "# Performance: ours and others", "", *introduction(facts, brokers)]
    short = first_page(results, scenarios, names, brokers)
    page += ["", "## In short", "", *short, "", "## What is aimed at", "", *targets(results, scenarios, names)]
    page += ["", "## Plots", "", *drawn(path, results, scenarios, loads, names)]
    for title, columns in (("Scenarios", scenarios), ("Latency against load", loads)):
        page += ["", f"## {title}", "", *table(results, columns, names)]
    for part in parts:
        page += ["", *part]
    page += ["", "## What went wrong", "", *faults(results, [*scenarios, *loads], names), ""]
    path.write_text("\n".join(page))
    return short


def introduction(facts, brokers):
    versions = ", ".join(f"{name} ({version})" if version != name else name for name, version in brokers.items())
    return [
        "What brokers do, and what it costs them, as `mosquitto_bench` sees it ([its page](mosquitto_bench.md) says what is",
        "measured and how). Each run has a broker of its own; the brokers run in alternation, and their order changes from round",
        "to round. Medians, with the least and the most in brackets; ratios, in bold, are to the first broker, so that more than",
        "1 is more of it, be that good or bad.",
        "",
        "A broker is not measured at a rate of nine tenths of what it can take, or more: that says how long the run was.",
        "What [performance.md](performance.md) has beside this is written by hand: what misses an aim, and why.",
        "",
        f"Made by `{COMMAND}`. Brokers: {versions}.",
        "",
        *[f"- {fact}" for fact in facts],
    ]


class Results:
    """The runs by scenario and broker."""

    def __init__(self, runs):
        self.runs = {}
        for run in runs:
            self.runs.setdefault((run["title"], run["broker"]), []).append(run)

    def values(self, scenario, name, key):
        found = [run.get(key) for run in self.runs.get((scenario.title, name), [])]
        return [value for value in found if isinstance(value, (int, float))]

    def median(self, scenario, name, key):
        values = self.values(scenario, name, key)
        return statistics.median(values) if values else None


# The rows of the table for the first page: a scenario, one of its figures, and what it is called there.
FIRST_PAGE = (
    ("10 pairs, QoS 1", "deliveries_per_broker_cpu_s", "messages for a second of CPU time, 10 pairs, QoS 1"),
    ("fan-out to 100, QoS 0", "deliveries_per_broker_cpu_s", "the same, one to 100, QoS 0"),
    ("connections", "connections_per_s", "connections a second"),
    ("latency at a tenth of Mosquitto's limit", "latency_p99_us", "99 % of messages take less than, at {rate} a second, us"),
    ("idle clients, a subscription each", "broker_rss_bytes_per_connection", "memory of a client with a subscription, bytes"),
)


def first_page(results, scenarios, names, brokers):
    """A table of five lines: this project's broker, Mosquitto, and the best of the others."""
    if not {"ours", "mosquitto"} <= set(names):
        return ["Mosquitto is not there to be compared with."]
    others = [name for name in names if name not in ("ours", "mosquitto")]
    mosquitto = " ".join(word for word in brokers["mosquitto"].split() if word != "version").capitalize()
    lines = [f"| | this broker | {mosquitto} | best of {', '.join(others) or 'no others'} |", "|---|---:|---:|---:|"]
    for title, key, words in FIRST_PAGE:
        scenario = next((s for s in scenarios if s.title == title), None)
        figure = next((f for f in scenario.figures if f.key == key), None) if scenario else None
        if not figure:
            continue
        value = lambda name: results.median(scenario, name, key)
        there = [name for name in others if value(name) is not None]
        best = (max if figure.more else min)(there, key=value) if there else None
        cells = [number(value(name)) if value(name) is not None else "-" for name in ("ours", "mosquitto")]
        cells.append(f"{number(value(best))} ({best})" if best else "-")
        words = words.format(rate=f"{scenario.rate:,.0f}" if scenario.rate else "")
        lines.append(f"| {words} | " + " | ".join(cells) + " |")
    return lines


def put_into(page, lines):
    """Puts the table into the place that a page has for it."""
    text = page.read_text()
    before, rest = text.split(BEGIN, 1)
    _, behind = rest.split(END, 1)
    page.write_text("\n".join([before + BEGIN, "", *lines, "", END + behind]))


def targets(results, scenarios, names):
    """Each figure with an aim: whether this project's broker meets it."""
    lines = ["| scenario | figure | mosquitto | ours | aim | ratio | met |", "|---|---|---:|---:|---:|---:|---|"]
    for scenario in scenarios:
        for figure in scenario.figures:
            if figure.aim is None and figure.below is None:
                continue
            theirs, own = (results.median(scenario, name, figure.key) for name in ("mosquitto", "ours"))
            ratio = own / theirs if own is not None and theirs else None
            if figure.below is not None:
                aim, met = f"below {figure.below}", own < figure.below if own is not None else None
            elif figure.more:
                aim, met = f"{figure.aim:g} times", ratio >= figure.aim if ratio is not None else None
            else:
                aim, met = f"at most {figure.aim:g} times", ratio <= figure.aim if ratio is not None else None
            cells = [scenario.title, figure.label]
            cells += [cell(results.values(scenario, name, figure.key)) for name in ("mosquitto", "ours")]
            cells += [aim, number(ratio) if ratio is not None else "-", {None: "-", True: "yes", False: "**no**"}[met]]
            lines.append("| " + " | ".join(cells) + " |")
    return lines


def table(results, scenarios, names):
    """A line for each scenario and figure, a column for each broker: the median, the ratio to the first broker, and below it
    the least and the most."""
    lines = ["| scenario | figure | " + " | ".join(names) + " |", "|---|---|" + "---:|" * len(names)]
    for scenario in scenarios:
        for figure in scenario.figures:
            first = results.median(scenario, names[0], figure.key)
            cells = [cell(results.values(scenario, names[0], figure.key))]
            for name in names[1:]:
                middle, values = results.median(scenario, name, figure.key), results.values(scenario, name, figure.key)
                ratio = f"; **{number(middle / first)}**" if first and middle is not None else ""
                cells.append(cell(values) + ratio)
            lines.append(f"| {scenario.title} | {figure.label} | " + " | ".join(cells) + " |")
    return lines


def cell(values):
    if not values:
        return "-"
    middle = number(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} ({number(min(values))} to {number(max(values))})"


def number(value):
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def drawn(path, results, scenarios, loads, names):
    """Draws the plots; returns the lines that show them."""
    flow = [scenario for scenario in scenarios if RATE in scenario.figures]
    rate = [(s.title, [results.median(s, name, RATE.key) for name in names]) for s in flow]
    cost = lambda value: 1e6 / value if value else None
    cpu = [(s.title, [cost(results.median(s, name, PER_CPU.key)) for name in names]) for s in flow]
    at = [(load, load.rate) for load in loads]
    latency = lambda key: [(name, [(rate, results.median(load, name, key)) for load, rate in at]) for name in names]
    over = "messages a second, 10 pairs, QoS 1"
    pictures = {
        "throughput": plots.bars("Throughput", "deliveries a second: more is better", rate, names),
        "cpu": plots.bars("CPU time", "microseconds of the broker's CPU for a delivery: less is better", cpu, names),
        "latency-p50": plots.lines("Latency, median", over, "microseconds", latency("latency_p50_us")),
        "latency-p99": plots.lines("Latency, 99 %", over, "microseconds", latency("latency_p99_us")),
        "latency-p999": plots.lines("Latency, 99.9 %", over, "microseconds", latency("latency_p999_us")),
    }
    lines = []
    for name, picture in pictures.items():
        if picture:
            file = path.with_name(f"{path.stem}-{name}.svg")
            file.write_text(picture)
            lines.append(f"![{name}]({file.name})")
    return lines


def faults(results, scenarios, names):
    lines = []
    for scenario in scenarios:
        for name in names:
            said = {}
            for run in results.runs.get((scenario.title, name), []):
                for word in wrong(run):
                    said[word] = said.get(word, 0) + 1
            lines += [f"- {name}, {scenario.title}: {word} ({times} of the runs)" for word, times in said.items()]
    return lines or ["Nothing."]


def wrong(run):
    if "error" in run:
        return [run["error"].rstrip(".")]
    keys = ("lost", "duplicated", "out_of_order", "corrupt", "misrouted", "refused", "protocol_errors", "connections_lost")
    keys += ("failed", "unanswered", "unexpected")
    return [f"{key.replace('_', ' ')}" for key in keys if run.get(key)]
