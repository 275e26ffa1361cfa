"""Reads pcapng files of the snapshot ring and its extracts: packets in their order, comments of the
section header. Written from the format's description, apart from the probe's own reader."""
import collections
import struct

Packet = collections.namedtuple("Packet", "time_ns wire_octets data interface")
SECTION, INTERFACE, ENHANCED = 0x0a0d0d0a, 1, 6
COMMENT = 1


def blocks(data):
    """(type, body) of each block; ValueError where the two lengths of a block differ."""
    at = 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        if length < 12 or length % 4 or at + length > len(data) or \
                struct.unpack_from("<I", data, at + length - 4)[0] != length:
            raise ValueError(f"block at {at} has a wrong length")
        yield kind, data[at + 8:at + length - 4]
        at += length


def options(body, at):
    """(code, value) of the options that begin at AT."""
    while at + 4 <= len(body):
        code, length = struct.unpack_from("<HH", body, at)
        if code == 0:
            return
        yield code, body[at + 4:at + 4 + length]
        at += 4 + (length + 3) // 4 * 4


def read(path):
    """The packets of a little-endian file whose times are in nanoseconds, and the comments of its
    first block."""
    with open(path, "rb") as file:
        data = file.read()
    packets, comments = [], []
    for kind, body in blocks(data):
        if kind == SECTION and not packets:
            comments += [value.decode() for code, value in options(body, 16) if code == COMMENT]
        if kind == ENHANCED:
            interface, high, low, captured, wire = struct.unpack_from("<IIIII", body)
            packets.append(Packet(high << 32 | low, wire, body[20:20 + captured], interface))
    return packets, comments
