"""What is measured: the scenarios, and the figures of each that are compared."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A figure of mosquitto_bench's JSON."""

    key: str
    label: str
    # Whether more of it is better.
    more: bool = True


@dataclass(frozen=True)
class Scenario:
    title: str
    words: str
    figures: tuple
    # How many there are of what it counts (-n, --idle-filters), in the long form and in the quick one.
    sizes: tuple = ()
    # Whether --seconds means something to it.
    timed: bool = True

    @property
    def needs_mqtt_5(self):
        return "MQTT 5" in self.title

    def arguments(self, quick, seconds):
        words = self.words
        if self.sizes:
            words = words.replace("SIZE", str(self.sizes[quick]))
        return words.split() + (["-t", str(seconds)] if self.timed else [])


RATE = Figure("msgs_out_per_s", "deliveries a second")
PER_CPU = Figure("deliveries_per_broker_cpu_s", "deliveries per CPU second")
P99 = Figure("latency_p99_us", "latency, 99 %, us", more=False)
FLOW = (PER_CPU, RATE)

SCENARIOS = (
    Scenario("10 pairs, QoS 0", "pairs -n 10 -q 0", FLOW),
    Scenario("10 pairs, QoS 1", "pairs -n 10 -q 1", FLOW),
    Scenario("10 pairs, QoS 2", "pairs -n 10 -q 2 -w 20", FLOW),
    Scenario("10 pairs, QoS 1, persistent sessions", "pairs -n 10 -q 1 --persistent both", FLOW),
    Scenario("10 pairs, QoS 0, 4 KiB", "pairs -n 10 -q 0 -s 4096", FLOW),
    Scenario("100 pairs, QoS 0, one message at a time", "pairs -n 100 -q 0 -w 1", FLOW),
    Scenario("fan-in of 100, QoS 1", "fanin -n 100 -q 1 -w 20", FLOW),
    Scenario("fan-out to 100, QoS 0", "fanout -n 100 -q 0", FLOW),
    Scenario("many, 5 of 100 match", "many --match 5 -w 20", FLOW),
    Scenario("many, and idle filters", "many --match 5 -w 20 --idle-filters SIZE", FLOW, sizes=(1_000_000, 20_000)),
    Scenario("shared by 4, QoS 1, MQTT 5", "shared -q 1 -V 5", FLOW),
    Scenario(
        "a slow subscriber among 10",
        "slow -n 10 -s 1024",
        (Figure("others_during_msgs_per_s", "deliveries a second to the others"),),
    ),
    Scenario(
        "connections",
        "connect -c 50",
        (
            Figure("connections_per_broker_cpu_s", "connections per CPU second"),
            Figure("connections_per_s", "connections a second"),
            P99,
        ),
    ),
    Scenario(
        "idle clients",
        "idle -n SIZE",
        (Figure("broker_rss_bytes_per_connection", "bytes a connection", more=False),),
        sizes=(10_000, 2_000),
    ),
    Scenario(
        "retained messages",
        "retained -n SIZE",
        (
            Figure("set_per_s", "left a second"),
            Figure("fetched_per_s", "fetched a second"),
            Figure("broker_rss_bytes_per_message", "bytes a message", more=False),
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
            Figure("broker_rss_bytes_per_message", "bytes a message", more=False),
        ),
        sizes=(100_000, 20_000),
        timed=False,
    ),
)

# Messages a second at which latency is measured: 10 pairs, QoS 1; in the long form and in the quick one.
LOADS = ((500, 1000, 2000, 5000, 10_000, 20_000, 50_000), (1000, 5000, 20_000))


def at_load(rate):
    """Latency at a rate that does not depend on the broker."""
    figures = (Figure("latency_p50_us", "latency, median, us", more=False), P99)
    return Scenario(f"10 pairs, QoS 1, {rate:,} messages a second", f"pairs -n 10 -q 1 -r {rate}", figures)
