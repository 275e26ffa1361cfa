"""A collector over UDP in the test itself: one reader for each observation domain."""
import pathlib
import select
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tools"))
from flowread import FlowReader  # noqa: E402


class Receiver:
    """Takes datagrams; one reader for each source port, as collectors do."""

    def __init__(self, space):
        self.socket = space.socket()
        self.port = self.socket.getsockname()[1]
        self.forget()

    def forget(self):
        """Begins anew, on the same port."""
        self.streams = {}  # domain -> [(time, uptime, sender's port)]
        self.readers = {}  # domain -> FlowReader
        self.records = {}  # domain -> flow records
        self.count = 0

    def take(self, timeout):
        """Takes what comes within TIMEOUT; False if nothing did."""
        if not select.select([self.socket], [], [], timeout)[0]:
            return False
        data, sender = self.socket.recvfrom(65536)
        at, octets = {5: (20, 2), 9: (16, 4), 10: (12, 4)}[data[1]]
        domain = int.from_bytes(data[at:at + octets], "big")
        reader = self.readers.setdefault(domain, FlowReader())
        flows = [it for it in reader.feed(data) if "options" not in it]
        self.records.setdefault(domain, []).extend(flows)
        header = reader.messages[-1]
        self.streams.setdefault(domain, []).append(
            (header["time"], header.get("uptime"), sender[1]))
        self.count += 1
        return True

    def settle(self):
        while self.take(0.2):
            continue

    def complaints(self):
        return [f"domain {domain}: {text}" for domain, reader in self.readers.items()
                for text in reader.complaints]

    def times(self):
        """(start, end) of every record in milliseconds since 1970."""
        return [(record["flowStartMilliseconds"], record["flowEndMilliseconds"])
                for records in self.records.values() for record in records]
