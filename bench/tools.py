#!/usr/bin/env python3
"""What mosquitto_pub and mosquitto_sub cost: ours and others, side by side, at the same brokers.

    bench/tools.py --tools debian=/usr/bin --tools ours=target/release \
        --broker 'mosquitto=/usr/sbin/mosquitto -c {conf}' --broker 'ours=target/release/mosquitto -c {conf}'

A broker is started afresh for each scenario, on a free port of the loopback interface; the tools run in alternation, their
order changes from round to round. What counts is the CPU time of the client, user and system, as wait4(2) tells it. All
messages are counted where they arrive: those of a publisher by a subscriber of this script, those of a subscriber by the
lines that it prints. docs/performance.md says what came out.
"""

import argparse
import os
import select
import shlex
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

CONF = """\
listener {port} 127.0.0.1
allow_anonymous true
max_queued_messages 0
max_inflight_messages 1000
set_tcp_nodelay true
persistence false
log_dest none
"""
TOPIC = b"bench/tools"
# Messages for which there are packet identifiers, rounded.
PACKET_IDS = 60_000
# Seconds until a run that does not end counts as hanging.
PATIENCE_S = 300


# --- MQTT, as much as is needed ---

def packet(first_byte, body):
    length, left = b"", len(body)
    while True:
        length += bytes([left % 128 | (128 if left > 127 else 0)])
        left //= 128
        if not left:
            return bytes([first_byte]) + length + body


def text(value):
    return struct.pack(">H", len(value)) + value


def publish(qos, packet_id, payload):
    return packet(0x30 | qos << 1, text(TOPIC) + (struct.pack(">H", packet_id) if qos else b"") + payload)


def connect(port, name):
    client = socket.create_connection(("127.0.0.1", port))
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.sendall(packet(0x10, text(b"MQTT") + b"\x04\x02\x00\x00" + text(name)))
    answer = client.recv(4, socket.MSG_WAITALL)
    assert answer == b"\x20\x02\x00\x00", answer
    return client


class Counter:
    """A subscriber of QoS 0 that counts: all messages are of one length."""

    def __init__(self, port, payload_len):
        self.bytes, self.packet_len = 0, len(publish(0, 0, b"x" * payload_len))
        self.client = connect(port, b"counter")
        self.client.sendall(packet(0x82, b"\x00\x01" + text(TOPIC) + b"\x00"))
        assert self.client.recv(5, socket.MSG_WAITALL)[0] == 0x90
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        buffer = bytearray(1 << 20)
        while True:
            try:
                got = self.client.recv_into(buffer)
            except OSError:
                return
            if not got:
                return
            self.bytes += got

    def close(self, expected):
        """The messages, once those that are expected have come or nothing has for a while."""
        quiet_since, seen = time.monotonic(), -1
        while self.bytes < expected * self.packet_len and time.monotonic() - quiet_since < 5:
            if self.bytes != seen:
                quiet_since, seen = time.monotonic(), self.bytes
            time.sleep(0.01)
        self.client.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        return self.bytes / self.packet_len


def feed(port, qos, payload, done):
    """Publishes until `done` is set: what is sent before and after the subscriber's run costs it nothing."""
    client = connect(port, b"feeder")
    ids = range(1, 1001)
    block = b"".join(publish(qos, packet_id, payload) for packet_id in ids)
    acks = 4 * len(ids)
    while not done.is_set():
        try:
            # In parts, so that the end is seen while the broker does not read.
            rest = memoryview(block)
            client.settimeout(0.2)
            while rest and not done.is_set():
                try:
                    rest = rest[client.send(rest):]
                except TimeoutError:
                    pass
            client.settimeout(None)
            left = acks if qos and not rest else 0
            while left and not done.is_set():
                if select.select([client], [], [], 0.2)[0]:
                    left -= len(client.recv(left))
        except OSError:
            return
    client.close()


# --- Processes ---

class Broker:
    def __init__(self, command, directory):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        conf = os.path.join(directory, "bench.conf")
        with open(conf, "w") as file:
            file.write(CONF.format(port=self.port))
        self.process = subprocess.Popen(
            [part.format(conf=conf) for part in shlex.split(command)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(500):
            try:
                connect(self.port, b"probe").close()
                return
            except OSError:
                time.sleep(0.02)
        self.stop()
        sys.exit(f"{command} does not answer")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Run:
    """A process from its start to its exit."""

    def __init__(self, arguments, stdin, stdout):
        self.begin = time.perf_counter()
        files = [(os.POSIX_SPAWN_DUP2, stdin, 0), (os.POSIX_SPAWN_DUP2, stdout, 1)]
        self.pid = os.posix_spawn(arguments[0], arguments, os.environ, file_actions=files)
        self.arguments = arguments

    def wait(self, watched=True):
        """Wall and CPU seconds."""
        watch = threading.Timer(PATIENCE_S, os.kill, (self.pid, signal.SIGKILL)) if watched else None
        if watch:
            watch.start()
        _, status, usage = os.wait4(self.pid, 0)
        wall = time.perf_counter() - self.begin
        if watch:
            watch.cancel()
        if status:
            sys.exit(f"{shlex.join(self.arguments)}: status {status}")
        return wall, usage.ru_utime + usage.ru_stime


# --- Scenarios ---

def run_pub(tool, port, options, qos, messages):
    counter = Counter(port, options.bytes)
    with open(options.lines) as lines, open(os.devnull, "w") as null:
        if messages < options.messages:
            lines, cut = tempfile.TemporaryFile(dir=options.directory), lines.read(messages * (options.bytes + 1))
            lines.write(cut.encode())
            lines.seek(0)
        arguments = [tool, "-p", str(port), "-q", str(qos), "-t", TOPIC.decode(), "-l", *options.more]
        _, cpu = Run(arguments, lines.fileno(), null.fileno()).wait()
        lines.close()
    arrived = counter.close(messages)
    if arrived != messages:
        print(f"    {tool} -q {qos}: {arrived:,.0f} of {messages:,} messages arrived", file=sys.stderr)
    return arrived / cpu


def count_lines(file):
    lines = 0
    while block := os.read(file, 1 << 20):
        lines += block.count(b"\n")
    return lines


def run_sub(tool, port, options, qos, more, to):
    arguments = [tool, "-p", str(port), "-q", str(qos), "-t", TOPIC.decode(), "-C", str(options.messages), *more]
    done, printed = threading.Event(), []
    feeder = threading.Thread(target=feed, args=(port, qos, b"x" * options.bytes, done), daemon=True)
    with tempfile.TemporaryFile(dir=options.directory) as file, open(os.devnull, "r+") as null:
        out, reader = (null if to == "null" else file).fileno(), None
        if to == "pipe":
            source, out = os.pipe()
            reader = threading.Thread(target=lambda: printed.append(count_lines(source)), daemon=True)
            reader.start()
        run = Run(arguments, null.fileno(), out)
        if reader:
            os.close(out)
        feeder.start()
        _, cpu = run.wait()
        done.set()
        feeder.join()
        if reader:
            reader.join()
            os.close(source)
        elif to == "file":
            file.seek(0)
            printed.append(count_lines(file.fileno()))
    if printed and printed != [options.messages]:
        sys.exit(f"{shlex.join(arguments)}: printed {printed[0]:,} lines")
    return options.messages / cpu


def in_rounds(options, broker, tools, program, run):
    """Each tool's figures, a list of one for each round."""
    figures = {name: [] for name, _ in tools}
    started = Broker(broker, options.directory)
    try:
        for number in range(options.rounds):
            for name, directory in tools[number % len(tools):] + tools[:number % len(tools)]:
                figures[name].append(run(os.path.join(directory, program), started.port))
    finally:
        started.stop()
    return figures


def run_start(tool, port, options):
    with open(os.devnull, "r+") as null:
        arguments = [tool, "-p", str(port), "-t", TOPIC.decode(), "-m", "x" * options.bytes, *options.more]
        wall, cpu = Run(arguments, null.fileno(), null.fileno()).wait(watched=False)
    return wall * 1000, cpu * 1000


def spread(values, digits):
    return f"{statistics.median(values):,.{digits}f} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


def quantiles(values, digits):
    cuts = statistics.quantiles(values, n=20)
    return f"{statistics.median(values):,.{digits}f} ({cuts[0]:,.{digits}f} to {cuts[-1]:,.{digits}f})"


def row(scenario, broker, figures, show, digits=0):
    """A row of a table; the ratio is that of the last tool to the first."""
    medians = [statistics.median(values) for values in figures.values()]
    cells = [show(values, digits) for values in figures.values()]
    print(f"| {scenario} | {broker} | {' | '.join(cells)} | {medians[-1] / medians[0]:.2f} |", flush=True)


SUBSCRIBERS = [
    ("plain", [], "null"), ("plain", [], "pipe"), ("plain", [], "file"),
    ("-v", ["-v"], "null"), ("-v", ["-v"], "pipe"), ("-v", ["-v"], "file"),
    ("-F '%t %p'", ["-F", "%t %p"], "null"), ("-F '%t %p'", ["-F", "%t %p"], "pipe"), ("-F '%t %p'", ["-F", "%t %p"], "file"),
    ("-F %j", ["-F", "%j"], "null"), ("-F %j", ["-F", "%j"], "pipe"), ("-F %j", ["-F", "%j"], "file"),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tools", action="append", required=True, metavar="NAME=DIRECTORY")
    parser.add_argument("--broker", action="append", required=True, metavar="NAME=COMMAND", help="{conf} is its file")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--bytes", type=int, default=64, help="of a message")
    parser.add_argument("--starts", type=int, default=300, help="runs of mosquitto_pub -m for each of the tools")
    parser.add_argument("--qos", type=int, action="append", choices=[0, 1, 2], help="0 and 1 if not given")
    parser.add_argument("--only", action="append", default=[], choices=["pub", "sub", "start"])
    parser.add_argument("--sub", action="append", default=[], help="only these, as 'plain pipe' or '-v null'")
    parser.add_argument("--more", type=shlex.split, default=[], help="more arguments for mosquitto_pub, as '-M 1000'")
    options = parser.parse_args()
    tools = [tuple(value.split("=", 1)) for value in options.tools]
    brokers = [tuple(value.split("=", 1)) for value in options.broker]
    tools = [(name, os.path.abspath(directory)) for name, directory in tools]
    with tempfile.TemporaryDirectory() as options.directory:
        os.chmod(options.directory, 0o755)
        options.lines = os.path.join(options.directory, "lines")
        with open(options.lines, "wb") as file:
            file.write((b"x" * options.bytes + b"\n") * options.messages)
        for broker, command in brokers:
            measure(options, broker, command, tools)


def measure(options, broker, command, tools):
    wanted, of_qos = options.only or ["pub", "sub", "start"], options.qos or [0, 1]
    print(f"| scenario | broker | {' | '.join(name for name, _ in tools)} | ratio |\n|---|---|{'---:|' * (len(tools) + 1)}")
    for qos in of_qos if "pub" in wanted else []:
        # Above QoS 0 the original ends when the packet identifier of its last line comes for the first time.
        for lines in [options.messages] + ([PACKET_IDS] if qos and options.messages > PACKET_IDS else []):
            figures = in_rounds(options, command, tools, "mosquitto_pub",
                                lambda tool, port: run_pub(tool, port, options, qos, lines))
            row(f"`mosquitto_pub -l -q {qos}`, {lines:,} lines, messages per CPU second", broker, figures, spread)
    for name, more, to in SUBSCRIBERS if "sub" in wanted else []:
        if options.sub and f"{name} {to}" not in options.sub:
            continue
        for qos in of_qos:
            figures = in_rounds(options, command, tools, "mosquitto_sub",
                                lambda tool, port: run_sub(tool, port, options, qos, more, to))
            row(f"`mosquitto_sub -q {qos}`, {name}, to {to}, messages per CPU second", broker, figures, spread)
    if "start" in wanted:
        runs = argparse.Namespace(**{**vars(options), "rounds": options.starts})
        figures = in_rounds(runs, command, tools, "mosquitto_pub", lambda tool, port: run_start(tool, port, options))
        for at, what in enumerate(["ms from start to exit", "CPU ms"]):
            row(f"`mosquitto_pub -m`, {what}, median (5 % to 95 %)", broker,
                {name: [figure[at] for figure in values] for name, values in figures.items()}, quantiles, 2)


if __name__ == "__main__":
    main()
