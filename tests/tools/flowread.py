#!/usr/bin/python3
"""A small, strict decoder of IPFIX (RFC 7011), NetFlow v9 (RFC 3954) and v5, written for the tests.

  flowread.py FILE...          IPFIX files, pcap files with UDP, or dumps of datagrams
  flowread.py --messages ...   prints one object for each message instead of each record

Prints each data record as a JSON line. Everything that a strict collector could object to
(lengths, padding, empty Sets, unknown templates, sequence numbers, times) is a complaint on stderr
and makes the exit status 1. Shares nothing with the encoder: names and types are listed again here.
A dump is a row of datagrams, each behind its length as four octets, most significant first.
"""
import hashlib
import ipaddress
import json
import struct
import sys

REVERSE = 29305
NTP_1970 = 2208988800
# id: (name, kind)
ELEMENTS = {
    1: ("octetDeltaCount", "u"), 2: ("packetDeltaCount", "u"), 4: ("protocolIdentifier", "u"),
    3: ("deltaFlowCount", "u"),
    5: ("ipClassOfService", "u"), 6: ("tcpControlBits", "u"), 7: ("sourceTransportPort", "u"),
    8: ("sourceIPv4Address", "ip"), 9: ("sourceIPv4PrefixLength", "u"),
    10: ("ingressInterface", "u"), 13: ("destinationIPv4PrefixLength", "u"),
    11: ("destinationTransportPort", "u"), 12: ("destinationIPv4Address", "ip"),
    14: ("egressInterface", "u"), 21: ("flowEndSysUpTime", "u"), 22: ("flowStartSysUpTime", "u"),
    27: ("sourceIPv6Address", "ip"), 28: ("destinationIPv6Address", "ip"),
    29: ("sourceIPv6PrefixLength", "u"), 30: ("destinationIPv6PrefixLength", "u"),
    32: ("icmpTypeCodeIPv4", "u"), 34: ("samplingInterval", "u"), 35: ("samplingAlgorithm", "u"),
    40: ("exportedOctetTotalCount", "u"), 41: ("exportedMessageTotalCount", "u"),
    42: ("exportedFlowRecordTotalCount", "u"), 52: ("minimumTTL", "u"), 53: ("maximumTTL", "u"),
    56: ("sourceMacAddress", "mac"), 58: ("vlanId", "u"), 61: ("flowDirection", "u"),
    70: ("mplsTopLabelStackSection", "hex"), 71: ("mplsLabelStackSection2", "hex"),
    72: ("mplsLabelStackSection3", "hex"), 80: ("destinationMacAddress", "mac"),
    83: ("interfaceDescription", "text"), 94: ("applicationDescription", "text"),
    95: ("applicationId", "u"), 96: ("applicationName", "text"),
    136: ("flowEndReason", "u"), 139: ("icmpTypeCodeIPv6", "u"), 149: ("observationDomainId", "u"),
    152: ("flowStartMilliseconds", "u"), 153: ("flowEndMilliseconds", "u"),
    154: ("flowStartMicroseconds", "ntp6"), 155: ("flowEndMicroseconds", "ntp6"),
    156: ("flowStartNanoseconds", "ntp9"), 157: ("flowEndNanoseconds", "ntp9"),
    164: ("ignoredPacketTotalCount", "u"), 165: ("ignoredOctetTotalCount", "u"),
    166: ("notSentFlowTotalCount", "u"), 167: ("notSentPacketTotalCount", "u"),
    168: ("notSentOctetTotalCount", "u"), 239: ("biflowDirection", "u"),
    243: ("dot1qVlanId", "u"), 245: ("dot1qCustomerVlanId", "u"),
    260: ("maxExportSeconds", "u"), 262: ("messageMD5Checksum", "hex"),
    263: ("messageScope", "u"), 264: ("minExportSeconds", "u"), 267: ("sessionScope", "u"),
    269: ("maxFlowEndMilliseconds", "u"), 272: ("minFlowStartMilliseconds", "u"),
    60: ("ipVersion", "u"), 86: ("packetTotalCount", "u"), 130: ("exporterIPv4Address", "ip"),
    134: ("droppedOctetTotalCount", "u"), 135: ("droppedPacketTotalCount", "u"),
    144: ("exportingProcessId", "u"), 145: ("templateId", "u"), 148: ("flowId", "u"),
    160: ("systemInitTimeMilliseconds", "u"), 173: ("flowKeyIndicator", "u"),
    285: ("anonymizationFlags", "u"), 286: ("anonymizationTechnique", "u"),
    303: ("informationElementId", "u"), 322: ("observationTimeSeconds", "u"),
    323: ("observationTimeMilliseconds", "u"), 339: ("informationElementDataType", "u"),
    340: ("informationElementDescription", "text"), 341: ("informationElementName", "text"),
    342: ("informationElementRangeBegin", "u"), 343: ("informationElementRangeEnd", "u"),
    344: ("informationElementSemantics", "u"), 345: ("informationElementUnits", "u"),
    346: ("privateEnterpriseNumber", "u"), 457: ("httpStatusCode", "u"),
    459: ("httpRequestMethod", "text"), 460: ("httpRequestHost", "text"),
    468: ("httpUserAgent", "text"),
}
# Of CERT; the reverse of an element has its id + 0x4000.
CERT = 6871
ELEMENTS_CERT = {
    14: ("initialTCPFlags", "u"), 15: ("unionTCPFlags", "u"),
    21: ("reverseFlowDeltaMilliseconds", "u"), 33: ("silkAppLabel", "u"),
    40: ("flowAttributes", "u"), 100: ("expiredFragmentCount", "u"),
    101: ("assembledFragmentCount", "u"), 102: ("meanFlowRate", "u"),
    103: ("meanPacketRate", "u"), 104: ("flowTableFlushEventCount", "u"),
    105: ("flowTablePeakCount", "u"),
}
# Under the number that RFC 5612 sets aside.
OWN = 32473
ELEMENTS_OWN = {
    1: ("tlsServerName", "text"), 2: ("tlsApplicationProtocol", "text"), 3: ("tlsJa4", "text"),
    4: ("dnsQueryName", "text"), 5: ("dnsQueryType", "text"), 6: ("dnsResponseCode", "text"),
    7: ("dnsAnswer", "text"), 8: ("sshClientBanner", "text"), 9: ("sshServerBanner", "text"),
    10: ("smtpGreeting", "text"), 11: ("imapGreeting", "text"), 12: ("popGreeting", "text"),
    64: ("listId", "u"), 65: ("brandId", "u"), 66: ("listName", "text"), 67: ("listTitle", "text"),
    68: ("listGravity", "u"), 69: ("brandName", "text"),
}
VARIABLE = 65535
V5_HEADER, V5_RECORD = 24, 48
# Names that v9 gives to types of its own.
ELEMENTS_V9 = {23: ("reverseOctetDeltaCount", "u"), 24: ("reversePacketDeltaCount", "u")}
SCOPES_V9 = {1: "scopeSystem", 2: "scopeInterface"}
END_UNITS = {"flowEndMilliseconds": 1000, "flowEndMicroseconds": 10**6,
             "flowEndNanoseconds": 10**9}


def decode(kind, octets):
    """One field's value."""
    if kind == "ip":
        return str(ipaddress.ip_address(octets))
    if kind == "mac":
        return ":".join(f"{octet:02x}" for octet in octets)
    if kind == "text":
        return octets.rstrip(b"\0").decode()
    if kind.startswith("ntp"):
        seconds, fraction = struct.unpack(">II", octets)
        unit = 10 ** int(kind[3:])
        return (seconds - NTP_1970) * unit + (fraction * unit >> 32)
    if kind == "hex":
        return "0x" + octets.hex()
    return int.from_bytes(octets, "big")


class Template:
    """Fields as (name, kind, length)."""

    def __init__(self, fields, options):
        self.fields = fields
        self.options = options
        self.variable = any(field[2] == VARIABLE for field in fields)
        self.length = sum(1 if field[2] == VARIABLE else field[2] for field in fields)

    def read(self, octets):
        """One record, and the octets it took."""
        record, at = {}, 0
        for name, kind, length in self.fields:
            if length == VARIABLE:
                length, at = octets[at], at + 1
                if length == 255:
                    length, at = int.from_bytes(octets[at:at + 2], "big"), at + 2
            record[name] = decode(kind, octets[at:at + length])
            at += length
        return record, at


class FlowReader:
    """Decodes messages in order; one object for each exporter. Complaints pile up in .complaints,
    message headers in .messages."""

    def __init__(self):
        self.templates = {}
        self.sequence = {}
        self.complaints = []
        self.messages = []

    def complain(self, text):
        self.complaints.append(f"message {len(self.messages)}: {text}")

    def feed(self, data):
        """Data records of one message: flow records and options records."""
        version = int.from_bytes(data[:2], "big")
        if version == 10 and len(data) >= 16:
            header = dict(zip(("version", "length", "time", "sequence", "domain"),
                              struct.unpack(">HHIII", data[:16])))
            if header["length"] != len(data):
                self.complain(f"length {header['length']} of {len(data)}")
            body = 16
        elif version == 9 and len(data) >= 20:
            header = dict(zip(("version", "count", "uptime", "time", "sequence", "domain"),
                              struct.unpack(">HHIIII", data[:20])))
            header["length"] = len(data)
            body = 20
        elif version == 5 and len(data) >= V5_HEADER:
            return self.feed_v5(data)
        else:
            self.complain(f"no message: version {version}, {len(data)} octets")
            return []
        header["sets"], header["kinds"] = [], {"templates": 0, "options": 0, "data": 0}
        self.messages.append(header)
        records = self.read_sets(header, data, body)
        self.check_sequence(header)
        self.check_times(header, records)
        self.check_checksum(header, data, records)
        return records

    def feed_v5(self, data):
        """NetFlow v5 in the names of IPFIX, times in milliseconds since 1970."""
        names = ("version", "count", "uptime", "time", "nanoseconds", "sequence", "engine_type",
                 "engine_id", "sampling")
        header = dict(zip(names, struct.unpack(">HHIIIIBBH", data[:V5_HEADER])))
        header.update(length=len(data), domain=header["engine_type"] << 8 | header["engine_id"],
                      kinds={"templates": 0, "options": 0, "data": header["count"]})
        self.messages.append(header)
        if len(data) != V5_HEADER + header["count"] * V5_RECORD or not 1 <= header["count"] <= 30:
            self.complain(f"{header['count']} records in {len(data)} octets")
        records = []
        for at in range(V5_HEADER, len(data) - V5_RECORD + 1, V5_RECORD):
            row = struct.unpack(">4s4s4sHHIIIIHHBBBBHHBBH", data[at:at + V5_RECORD])
            if any(row[2]) or row[11] or any(row[15:]):
                self.complain("a field that nobody knows is not 0")
            record = {"sourceIPv4Address": decode("ip", row[0]),
                      "destinationIPv4Address": decode("ip", row[1])}
            record.update(zip(("ingressInterface", "egressInterface", "packetDeltaCount",
                               "octetDeltaCount", "flowStartSysUpTime", "flowEndSysUpTime",
                               "sourceTransportPort", "destinationTransportPort"), row[3:11]))
            record.update(zip(("tcpControlBits", "protocolIdentifier", "ipClassOfService"),
                              row[12:15]))
            records.append(record)
        self.make_absolute(header, records)
        self.check_sequence(header)
        self.check_times(header, records)
        return records

    @staticmethod
    def make_absolute(header, records):
        """Times since the boot second become milliseconds since 1970."""
        for record in records:
            for name in ("Start", "End"):
                uptime = record.pop(f"flow{name}SysUpTime", None)
                if uptime is not None:
                    age = (header["uptime"] - uptime) & 0xffffffff
                    record[f"flow{name}Milliseconds"] = header["time"] * 1000 - age

    def read_sets(self, header, data, at):
        records = []
        while at < len(data):
            if len(data) - at < 4:
                self.complain(f"{len(data) - at} octets behind the last Set")
                break
            ident, length = struct.unpack(">HH", data[at:at + 4])
            if length <= 4 or at + length > len(data):
                self.complain(f"Set {ident} of length {length} at {at} of {len(data)}")
                break
            if header["version"] == 9 and length % 4:
                self.complain(f"flowset {ident} of length {length} is not padded")
            header["sets"].append(ident)
            body = data[at + 4:at + length]
            if ident in ((2, 3) if header["version"] == 10 else (0, 1)):
                self.read_templates(header, body, ident in (1, 3))
            elif ident >= 256:
                records += self.read_data(header, ident, body)
            else:
                self.complain(f"Set id {ident}")
            at += length
        return records

    def read_field(self, header, body, at):
        number, length = struct.unpack(">HH", body[at:at + 4])
        at += 4
        pen = 0
        if header["version"] == 10 and number & 0x8000:
            number &= 0x7fff
            pen, at = int.from_bytes(body[at:at + 4], "big"), at + 4
        table = {**ELEMENTS, **ELEMENTS_V9} if header["version"] == 9 else ELEMENTS
        forward, reverse = number, pen == REVERSE
        if pen == CERT:
            table, reverse, forward = ELEMENTS_CERT, bool(number & 0x4000), number & 0x3fff
        elif pen == OWN:
            table = ELEMENTS_OWN
        name, kind = table.get(forward, (f"element{pen}.{number}", "hex"))
        if reverse:
            name = "reverse" + name[0].upper() + name[1:]
        if pen not in (0, REVERSE, CERT, OWN) or forward not in table:
            self.complain(f"element {pen}/{number} is not known here")
        if header["version"] == 9 and number == 139:
            self.complain("element 139 in v9")
        if length == 0 or (length == VARIABLE and (kind != "text" or header["version"] == 9)):
            self.complain(f"{name} of length {length}")
        return (name, kind, length), at

    def read_templates(self, header, body, options):
        at, seen = 0, 0
        while len(body) - at >= 4 and any(body[at:at + 4]):
            ident, count = struct.unpack(">HH", body[at:at + 4])
            at += 4
            fields = []
            if not options:
                rows = count
            elif header["version"] == 10:
                scopes, rows, at = int.from_bytes(body[at:at + 2], "big"), count, at + 2
                if not 1 <= scopes <= count:
                    self.complain(f"{scopes} scope fields of {count}")
            else:
                other, at = int.from_bytes(body[at:at + 2], "big"), at + 2
                for _ in range(count // 4):
                    scope, length = struct.unpack(">HH", body[at:at + 4])
                    fields.append((SCOPES_V9.get(scope, f"scope{scope}"), "u", length))
                    at += 4
                rows = other // 4
            for _ in range(rows):
                field, at = self.read_field(header, body, at)
                fields.append(field)
            self.add_template(header, ident, Template(fields, options))
            seen += 1
        header["kinds"]["options" if options else "templates"] += seen
        if options and seen != 1:
            self.complain(f"{seen} Options Templates in one Set")
        if len(body) - at > 3 or any(body[at:]):
            self.complain(f"{len(body) - at} octets behind the templates")

    def add_template(self, header, ident, template):
        key = header["version"], header["domain"], ident
        known = self.templates.get(key)
        if ident < 256:
            self.complain(f"template id {ident}")
        if known and known.fields != template.fields:
            self.complain(f"template {ident} was defined anew with other fields")
        names = [field[0] for field in template.fields]
        if len(set(names)) != len(names):
            self.complain(f"template {ident} holds an element twice")
        self.templates[key] = template

    def read_data(self, header, ident, body):
        template = self.templates.get((header["version"], header["domain"], ident))
        if not template:
            self.complain(f"data before template {ident}")
            return []
        records, at = [], 0
        while len(body) - at >= template.length:
            record, taken = template.read(body[at:])
            at += taken
            if template.options:
                record["options"] = True
            records.append(record)
        if not records or len(body) - at > 3 or any(body[at:]):
            self.complain(f"Set {ident}: {len(records)} records and {len(body) - at} octets behind")
        header["kinds"]["data"] += len(records)
        header["options_data"] = (header.get("options_data", 0) +
                                  (len(records) if template.options else 0))
        if header["version"] == 9:
            self.make_absolute(header, records)
        return records

    def check_sequence(self, header):
        key = header["version"], header["domain"]
        expected = self.sequence.get(key)
        if expected is not None and header["sequence"] != expected:
            self.complain(f"sequence {header['sequence']}, expected {expected}")
        step = 1 if header["version"] == 9 else header["kinds"]["data"]
        self.sequence[key] = (header["sequence"] + step) & 0xffffffff
        if header["version"] == 9 and header["count"] != sum(header["kinds"].values()):
            self.complain(f"count {header['count']}, holds {header['kinds']}")

    def check_checksum(self, header, data, records):
        """RFC 5655: the MD5 of the message with zeros in place of the digest."""
        told = [bytes.fromhex(record["messageMD5Checksum"][2:]) for record in records
                if "messageMD5Checksum" in record]
        header["checksums"] = len(told)
        for digest in told:
            at = data.find(digest)
            zeroed = data[:at] + bytes(16) + data[at + 16:]
            if len(told) != 1 or hashlib.md5(zeroed).digest() != digest:
                self.complain(f"{len(told)} checksums, {digest.hex()} is wrong")

    def check_times(self, header, records):
        for record in records:
            for name, unit in END_UNITS.items():
                if name not in record or name.replace("End", "Start") not in record:
                    continue
                if record[name.replace("End", "Start")] > record[name]:
                    self.complain("a record starts after its end")
                if record[name] > header["time"] * unit:
                    self.complain("a record ends after the export time")


def pcap_payloads(data):
    """UDP payloads of a classic pcap file: Ethernet or raw IP, IPv4 or IPv6 without options."""
    order = "<" if data[:1] in (b"\xd4", b"\x4d") else ">"
    link = struct.unpack(order + "I", data[20:24])[0]
    at = 24
    while at + 16 <= len(data):
        length = struct.unpack(order + "I", data[at + 8:at + 12])[0]
        packet = data[at + 16:at + 16 + length]
        at += 16 + length
        packet = packet[14:] if link == 1 else packet
        transport = 20 if packet[0] >> 4 == 4 else 40
        if packet[9 if transport == 20 else 6] == 17:
            yield packet[transport + 8:]


def messages_of(data):
    """The messages of a file, a dump or a capture, told apart by their first octets."""
    if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1",
                    b"\xa1\xb2\x3c\x4d"):
        yield from pcap_payloads(data)
        return
    dump, at = data[:2] == b"\0\0", 0
    while at < len(data):
        if dump:
            length, at = int.from_bytes(data[at:at + 4], "big"), at + 4
        else:
            length = max(int.from_bytes(data[at + 2:at + 4], "big"), 16)
        yield data[at:at + length]
        at += length


def main():
    show_messages = "--messages" in sys.argv
    status = 0
    for path in [argument for argument in sys.argv[1:] if argument != "--messages"]:
        reader = FlowReader()
        with open(path, "rb") as stream:
            data = stream.read()
        for message in messages_of(data):
            records = reader.feed(message)
            for line in reader.messages[-1:] if show_messages else records:
                print(json.dumps(line))
        for complaint in reader.complaints:
            print(f"{path}: {complaint}", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
