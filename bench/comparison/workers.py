"""What more workers bring: `worker_threads` 1, 2 and 4 under a load that costs little to make."""

import os
import pathlib
import select
import socket
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
# pay, is little beside what the broker does for a message. Blocks of 12,000 and more, received at QoS 0, made one worker slow
# and the ratio better than 2: two have twice the caches.
BLOCK = 2000
PAYLOAD = b"x" * 8
# What is read at once, at most.
BUFFER = bytearray(1 << 20)
# Of a PUBACK, in bytes.
ACK_LEN = 4
# A subscriber's packet identifiers go round from 1 to 65,535. Those of a block stand side by side here wherever it begins.
PACKET_IDS = 65_535
ACKS = b"".join(struct.pack(">BBH", 0x40, 2, 1 + at % PACKET_IDS) for at in range(PACKET_IDS + BLOCK))


class Side:
    """A connection whose incoming bytes are counted and not looked at."""

    def __init__(self, client):
        client.setblocking(False)
        self.client, self.received, self.unsent = client, 0, memoryview(b"")

    def take(self):
        """Notes what has come. The system does not even copy it (MSG_TRUNC)."""
        try:
            self.received += self.client.recv_into(BUFFER, 0, socket.MSG_TRUNC)
        except BlockingIOError:
            pass

    def send(self, data=None):
        """What is new, or the rest of what was."""
        self.unsent = self.unsent if data is None else memoryview(data)
        try:
            while self.unsent:
                self.unsent = self.unsent[self.client.send(self.unsent):]
        except BlockingIOError:
            pass


class Pair:
    """A publisher and a subscriber, both of QoS 1. A block goes out when all of the last one has come and is acknowledged."""

    def __init__(self, port, number):
        topic = tools.text(b"w/%d" % number)
        packets = [tools.packet(0x32, topic + struct.pack(">H", packet_id) + PAYLOAD) for packet_id in range(1, BLOCK + 1)]
        self.block = b"".join(packets)
        subscriber = tools.connect(port, b"s%d" % number)
        subscriber.sendall(tools.packet(0x82, b"\x00\x01" + topic + b"\x01"))
        assert subscriber.recv(5) == b"\x90\x03\x00\x01\x01"
        self.subscriber, self.publisher = Side(subscriber), Side(tools.connect(port, b"p%d" % number))
        self.blocks = self.acknowledged = 0

    def go_on(self):
        """Sends what may go, now that something has come."""
        all_came = self.subscriber.received == self.blocks * len(self.block)
        if all_came and self.acknowledged < self.blocks:
            start = ACK_LEN * (self.acknowledged * BLOCK % PACKET_IDS)
            self.subscriber.send(memoryview(ACKS)[start:start + ACK_LEN * BLOCK])
            self.acknowledged = self.blocks
        if all_came and self.publisher.received == self.blocks * ACK_LEN * BLOCK and not self.publisher.unsent:
            self.blocks += 1
            self.publisher.send(self.block)

    def messages(self):
        return self.subscriber.received * BLOCK / len(self.block)


def flood(port, pid, seconds):
    """Messages a second, and CPU seconds a second of the broker and of this program."""
    pairs, epoll, sides = [Pair(port, number) for number in range(PAIRS)], select.epoll(), {}
    for pair in pairs:
        for side in (pair.subscriber, pair.publisher):
            sides[side.client.fileno()] = (side, pair)
            # Said once when something changes: nothing has to be asked for or called off.
            epoll.register(side.client, select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)
        pair.go_on()
    run_until(epoll, sides, time.monotonic() + WARM_UP_S)
    counted = lambda: (sum(pair.messages() for pair in pairs), cpu_s(pid), time.process_time())
    before, start = counted(), time.monotonic()
    run_until(epoll, sides, start + seconds)
    wall = time.monotonic() - start
    return [(after - earlier) / wall for earlier, after in zip(before, counted())]


def run_until(epoll, sides, end):
    while time.monotonic() < end:
        for number, event in epoll.poll(0.1):
            side, pair = sides[number]
            if event & select.EPOLLIN:
                side.take()
                pair.go_on()
            if event & select.EPOLLOUT and side.unsent:
                side.send()


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
            with ours.having(f"worker_threads {workers}\nmax_inflight_messages {BLOCK}\n").start() as running:
                found[workers].append(flood(running.port, running.process.pid, seconds))
    lines = [
        "## Workers",
        "",
        f"{PAIRS} pairs at QoS 1, payloads of {len(PAYLOAD)} bytes, of this project's broker with `max_inflight_messages {BLOCK}`. What makes",
        f"the load (`bench/comparison/workers.py`) writes {BLOCK} finished messages or acknowledgements at once and only counts the bytes",
        f"that come, since it takes from the same {os.cpu_count()} cores: with its share, they have no room for more than the last column.",
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
