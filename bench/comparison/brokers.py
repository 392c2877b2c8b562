"""The brokers that are compared: how each is got, started and ended."""

import os
import pathlib
import random
import shutil
import socket
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# All that is got for the comparison, and nothing of it twice.
STORE = ROOT / "target" / "bench"

# That of rumqttd/Cargo.toml.
RUMQTTD = "0.20.0"
AEDES = "1.2.0"
# Seconds until a broker has to listen.
PATIENCE_S = 15


class Unavailable(Exception):
    """A broker that is not there, and the reason."""


class Broker:
    """One of those compared. `command` is a list in which {port} and {conf} are filled in."""

    def __init__(self, name, version, command, configuration=None, settings=""):
        self.name, self.version, self.command = name, version, command
        # A file, and lines for its end.
        self.configuration, self.settings = configuration, settings

    def start(self):
        return Running(self)

    def having(self, settings):
        """The same with more lines in its configuration."""
        return Broker(self.name, self.version, self.command, self.configuration, settings)


class Running:
    """A broker's process, with a port and a directory of its own; for `with`."""

    def __init__(self, broker):
        self.broker, self.port = broker, free_port()
        # Some have a listener for each version.
        has_two = broker.configuration and "{port_of_mqtt_5}" in broker.configuration.read_text()
        self.port_of_mqtt_5 = free_port() if has_two else self.port

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="mosquitto-bench-")
        words = {"port": str(self.port), "conf": os.path.join(self.folder.name, "broker.conf")}
        if self.broker.configuration:
            text = self.broker.configuration.read_text().replace("{port}", str(self.port))
            text = text.replace("{port_of_mqtt_5}", str(self.port_of_mqtt_5)).replace("{folder}", self.folder.name)
            text += self.broker.settings
            pathlib.Path(words["conf"]).write_text(text)
        command = [str(word).format(**words) for word in self.broker.command]
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, cwd=self.folder.name)
        try:
            self.wait()
        except Unavailable:
            self.__exit__()
            raise
        return self

    def wait(self):
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise Unavailable(f"{self.broker.name} has ended with status {self.process.returncode}")
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise Unavailable(f"{self.broker.name} does not listen")

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()


def free_port():
    """Below those that the system gives to connections."""
    while True:
        port = random.randrange(21000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def ours(program):
    return Broker("ours", said([program, "-h"]), [program, "-c", "{conf}"], HERE / "mosquitto.conf")


def mosquitto(program):
    found = program or of_debian("mosquitto", "mosquitto")
    return Broker("mosquitto", said([found, "-h"]), [found, "-c", "{conf}"], HERE / "mosquitto.conf")


def rumqttd(_):
    target = STORE / "rumqttd"
    command = ["cargo", "build", "--release", "--locked", "--quiet", "--target-dir", str(target)]
    command += ["--manifest-path", str(HERE / "rumqttd" / "Cargo.toml")]
    got(command, f"rumqttd {RUMQTTD} does not build")
    program = target / "release" / "rumqttd-to-compare"
    return Broker("rumqttd", f"rumqttd {RUMQTTD}", [program, "{conf}"], HERE / "rumqttd.toml")


def nats(_):
    program = of_debian("nats-server", "nats-server")
    return Broker("nats", said([program, "--version"]), [program, "-c", "{conf}"], HERE / "nats.conf")


def aedes(_):
    folder, node = STORE / "aedes", shutil.which("node")
    if not node or not shutil.which("npm"):
        raise Unavailable("aedes needs node and npm, which are not installed")
    if not (folder / "node_modules" / "aedes").exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), f"aedes@{AEDES}"]
        got(command, f"aedes {AEDES} cannot be installed")
    # Modules are looked for from where the script is.
    script = shutil.copy(HERE / "aedes.mjs", folder / "broker.mjs")
    return Broker("aedes", f"aedes {AEDES}, node {said([node, '--version'])}", [node, script, "{port}"])


OTHERS = {"mosquitto": mosquitto, "rumqttd": rumqttd, "nats": nats, "aedes": aedes}


def of_debian(package, program):
    """The path of a program, which is installed first if that is possible."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
    found = shutil.which(program, path=path)
    if not found and os.geteuid() == 0 and shutil.which("apt-get"):
        # Its service is not wanted: in single-user mode Debian's scripts start none.
        command = ["env", "RUNLEVEL=1", "DEBIAN_FRONTEND=noninteractive"]
        command += ["apt-get", "install", "--yes", "-qq", "--no-install-recommends", package]
        got(command, f"{package} cannot be installed")
        found = shutil.which(program, path=path)
    if not found:
        raise Unavailable(f"{program} is not installed (on Debian: apt-get install {package})")
    return found


def got(command, otherwise):
    try:
        subprocess.run(command, check=True, cwd=ROOT)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Unavailable(f"{otherwise}: {error}") from error


def said(command):
    """The first line that a program says."""
    output = subprocess.run(command, capture_output=True, text=True, check=False)
    return (output.stdout + output.stderr).strip().split("\n")[0]
