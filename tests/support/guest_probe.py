"""spanflowd inside an emulated machine, and the two kinds of wire that lead to its NICs."""
import base64
import fcntl
import gzip
import json
import os
import socket
import struct
import subprocess
import sys
import termios
import time

from support import namespace, plain_capture, probe

STILL_S = 60
VFIO = "/sys/bus/pci/drivers/vfio-pci"


def bind(machine, address):
    """Gives a PCI device to vfio-pci."""
    machine.must(f"echo vfio-pci >/sys/bus/pci/devices/{address}/driver_override; "
                 f"echo {address} >/sys/bus/pci/drivers_probe; test -e {VFIO}/{address}")


class GuestProbe:
    """A running daemon, as probe.Daemon is one on this machine. One at a time in each machine."""

    def __init__(self, machine, arguments):
        self.machine = machine
        words = " ".join([*arguments, *probe.SMALL, "-e json:/tmp/flows", "--ledger /tmp/ledger"])
        machine.must("rm -f /tmp/flows /tmp/ledger /tmp/status /tmp/log")
        machine.must(f"(spanflowd {words} >/tmp/log 2>&1; echo $? >/tmp/status) &")
        # What it says at the start: that it began, or why it ended.
        self.start = machine.wait("{ grep . /tmp/status || grep 'at most' /tmp/log; } "
                                  ">/dev/null 2>&1 && cat /tmp/log")

    def signal(self, name):
        self.machine.must(f"kill -{name} $(pidof spanflowd)")

    def ledger(self):
        """SIGUSR1, then the ledger that it makes."""
        self.machine.must("rm -f /tmp/ledger")
        self.signal("USR1")
        return json.loads(self.machine.wait("cat /tmp/ledger"))

    def wait_observed(self, packets, still_s=STILL_S):
        """Asks until so many packets were observed, or none came for a while; returns the last
        ledger."""
        seen, end = -1, 0
        while True:
            ledger = self.ledger()
            observed = ledger["observed"]["packets"]
            if observed != seen:
                seen, end = observed, time.monotonic() + still_s
            if observed >= packets or time.monotonic() > end:
                return ledger
            self.machine.left()
            time.sleep(0.1)

    def ended(self):
        """What the daemon left behind when it has ended; its records as flows."""
        code = int(self.machine.wait("grep . /tmp/status"))
        log = self.machine.must("cat /tmp/log")
        packed = self.machine.must("gzip -c /tmp/flows | base64")
        lines = gzip.decompress(base64.b64decode(packed)).decode().splitlines()
        flows = probe.flows_of_records([json.loads(line) for line in lines])
        run = probe.Run(code, "", log, json.loads(self.machine.must("cat /tmp/ledger")))
        return run, {key: flow[:3] for key, flow in flows.items()}

    def stop(self):
        self.signal("TERM")
        return self.ended()

    def kill(self):
        """SIGKILL: nothing is left behind but what the kernel cleans up."""
        self.signal("KILL")
        self.machine.wait("! pidof spanflowd")
        self.machine.wait("grep . /tmp/status")


def truth(frames):
    """(packets, frame octets, flows) of FRAMES, all of them plain."""
    totals, flows = plain_capture.truth(plain_capture.Packet(0, len(it), it) for it in frames)
    return (totals["packets"], totals["wire_octets"],
            {key: flow[:3] for key, flow in flows.items()})


class Wire:
    """A cable to the one NIC `name`: each frame that is sent waits for the machine to take it."""

    def __init__(self, folder, name):
        self.name = name
        self.ends = [f"{folder}/{name}.{end}" for end in ("nic", "wire")]
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.ends[1])

    def devices(self, model, slot):
        """qemu's arguments for a NIC at this end."""
        nic, wire = self.ends
        return ["-netdev", f"dgram,id={self.name},local.type=unix,local.path={nic},"
                           f"remote.type=unix,remote.path={wire}",
                "-device", f"{model},netdev={self.name},addr={slot}"]

    def waiting(self):
        """Whether qemu has not yet taken everything that was sent."""
        octets = fcntl.ioctl(self.socket, termios.TIOCOUTQ, bytes(4))
        return struct.unpack("i", octets)[0] > 0

    def send(self, frames, machine):
        """Sends FRAMES and waits until qemu has taken them."""
        for frame in frames:
            self.socket.settimeout(machine.left())
            self.socket.sendto(frame, self.ends[0])
        while self.waiting():
            machine.left()
            time.sleep(0.01)

    def came_back(self):
        """Frames that the machine has sent."""
        self.socket.setblocking(False)
        count = 0
        while True:
            try:
                self.socket.recv(65536)
            except BlockingIOError:
                return count
            count += 1

    def close(self):
        self.socket.close()


class Tap:
    """An interface with QUEUES queues to a NIC, in the namespace SPACE."""

    NAME = "nic0"

    def __init__(self, space, queues):
        self.space = space
        self.queues = queues
        for words in (["tuntap", "add", "dev", self.NAME, "mode", "tap", "multi_queue"],
                      ["link", "set", self.NAME, "txqueuelen", "5000", "mtu", "9000"]):
            self.inside("ip", *words)
        # Neither neighbour discovery nor ARP: only our frames are on this wire.
        self.inside("sysctl", "-q", "-w", f"net.ipv6.conf.{self.NAME}.disable_ipv6=1")
        self.inside("ip", "link", "set", self.NAME, "arp", "off", "up")

    def inside(self, *command):
        return subprocess.run([*self.space.prefix, *command], check=True, capture_output=True,
                              text=True, timeout=120).stdout

    def devices(self, model, slot):
        return ["-netdev", f"tap,id=tap,ifname={self.NAME},script=no,downscript=no,vhost=off,"
                           f"queues={self.queues}",
                "-device", f"{model},netdev=tap,addr={slot}"]

    def send(self, frames, folder):
        """Sends FRAMES; fewer than txqueuelen are kept until the machine takes them."""
        path = os.path.join(folder, "frames.pcap")
        plain_capture.write(path, [plain_capture.Packet(0, len(it), it) for it in frames])
        self.inside(sys.executable, namespace.SEND_FRAMES, self.NAME, path, "0")
