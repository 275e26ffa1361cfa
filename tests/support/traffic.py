"""Packets at a steady rate into a namespace: made in the kernel by perf/live_frames where the build
has it, else sent by Python."""
import subprocess

from support import frames, namespace, plain_capture, probe

LIVE_FRAMES = probe.BUILD / "perf" / "live_frames"
FLOWS = 4000
OCTETS = 90
WIRE = namespace.Namespace.WIRE
SECONDS = 20


def usual_rate():
    """Packets in a second that cost a test little."""
    return 5000 if LIVE_FRAMES.exists() else 4000


class Traffic:
    """RATE packets in a second, for so many SECONDS at most. Use as a context manager."""

    def __init__(self, space, folder, rate, seconds):
        self.space = space
        self.rate = rate
        self.packets = rate * seconds
        self.process = None
        self.capture = f"{folder}/traffic.pcap"

    def __enter__(self):
        if LIVE_FRAMES.exists():
            self.process = subprocess.Popen(
                self.space.prefix + [LIVE_FRAMES, "send", WIRE, str(FLOWS), str(self.packets),
                                     str(OCTETS), str(self.rate)], stdout=subprocess.PIPE)
            return self
        plain_capture.write(self.capture, [
            plain_capture.Packet(10**18 + number, OCTETS, frames.ipv4(
                f"10.2.{number % 250}.{number % 199 + 1}", "192.0.2.9", frames.UDP,
                frames.udp(4000 + number % FLOWS, 53, 40))) for number in range(self.packets)])
        self.process = self.space.sender(self.capture, self.rate)
        return self

    def running(self):
        return self.process.poll() is None

    def stop(self):
        if self.running():
            self.process.terminate()
        self.process.communicate(timeout=SECONDS)

    def __exit__(self, *_):
        if self.running():
            self.stop()

    def sent(self):
        """By all so far, as the kernel counted."""
        return self.space.counters(WIRE)["tx"]["packets"]
