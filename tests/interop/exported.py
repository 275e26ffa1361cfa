"""What export_records must have made of its population, for each profile; and ways to receive it.

Used by the test_exporter_* scripts. The truth is the line that export_records prints for each
direction, taken from the description of the flow and not from the encoder.
"""
import json
import os
import pathlib
import selectors
import socket
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("SPANFLOW_BUILD", ROOT / "build"))
sys.path.insert(0, str(ROOT / "tests" / "tools"))

PORTS = [(7, 9), (9, 7), (65535, 0)]
UNITS = {"ms": ("Milliseconds", 10**6), "us": ("Microseconds", 10**3), "ns": ("Nanoseconds", 1)}


class Variant:
    """One way to export: what a DESTINATION word of export_records says."""

    def __init__(self, kind, version=10, profile="plain", biflow="no", unit="ms", mtu=1400):
        self.kind, self.version, self.profile = kind, version, profile
        self.biflow, self.unit, self.mtu = biflow, unit, mtu

    def __str__(self):
        return (f"{self.kind}_v{self.version}_{self.profile}_{self.unit}_mtu{self.mtu}"
                f"{'_biflow' if self.biflow == 'yes' else ''}")

    def word(self, target, rate="-"):
        return (f"{self.kind},{self.version},{self.profile},{self.biflow},{self.unit},{self.mtu},"
                f"{rate},{target}")


def expected(variant, direction, reverse):
    """The record of one DIRECTION; REVERSE: the other direction of the same biflow record."""
    family, icmp = direction["family"], direction["protocol"] in (1, 58)
    json_lines = variant.kind == "json"
    name, divisor = UNITS[variant.unit]
    outer, inner = direction["vlans"]
    ingress, egress = PORTS[direction["port"]]
    record = {
        f"sourceIPv{family}Address": direction["source"],
        f"destinationIPv{family}Address": direction["destination"],
        "sourceTransportPort": direction["sport"], "destinationTransportPort": direction["dport"],
        "protocolIdentifier": direction["protocol"], "tcpControlBits": direction["flags"],
        "ipClassOfService": direction["tos"], "ingressInterface": ingress,
        "egressInterface": egress, "vlanId": inner or outer,
        "flowDirection": direction["egress"], "flowEndReason": direction["reason"],
        "octetDeltaCount": direction["octets"], "packetDeltaCount": direction["packets"],
        f"flowStart{name}": direction["first_ns"] // divisor,
        f"flowEnd{name}": direction["last_ns"] // divisor,
    }
    if icmp:
        v6 = family == 6 and (json_lines or variant.version == 10)
        record[f"icmpTypeCodeIPv{6 if v6 else 4}"] = direction["dport"]
    if json_lines or variant.profile == "nfdump":
        record["vlanId"], record["dot1qCustomerVlanId"] = outer, inner
    if reverse:
        record["reverseOctetDeltaCount"] = reverse["octets"]
        record["reversePacketDeltaCount"] = reverse["packets"]
        if json_lines:
            record["reverseIpClassOfService"] = reverse["tos"]
            record["reverseTcpControlBits"] = reverse["flags"]
            record[f"reverseFlowStart{name}"] = reverse["first_ns"] // divisor
            record[f"reverseFlowEnd{name}"] = reverse["last_ns"] // divisor
    if reverse or variant.profile == "nfdump":
        record["biflowDirection"] = direction["initiator_seen"] * (1 + direction["turn"])
    if variant.profile == "nfdump":
        labels = [f"0x{label:06x}" for label in direction["labels"]]
        record.update({
            "sourceMacAddress": direction["macs"][0], "destinationMacAddress": direction["macs"][1],
            "minimumTTL": direction["ttl_min"], "maximumTTL": direction["ttl_max"],
            "dot1qVlanId": outer, "applicationId": 0, "mplsTopLabelStackSection": labels[0],
            "mplsLabelStackSection2": labels[1], "mplsLabelStackSection3": labels[2]})
    return record


def expected_records(variant, truth):
    """Every record in order, the initiator's direction first."""
    records, i = [], 0
    while i < len(truth):
        joined = truth[i]["answered"] and truth[i]["turn"] == 0 and variant.biflow == "yes"
        records.append(expected(variant, truth[i], truth[i + 1] if joined else None))
        i += 2 if joined else 1
    return records


class Receiver:
    """A UDP socket on loopback that keeps every datagram."""

    def __init__(self, family=socket.AF_INET):
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
        self.socket.setblocking(False)
        self.address, self.port = self.socket.getsockname()[:2]
        self.datagrams = []

    def drain(self):
        while True:
            try:
                self.datagrams.append(self.socket.recv(65536))
            except BlockingIOError:
                return


def export(count, seed, words, receivers=(), environment=None, limit_s=60):
    """Runs export_records; returns (truth, ledger lines, exit status)."""
    command = [str(BUILD / "tests" / "tools" / "export_records"), str(count), str(seed), *words]
    with selectors.DefaultSelector() as selector, \
            open(os.path.join(os.environ.get("TMPDIR", "/tmp"), f"truth.{os.getpid()}"), "w+",
                 encoding="utf-8") as output:
        os.unlink(output.name)
        for receiver in receivers:
            selector.register(receiver.socket, selectors.EVENT_READ, receiver)
        with subprocess.Popen(command, stdout=output, stderr=subprocess.PIPE, text=True,
                              env=dict(os.environ, **(environment or {}))) as process:
            selector.register(process.stderr, selectors.EVENT_READ, None)
            notes, open_end = "", True
            while open_end:
                ready = selector.select(limit_s)
                if not ready:
                    process.kill()
                    raise TimeoutError("export_records made no progress")
                for key, _ in ready:
                    if key.data:
                        key.data.drain()
                        continue
                    part = os.read(process.stderr.fileno(), 65536).decode()
                    notes += part
                    open_end = bool(part)
            status = process.wait(limit_s)
        for receiver in receivers:
            receiver.drain()
        output.seek(0)
        truth = [json.loads(line) for line in output]
    return truth, notes.splitlines(), status


def judge(name, problem):
    """Prints one result line; returns whether it is good."""
    print(f"not ok {name} {problem}" if problem else f"ok {name}", flush=True)
    return not problem


def difference(expected_list, got):
    """'' if the lists are equal, else what differs first."""
    if len(expected_list) != len(got):
        return f"{len(got)} records of {len(expected_list)}"
    for i, (want, have) in enumerate(zip(expected_list, got)):
        if want != have:
            keys = [key for key in {**want, **have} if want.get(key) != have.get(key)]
            return f"record {i}: " + ", ".join(
                f"{key} {have.get(key)} instead of {want.get(key)}" for key in keys[:4])
    return ""
