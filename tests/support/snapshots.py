"""Tests of the snapshot ring: captures with a marked payload, runs of spanflowd on them, a live
probe whose ring is in a folder of its own, the command spanflow."""
import pathlib
import subprocess
import time

from support import frames, ledger, plain_capture, probe
from support.configuration import MODEL, WORDS, Managed, element
from support.netconf_client import Closed

SPANFLOW = probe.BUILD / "tools" / "spanflow"
MARK = b"THE-SECRET-OF-THE-PAYLOAD"
SECOND = 10**9
START = 1_700_000_000 * SECOND
SECONDS = 30
NOTICE = "Packets are recorded here; see the works council's agreement 7."


def make_capture(path, count=400):
    """COUNT packets of 40 flows: TCP, UDP, fragments, ARP and IPv6, with the marker in payloads."""
    packets = []
    for number in range(count):
        host = number % 40 + 1
        payload = MARK + bytes([number % 256]) * (number % 900)
        udp = frames.udp(4000 + host, 53, len(payload))[:8] + payload
        if number % 10 == 7:
            data = frames.ipv6(f"2001:db8::{host:x}", "2001:db8::ffff", frames.TCP,
                               frames.tcp(5000 + host, 443) + payload)
        elif number % 10 == 8:
            data = frames.ethernet(0x0806, bytes.fromhex("0001080006040001") + MARK[:20])
        elif number % 10 == 9:
            data = frames.fragments(f"10.1.0.{host}", "192.0.2.9", MARK * 60, number)[1]
        elif number % 2:
            data = frames.ipv4(f"10.1.0.{host}", "192.0.2.9", frames.TCP,
                               frames.tcp(5000 + host, 80) + payload)
        else:
            data = frames.ipv4(f"10.1.0.{host}", "192.0.2.9", frames.UDP, udp)
        packets.append(plain_capture.Packet(START + number * 5_000_000 + number, len(data), data))
    plain_capture.write(path, packets)
    return packets


def run_file(capture, folder, words, *more):
    """A run on CAPTURE whose ring is FOLDER."""
    return probe.run(["-r", capture, "--snapshot", f"{folder},{words}", *probe.SMALL, *more],
                     ledger=f"{capture}.ledger")


def call(*words, socket=None, prefix=()):
    command = [*map(str, prefix), str(SPANFLOW)] + (["--control", str(socket)] if socket else [])
    return subprocess.run([*command, *map(str, words)], text=True, check=False, timeout=60,
                          stdin=subprocess.DEVNULL, capture_output=True)


def ended(run):
    problems = [] if run.code == 0 else [f"exit {run.code}: {run.err[-300:]}"]
    return problems + ledger.problems(run.ledger)


def segments(folder):
    return sorted(pathlib.Path(folder).glob("snapshot-*.pcapng"))


class Live:
    """A probe on the wire of SPACE that keeps packets in FOLDER/ring."""

    def __init__(self, space, folder):
        self.space = space
        self.folder = pathlib.Path(folder)
        self.ring = self.folder / "ring"
        self.daemon = Managed(folder, space.prefix)
        self.session = None

    def __enter__(self):
        self.daemon.__enter__()
        self.session = self.daemon.session()
        return self

    def __exit__(self, *_):
        self.session.client.close()
        self.daemon.__exit__()

    def configuration(self, **snapshot):
        return {"observationPoint": [{"name": "mirror", "xdp": {"interface": self.space.PROBE}}],
                "cache": [{"name": "default", "maxFlows": 65536}],
                "collector": [f"json:{self.folder}/flows.json"],
                "snapshot": {"enabled": True, "directory": str(self.ring), "diskSize": 64,
                             "memorySize": 8, "snapLength": "everything", "flushInterval": 1,
                             "notice": NOTICE, **snapshot}}

    def commit(self, **snapshot):
        self.session.commit(self.configuration(**snapshot))

    def rpc(self, name, **words):
        inner = "".join(element(*it) for it in words.items())
        return self.session.call(f'<snapshot-{name} xmlns="{MODEL}">{inner}</snapshot-{name}>')

    def text(self, reply, name):
        return reply.findtext(f"sf:{name}", "", WORDS)

    def snapshot(self, *path):
        return self.session.state("snapshot", *path)

    def until(self, condition):
        end = time.monotonic() + SECONDS
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True

    def call(self, *words, **more):
        return call(*words, socket=self.daemon.socket, **more)

    def wait_job(self, job):
        while True:
            reply = self.rpc("job", job=job)
            if self.text(reply, "state") not in ("waiting", "running"):
                return reply

    def extract(self, out, *words):
        return self.call("snapshot", "extract", "--reason", "test", "-o", out, *words)


def number_of(daemon, *path):
    """A number of the state; the NETCONF process of a daemon that was killed may still answer, and
    close."""
    while daemon.alive():
        try:
            session = daemon.session()
            value = session.state("snapshot", *path)
            session.client.close()
            return int(value or 0)
        except (Closed, OSError):
            continue
    return 0
