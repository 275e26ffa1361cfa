"""A capture of many short conversations of few hosts: IPv4 and IPv6, TCP with and without its
handshake, UDP, ICMP. Clients take another port for each, servers are known by theirs, and some
ports say nothing."""
import ipaddress
import random
import struct

from support import frames, plain_capture

CLIENTS = {4: ["10.1.0.5", "10.1.0.6", "10.1.7.7", "192.0.2.200"],
           6: ["2001:db8::5", "2001:db8::6", "2001:db8:0:7::7", "fd00::200"]}
SERVERS = {4: ["10.1.0.80", "172.16.3.9", "203.0.113.3"],
           6: ["2001:db8::80", "2001:db8:ffff::9", "fe80::3"]}
START_NS = 1700000000 * 10**9
SYN, SYN_ACK, ACK, FIN_ACK = 0x02, 0x12, 0x10, 0x11


def tcp_talk(rng, client, server):
    """(from the client, segment) of one connection, the handshake of which may not be seen."""
    octets = rng.randrange(1000)
    talk = [(True, frames.tcp(client, server, 0, SYN)),
            (False, frames.tcp(server, client, 0, SYN_ACK)),
            (True, frames.tcp(client, server, octets, ACK)),
            (False, frames.tcp(server, client, 2 * octets % 1400, ACK)),
            (True, frames.tcp(client, server, 0, FIN_ACK))]
    kind = rng.randrange(4)
    return talk[:1] if kind == 0 else talk[3:] if kind == 1 else talk


def udp_talk(rng, client, server):
    talk = [(True, frames.udp(client, server, rng.randrange(400))),
            (False, frames.udp(server, client, rng.randrange(1200)))]
    return talk[rng.randrange(2):]


def packets(count, seed=1, strangers=0):
    """COUNT conversations one after the other, a millisecond between packets. STRANGERS: clients
    of random addresses, of each family."""
    rng = random.Random(seed)
    clients = {family: known + [str(ipaddress.ip_address(rng.randbytes(octets)))
                                for _ in range(strangers)]
               for (family, known), octets in zip(CLIENTS.items(), (4, 16))}
    time_ns = START_NS
    for number in range(count):
        family = rng.choice((4, 6))
        client, server = rng.choice(clients[family]), rng.choice(SERVERS[family])
        ip = frames.ipv4 if family == 4 else frames.ipv6
        port = 33000 + number % 30000
        kind = rng.randrange(10)
        if kind == 0:
            protocol = 1 if family == 4 else 58
            kind = 8 if family == 4 else 128
            talk = [(True, struct.pack(">BBHHH", kind, 0, 0, 1, number % 65536))]
        elif kind < 4:
            protocol, talk = 17, udp_talk(rng, port, rng.choice((53, 123, 8125, 50000)))
        else:
            protocol, talk = 6, tcp_talk(rng, port, rng.choice((22, 80, 443, 8080, 50001)))
        for forward, payload in talk:
            ends = (client, server) if forward else (server, client)
            frame = ip(*ends, protocol, payload)
            yield plain_capture.Packet(time_ns, len(frame), frame)
            time_ns += 10**6


def write(path, count, seed=1, strangers=0):
    """Writes the capture PATH; returns its number of packets."""
    made = list(packets(count, seed, strangers))
    plain_capture.write(path, made)
    return len(made)
