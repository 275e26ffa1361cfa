"""Captures made by perf/flowgen, with what is exactly known of them."""
import json
import pathlib
import subprocess

from support import probe

# Every workload at a size that suits a test.
SMALL_SCALES = {"imix-100k": 50, "small64-1m": 50, "synflood": 50, "xorhash-60k": 4,
                "random-60k": 4}


def make(name, path, scale=1, seed=1, nanoseconds=False):
    """Writes the capture PATH; returns flowgen's ground truth."""
    command = [probe.FLOWGEN, name, "-o", str(path), "--scale", str(scale), "--seed", str(seed)]
    if nanoseconds:
        command.append("--ns")
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    return json.loads(done.stdout)


def make_all(folder, scales=None):
    """NAME -> (path, truth) of all workloads."""
    result = {}
    for name, scale in (scales or SMALL_SCALES).items():
        path = str(pathlib.Path(folder, name + ".pcap"))
        result[name] = path, make(name, path, scale)
    return result
