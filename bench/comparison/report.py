"""What the runs say: a markdown page, and plots beside it."""

import statistics

from . import plots
from .scenarios import PER_CPU, RATE

COMMAND = "bench/run"


def write(path, facts, scenarios, loads, brokers, runs):
    """`facts`: lines about the machine. `brokers`: names and versions, the one that ratios are taken to first. `runs`: what
    mosquitto_bench said, each with its scenario's title and its broker's name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    results = Results(runs)
    names = list(brokers)
    page = [f"<!-- Made by `{COMMAND}`: run that. -->", "", "# Performance: ours and others", "", *introduction(facts, brokers)]
    page += ["", "## Scenarios", "", *table(results, scenarios, names)]
    page += ["", "## Latency against load", "", *table(results, loads, names)]
    page += ["", "## Plots", "", *drawn(path, results, scenarios, loads, names)]
    page += ["", "## What went wrong", "", *faults(results, [*scenarios, *loads], names), ""]
    path.write_text("\n".join(page))


def introduction(facts, brokers):
    versions = ", ".join(f"{name} ({version})" if version != name else name for name, version in brokers.items())
    return [
        "What brokers do, and what it costs them, as `mosquitto_bench` sees it ([its page](mosquitto_bench.md) says what is",
        "measured and how). Each run has a broker of its own; the brokers run in alternation, and their order changes from round",
        "to round. Medians, with the least and the most in brackets; ratios are to the first broker, so that more than 1 is",
        "more of it, be that good or bad.",
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


def table(results, scenarios, names):
    heads = [names[0]] + [part for name in names[1:] for part in (name, "ratio")]
    lines = ["| scenario | figure | " + " | ".join(heads) + " |", "|---|---|" + "---:|" * len(heads)]
    for scenario in scenarios:
        for figure in scenario.figures:
            first = results.median(scenario, names[0], figure.key)
            cells = [cell(results.values(scenario, names[0], figure.key))]
            for name in names[1:]:
                other = results.median(scenario, name, figure.key)
                ratio = number(other / first) if first and other is not None else "-"
                cells += [cell(results.values(scenario, name, figure.key)), ratio]
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
    at = [(load, int(load.words.split()[-1])) for load in loads]
    latency = lambda key: [(name, [(rate, results.median(load, name, key)) for load, rate in at]) for name in names]
    over = "messages a second, 10 pairs, QoS 1"
    pictures = {
        "throughput": plots.bars("Throughput", "deliveries a second: more is better", rate, names),
        "cpu": plots.bars("CPU time", "microseconds of the broker's CPU for a delivery: less is better", cpu, names),
        "latency-p50": plots.lines("Latency, median", over, "microseconds", latency("latency_p50_us")),
        "latency-p99": plots.lines("Latency, 99 %", over, "microseconds", latency("latency_p99_us")),
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
