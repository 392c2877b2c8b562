"""What is measured: the scenarios, the figures of each that are compared, and what the project aims at."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A figure of mosquitto_bench's JSON."""

    key: str
    label: str
    # Whether more of it is better.
    more: bool = True
    # Of this project's broker: the ratio to Mosquitto's figure, at least if more is better, else at most.
    aim: float | None = None
    # Of this project's broker alone: less than this.
    below: float | None = None


@dataclass(frozen=True)
class Scenario:
    title: str
    words: str
    figures: tuple
    # How many there are of what it counts (-n, --idle-filters), in the long form and in the quick one.
    sizes: tuple = ()
    # Whether --seconds means something to it.
    timed: bool = True
    # Whether it says something about brokers other than Mosquitto and this project's that are slower than both.
    for_all: bool = True
    # How many messages a second there are, where that is not as many as possible.
    rate: int | None = None

    @property
    def needs_mqtt_5(self):
        return "MQTT 5" in self.title

    def arguments(self, quick, seconds):
        words = self.words
        if self.sizes:
            words = words.replace("SIZE", str(self.sizes[quick]))
        return words.split() + (["-t", str(seconds)] if self.timed else [])


PER_CPU = Figure("deliveries_per_broker_cpu_s", "deliveries per CPU second")
RATE = Figure("msgs_out_per_s", "deliveries a second")
P50 = Figure("latency_p50_us", "latency, median, us", more=False)
P99 = Figure("latency_p99_us", "latency, 99 %, us", more=False)
P999 = Figure("latency_p999_us", "latency, 99.9 %, us", more=False)
LEFT = Figure("broker_rss_left_percent", "memory when all are gone, % of what it was", more=False, aim=1.0)


def aiming(figure, at):
    return Figure(figure.key, figure.label, figure.more, aim=at)


def flow(title, words, aim=None, **more):
    return Scenario(title, words, (aiming(PER_CPU, aim), RATE), **more)


def memory(key, label, below):
    return (Figure(key, label, more=False, below=below), LEFT)


LIMIT = "10 pairs, QoS 1"
SCENARIOS = (
    flow("10 pairs, QoS 0", "pairs -n 10 -q 0", 35),
    flow(LIMIT, "pairs -n 10 -q 1", 30),
    flow("10 pairs, QoS 2", "pairs -n 10 -q 2 -w 20", 18),
    flow("10 pairs, QoS 1, persistent sessions", "pairs -n 10 -q 1 --persistent both", for_all=False),
    flow("10 pairs, QoS 0, 4 KiB", "pairs -n 10 -q 0 -s 4096"),
    flow("100 pairs, QoS 0, one at a time", "pairs -n 100 -q 0 -w 1", 1.6),
    flow("fan-in of 100, QoS 1", "fanin -n 100 -q 1 -w 20", 20),
    flow("fan-out to 100, QoS 0", "fanout -n 100 -q 0", 50),
    flow("fan-out to 100, QoS 0, one at a time", "fanout -n 100 -q 0 -w 1", 1.4),
    flow("many, 5 of 100 match", "many --match 5 -w 20", 35),
    # With a million of either, Mosquitto is not ready within two minutes.
    flow("many, and idle filters", "many --match 5 -w 20 --idle-filters SIZE", 25, sizes=(100_000, 20_000), for_all=False),
    flow("shared by 4, QoS 1, MQTT 5", "shared -q 1 -V 5", 15),
    Scenario(
        "a slow subscriber among 10",
        "slow -n 10 -s 1024",
        (Figure("others_during_msgs_per_s", "deliveries a second to the others"),),
        for_all=False,
    ),
    Scenario(
        "connections",
        "connect -c 50",
        (
            Figure("connections_per_broker_cpu_s", "connections per CPU second", aim=1.3),
            Figure("connections_per_s", "connections a second"),
            P99,
        ),
    ),
    Scenario(
        "idle clients, a subscription each",
        "idle -n SIZE",
        memory("broker_rss_bytes_per_connection", "bytes a connection", 800),
        sizes=(10_000, 2_000),
    ),
    Scenario(
        "subscriptions that match nothing",
        "subscriptions -n SIZE",
        (Figure("subscribed_per_s", "made a second"), *memory("broker_rss_bytes_per_subscription", "bytes a subscription", 300)),
        sizes=(100_000, 20_000),
        timed=False,
        for_all=False,
    ),
    Scenario(
        "retained messages",
        "retained -n SIZE",
        (
            Figure("set_per_s", "left a second"),
            Figure("fetched_per_s", "fetched a second"),
            *memory("broker_rss_bytes_per_message", "bytes a message", 400),
        ),
        sizes=(100_000, 20_000),
        timed=False,
    ),
    Scenario(
        "a queue for a client that is away",
        "queue -n SIZE",
        (
            Figure("queued_per_s", "queued a second"),
            Figure("drained_per_s", "fetched a second"),
            *memory("broker_rss_bytes_per_message", "bytes a message", 200),
        ),
        sizes=(100_000, 20_000),
        timed=False,
    ),
)

# Messages a second at which latency is measured: 10 pairs, QoS 1; in the long form and in the quick one.
LOADS = ((1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000), (1000, 10_000, 100_000))


def at_load(rate):
    """Latency at a rate that does not depend on the broker."""
    words = f"pairs -n 10 -q 1 -r {rate}"
    return Scenario(f"10 pairs, QoS 1, {rate:,} messages a second", words, (P50, P99, P999), rate=rate)


def at_a_tenth(limit):
    """Latency at a tenth of so many messages a second."""
    rate = max(round(limit / 10, -2), 100)
    figures = (P50, aiming(P99, 1.0), aiming(P999, 1.0))
    return Scenario("latency at a tenth of Mosquitto's limit", f"pairs -n 10 -q 1 -r {rate:.0f}", figures, rate=rate)
