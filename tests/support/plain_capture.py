"""Reads and writes classic pcap files, and decodes frames that are plain: Ethernet, IPv4 without
options or IPv6 without extensions, TCP, UDP, ICMP, ICMPv6. An oracle for captures that we made.
"""
import collections
import struct

from support import probe

Packet = collections.namedtuple("Packet", "time_ns wire_octets data")


def read(path):
    """Yields the packets of a little-endian file; stops at its end."""
    with open(path, "rb") as file:
        magic = struct.unpack("<I", file.read(24)[:4])[0]
        unit = {0xa1b2c3d4: 1000, 0xa1b23c4d: 1}[magic]
        while True:
            header = file.read(16)
            if len(header) < 16:
                return
            seconds, fraction, captured, wire = struct.unpack("<IIII", header)
            yield Packet(seconds * 10**9 + fraction * unit, wire, file.read(captured))


def beyond_snap_length(path):
    """Whether a classic pcap file of either byte order has packets longer than the snap length in
    its header: libpcap, and a driver that reads through it, cuts these."""
    with open(path, "rb") as file:
        data = file.read()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    limit, at = struct.unpack_from(order + "I", data, 16)[0], 24
    while at + 16 <= len(data):
        captured = struct.unpack_from(order + "I", data, at + 8)[0]
        if captured > limit:
            return True
        at += 16 + captured
    return False


def shifted(path, copy, start_s):
    """Writes the classic pcap file PATH, of either byte order, as COPY with all times moved so that
    the first packet lies in second START_S. Returns the number of packets, None where a time
    does not fit: libpcap reads seconds as a number with a sign."""
    with open(path, "rb") as file:
        data = bytearray(file.read())
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    count, at = 0, 24
    while at + 16 <= len(data):
        seconds, captured = struct.unpack_from(order + "I4xI", data, at)
        if count == 0:
            shift = start_s - seconds
        if not 0 < seconds + shift < 1 << 31:
            return None
        struct.pack_into(order + "I", data, at, seconds + shift)
        at += 16 + captured
        count += 1
    with open(copy, "wb") as file:
        file.write(data)
    return count


def file_header(link_type=1):
    return struct.pack("<IHHIIII", 0xa1b23c4d, 2, 4, 0, 0, 65535, link_type)


def record(packet):
    """The bytes of one packet in a file with nanoseconds."""
    return struct.pack("<IIII", packet.time_ns // 10**9, packet.time_ns % 10**9, len(packet.data),
                       packet.wire_octets) + packet.data


def write(path, packets, link_type=1):
    with open(path, "wb") as file:
        file.write(file_header(link_type))
        for packet in packets:
            file.write(record(packet))


def decode(data):
    """(key, IP octets, TCP flags) of a frame, None if it is not IP."""
    ethertype = struct.unpack_from(">H", data, 12)[0]
    if ethertype == 0x0800:
        octets, protocol = struct.unpack_from(">H", data, 16)[0], data[23]
        source, destination, at = data[26:30], data[30:34], 34
    elif ethertype == 0x86dd:
        octets, protocol = struct.unpack_from(">H", data, 18)[0] + 40, data[20]
        source, destination, at = data[22:38], data[38:54], 54
    else:
        return None
    sport = dport = flags = 0
    if protocol in (6, 17):
        sport, dport = struct.unpack_from(">HH", data, at)
        flags = data[at + 13] if protocol == 6 else 0
    elif protocol in (1, 58):
        dport = data[at] << 8 | data[at + 1]
    return ((0, 0), source, destination, protocol, sport, dport), octets, flags


def truth(packets):
    """Totals and flows (per key: packets, octets, flags, first ns, last ns) of PACKETS."""
    totals = collections.Counter()
    flows = {}
    for packet in packets:
        totals["packets"] += 1
        totals["wire_octets"] += packet.wire_octets
        found = decode(packet.data)
        if found is None:
            continue
        key, octets, flags = found
        totals["ip_packets"] += 1
        totals["ip_octets"] += octets
        probe.add_flow(flows, key, 1, octets, flags, packet.time_ns, packet.time_ns)
    return dict(totals), flows
