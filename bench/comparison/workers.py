"""What more workers bring: `worker_threads` 1, 2 and 4 under a load that costs little to make."""

import os
import pathlib
import selectors
import statistics
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import tools  # noqa: E402

WORKERS = (1, 2, 4)
AIM = 1.7
PAIRS = 32
WARM_UP_S = 0.5
# Messages in a block, and bytes in each of their payloads: small, so that the system's copying of bytes, which both sides
# pay, is little beside what the broker does for a message.
BLOCK = 4000
PAYLOAD = b"x" * 8


class Pair:
    """A publisher of QoS 1 and a subscriber of QoS 0. A block goes out when all of the last one has come and is acknowledged."""

    def __init__(self, port, number):
        topic = tools.text(b"w/%d" % number)
        packets = [tools.packet(0x32, topic + struct.pack(">H", packet_id) + PAYLOAD) for packet_id in range(1, BLOCK + 1)]
        self.block = b"".join(packets)
        # At QoS 0 each comes without its two bytes of a packet identifier; the acknowledgement of each has four.
        self.deliveries_len, self.acks_len = len(self.block) - 2 * BLOCK, 4 * BLOCK
        self.subscriber = tools.connect(port, b"s%d" % number)
        self.subscriber.sendall(tools.packet(0x82, b"\x00\x01" + topic + b"\x00"))
        assert self.subscriber.recv(5)[0] == 0x90
        self.publisher = tools.connect(port, b"p%d" % number)
        for side in (self.subscriber, self.publisher):
            side.setblocking(False)
        self.blocks = self.received = self.acks = 0
        self.unsent = memoryview(b"")

    def go_on(self, buffer):
        """Takes what has come, and sends what may go. Whether something is still to be sent."""
        self.received += taken(self.subscriber, buffer)
        self.acks += taken(self.publisher, buffer)
        done = self.received == self.blocks * self.deliveries_len and self.acks == self.blocks * self.acks_len
        if done and not self.unsent:
            self.unsent = memoryview(self.block)
            self.blocks += 1
        try:
            while self.unsent:
                self.unsent = self.unsent[self.publisher.send(self.unsent):]
        except BlockingIOError:
            pass
        return bool(self.unsent)

    def messages(self):
        return self.received * BLOCK / self.deliveries_len


def taken(side, buffer):
    try:
        return side.recv_into(buffer)
    except BlockingIOError:
        return 0


def flood(port, pid, seconds):
    """Messages a second, and CPU seconds a second of the broker and of this program."""
    pairs, buffer, selector = [Pair(port, number) for number in range(PAIRS)], bytearray(1 << 20), selectors.EpollSelector()

    def go_on(pair):
        waits = pair.go_on(buffer)
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if waits else 0)
        if events != selector.get_key(pair.publisher).events:
            selector.modify(pair.publisher, events, pair)

    for pair in pairs:
        selector.register(pair.subscriber, selectors.EVENT_READ, pair)
        selector.register(pair.publisher, selectors.EVENT_READ, pair)
        go_on(pair)
    run_until(selector, go_on, time.monotonic() + WARM_UP_S)
    counted = lambda: (sum(pair.messages() for pair in pairs), cpu_s(pid), time.process_time())
    before, start = counted(), time.monotonic()
    run_until(selector, go_on, start + seconds)
    wall = time.monotonic() - start
    return [(after - earlier) / wall for earlier, after in zip(before, counted())]


def run_until(selector, go_on, end):
    while time.monotonic() < end:
        for key, _ in selector.select(0.1):
            go_on(key.data)


def cpu_s(pid):
    """Of a process, user and system, in all its threads."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def section(compared, quick):
    """Runs all of it, and returns a section of the report."""
    ours = next(broker for broker in compared if broker.name == "ours")
    rounds, seconds = (1, 1) if quick else (4, 3)
    found = {workers: [] for workers in WORKERS}
    for _ in range(rounds):
        for workers in WORKERS:
            with ours.having(f"worker_threads {workers}\n").start() as running:
                found[workers].append(flood(running.port, running.process.pid, seconds))
    lines = [
        "## Workers",
        "",
        f"{PAIRS} pairs, published at QoS 1 and received at QoS 0, payloads of {len(PAYLOAD)} bytes, of this project's broker. What makes",
        f"the load (`bench/comparison/workers.py`) writes {BLOCK} finished messages at once and only counts the bytes that come back,",
        f"since it takes from the same {os.cpu_count()} cores: with its share, they have no room for more than the last column.",
        "",
        "| workers | messages a second | ratio | broker, cores | ratio for each core | load, cores | most possible |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    middle = {workers: [statistics.median(column) for column in zip(*runs)] for workers, runs in found.items()}
    rate_of_one, cores_of_one, own_of_one = middle[1]
    for workers, (rate, cores, own) in middle.items():
        spread = [run[0] for run in found[workers]]
        rates = f"{rate:,.0f} ({min(spread):,.0f} to {max(spread):,.0f})"
        each = rate / cores / (rate_of_one / cores_of_one)
        # At n times the messages, both sides cost n times as much.
        most = min(workers, os.cpu_count() / (1 + own_of_one / cores_of_one))
        ratio = f"{rate / rate_of_one:.2f}" + (f" (aim: {AIM})" if workers == 2 else "")
        lines.append(f"| {workers} | {rates} | {ratio} | {cores:.2f} | {each:.2f} | {own:.2f} | {most:.2f} |")
    return lines
