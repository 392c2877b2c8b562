"""This project's broker, in release, with a configuration of the caller's, on a free port; for bench/overload and bench/soak."""

import pathlib
import resource
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Seconds until the broker has to listen.
PATIENCE_S = 30


def build(target):
    """Builds what is needed, unless it is said where it is. Returns the directory of the programs."""
    if target:
        return pathlib.Path(target).resolve()
    command = ["cargo", "build", "--release", "--locked", "--bin", "mosquitto", "--bin", "mosquitto_bench"]
    subprocess.run(command, cwd=ROOT, check=True)
    return ROOT / "target" / "release"


def many_descriptors():
    """As many file descriptors as this process and its children may have. Returns how many."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


class Broker:
    """The broker while it runs; for `with`."""

    def __init__(self, programs, lines, first=None):
        """`first` is called in its process before the broker is."""
        self.program, self.lines, self.first, self.port = programs / "mosquitto", lines, first, free_port()

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="mosquitto-bench-")
        configuration = pathlib.Path(self.folder.name) / "mosquitto.conf"
        first = [f"listener {self.port} 127.0.0.1", "allow_anonymous true"]
        configuration.write_text("".join(f"{line}\n" for line in first + self.lines))
        command = [self.program, "-c", configuration]
        self.process = subprocess.Popen(command, cwd=self.folder.name, stdin=subprocess.DEVNULL, preexec_fn=self.first)
        try:
            self.wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def wait(self):
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise SystemExit(f"{self.program} does not listen")

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
