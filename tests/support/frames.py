"""Ethernet frames made by hand: IPv4 and IPv6, TCP and UDP, fragments. Checksums of TCP and UDP
stay 0; nothing that the tests run looks at them."""
import socket
import struct

# Neither is the address of any device: only a promiscuous port receives these frames.
SOURCE_MAC, DESTINATION_MAC = bytes.fromhex("02aabbccdd01"), bytes.fromhex("02aabbccdd02")
TCP, UDP, FRAGMENT = 6, 17, 44


def tcp(sport, dport, octets=0, flags=0x10):
    return struct.pack(">HHIIBBHHH", sport, dport, 1, 1, 0x50, flags, 1024, 0, 0) + bytes(octets)


def udp(sport, dport, octets):
    return struct.pack(">HHHH", sport, dport, 8 + octets, 0) + bytes(octets)


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def ethernet(ethertype, payload):
    frame = DESTINATION_MAC + SOURCE_MAC + struct.pack(">H", ethertype) + payload
    return frame.ljust(60, b"\0")


def ipv4(source, destination, protocol, payload, identification=0, fragment=0):
    """FRAGMENT: offset in octets, plus 1 if more follow. Addresses are texts."""
    words = fragment >> 3 | (0x2000 if fragment & 1 else 0)
    header = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), identification, words, 64,
                         protocol, 0, socket.inet_aton(source), socket.inet_aton(destination))
    header = header[:10] + struct.pack(">H", checksum(header)) + header[12:]
    return ethernet(0x0800, header + payload)


def ipv6(source, destination, protocol, payload):
    header = struct.pack(">IHBB", 0x60000000, len(payload), protocol, 64)
    return ethernet(0x86dd, header + socket.inet_pton(socket.AF_INET6, source)
                    + socket.inet_pton(socket.AF_INET6, destination) + payload)


def fragments(source, destination, payload, identification, size=1480):
    """The frames of one UDP datagram that is sent in pieces of SIZE octets."""
    frames = []
    for offset in range(0, len(payload), size):
        piece = payload[offset:offset + size]
        more = 1 if offset + size < len(payload) else 0
        if ":" in source:
            header = struct.pack(">BBHI", UDP, 0, offset | more, identification)
            frames.append(ipv6(source, destination, FRAGMENT, header + piece))
        else:
            frames.append(ipv4(source, destination, UDP, piece, identification, offset | more))
    return frames
