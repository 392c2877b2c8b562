"""What the shards of this project's broker cost each other, as an example of its core counts it."""

import subprocess

from . import brokers

COMMAND = ["cargo", "run", "--release", "--locked", "-p", "mosquitto-broker", "--features", "lock-times", "--example", "locks"]


def section(quick):
    # Not optimised as a whole: that takes minutes, and changes no count.
    quickly_built = ["--quiet", "--config", "profile.release.lto=false", "--target-dir", str(brokers.STORE / "locks")]
    command = [*COMMAND, *quickly_built, "--", "0.3" if quick else "3"]
    output = subprocess.run(command, cwd=brokers.ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    return ["## What shards cost each other", "", f"Made by `{' '.join(COMMAND)}`.", "", *output.rstrip("\n").split("\n")]
