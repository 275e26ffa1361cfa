"""A network namespace with a veth pair of its own: nothing that the tests send leaves it.

The probe listens on `probe0`; frames go in at `wire0`. Needs root; taken down by close().
"""
import ctypes
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys

SO_RCVBUFFORCE = 33  # Linux, not named by Python 3.11
SEND_FRAMES = str(pathlib.Path(__file__).resolve().with_name("send_frames.py"))


def available():
    return os.geteuid() == 0 and shutil.which("ip") and shutil.which("nsenter")


class Namespace:
    """Use as a context manager."""

    PROBE, WIRE = "probe0", "wire0"

    def __init__(self):
        self.name = f"spanflow-test-{os.getpid()}"
        self.prefix = ["nsenter", f"--net=/run/netns/{self.name}"]

    def __enter__(self):
        self._run(["ip", "netns", "add", self.name])
        try:
            self.inside("ip", "link", "set", "lo", "up")
            self.plug()
        except subprocess.CalledProcessError:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        subprocess.run(["ip", "netns", "delete", self.name], check=False, capture_output=True)

    @staticmethod
    def _run(command):
        subprocess.run(command, check=True, capture_output=True, timeout=30)

    def inside(self, *command):
        """Runs a command there."""
        self._run(self.prefix + list(command))

    def plug(self, wire=None, port=None):
        """Makes the pair; after unplug() the kernel gives it other indices."""
        wire, port = wire or self.WIRE, port or self.PROBE
        self.inside("ip", "link", "add", wire, "type", "veth", "peer", "name", port)
        for interface in (wire, port):
            # Neither neighbour discovery nor ARP: only our frames are on this wire.
            self.inside("sysctl", "-q", "-w", f"net.ipv6.conf.{interface}.disable_ipv6=1")
            self.inside("ip", "link", "set", interface, "arp", "off", "up")

    def socket(self, kind=socket.SOCK_DGRAM):
        """A socket on the namespace's loopback, for UDP as a rule, held by this process."""
        setns = ctypes.CDLL(None, use_errno=True).setns
        with open("/proc/self/ns/net", "rb") as home, \
                open(f"/run/netns/{self.name}", "rb") as there:
            if setns(there.fileno(), 0) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            try:
                inside = socket.socket(socket.AF_INET, kind)
                if kind == socket.SOCK_DGRAM:
                    inside.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
                inside.bind(("127.0.0.1", 0))
            finally:
                setns(home.fileno(), 0)
        return inside

    def unplug(self):
        """Takes the probe's interface away."""
        self.inside("ip", "link", "delete", self.PROBE)

    def set_link(self, interface, state):
        """Takes an interface down or up."""
        self.inside("ip", "link", "set", interface, state)

    def counters(self, interface):
        """The kernel's counters of an interface: {"rx": {...}, "tx": {...}}."""
        text = subprocess.run(self.prefix + ["ip", "-j", "-s", "link", "show", interface],
                              check=True, capture_output=True, text=True, timeout=30).stdout
        return json.loads(text)[0]["stats64"]

    def sender(self, path, rate=0, wire=None):
        """Starts sending a capture into the wire, RATE packets/s (0: as fast as it goes)."""
        return subprocess.Popen(
            self.prefix + [sys.executable, SEND_FRAMES, wire or self.WIRE, str(path), str(rate)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)

    def send(self, path, rate=0, timeout=120):
        """Sends a whole capture; returns the packets and octets sent."""
        process = self.sender(path, rate)
        try:
            out, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        return tuple(int(word) for word in out.split())
