"""Conversations whose packets show names, and secrets that must never leave: paths and queries,
cookies, credentials, what is written below the first line. And SipHash-2-4, from its paper alone.
"""
import struct

from support import frames, plain_capture

START_NS = 1700000000 * 10**9
CLIENT, SERVER = "10.1.0.5", "192.0.2.80"
SYN, SYN_ACK, ACK, FIN_ACK = 0x02, 0x12, 0x18, 0x11

SECRETS = [b"secret-path", b"secretquery", b"secret-cookie", b"secretpassword", b"secret-referer",
           b"secret-body", b"secret-header", b"secretuser", b"secretmail", b"secrettext"]

HTTP_REQUEST = (b"POST http://secretuser:secretpassword@www.example.com/secret-path?q=secretquery"
                b" HTTP/1.1\r\nHost: www.example.com\r\nCookie: id=secret-cookie\r\n"
                b"Authorization: Basic secretpassword\r\n"
                b"Referer: http://a.example/secret-referer\r\nX-Secret: secret-header\r\n"
                b"User-Agent: plain \"agent\"/1.0\r\n"
                b"Content-Length: 11\r\n\r\nsecret-body")
HTTP_ANSWER = (b"HTTP/1.1 404 Not Found secret-path\r\nSet-Cookie: id=secret-cookie\r\n"
               b"Content-Length: 11\r\n\r\nsecret-body")


def extension(number, content):
    return struct.pack(">HH", number, len(content)) + content


def client_hello(name, protocols):
    host = struct.pack(">BH", 0, len(name)) + name
    listed = b"".join(bytes([len(one)]) + one for one in protocols)
    extensions = (extension(0, struct.pack(">H", len(host)) + host)
                  + extension(16, struct.pack(">H", len(listed)) + listed))
    body = (b"\x03\x03" + bytes(range(32)) + b"\0" + struct.pack(">HH", 2, 0x1301) + b"\x01\0"
            + struct.pack(">H", len(extensions)) + extensions)
    message = b"\x01" + struct.pack(">I", len(body))[1:] + body
    return b"\x16\x03\x01" + struct.pack(">H", len(message)) + message


def question(name, kind=1):
    labels = b"".join(bytes([len(label)]) + label for label in name.split(b"."))
    return labels + b"\0" + struct.pack(">HH", kind, 1)


def dns_query(name):
    return struct.pack(">HHHHHH", 77, 0x0100, 1, 0, 0, 0) + question(name)


def dns_answer(name, address):
    return (struct.pack(">HHHHHH", 77, 0x8180, 1, 1, 0, 0) + question(name)
            + struct.pack(">HHHIH", 0xc00c, 1, 1, 60, 4) + bytes(map(int, address.split("."))))


# Name: (protocol, server's port, [(from the client, payload)], {type: name}).
TALKS = {
    "http": (6, 80, [(True, HTTP_REQUEST), (False, HTTP_ANSWER)],
             {"httpRequestHost": "www.example.com", "httpRequestMethod": "POST",
              "httpStatusCode": 404, "httpUserAgent": 'plain "agent"/1.0'}),
    "tls": (6, 443, [(True, client_hello(b"shop.example.net", [b"h2", b"http/1.1"]))],
            {"tlsServerName": "shop.example.net", "tlsApplicationProtocol": "h2,http/1.1",
             "tlsJa4": None}),
    "dns": (17, 53, [(True, dns_query(b"Mail.Example.ORG")),
                     (False, dns_answer(b"Mail.Example.ORG", "198.51.100.7"))],
            {"dnsQueryName": "mail.example.org", "dnsQueryType": "A",
             "dnsResponseCode": "NOERROR", "dnsAnswer": "198.51.100.7"}),
    "ssh": (6, 22, [(False, b"SSH-2.0-OpenServer_9.2\r\n"), (True, b"SSH-2.0-SmallClient\r\n"),
                    (True, b"secretpassword"), (False, b"secrettext")],
            {"sshServerBanner": "SSH-2.0-OpenServer_9.2",
             "sshClientBanner": "SSH-2.0-SmallClient"}),
    "smtp": (6, 25, [(False, b"220 mx.example.org ESMTP ready\r\n"),
                     (True, b"EHLO secret-body\r\n"), (True, b"AUTH PLAIN secretpassword\r\n"),
                     (True, b"MAIL FROM:<secretmail>\r\n")],
             {"smtpGreeting": "220 mx.example.org ESMTP ready"}),
    "imap": (6, 143, [(False, b"* OK IMAP4rev1 mail.example.org ready\r\n"),
                      (True, b"a LOGIN secretuser secretpassword\r\n")],
             {"imapGreeting": "* OK IMAP4rev1 mail.example.org ready"}),
    "pop": (6, 110, [(False, b"+OK POP3 server ready\r\n"),
                     (True, b"USER secretuser\r\nPASS secretpassword\r\n")],
            {"popGreeting": "+OK POP3 server ready"}),
}
TYPES = sorted({name for talk in TALKS.values() for name in talk[3]})


def tcp(sport, dport, sequence, flags, payload=b""):
    return struct.pack(">HHIIBBHHH", sport, dport, sequence, 1, 0x50, flags, 1024, 0, 0) + payload


def frames_of(talk, port, ends=(CLIENT, SERVER), handshake=True):
    """The frames of one conversation, from the client's PORT."""
    protocol, server_port, packets, _ = talk
    sequence = {True: 1, False: 1}
    made = []

    def add(from_client, flags, payload=b""):
        source, target = (0, 1) if from_client else (1, 0)
        ports = (port, server_port) if from_client else (server_port, port)
        if protocol == 6:
            segment = tcp(*ports, sequence[from_client], flags, payload)
            sequence[from_client] += len(payload) + (flags & 0x03 != 0)
        else:
            segment = struct.pack(">HHHH", *ports, 8 + len(payload), 0) + payload
        made.append(frames.ipv4(ends[source], ends[target], protocol, segment))

    if protocol == 6 and handshake:
        add(True, SYN)
        add(False, SYN_ACK)
    for from_client, payload in packets:
        add(from_client, ACK, payload)
    return made


def write(path, talks=None, step_ns=10**6, first_port=40000, **more):
    """Writes a capture of TALKS, each from a client port of its own. Returns the number of packets.
    """
    packets = []
    for number, name in enumerate(talks or TALKS):
        for frame in frames_of(TALKS[name], first_port + number, **more):
            packets.append(plain_capture.Packet(START_NS + len(packets) * step_ns, len(frame),
                                                frame))
    plain_capture.write(path, packets)
    return len(packets)


def siphash(key, data):
    """SipHash-2-4 of DATA: 16 hexadecimal digits, the lowest octet first."""
    mask = 2**64 - 1
    k = struct.unpack("<QQ", key)
    v = [k[0] ^ 0x736f6d6570736575, k[1] ^ 0x646f72616e646f6d, k[0] ^ 0x6c7967656e657261,
         k[1] ^ 0x7465646279746573]

    def left(word, bits):
        return (word << bits | word >> (64 - bits)) & mask

    def rounds(count):
        for _ in range(count):
            v[0] = (v[0] + v[1]) & mask
            v[1] = left(v[1], 13) ^ v[0]
            v[0] = left(v[0], 32)
            v[2] = (v[2] + v[3]) & mask
            v[3] = left(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & mask
            v[3] = left(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & mask
            v[1] = left(v[1], 17) ^ v[2]
            v[2] = left(v[2], 32)

    whole = len(data) // 8 * 8
    words = list(struct.unpack(f"<{whole // 8}Q", data[:whole]))
    words.append(int.from_bytes(data[whole:], "little") | (len(data) & 255) << 56)
    for word in words:
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 255
    rounds(4)
    return struct.pack("<Q", v[0] ^ v[1] ^ v[2] ^ v[3]).hex()
