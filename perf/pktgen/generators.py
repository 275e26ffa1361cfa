"""The packet generators of zero_loss: each offers packets to a port once and tells what became of
them. offer() returns a dict of counters; leave() takes the generator away from the port.

Counters: offered (packets whose time had come), sent (the port took them), unsent (it did not),
octets (frames that were sent, None where the generator does not know), seconds (of sending).
"""
import json
import os
import pathlib
import re
import select
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tests"))
from support import probe  # noqa: E402

PACKET_GENERATOR = str(probe.BUILD / "perf" / "packet_generator")
PREAMBLE_OCTETS = 20  # preamble and gap between two frames on Ethernet
MIX = (64, 594, 64, 64, 594, 64, 64, 594, 64, 594, 64, 1518)


class GeneratorError(Exception):
    """One line about what went wrong."""


def mean_size(size):
    """Octets of a frame with its check sequence; SIZE is a number as text, or imix."""
    return sum(MIX) / len(MIX) if size == "imix" else int(size)


def line_share(size, packets_per_s, gigabits):
    """Percent of a link that the packets take."""
    return packets_per_s * (mean_size(size) + PREAMBLE_OCTETS) * 8 / gigabits / 1e7


class Generator:
    """What both have in common: a process with a pipe to its standard input."""

    def __init__(self, prefix):
        self.prefix = list(prefix)
        self.process = None
        self.log = None

    def start(self, command, **more):
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(self.prefix + command, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.log, **more)

    def said(self):
        self.log.seek(0)
        lines = self.log.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def find(self, pattern, timeout):
        """What PATTERN finds in the standard output; reads until then."""
        text, end = b"", time.monotonic() + timeout
        while time.monotonic() < end:
            if not select.select([self.process.stdout], [], [], 0.5)[0]:
                continue
            part = os.read(self.process.stdout.fileno(), 65536)
            text += part
            found = re.search(pattern, text)
            if found:
                return found
            if not part:
                break
        raise GeneratorError(f"the generator gave no result: {self.said()}")

    def leave(self):
        """Ends the process: by the end of its input, or by force."""
        if not self.process:
            return
        self.process.stdin.close()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()
        self.process = None


class PacketGenerator(Generator):
    """build/perf/packet_generator: a rate in packets, and what the port does not take is lost."""

    name = "packet_generator"

    def __init__(self, device, prefix=(), program=PACKET_GENERATOR):
        super().__init__(prefix)
        self.device = device
        self.program = program

    def offer(self, size, flows, packets_per_s, packets, seconds):
        command = [self.program, self.device, "--size", size, "--flows", str(flows)]
        command += ["--rate", f"{packets_per_s:.0f}"]
        command += ["--packets", str(packets)] if packets else []
        command += ["--seconds", str(seconds)]
        self.start(command)
        row = json.loads(self.find(rb"(?m)^\{.*\}$", seconds + 90).group(0))
        return {"offered": row["offered"], "sent": row["sent"], "unsent": row["unsent"],
                "octets": row["sent_octets"], "seconds": row["seconds"]}


class Pktgen(Generator):
    """Pktgen-DPDK with step.lua: a rate in percent of the link. It offers a packet until the port
    takes it, so nothing is unsent, and a port that is too slow shows as a lower rate."""

    name = "pktgen"

    def __init__(self, program, eal, gigabits, port="0", mapping="1.0", prefix=()):
        super().__init__(prefix)
        self.program = pathlib.Path(program).resolve()
        self.eal = eal
        self.gigabits = gigabits
        self.port = port
        self.mapping = mapping
        self.folder = None

    def tree(self):
        """Pktgen's own folder, where it finds Pktgen.lua."""
        for folder in self.program.parents:
            if (folder / "Pktgen.lua").exists():
                return str(folder)
        raise GeneratorError(f"no Pktgen.lua in the folders above {self.program}")

    def offer(self, size, flows, packets_per_s, packets, seconds):
        rate = 100.0
        if packets_per_s:
            rate = min(100.0, line_share(size, packets_per_s, self.gigabits))
        if not packets:
            packets = int((packets_per_s or 1e6) * seconds)
        values = {"PORT": self.port, "SIZE": size, "FLOWS": flows, "RATE": f"{rate:.6f}",
                  "COUNT": packets, "SECONDS": seconds}
        command = ["env", "-C", self.tree()]
        command += [f"SPANFLOW_{name}={value}" for name, value in values.items()]
        command += [str(self.program)] + self.eal + ["--", "-P", "-T", "-m", self.mapping]
        if size == "imix":
            self.folder = tempfile.TemporaryDirectory()
            capture = f"{self.folder.name}/imix.pcap"
            subprocess.run([str(HERE / "imix_capture"), capture, str(flows)], check=True)
            command += ["-s", f"{self.port}:{capture}"]
        self.start(command + ["-f", str(HERE / "step.lua")])
        found = self.find(rb"(?s)RESULT (\{.*?\})|FAILED ([^\n]*)", seconds * 4 + 120)
        if found.group(2):
            raise GeneratorError("step.lua: " + found.group(2).decode("utf-8", "replace"))
        row = json.loads(found.group(1))
        return {"offered": row["sent"] + row["refused"], "sent": row["sent"],
                "unsent": row["refused"], "octets": row["octets"], "seconds": row["seconds"]}

    def leave(self):
        super().leave()
        if self.folder:
            self.folder.cleanup()
            self.folder = None
