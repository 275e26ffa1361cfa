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


def application_label(direction):
    """The responder's port if it is a well-known one."""
    port = direction["sport"] if direction["turn"] else direction["dport"]
    return port if direction["protocol"] in (6, 17, 132) and port < 1024 else 0


def one_direction(direction, variant):
    """Everything that a record can tell of DIRECTION by itself, whatever the profile."""
    name, divisor = UNITS[variant.unit]
    outer, inner = direction["vlans"]
    ingress, egress = PORTS[direction["port"]]
    labels = [f"0x{label:06x}" for label in direction["labels"]]
    reason = direction["reason"]
    if variant.profile == "silk" and direction["continued"]:
        reason |= 0x80
    return {
        "sourceTransportPort": direction["sport"], "destinationTransportPort": direction["dport"],
        "protocolIdentifier": direction["protocol"], "tcpControlBits": direction["flags"],
        "ipClassOfService": direction["tos"], "ingressInterface": ingress,
        "egressInterface": egress, "vlanId": inner or outer,
        "flowDirection": direction["egress"], "flowEndReason": reason,
        "octetDeltaCount": direction["octets"], "packetDeltaCount": direction["packets"],
        f"flowStart{name}": direction["first_ns"] // divisor,
        f"flowEnd{name}": direction["last_ns"] // divisor,
        "sourceMacAddress": direction["macs"][0], "destinationMacAddress": direction["macs"][1],
        "minimumTTL": direction["ttl_min"], "maximumTTL": direction["ttl_max"],
        "dot1qVlanId": outer, "dot1qCustomerVlanId": inner, "applicationId": 0,
        "mplsTopLabelStackSection": labels[0], "mplsLabelStackSection2": labels[1],
        "mplsLabelStackSection3": labels[2], "ipVersion": direction["family"],
        "flowId": direction["flow_id"], "initialTCPFlags": direction["initial_flags"],
        "unionTCPFlags": direction["later_flags"],
        "flowAttributes": int(direction["packets"] == 1 and not direction.get("several")),
        "silkAppLabel": application_label(direction),
        "biflowDirection": direction["initiator_seen"] * (1 + direction["turn"]),
    }


PLAIN = ["sourceTransportPort", "destinationTransportPort", "protocolIdentifier",
         "tcpControlBits", "ipClassOfService", "ingressInterface", "egressInterface", "vlanId",
         "flowDirection", "flowEndReason", "octetDeltaCount", "packetDeltaCount"]
NFDUMP = ["sourceMacAddress", "destinationMacAddress", "minimumTTL", "maximumTTL", "dot1qVlanId",
          "dot1qCustomerVlanId", "mplsTopLabelStackSection", "mplsLabelStackSection2",
          "mplsLabelStackSection3", "applicationId", "biflowDirection"]
SILK = ["initialTCPFlags", "unionTCPFlags", "flowAttributes", "silkAppLabel"]
KEYS = {"plain": PLAIN, "nfdump": PLAIN + NFDUMP, "silk": PLAIN + SILK,
        "full": PLAIN + NFDUMP + SILK + ["ipVersion", "flowId"],
        "fluentd-v9": [key for key in PLAIN if key != "flowEndReason"],
        "v5": [key for key in PLAIN if key not in ("flowEndReason", "vlanId", "flowDirection")]}
# Of the answer, in messages; JSON has those of JSON_REVERSE too.
REVERSE = {"plain": [], "nfdump": [],
           "silk": ["ipClassOfService", "vlanId", "initialTCPFlags", "unionTCPFlags",
                    "flowAttributes"],
           "full": ["ipClassOfService", "tcpControlBits", "ingressInterface", "egressInterface",
                    "flowDirection", "minimumTTL", "maximumTTL", "initialTCPFlags", "unionTCPFlags",
                    "flowAttributes"]}
JSON_REVERSE = ["ipClassOfService", "tcpControlBits"]


def reversed_name(name):
    return "reverse" + name[0].upper() + name[1:]


def icmp_key(variant, family):
    return f"icmpTypeCodeIPv{6 if family == 6 and variant.version == 10 else 4}"


def expected(variant, direction, reverse):
    """The record of one DIRECTION; REVERSE: the other direction of the same biflow record."""
    family, json_lines = direction["family"], variant.kind == "json"
    name, _ = UNITS[variant.unit]
    values = one_direction(direction, variant)
    if variant.profile in ("nfdump", "full") or json_lines:
        values["vlanId"] = direction["vlans"][0]
    times = [f"flowStart{name}", f"flowEnd{name}"]
    record = {f"sourceIPv{family}Address": direction["source"],
              f"destinationIPv{family}Address": direction["destination"]}
    record.update({key: values[key] for key in KEYS[variant.profile] + times})
    if direction["protocol"] in (1, 58) and variant.profile != "v5":
        record[icmp_key(variant, family)] = direction["dport"]
    if json_lines:
        record["dot1qCustomerVlanId"] = values["dot1qCustomerVlanId"]
        if variant.profile == "full":
            record.update(applicationName="", applicationConfidence="none")
    if reverse:
        record["biflowDirection"] = values["biflowDirection"]
        if variant.profile == "silk":
            del record["biflowDirection"]
        answer, wanted = one_direction(reverse, variant), REVERSE[variant.profile]
        if json_lines or variant.profile == "full":
            wanted = set(wanted) | set(times) | set(JSON_REVERSE if json_lines else [])
        answer["vlanId"] = values["vlanId"]
        for key in {"octetDeltaCount", "packetDeltaCount", *wanted}:
            record[reversed_name(key)] = answer[key]
        if variant.profile in ("silk", "full"):
            delta = reverse["first_ns"] // 10**6 - direction["first_ns"] // 10**6
            record["reverseFlowDeltaMilliseconds"] = max(delta, 0)
    return record


def pieces_of(variant, direction):
    """What one direction is exported as: itself, or where counters have 32 bits, equal shares."""
    count = max(direction["octets"], direction["packets"]) // (2**32 - 1) + 1
    if variant.profile not in ("silk", "v5") or variant.kind == "json" or count == 1:
        return [direction]
    pieces = []
    for i in range(count):
        piece = dict(direction)
        for key in ("octets", "packets"):
            piece[key] = direction[key] * (i + 1) // count - direction[key] * i // count
        length = direction["last_ns"] - direction["first_ns"]
        piece["first_ns"] = direction["first_ns"] + length * i // count
        piece["last_ns"] = direction["first_ns"] + length * (i + 1) // count
        piece["several"] = True
        if i:
            piece["continued"], piece["initial_flags"] = 1, direction["later_flags"]
        if i < count - 1:
            piece["reason"] = 2
        pieces.append(piece)
    return pieces


def conversations(truth):
    """The directions of each cache record, the initiator's first."""
    i = 0
    while i < len(truth):
        step = 2 if truth[i]["answered"] and truth[i]["turn"] == 0 else 1
        yield truth[i:i + step]
        i += step


def lost_conversations(variant, truth):
    """How many cache records cannot be told: IPv6 in NetFlow v5."""
    return sum(variant.profile == "v5" and directions[0]["family"] == 6
               for directions in conversations(truth))


def expected_records(variant, truth):
    """Every record in order, the initiator's direction first."""
    records = []
    for directions in conversations(truth):
        if variant.profile == "v5" and directions[0]["family"] == 6:
            continue
        pieces = [piece for direction in directions for piece in pieces_of(variant, direction)]
        if variant.biflow == "yes" and len(directions) == 2 and len(pieces) == 2:
            records.append(expected(variant, *directions))
        else:
            records += [expected(variant, piece, None) for piece in pieces]
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
