"""Captures made by perf/flowgen, with what is exactly known of them."""
import json
import pathlib
import struct
import subprocess

from support import plain_capture, probe

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


def make_flows(path, count):
    """A capture in which every packet is a flow of its own: a SYN from an address of its own."""
    def frame(number):
        source = struct.pack(">I", 0x0a000000 + number)
        return (bytes(12) + b"\x08\x00"
                + struct.pack(">BBHHHBBH", 0x45, 0, 40, 1, 0x4000, 64, 6, 0) + source
                + bytes([192, 0, 2, 1]) + struct.pack(">HHIIBBHHH", 40000, 443, 1, 0, 0x50, 2, 1024,
                                                      0, 0))
    plain_capture.write(path, [plain_capture.Packet(10**18 + number, 54, frame(number))
                               for number in range(count)])
