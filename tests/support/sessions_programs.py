"""Sessions of programs: web, mail, news, messages, remote access, files, databases, calls, peers.
See session.py."""
from .session import (b16, b32, ber, c, counted8, counted16, counted32, h, l16, l32, noise, number,
                      s, tcp, text, udp)

A = h("c0000201")
HELLO_BODY = h("0303") + noise(32) + b"\0" + b16(4, 0x1301, 0xc02f) + h("0100")


def tls_hello(*extensions, version=0x0301):
    body = HELLO_BODY + counted16(b"".join(extensions))
    message = b"\x01" + b32(len(body))[1:] + body
    return b"\x16" + b16(version, len(message)) + message


def server_name(host):
    return b16(0) + counted16(counted16(b"\0" + counted16(host)))


def dtls_hello(version=0xfefd):
    body = b16(0xfefd) + noise(32) + h("00 00") + b16(2, 0xc02f) + h("0100")
    message = b"\x01" + b32(len(body))[1:] + h("0000 000000") + b32(len(body))[1:] + body
    return b"\x16" + b16(version, 0) + bytes(6) + counted16(message)


def quic(version, kind=0xc0, octets=1200):
    head = bytes([kind]) + b32(version) + counted8(noise(8,
        3)) + b"\0\0" + b16(0x4000 | octets - 19)
    return head + noise(octets - len(head))


def fcgi(kind, body=b"", identity=1):
    return bytes([1, kind]) + b16(identity, len(body)) + b"\0\0" + body


def ajp(side, body):
    return (h("1234") if side == "c" else b"AB") + counted16(body)


def ajp_text(value):
    return b16(len(value)) + value + b"\0"


def mqtt(kind, body=b""):
    return bytes([kind, len(body)]) + body


def amqp_frame(kind, body, channel=0):
    return bytes([kind]) + b16(channel) + counted32(body) + b"\xce"


def kafka(key, version, client=b"rdkafka", body=b"", identity=1):
    return counted32(b16(key, version) + b32(identity) + counted16(client) + body)


def smpp(command, body=b"", status=0, sequence=1):
    return b32(16 + len(body), command, status, sequence) + body


def mongo(operation, body, identity=1):
    return l32(16 + len(body), identity, 0, operation) + body


def cql(version, operation, body=b"", stream=0):
    head = bytes([version, 0]) + (bytes([stream]) if version & 0x7f < 3 else b16(stream))
    return head + bytes([operation]) + counted32(body)


def memcached(magic, operation, key=b"", extras=b"", value=b"", status=0):
    body = extras + key + value
    return (bytes([magic, operation]) + b16(len(key)) + bytes([len(extras), 0]) + b16(status)
            + b32(len(body), 7) + bytes(8) + body)


def tns(kind, body, flags=0):
    return b16(8 + len(body), 0) + bytes([kind, flags]) + b16(0) + body


def tns_connect(version, data):
    body = b16(version, 0x012c, 0x0c41, 0x2000, 0xffff, 0x7f08, 0, 0x0100, len(data), 58)
    body += b32(2048) + h("4141") + bytes(24)
    return tns(1, body[:50] + data)


def ddm(point, *parameters, kind=1, correlation=1):
    body = b"".join(b16(4 + len(value), code) + value for code, value in parameters)
    return b16(10 + len(body)) + bytes([0xd0, kind]) + b16(correlation, 4 + len(body), point) + body


def tds(kind, body, status=1):
    return bytes([kind, status]) + b16(8 + len(body), 0) + h("0100") + body


def pg(letter, body=b""):
    return letter + b32(4 + len(body)) + body


def my(index, body):
    return l32(len(body))[:3] + bytes([index]) + body


def smb1(command, body=bytes(40), answer=False):
    message = b"\xffSMB" + bytes([command]) + bytes(4) + bytes([0x98 if answer else 0x18])
    message += noise(22, command) + body
    return b32(len(message)) + message


def smb2(command, body=bytes(64), answer=0):
    message = b"\xfeSMB" + l16(64, 0) + l32(0) + l16(command, 1) + l32(answer, 0) + l32(command, 0)
    message += bytes(32) + body
    return b32(len(message)) + message


def rpc(program, version, procedure, body=bytes(16), stream=True):
    message = b32(0x1234, 0, 2, program, version, procedure, 0, 0, 0, 0) + body
    return (b32(0x80000000 | len(message)) if stream else b"") + message


def rpc_answer(body=bytes(16), stream=True):
    message = b32(0x1234, 1, 0, 0, 0, 0) + body
    return (b32(0x80000000 | len(message)) if stream else b"") + message


def dsi(flags, command, body=b"", error=0):
    return bytes([flags, command]) + b16(1) + b32(error, len(body), 0) + body


def dce(kind, body, little=True):
    order = l16 if little else b16
    head = bytes([5, 0, kind, 3, 0x10 if little else 0, 0, 0, 0]) + order(16 + len(body), 0)
    return head + (l32(1) if little else b32(1)) + body


def kerberos(tag, kind, request=True):
    first, second = (0xa1, 0xa2) if request else (0xa0, 0xa1)
    return ber(tag, ber(0x30, ber(first, number(5)), ber(second, number(kind)),
                        ber(0xa3, ber(0x30, ber(0x30, text(noise(80)))))))


def ldap(identity, tag, *pieces):
    return ber(0x30, number(identity), ber(tag, *pieces))


def thrift(name, kind=1, framed=False):
    message = b32(0x80010000 | kind, len(name)) + name + b32(1) + b"\0"
    return counted32(message) if framed else message


def donkey(first, kind, body=b""):
    return bytes([first]) + l32(1 + len(body)) + bytes([kind]) + body


def giop(kind, body, version=(1, 2), flags=0):
    return b"GIOP" + bytes(version) + bytes([flags, kind]) + b32(len(body)) + body


HTTP_END = b"Host: a.example\r\nUser-Agent: x/1\r\nAccept: */*\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 2\r\n\r\nhi"
TLS_ANSWER = h("16 0303 002a 02 000026 0303") + noise(32) + h("00 c02f 00")
FCGI_BEGIN = fcgi(1, h("0001 01 0000000000"))
MY_GREETING = b"\x0a8.0.36\0" + noise(4) + b"abcdefgh\0" + h("ffff ff 0200 ffdf 15") + bytes(10) + \
    b"abcdefghijkl\0caching_sha2_password\0"
BSON = l32(30) + noise(25) + b"\0"

SESSIONS = [
    # web
    tcp("http", 80, c(b"GET /index.html?x=1 HTTP/1.1\r\n", HTTP_END), s(OK)),
    tcp("http", 8080, c(b"POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi"), s(OK)),
    tcp("http", 80, c(b"PROPFIND /dav/ HTTP/1.1\r\n", HTTP_END)),
    tcp("http", 80, c(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", bytes(9)), note="HTTP/2"),
    tcp("http", 80, s(b"HTTP/1.0 302 Found\r\nLocation: /\r\n\r\n"), note="an answer alone"),
    tcp("http", 80, c(b"GET /", b"a" * 3000, b" HTTP/1.1\r\n", HTTP_END), note="long"),
    tcp("http-proxy", 3128, c(b"GET http://a.example/x HTTP/1.1\r\n", HTTP_END), others=("http",)),
    tcp("http-connect", 3128, c(b"CONNECT a.example:443 HTTP/1.1\r\n", HTTP_END),
        s(b"HTTP/1.0 200 Connection established\r\n\r\n"), others=("http",)),
    tcp("http-connect", 8080, c(b"CONNECT [2001:db8::1]:443 HTTP/1.0\r\n\r\n"), others=("http",)),
    tcp("websocket", 80, c(b"GET /c HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n",
                           HTTP_END)),
    tcp("tls", 443, c(tls_hello(server_name(b"a.example"))), s(TLS_ANSWER)),
    tcp("tls", 443, c(tls_hello(server_name(b"a.example"), b16(0x15) + counted16(bytes(1800)))),
        note="over two segments"),
    tcp("tls", 443, c(h("80 2e 01 03 01 0015 0000 0010"), noise(21), noise(16)), note="SSL 2 form"),
    tcp("tls", 443, c(h("15 0301 0002 02 28")), note="alert"),
    udp("dtls", 4433, c(dtls_hello())),
    udp("dtls", 4433, c(dtls_hello(0xfeff))),
    udp("quic", 443, c(quic(1))),
    udp("quic", 443, c(quic(0x6b3343cf, 0xd0))),
    udp("quic", 443, c(quic(0xff00001d))),
    udp("quic", 443, c(quic(0x1a2a3a4a)), s(h("80 00000000 00 08"), noise(8, 3), b32(1,
        0x6b3343cf))),
    udp("quic", 443, c(h("0d"), noise(8), b"Q043\x01", noise(1300)), note="of Google"),
    tcp("fastcgi", 9000, c(FCGI_BEGIN, fcgi(4, b"\x0f\x01SCRIPT_FILENAMEx"), fcgi(4), fcgi(5)),
        s(fcgi(6, b"Content-type: text/html\r\n\r\n"), fcgi(3, bytes(8)))),
    tcp("fastcgi", 9000, c(fcgi(1, h("0001 00 0000000000")))),
    tcp("fastcgi", 9000, c(fcgi(9, counted8(b"FCGI_MAX_CONNS")[:1] + b"\0FCGI_MAX_CONNS", 0))),
    tcp("ajp", 8009, c(ajp("c", h("02 02") + ajp_text(b"HTTP/1.1") + ajp_text(b"/") + h("ffff"))),
        s(ajp("s", h("04 00c8") + ajp_text(b"OK") + b16(0)))),
    tcp("ajp", 8009, c(ajp("c", h("0a"))), s(ajp("s", h("09")))),
    tcp("proxy-protocol", 80,
        c(b"PROXY TCP6 2001:db8::1 2001:db8::2 5 6\r\nGET / HTTP/1.1\r\n\r\n")),
    tcp("proxy-protocol", 80, c(b"PROXY UNKNOWN\r\n")),
    tcp("proxy-protocol", 443, c(b"\r\n\r\n\0\r\nQUIT\n\x21\x11", counted16(A + A + b16(1, 2)),
                                 tls_hello())),
    tcp("proxy-protocol", 25, c(b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"), note="health check"),
    # mail, news, messages
    tcp("smtp", 25, s(b"220 mx.example.org ESMTP ready\r\n"), c(b"EHLO a.example\r\n")),
    tcp("smtp", 587, s(b"220 mx.example.org\r\n"), c(b"ehlo [192.0.2.1]\r\n"),
        s(b"250-mx.example.org\r\n250-STARTTLS\r\n250 HELP\r\n")),
    tcp("smtp", 25, s(b"220-mx.example.org\r\n220 no spam\r\n"), c(b"HELO a\r\n")),
    tcp("pop3", 110, s(b"+OK Dovecot ready.\r\n"), c(b"USER me\r\n")),
    tcp("pop3", 110, s(b"+OK <1896.697170952@a.example>\r\n"),
        c(b"APOP me c4c9334bac560ecc979e58001b3e"
                                                                b"22fb\r\n")),
    tcp("pop3", 110, s(b"+OK\r\n"), c(b"CAPA\r\n"), s(b"+OK\r\nSASL PLAIN\r\n.\r\n")),
    tcp("pop3", 110, s(b"+OK\r\n"), c(b"USER me\r\n"), s(b"+OK\r\n"), c(b"PASS pw\r\n")),
    tcp("imap", 143, s(b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n"),
        c(b"a001 LOGIN me pw\r\n")),
    tcp("imap", 143, c(b"1 capability\r\n"), s(b"* CAPABILITY IMAP4rev1\r\n1 OK done\r\n")),
    tcp("nntp", 119, s(b"200 news.example.org InterNetNews NNRP server ready (posting ok)\r\n"),
        c(b"MODE READER\r\n")),
    tcp("nntp", 119, s(b"201 ready\r\n"), c(b"group comp.lang.c\r\n"),
        s(b"211 1 1 1 comp.lang.c\r\n")),
    tcp("irc", 6667, c(b"NICK me\r\nUSER me 0 * :Me\r\n"), s(b":a.example 001 me :Welcome\r\n")),
    tcp("irc", 6667, c(b"USER me host server :Me\r\n"), c(b"NICK me\r\n")),
    tcp("irc", 6667, c(b"PASS secret\r\nNICK me\r\n")),
    tcp("irc", 6667, s(b":a.example NOTICE AUTH :*** Looking up your hostname\r\n")),
    tcp("irc", 6667, s(b"NOTICE AUTH :*** Looking up\r\n")),
    tcp("irc", 6667, c(b"CAP LS 302\n"), s(b":a.example CAP * LS :sasl\r\n")),
    tcp("irc", 6667, c(b"PRIVMSG #a :hello\r\n"), s(b":b!u@h PRIVMSG #a :hi\r\n")),
    tcp("irc", 6667, s(b"PING :a.example\r\n"), c(b"PONG :a.example\r\n")),
    tcp("irc", 6667, c(b"JOIN #a,#b\r\n")),
    tcp("irc", 6667, s(b":me MODE me :+i\r\n")),
    tcp("xmpp", 5222,
        c(b"<?xml version='1.0'?><stream:stream to='a.example' xmlns='jabber:client'>")),
    tcp("xmpp", 5222, c(b"<iq type='get' id='1'/>")),
    tcp("stomp", 61613, c(b"CONNECT\nlogin:me\npasscode:pw\n\n\0"),
        s(b"CONNECTED\nversion:1.2\n\n\0")),
    tcp("stomp", 61613, c(b"STOMP\r\naccept-version:1.2\r\nhost:a\r\n\r\n\0")),
    tcp("mqtt", 1883, c(mqtt(0x10, counted16(b"MQTT") + h("04 02 003c") + counted16(b"me"))),
        s(mqtt(0x20, h("0000")))),
    tcp("mqtt", 1883, c(mqtt(0x10, counted16(b"MQTT") + h("05 02 003c 00") + counted16(b""))),
        s(mqtt(0x20, h("00 00 03 22 000a"))), note="version 5"),
    tcp("mqtt", 1883, c(mqtt(0x10, counted16(b"MQIsdp") + h("03 02 003c") + counted16(b"me")))),
    tcp("mqtt", 1883, c(mqtt(0x82, b16(1) + counted16(b"a/b") + b"\0")), s(mqtt(0x90, h("000100"))),
        c(mqtt(0x30, counted16(b"a/b") + b"42")), note="in the midst"),
    tcp("amqp", 5672, c(b"AMQP\0\0\x09\x01"), s(amqp_frame(1, b16(10, 10) + noise(40)))),
    tcp("amqp", 5672, c(b"AMQP\x03\x01\0\0"), s(b"AMQP\x03\x01\0\0")),
    tcp("amqp", 5672, c(b"AMQP\0\x01\0\0"), s(b"AMQP\0\x01\0\0", h("0000001a 02 00 0000 005310"),
                                             noise(17))),
    tcp("amqp", 5672, c(amqp_frame(1, b16(60, 40) + noise(20), 1)), note="in the midst"),
    tcp("amqp", 5672, c(amqp_frame(8, b"")), s(amqp_frame(8, b"")), note="heartbeats"),
    tcp("kafka", 9092, c(kafka(18, 3,
        body=h("00") + counted8(b"lib") + counted8(b"1.0") + h("00"))),
        s(counted32(b32(1) + b16(0) + noise(40)))),
    tcp("kafka", 9092, c(kafka(3, 1, b"producer-1", b32(1) + counted16(b"topic")))),
    tcp("kafka", 9092, c(kafka(0, 7, b"sarama", b16(0xffff, 1) + noise(90)))),
    tcp("kafka", 9092, c(kafka(1, 11, b"", b32(0xffffffff, 500) + noise(60), 5)),
        s(counted32(b32(5) + noise(80))), note="no client id"),
    tcp("gearman", 4730, c(b"\0REQ", b32(1, 4), b"work"), s(b"\0RES", b32(6, 0))),
    tcp("thrift", 9090, c(thrift(b"getUser")), s(thrift(b"getUser", 2))),
    tcp("thrift", 9090, c(thrift(b"getUser", framed=True))),
    tcp("thrift", 9090, c(h("82 21 01 07"), b"getUser\0"), note="compact"),
    tcp("thrift", 9090, c(counted32(h("0fff 0000 00000001 0001 00 00 0000") + thrift(b"ping"))),
        note="with headers"),
    udp("thrift", 6831, c(h("82 81 01 09"), b"emitBatch\x1c\0")),
    tcp("smpp", 2775, c(smpp(9, b"me\0pw\0\0\x34\0\0\0")), s(smpp(0x80000009, b"smsc\0"))),
    tcp("smpp", 2775, c(smpp(0x15)), s(smpp(0x80000015))),
    tcp("smpp", 2775, c(smpp(4, noise(60), sequence=77)), s(smpp(0x80000004, b"id\0", 0, 77))),
    tcp("smpp", 2775, c(smpp(2, b"me\0pw\0\0\x34\0\0\0")), s(smpp(0x80000002, b"", 13))),
    tcp("smpp", 2775, s(smpp(5, noise(60))), c(smpp(0x80000005, b"\0"))),
    tcp("hl7", 2575, c(b"\x0bMSH|^~\\&|A|B|C|D|20240101||ADT^A01|1|P|2.5\r\x1c\r")),
    tcp("fix", 9876, c(b"8=FIX.4.2\x019=65\x0135=A\x0149=A\x0156=B\x01")),
    tcp("nats", 4222, s(b'INFO {"server_id":"x","version":"2.10"}\r\n'),
        c(b'CONNECT {"verbose":false}\r\n')),
    tcp("zmtp", 5555, c(h("ff 00000000000000 01 7f 03 00"), b"NULL".ljust(20, b"\0"), bytes(32))),
    tcp("openwire", 61616, c(b32(300), b"\x01ActiveMQ", b32(12), noise(280))),
    tcp("dicom", 104, c(h("01 00 000000c8 0001 0000"), b"ANY-SCP".ljust(16), b"ECHOSCU".ljust(16),
                        bytes(32), noise(132))),
    # remote access
    tcp("rlogin", 513, c(b"\0"), c(b"me\0you\0xterm/38400\0"), s(b"\0"), bound=True),
    tcp("spice", 5900, c(b"REDQ", l32(2, 2, 20), noise(20))),
    tcp("adb", 5555, c(b"CNXN", l32(0x01000001, 0x100000, 7, 0x232, 0xbcb1a7b1), b"host::\0")),
    tcp("ssh", 22, s(b"SSH-2.0-OpenSSH_9.6\r\n"), c(b"SSH-2.0-x\r\n")),
    tcp("ssh", 22, s(b"SSH-1.99-x\n")),
    tcp("telnet", 23, s(h("fffd18 fffd20 fffd23 fffd27")), c(h("fffb18 fffb1f"))),
    tcp("telnet", 23, c(h("fffd03 fffb18 fffb1f fffb20 fffb21 fffb22 fffb27 fffd05"))),
    tcp("telnet", 23, s(h("fffb01"), b"\r\n\r\nUser Access Verification\r\n\r\nPassword: ")),
    tcp("telnet", 23, s(h("fffa18 01 fff0")), c(h("fffa18 00"), b"XTERM", h("fff0"))),
    tcp("telnet", 23, c(h("fffc25"), h("fffd03")), note="WONT"),
    tcp("rdp", 3389, c(h("0300002a25e00000000000"), b"Cookie: mstshash=user\r\n",
                       h("0100080003000000")[:8]), s(h("030000130ed000001234000200080002000000"))),
    tcp("rdp", 3389, c(h("030000130ee000000000000100080003000000")),
        s(h("030000130ed00000123400021f080002000000"))),
    tcp("rdp", 3389, c(h("0300000b06e00000000000")), bound=True, note="without negotiation"),
    tcp("vnc", 5900, s(b"RFB 003.008\n"), c(b"RFB 003.008\n")),
    tcp("teamviewer", 5938, c(h("1724 0a 20"), noise(37))),
    tcp("citrix", 1494, s(h("7f7f494341 00 7f7f494341 00"))),
    tcp("citrix", 2598, c(b"\x1aCGP/01", noise(20))),
    tcp("rsh", 514, c(b"1022\0"), c(b"me\0you\0ls -l\0"), bound=True),
    tcp("x11", 6000, c(h("6c00 0b00 0000 1200 1000 0000"), b"MIT-MAGIC-COOKIE-1\0\0", noise(16))),
    tcp("x11", 6000, c(h("4200 000b 0000 0000 0000 0000"))),
    # files
    tcp("ftp", 21, s(b"220 (vsFTPd 3.0.5)\r\n"), c(b"USER anonymous\r\n")),
    tcp("ftp", 21, s(b"220 ready\r\n"), c(b"USER me\r\n"),
        s(b"331 Please specify the password.\r\n")),
    tcp("ftp", 2121, s(b"220-FileZilla Server 1.0\r\n"), c(b"AUTH TLS\r\n")),
    udp("tftp", 69, c(b"\0\x01a.bin\0octet\0")),
    udp("tftp", 69, c(b"\0\x02a.bin\0netascii\0blksize\x001428\0")),
    udp("tftp", 69, c(b"\0\x01a.bin\0OCTET\0tsize\x000\0")),
    udp("tftp", 40001, s(b16(3, 1), noise(512)), c(b16(4, 1)), s(b16(3, 2), noise(512))),
    udp("tftp", 40001, s(b"\0\x06blksize\x001428\0")),
    tcp("rsync", 873, s(b"@RSYNCD: 31.0\n"), c(b"@RSYNCD: 31.0\n"), c(b"module\n")),
    tcp("rsync", 873, c(b"@RSYNCD: 32.0 sha512 md5\n")),
    tcp("nfs", 2049, c(rpc(100003, 3, 0)), s(rpc_answer())),
    tcp("nfs", 2049, c(rpc(100003, 4, 1, noise(100)))),
    udp("nfs", 2049, c(rpc(100003, 2, 1, stream=False))),
    udp("nfs", 635, c(rpc(100005, 3, 1, stream=False)), note="mount"),
    udp("nfs", 111, c(rpc(100000, 2, 3, stream=False)), note="port map"),
    tcp("smb", 445, c(smb1(0x72)), s(smb1(0x72, answer=True))),
    tcp("smb", 445, c(smb2(0)), s(smb2(0, answer=1))),
    tcp("smb", 139, c(h("81000044"), b"\x20" + b"CA" * 16 + b"\0", b"\x20" + b"CA" * 16 + b"\0"),
        s(h("82000000")), c(smb1(0x72)), others=("netbios",)),
    tcp("smb", 445, c(smb2(0)[:4]), c(smb2(0)[4:]), bound=True, note="the length first"),
    tcp("ftp", 21, s(b"220 a.example\r\n"), c(b"USER me\r\n"), bound=True),
    tcp("smb", 445, c(b32(90), b"\xfdSMB", noise(86)), note="encrypted"),
    tcp("afp", 548, c(dsi(0, 3)), s(dsi(1, 3, noise(60)))),
    tcp("afp", 548, c(dsi(0, 4, h("01 04 00000400"))), s(dsi(1, 4, h("00 04 00000400")))),
    tcp("ceph", 6789, s(b"ceph v027", noise(50)), c(b"ceph v027", noise(20))),
    tcp("ceph", 3300, s(b"ceph v2\n", h("1000"), noise(16))),
    tcp("git", 9418, c(b"0033git-upload-pack /project.git\0host=a.example\0")),
    tcp("git", 9418, c(b"0042git-receive-pack /p.git\0host=a.example\0\0version=2\0")),
    tcp("dcerpc", 135, c(dce(11, noise(56))), s(dce(12, noise(44)))),
    tcp("dcerpc", 49152, c(dce(11, noise(56), False)), note="big endian"),
    udp("dcerpc", 1025, c(h("04 00 20 00 10 00 00 00"), noise(16), noise(16), noise(16), l32(0, 1,
        0),
                          h("0200 ffff ffff"), l16(16, 0), h("00 00"), noise(16))),
    tcp("whois", 43, c(b"example.org\r\n"), s(b"% IANA WHOIS server\n"), bound=True),
    # peers
    tcp("bittorrent", 6881, c(b"\x13BitTorrent protocol", bytes(8), noise(40))),
    udp("bittorrent", 6881, c(b"d1:ad2:id20:", noise(20), b"e1:q4:ping1:t2:aa1:y1:qe")),
    udp("bittorrent", 6881, c(b"d1:rd2:id20:", noise(20), b"e1:t2:aa1:y1:re")),
    udp("bittorrent", 6969, c(h("0000041727101980 00000000"), noise(4))),
    udp("bittorrent", 6881, c(h("4100 1234"), b32(1, 0, 0x100000), b16(1, 0)),
        s(h("2100 1234"), b32(2, 5, 0x100000), b16(9, 1)),
        c(h("0100 1235"), b32(3, 5, 0x100000), b16(2, 9), noise(60)), note="uTP"),
    udp("bittorrent", 6881, s(h("0100 acd2"), b32(7, 8, 0x100000), b16(40, 9), noise(700)),
        c(h("2100 acd3"), b32(9, 5, 0x100000), b16(9, 40)),
        s(h("0100 acd2"), b32(11, 8, 0x100000), b16(41, 9), noise(700)), note="uTP in the midst"),
    tcp("edonkey", 4662, c(donkey(0xe3, 1, b"\x10" + noise(16) + A + l16(4662) + l32(0))),
        s(donkey(0xe3, 0x4c, noise(16) + A + l16(4662) + l32(0)))),
    tcp("edonkey", 4661, c(donkey(0xe3, 1, noise(16) + l32(0) + l16(4662) + l32(0))),
        s(donkey(0xe3, 0x38, l16(5) + b"hello")), s(donkey(0xe3, 0x40, l32(7))), note="server"),
    tcp("edonkey", 4662, c(donkey(0xc5, 1, noise(20))), s(donkey(0xc5, 2, noise(20)))),
    udp("edonkey", 4672, c(h("e4 21 05"), noise(32)), s(h("e4 29"), noise(16), b"\x02", noise(50))),
    udp("edonkey", 4672, c(h("e4 11"), noise(16), l16(4662), h("08 00")), note="hello of Kad 2"),
    udp("edonkey", 4672, c(h("e4 60")), s(h("e4 61"), l16(4672)), note="ping of Kad 2"),
    udp("edonkey", 4665, c(h("e3 96"), l32(0x55aa1234)), s(h("e3 97"), l32(0x55aa1234, 100, 200)),
        note="server's status"),
    udp("edonkey", 4672, c(h("c5 90"), noise(16)), s(h("c5 91"), l16(3)),
        note="place in the queue"),
    udp("syncthing", 21027, c(h("2ea7d90b 0a20"), noise(60))),
    tcp("syncthing", 22067, c(h("9e79bc40 00000001 00000000")), note="relay"),
    tcp("gnutella", 6346, c(b"GNUTELLA CONNECT/0.6\r\nUser-Agent: x\r\n\r\n")),
    tcp("bitcoin", 8333, c(h("f9beb4d9"), b"version\0\0\0\0\0", l32(102), noise(4), noise(102)),
        s(h("f9beb4d9"), b"verack\0\0\0\0\0\0", l32(0), h("5df6e0e2"))),
    tcp("iscsi", 3260, c(h("43 87 0000 00 00003e"), noise(8), bytes(32),
                         b"InitiatorName=iqn.1993-08.org.example:01:x\0SessionType=Normal\0")),
    tcp("svn", 3690, s(b"( success ( 2 2 ( ) ( edit-pipeline svndiff1 ) ) ) "),
        c(b"( 2 ( edit-pipeline svndiff1 ) 22:svn://a.example/project ( ) ) ")),
    tcp("minecraft", 25565,
        c(counted8(h("00 ff05") + counted8(b"mc.example.org") + b16(25565) + h("01")),
          h("0100")), bound=True),
    udp("steam", 27015, c(b"\xff\xff\xff\xffTSource Engine Query\0"),
        s(b"\xff\xff\xff\xffI\x11name\0map\0")),
    udp("raknet", 19132, c(h("01"), noise(8), h("00ffff00fefefefefdfdfdfd12345678"), noise(8))),
    tcp("nbd", 10809, s(b"NBDMAGIC", b"IHAVEOPT", h("0003"))),
    tcp("hadoop", 8020, c(b"hrpc", h("09 00 00"), counted32(noise(60)))),
    # directories, calls
    udp("kerberos", 88, c(kerberos(0x6a, 10)), s(kerberos(0x6b, 11, False))),
    tcp("kerberos", 88, c(counted32(kerberos(0x6c, 12))), s(counted32(kerberos(0x6d, 13, False)))),
    udp("kerberos", 88, c(kerberos(0x6a, 10)), s(kerberos(0x7e, 30, False))),
    tcp("ldap", 389, c(ldap(1, 0x60, number(3), text("cn=me"), ber(0x80, b"pw"))),
        s(ldap(1, 0x61, ber(10, b"\0"), text(""), text("")))),
    tcp("ldap", 389, c(ldap(2, 0x63, text(""), ber(10, b"\0"), ber(10, b"\0"), number(0), number(0),
                            ber(1, b"\0"), ber(0x87, b"objectClass"), ber(0x30)))),
    tcp("ldap", 389, c(ldap(1, 0x77, ber(0x80, b"1.3.6.1.4.1.1466.20037")))),
    udp("ldap", 389, c(ldap(1, 0x63, text(""), ber(10, b"\0"), ber(10, b"\0"), number(0), number(0),
                            ber(1, b"\0"), ber(0xa0, ber(0xa3, text("DnsDomain"), text("a"))),
                            ber(0x30, text("Netlogon"))))),
    tcp("rmi", 1099, c(b"JRMI\0\x02K"), s(b"N", counted16(b"192.0.2.1"), b32(1099))),
    tcp("corba", 2809, c(giop(0, noise(80))), s(giop(1, noise(24)))),
    tcp("corba", 683, c(giop(3, noise(20), (1, 0), 1))),
    tcp("z39.50", 210, c(ber(0xb4, ber(0x83, h("00e0")), ber(0x84, h("00e9a2")), ber(0x85,
        h("4000")),
                             ber(0x86, h("4000")))),
        s(ber(0xb5, ber(0x83, h("00e0")), ber(0x84, h("00e9a2")), ber(0x85, h("4000"))))),
    tcp("z39.50", 210, c(ber(0xb4, ber(0x82, b"ref"), ber(0x83, h("05e0")), ber(0x84, h("03e9a2")),
                             ber(0x85, h("4000"))))),
    # databases
    tcp("mysql", 3306, s(my(0, MY_GREETING)), c(my(1, l32(0x3fa685) + bytes(28) + b"me\0\0"))),
    tcp("mysql", 3306, s(my(0, b"\x0a5.5.5-10.6.12-MariaDB\0" + MY_GREETING[8:]))),
    tcp("mysql", 3306, s(my(0, b"\xff" + l16(1130) + b"Host '192.0.2.1' is not allowed"))),
    tcp("postgresql", 5432, c(b32(8, 80877103)), s(b"S")),
    tcp("postgresql", 5432, c(b32(37, 196608), b"user\0me\0database\0",
                              b"mydatabase\0\0"), s(pg(b"R", b32(5) + noise(4)))),
    tcp("postgresql", 5432, s(pg(b"R", b32(10) + b"SCRAM-SHA-256\0\0"))),
    tcp("postgresql", 5432, c(pg(b"Q", b"SELECT 1\0")), s(pg(b"T", noise(20)) + pg(b"Z", b"I")),
        c(pg(b"X")), note="in the midst"),
    tcp("tds", 1433, c(tds(18,
        h("00001a000601002000010200210001030022000404002600 01ff") + noise(14)))),
    tcp("tds", 1433, c(tds(16, noise(200))), s(tds(4, noise(100)))),
    tcp("tds", 1433, c(tds(1, "select 1".encode("utf-16-le"))), s(tds(4, noise(40))), bound=True),
    tcp("oracle", 1521, c(tns_connect(0x0136, b"(DESCRIPTION=(CONNECT_DATA=(SID=X)))")),
        s(tns(2, b16(0x0136, 0, 2048, 32767, 0x0100, 0, 24) + bytes(2)))),
    tcp("oracle", 1521, c(tns_connect(0x013b, b"")), s(tns(11, b""))),
    tcp("oracle", 1521, c(tns_connect(0x0139, b"(CONNECT_DATA=(COMMAND=ping))")),
        s(tns(4, h("2222") + counted16(b"(DESCRIPTION=(TMP=)(ERR=0))")))),
    tcp("oracle", 1521, c(tns(6, noise(40))), s(tns(6, noise(40))), bound=True, note="data"),
    tcp("drda", 50000, c(ddm(0x1041, (0x115e, b"db2"), (0x1404, noise(12))), ddm(0x106d)),
        s(ddm(0x1443, (0x115e, b"db2"), kind=2))),
    tcp("drda", 446, c(ddm(0x106e, (0x11a2, b16(3)))), s(ddm(0x1219, (0x1149, b"\0"), kind=2))),
    tcp("mongodb", 27017, c(mongo(2004, l32(0) + b"admin.$cmd\0" + l32(0, 1) + BSON)),
        s(mongo(1, l32(8, 0, 0, 0, 1) + BSON))),
    tcp("mongodb", 27017, c(mongo(2013, l32(0) + b"\0" + BSON)),
        s(mongo(2013, l32(0) + b"\0" + BSON))),
    tcp("mongodb", 27017, c(mongo(2012, l32(2013, 40) + b"\x01" + noise(30)))),
    tcp("cassandra", 9042, c(cql(4, 5)), s(cql(0x84, 6, noise(40)))),
    tcp("cassandra", 9042, c(cql(4, 1, b16(1) + counted16(b"CQL_VERSION") + counted16(b"3.0.0"))),
        s(cql(0x84, 2))),
    tcp("cassandra", 9042, c(cql(3, 7, counted32(b"SELECT 1") + h("000100")))),
    tcp("cassandra", 9042, c(cql(5, 5)), s(cql(0x85, 6, noise(40)))),
    tcp("cassandra", 9042, c(cql(1, 1, noise(22)))),
    tcp("memcached", 11211, c(b"set key 0 60 5\r\nvalue\r\n"), s(b"STORED\r\n")),
    tcp("memcached", 11211, c(b"gets a b c\r\n"), s(b"VALUE a 0 1\r\nx\r\nEND\r\n")),
    tcp("memcached", 11211, c(b"stats\r\n"), s(b"STAT pid 1\r\nEND\r\n")),
    tcp("memcached", 11211, c(b"mg key v\r\n"), s(b"VA 2\r\nhi\r\n"), note="meta"),
    tcp("memcached", 11211, c(memcached(0x80, 0, b"key")), s(memcached(0x81, 0, status=1,
                                                                    value=b"Not found"))),
    tcp("memcached", 11211, c(memcached(0x80, 1, b"key", bytes(8), b"value"))),
    tcp("memcached", 11211, c(memcached(0x80, 0x0b))),
    udp("memcached", 11211, c(h("0001 0000 0001 0000"), b"stats\r\n"),
        s(h("0001 0000 0001 0000"), b"STAT pid 1\r\n")),
    tcp("redis", 6379, c(b"*2\r\n$4\r\nLLEN\r\n$6\r\nmylist\r\n"), s(b":48293\r\n")),
    tcp("redis", 6379, c(b"PING\r\n"), s(b"+PONG\r\n")),
    tcp("redis", 6379, c(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n"), s(b"+OK\r\n")),
    tcp("zookeeper", 2181, c(b32(45, 0, 0, 0, 30000, 0, 0, 16), bytes(17)),
        s(b32(37, 0, 30000), noise(8), b32(16), noise(17))),
    udp("ssrp", 1434, c(h("03")), s(h("05 5b00"), b"ServerName;A;InstanceName;B;IsClustered;No;;"),
        bound=True),
    tcp("bolt", 7687, c(h("6060b017 00000404 00000304 00000003 00000002"))),
    tcp("elasticsearch", 9200, c(b"GET /_cluster/health HTTP/1.1\r\n", HTTP_END), others=("http",)),
    tcp("elasticsearch", 9300, c(b"ES", b32(30), bytes(8), h("00 006d1000"), noise(20))),
]
