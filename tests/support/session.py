"""Conversations made by hand from the specifications of protocols, as frames of a capture.

A Session is what one program says to another: parts of payload with who says them. Its frames may
be a connection from the first SYN on, or one whose beginning was not seen.
"""
import collections
import struct

from . import frames

SYN, ACK, PSH, FIN = 2, 16, 8, 1
CLIENT_START, SERVER_START = 1000, 90000

# NAME: what the flow must be called. PORT: the server's. PARTS: (side, octets), side "c" or "s".
# BOUND: the name is given on this port only; elsewhere there must be none. OTHERS: names that are
# right as well.
Session = collections.namedtuple("Session", "name transport port parts bound others note")


def c(*pieces):
    """The client says this, in one packet."""
    return "c", b"".join(pieces)


def s(*pieces):
    """The server does."""
    return "s", b"".join(pieces)


def tcp(name, port, *parts, bound=False, others=(), note=""):
    return Session(name, "tcp", port, parts, bound, others, note)


def udp(name, port, *parts, bound=False, others=(), note=""):
    return Session(name, "udp", port, parts, bound, others, note)


def h(text):
    """Octets from hexadecimal digits and blanks."""
    return bytes.fromhex(text)


def b16(*numbers):
    return struct.pack(f">{len(numbers)}H", *numbers)


def b32(*numbers):
    return struct.pack(f">{len(numbers)}I", *numbers)


def l16(*numbers):
    return struct.pack(f"<{len(numbers)}H", *numbers)


def l32(*numbers):
    return struct.pack(f"<{len(numbers)}I", *numbers)


def ber(tag, *pieces):
    """A value of ASN.1's basic encoding."""
    body = b"".join(pieces)
    size = len(body)
    if size < 128:
        return bytes([tag, size]) + body
    octets = struct.pack(">I", size).lstrip(b"\0")
    return bytes([tag, 0x80 | len(octets)]) + octets + body


def number(value):
    return ber(2, value.to_bytes(max(1, (value.bit_length() + 8) // 8), "big"))


def text(value):
    return ber(4, value if isinstance(value, bytes) else value.encode())


def counted8(value):
    return bytes([len(value)]) + value


def counted16(value):
    return b16(len(value)) + value


def counted32(value):
    return b32(len(value)) + value


def noise(octets, seed=1):
    """Octets that look like chance, the same each time."""
    out = bytearray()
    for _ in range(octets):
        seed = (seed * 6364136223846793005 + 1442695040888963407) & (1 << 64) - 1
        out.append(seed >> 56)
    return bytes(out)


# ---- frames ----

def _segment(sport, dport, sequence, acknowledged, flags, payload):
    return struct.pack(">HHIIBBHHH", sport, dport, sequence & 0xffffffff,
                       acknowledged & 0xffffffff, 0x50, flags, 1024, 0, 0) + payload


def frames_of(session, client, server, client_port, port, opening=True, segment=1400):
    """The frames of SESSION between the addresses CLIENT and SERVER; the server's is PORT."""
    made = []
    if session.transport == "udp":
        for side, payload in session.parts:
            ends = (client, server) if side == "c" else (server, client)
            ports = (client_port, port) if side == "c" else (port, client_port)
            head = struct.pack(">HHHH", *ports, 8 + len(payload), 0)
            made.append(frames.ipv4(*ends, frames.UDP, head + payload))
        return made
    sent = {"c": CLIENT_START, "s": SERVER_START}

    def say(side, flags, payload=b""):
        other = "s" if side == "c" else "c"
        ends = (client, server) if side == "c" else (server, client)
        ports = (client_port, port) if side == "c" else (port, client_port)
        made.append(frames.ipv4(*ends, frames.TCP, _segment(*ports, sent[side], sent[other], flags,
                                                            payload)))
        sent[side] += len(payload) + (1 if flags & (SYN | FIN) else 0)

    if opening:
        say("c", SYN)
        say("s", SYN | ACK)
        say("c", ACK)
    for side, payload in session.parts:
        for at in range(0, len(payload), segment):
            say(side, PSH | ACK, payload[at:at + segment])
    return made


def write_pcap(path, all_frames, most=65535):
    """The frames, a tenth of a millisecond apart, of each at most MOST octets."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for i, frame in enumerate(all_frames):
            micro = i * 100
            file.write(struct.pack("<IIII", 1700000000 + micro // 1000000, micro % 1000000,
                                   min(len(frame), most), len(frame)) + frame[:most])
