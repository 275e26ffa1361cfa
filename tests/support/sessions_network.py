"""Sessions of protocols that run and watch networks: names, time, addresses, access, measurements,
routers, tunnels, voice. See session.py."""
from .session import (b16, b32, ber, c, counted8, counted16, h, l16, l32, noise, number, s, tcp,
                      text, udp)

A, B = h("c0000201"), h("c0000202")
STAMP = h("e8a1b2c3 12345678")


def dns(question=b"\x07example\x03org\x00", kind=1, answer=None, identity=0x1234, flags=None):
    flags = flags if flags is not None else (0x8180 if answer else 0x0100)
    out = b16(identity, flags, 1, 1 if answer else 0, 0, 0) + question + b16(kind, 1)
    return out + (h("c00c") + b16(kind, 1) + b32(300) + counted16(answer) if answer else b"")


def snmp(version, body, community="public"):
    return ber(0x30, number(version), text(community), body)


def pdu(tag, *binds):
    return ber(tag, number(70000), number(0), number(0), ber(0x30, *binds))


def bind(octets=h("2b06010201010100"), value=h("0500")):
    return ber(0x30, ber(6, octets), value)


def snmp3(data):
    secured = ber(0x30, text(h("80001f8880e9630000d61ff449")), number(3), number(300), text("me"),
                  text(h("00" * 12)), text(h("0000000000000001")))
    return ber(0x30, number(3), ber(0x30, number(77), number(65507), text(h("05")), number(3)),
               text(secured), data)


def ntp(mode, version=4, stratum=2, more=b""):
    return bytes([version << 3 | mode, stratum, 6, 0xec]) + b32(0x0120,
        0x0342) + A + 4 * STAMP + more


def radius(code, *attributes, auth=noise(16)):
    body = b"".join(attributes)
    return bytes([code, 7]) + b16(20 + len(body)) + auth + body


def attribute(kind, value):
    return bytes([kind, 2 + len(value)]) + value


def tacacs(kind, body, sequence=1, minor=0):
    return bytes([0xc0 | minor, kind, sequence, 0]) + noise(4, 9) + b32(len(body)) + body


def diameter(command, request=True, application=0):
    def avp(code, value, flags=0x40):
        return b32(code) + bytes([flags]) + b32(8 + len(value))[1:] + value + bytes(-len(value) % 4)
    body = avp(264, b"peer.example.org") + avp(296, b"example.org") + avp(257, b16(1) + A)
    return (bytes([1]) + b32(20 + len(body))[1:] + bytes([0x80 if request else 0])
            + b32(command)[1:] + b32(application, 0x1001, 0x2002) + body)


def ptp(kind, octets, version=2, domain=0, control=5):
    head = bytes([kind, version]) + b16(octets) + bytes([domain, 0, 2, 0]) + bytes(8 + 4)
    head += h("001122fffe334455") + b16(1, 42) + bytes([control, 0])
    return head + noise(octets - len(head))


def gtp1(kind, body, flags=0x30, tunnel=0x11223344):
    return bytes([flags, kind]) + b16(len(body)) + b32(tunnel) + body


def gtp2(kind, body, flags=0x48):
    rest = (b32(0x55) if flags & 8 else b"") + b32(0x00000100) + body
    return bytes([flags, kind]) + b16(len(rest)) + rest


INNER = h("45000028000040004006") + h("0000") + A + B + b16(40000, 80) + bytes(16)


def stun(kind, attributes=b"", cookie=0x2112a442):
    return b16(kind, len(attributes)) + b32(cookie) + noise(12, 5) + attributes


def rtp(sequence, kind=0, octets=160, marker=0):
    return (bytes([0x80, kind | marker]) + b16(sequence) + b32(sequence * 160, 0xcafe1234)
            + noise(octets, sequence))


def rtcp(kind=200, words=6):
    sender = bytes([0x80, kind]) + b16(words) + b32(0xcafe1234) + noise(4 * words - 4)
    chunk = b32(0xcafe1234) + b"\x01" + counted8(b"me@example.org") + b"\0"
    chunk += bytes(-len(chunk) % 4)
    return sender + bytes([0x81, 202]) + b16(len(chunk) // 4) + chunk


def netflow5(count):
    return b16(5, count) + b32(123456, 1700000000, 0, 1) + bytes(4) + noise(48 * count)


def netflow9():
    template = b16(0, 4 + 4 + 8, 256, 2, 8, 4, 12, 4)
    data = b16(256, 4 + 16) + A + B + A + B
    return b16(9, 3) + b32(123456, 1700000000, 1, 0) + template + data


def ipfix():
    body = b16(2, 4 + 4 + 8, 256, 2, 8, 4, 12, 4) + b16(256, 4 + 8) + A + B
    return b16(10, 16 + len(body)) + b32(1700000000, 1, 0) + body


def sflow(version=5):
    sample = b32(1, 80, 1, 0x101, 100, 5000, 0, 1, 2, 0)
    return b32(version, 1) + A + (b32(0) if version == 5 else b"") + b32(1, 3600, 1) + sample


def iax(kind, *elements, frame=6, source=1, destination=0):
    out = b16(0x8000 | source, destination) + b32(3) + bytes([0, 0, frame, kind])
    for code, value in elements:
        out += bytes([code, len(value)]) + value
    return out


def ike(exchange, version=0x20, flags=8, octets=200, responder=bytes(8)):
    payload = noise(octets)
    return (noise(8, 3) + responder + bytes([33 if version == 0x20 else 1, version, exchange,
        flags])
            + b32(0, 28 + len(payload)) + payload)


def openvpn(operation, session=noise(8, 4), acknowledged=b"", remote=b"", packet=0, more=b""):
    acks = bytes([len(acknowledged) // 4]) + acknowledged + remote
    return bytes([operation << 3]) + session + acks + b32(packet) + more


def l(message):
    """A message behind its length, as OpenVPN and DNS have over TCP."""
    return counted16(message)


def h225(kind, body=noise(60)):
    message = bytes([8, 2, 0, 1, kind, 4, 3, 0x88, 0x93, 0xa5, 0x7e]) + counted16(b"\x05" + body)
    return b16(0x0300, 4 + len(message)) + message


def skinny(kind, body=bytes(8), version=0):
    return l32(4 + len(body), version, kind) + body


def bgp(kind, body=b""):
    return b"\xff" * 16 + b16(19 + len(body)) + bytes([kind]) + body


SIP = (b"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\nFrom: <sip:a@example.org>;tag=1\r\n"
       b"To: <sip:b@example.org>\r\nCall-ID: 1@x\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n")
SSDP = b"HOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 2\r\nST: ssdp:all\r\n\r\n"
MDNS = b"\x05_http\x04_tcp\x05local\x00"
NETBIOS = b"\x20" + b"CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" + b"\0"

SESSIONS = [
    # names, time, addresses
    udp("dns", 53, c(dns()), s(dns(answer=A))),
    udp("dns", 53, c(dns(kind=28)), s(dns(kind=28, answer=bytes(16))), note="AAAA"),
    udp("dns", 53, c(dns(kind=65)), s(dns(flags=0x8183)), note="HTTPS, no such name"),
    udp("dns", 53, c(b16(1, 0x0120, 1, 0, 0, 1), dns()[12:], h("00 0029 1000 00000000 0000")),
        note="EDNS"),
    tcp("dns", 53, c(l(dns())), s(l(dns(answer=A)))),
    tcp("dns", 53, c(l(dns())[:2]), c(dns()), s(l(dns(answer=A))[:2]), s(dns(answer=A)), bound=True,
        note="the length first"),
    tcp("dns", 53, c(l(dns(kind=252))), s(l(dns(kind=252, answer=bytes(40)))), note="transfer"),
    udp("mdns", 5353, c(dns(MDNS, 12, identity=0, flags=0)), bound=True, others=("dns",)),
    udp("llmnr", 5355, c(dns(b"\x02pc\x00", 1, flags=0)), s(dns(b"\x02pc\x00", 1, A, flags=0x8000)),
        bound=True, others=("dns",)),
    udp("netbios", 137, c(b16(7, 0x0110, 1, 0, 0, 0), NETBIOS, b16(0x20, 1)), bound=True,
        others=("dns",)),
    udp("netbios", 137, c(b16(7, 0x2910, 1, 0, 0, 1), NETBIOS, b16(0x20, 1), h("c00c 0020 0001"),
                          b32(300000), h("0006 6000"), A), bound=True, others=("dns",),
        note="registration"),
    udp("netbios", 137, c(b16(7, 0x4010, 1, 0, 0, 1), NETBIOS, b16(0x20, 1), h("c00c 0020 0001"),
                          b32(900), h("0006 e000"), A), bound=True, note="refresh"),
    udp("netbios", 138, c(h("11 0a 1234"), A, b16(138, 120, 0), NETBIOS, NETBIOS, noise(52))),
    tcp("netbios", 139, c(h("81000044"), NETBIOS, NETBIOS), s(h("82000000"))),
    udp("ntp", 123, c(ntp(3, stratum=0)), s(ntp(4)), bound=True),
    udp("ntp", 123, c(ntp(3, version=3)), s(ntp(4, version=3)), bound=True),
    udp("ntp", 123, c(ntp(1, version=1)), bound=True),
    udp("ntp", 123, c(ntp(3, more=b32(1) + noise(16))), s(ntp(4, more=b32(1) + noise(16))),
        bound=True, note="MD5"),
    udp("ntp", 123, c(ntp(3, more=b32(1) + noise(20))), bound=True, note="SHA-1"),
    udp("ntp", 123, c(ntp(3, more=b16(0x0104, 36) + noise(32) + b16(0x0204, 104) + noise(100)
                          + b16(0x0404, 40) + noise(36))), bound=True, note="NTS"),
    udp("ntp", 123, c(h("23 00 00 20"), bytes(36), noise(8)), bound=True, note="little told"),
    udp("ntp", 123, c(h("16 02 0001 0000 0000 0000 0000")),
        s(h("16 82 0001 0615 0000 0000"), b16(10), b"version=4,", b"\0\0"), bound=True),
    udp("ntp", 123, c(h("17 00 03 2a 00 00 00 00")),
        s(h("d7 00 03 2a"), b16(6, 72), noise(432)), bound=True, note="private"),
    udp("ptp", 319, c(ptp(0, 44, control=0)), bound=True),
    udp("ptp", 320, c(ptp(8, 44, control=2)), bound=True),
    udp("ptp", 319, c(ptp(1, 44, control=1)), bound=True),
    udp("ptp", 320, c(ptp(9, 54, control=3)), bound=True),
    udp("ptp", 320, c(ptp(0xb, 64, version=0x12)), bound=True, note="2.1"),
    udp("ptp", 320, c(ptp(0xc, 78)), bound=True, note="signalling"),
    udp("ptp", 320, c(ptp(0xd, 54)), bound=True, note="management"),
    udp("ptp", 319, c(b16(1, 1), b"_DFLT" + bytes(11), h("01 01 0018f8aabbcc 0001 0007 00 00 0008"),
                      bytes(88)), bound=True, note="version 1"),
    udp("dhcp", 67, c(h("01010600 12345678 0000 8000"), bytes(16), h("020000000001"), bytes(202),
                      h("63825363 350101 3d07 01020000000001 37 03 01 03 06 ff"))),
    udp("dhcp", 67, s(h("02010600 12345678 0000 0000"), bytes(16), h("020000000001"), bytes(202),
                      h("63825363 350102 3604c0000201 ff"))),
    udp("dhcpv6", 547, c(h("01 123456 0001 000a 00030001020000000001 0006 0004 0017 0018 0008 0002"
                           "0000")), bound=True),
    udp("ssdp", 1900, c(b"M-SEARCH * HTTP/1.1\r\n", SSDP)),
    udp("ssdp", 1900,
        s(b"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=1800\r\nEXT:\r\nLOCATION: http://"
                        b"192.0.2.1/d.xml\r\nST: upnp:rootdevice\r\nUSN: uuid:1::x\r\n\r\n")),
    udp("ssdp", 1900, c(b"NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nNT: x\r\n\r\n")),
    udp("slp", 427, c(h("02 01 00002f 0000 000000 1234 0002 656e 0000 0015"),
                      b"service:service-agent", h("0000 0000 0000"))),
    # management, access
    udp("snmp", 161, c(snmp(0, pdu(0xa0, bind()))), s(snmp(0, pdu(0xa2, bind(value=text("x")))))),
    udp("snmp", 161, c(snmp(1, pdu(0xa5, bind(), bind()), "private community")),
        s(snmp(1, pdu(0xa2, *(bind(value=text("x" * 100)),) * 6)))),
    udp("snmp", 161, c(snmp(1, pdu(0xa1, bind()), "")), note="no community"),
    udp("snmp", 162, c(snmp(0, ber(0xa4, ber(6, h("2b06010401")), ber(0x40, A), number(6),
                                   number(1), ber(0x43, h("0a0b")), ber(0x30))))),
    udp("snmp", 162, c(snmp(1, pdu(0xa7, bind()))), note="trap of version 2"),
    udp("snmp", 162, c(snmp(1, pdu(0xa6, bind()))), note="inform"),
    udp("snmp", 161, c(snmp3(ber(0x30, text(""), text(""), pdu(0xa0)))),
        s(snmp3(ber(0x30, text("x"), text(""), pdu(0xa8, bind()))))),
    udp("snmp", 161, c(snmp3(text(noise(60)))), note="encrypted"),
    udp("radius", 1812, c(radius(1, attribute(1, b"me"), attribute(2, noise(16)), attribute(4, A))),
        s(radius(2, attribute(6, b32(2))))),
    udp("radius", 1813, c(radius(4, attribute(40, b32(1)))), s(radius(5))),
    udp("radius", 1645, c(radius(1, attribute(1, b"me"))), s(radius(3))),
    udp("radius", 3799, c(radius(40, attribute(1, b"me"))), note="disconnect"),
    tcp("tacacs", 49, c(tacacs(1, noise(30))), s(tacacs(1, noise(16), 2))),
    tcp("tacacs", 49, c(tacacs(2, noise(60))), s(tacacs(2, noise(6), 2)), note="authorization"),
    tcp("tacacs", 49, c(tacacs(1, noise(36), minor=1)), note="minor version 1"),
    tcp("diameter", 3868, c(diameter(257)), s(diameter(257, False))),
    tcp("diameter", 3868, c(diameter(272, application=4)), s(diameter(272, False, 4))),
    udp("rmcp", 623, c(h("0600ff07 00 00000000 00000000 09 2018c88100388e04b5"))),
    udp("rmcp", 623,
        c(h("0600ff07 06 10 00000000 00000000 2000 00000000 a4a3a2a0 0000 0008 01000000"
                         "01000008 01000000 02000008 01000000")), note="RMCP+"),
    udp("rmcp", 623, c(h("0600ff06 000011be 80 00 00 00")), s(h("0600ff06 000011be 40 00 00 10"),
                                                            bytes(16))),
    udp("xdmcp", 177, c(b16(1, 2, 1), b"\0"), s(b16(1, 5, 14), counted16(b""), counted16(b"host"),
                                               counted16(b"load"))),
    udp("xdmcp", 177, c(b16(1, 7, 26, 0), b"\x01", b16(0), b"\x01", counted16(A), counted16(b""),
                        counted16(b""), b"\0", counted16(b"display"))),
    udp("xdmcp", 177, c(b16(1, 13, 6), b16(1), b32(5)), note="keep alive"),
    udp("bfd", 3784, c(h("20 40 03 18"), b32(1, 0, 1000000, 1000000, 0)), bound=True),
    udp("bfd", 3784, c(h("20 c8 03 18"), b32(1, 2, 1000000, 1000000, 50000)), bound=True),
    udp("hsrp", 1985, c(h("00 00 10 03 0a 64 01 00"), b"cisco\0\0\0", A), bound=True),
    udp("ldp", 646, c(b16(1, 22), A, b16(0, 0x0100, 12), b32(1), b16(0x0400, 4, 15, 0)),
        note="hello"),
    tcp("ldp", 646, c(b16(1, 32), A, b16(0, 0x0200, 22), b32(1), b16(0x0500, 14, 1, 180, 0, 0), B,
                      b16(0))),
    udp("nat-pmp", 5351, c(h("0000")), s(h("00800000 00000010"), A), bound=True),
    udp("syslog", 514, c(b"<34>Oct 11 22:14:15 host su: 'su root' failed on /dev/pts/8")),
    udp("syslog", 514, c(b"<165>1 2003-10-11T22:14:15.003Z host app - ID47 - text")),
    tcp("syslog", 514, c(b"62 <34>1 2003-10-11T22:14:15.003Z host su - ID47 - 'su root' failed")),
    udp("netflow", 2055, c(netflow5(2))),
    udp("netflow", 9995, c(netflow9())),
    udp("ipfix", 4739, c(ipfix())),
    tcp("ipfix", 4739, c(ipfix())),
    udp("sflow", 6343, c(sflow())),
    udp("sflow", 6343, c(sflow(4))),
    udp("collectd", 25826, c(b16(0, 9), b"host\0", b16(8, 12), bytes(8), b16(2, 8), b"cpu\0")),
    tcp("zabbix", 10050, c(b"ZBXD\x01", l32(10, 0), b"agent.ping"),
        s(b"ZBXD\x01", l32(1, 0), b"1")),
    tcp("openflow", 6653, c(h("04000010 00000001 00010008 00000010")),
        s(h("04000008 00000001"), h("04050008 00000002"))),
    udp("capwap", 5246, c(h("0010020000000000 00000001 01 0008 00 0014 0001 01")), bound=True),
    udp("lisp", 4342, c(h("10000001 0102030405060708 0000 0001 c0000201 0020 0001 c0000209")),
        bound=True, note="request"),
    udp("lisp", 4342,
        c(h("20000001 0102030405060708 00000e10 01 18 1000 0000 0001 c6336400 01640000"
                          "0001 0001 c0000201")), bound=True, note="reply"),
    udp("lisp", 4341, c(h("c0000001 00000001"), INNER), bound=True),
    tcp("bgp", 179, c(bgp(1, h("04 fde8 00b4 c0000201 00"))),
        s(bgp(1, h("04 fde9 00b4 c0000202 00")))),
    tcp("bgp", 179, c(bgp(4)), s(bgp(2, h("0000 0014 40010100 400200 400304 c0000201 18c63364")))),
    udp("pcp", 5351, c(h("02 01 0000 00000e10"), bytes(16), noise(12), h("11 000000 1f90 0000"),
        bytes(16)),
        bound=True),
    udp("rip", 520, c(h("0201 0000 0000 0000"), bytes(12), b32(16)), bound=True),
    udp("rip", 520, s(h("0202 0000 0002 0000 c0000200 ffffff00 00000000 00000001")), bound=True),
    udp("rip", 521, s(h("0201 0000"), bytes(16), h("0000 40 01")), bound=True),
    udp("wccp", 2048, c(h("0000000a 0200 0028 0000 0018"), noise(36)), bound=True),
    udp("statsd", 8125, c(b"gorets:1|c|@0.1\nglork:320|ms"), bound=True),
    udp("statsd", 8125, c(b"page.views:-1.5|g|#env:dev"), bound=True),
    tcp("finger", 79, c(b"/W me\r\n"), s(b"Login: me\r\n"), bound=True),
    # tunnels
    udp("l2tp", 1701,
        c(h("c802 0030 0000 0000 0000 0000 8008 0000 0000 0001 8008 0000 0002 0100 800a 0000"
                          "0003 00000003 800a 0000 0007 6c6163 6f")),
        s(h("c802 000c 0001 0000 0000 0001"))),
    udp("geneve", 6081, c(h("0000 6558 00006400 ffffffffffff 020000000001 0800"), INNER),
        bound=True),
    udp("gtp", 2152, c(gtp1(255, INNER)), bound=True),
    udp("gtp", 2152, c(gtp1(255, h("00000085 01 00 06 00"), 0x34)), bound=True, note="extension"),
    udp("gtp", 2152, c(gtp1(1, h("00010000"), 0x32, 0)), s(gtp1(2, h("00020000 0e01"), 0x32, 0)),
        bound=True, note="echo"),
    udp("gtp", 2123, c(gtp1(16, h("00010000 02 62f21000000000f1 0e07"), 0x32)), bound=True),
    udp("gtp", 2123, c(gtp2(32, h("0100080062f2100000000000"))), s(gtp2(33, h("0200020010 00"))),
        bound=True),
    udp("gtp", 2123, c(gtp2(1, h("0300010005"), 0x40)), bound=True, note="echo of version 2"),
    udp("gtp", 2123, c(gtp2(33, h("0200020010 00"), 0x58) + gtp2(95, h("4900010005"))), bound=True,
        note="piggybacked"),
    udp("vxlan", 4789, c(h("0800000000006400 ffffffffffff 020000000001 0800"), INNER), bound=True),
    udp("teredo", 3544, c(h("6000000000003b15 20010000 4136e378 8000 63bf 3fff fdd2"),
                          h("20010db8000000000000000000000001")), bound=True),
    udp("openvpn", 1194, c(openvpn(7)), s(openvpn(8, noise(8, 6), b32(0), noise(8, 4))),
        c(openvpn(4, packet=1, more=h("160301") + noise(90)))),
    tcp("openvpn", 1194, c(l(openvpn(7))), s(l(openvpn(8, noise(8, 6), b32(0), noise(8, 4))))),
    udp("openvpn", 443, c(bytes([7 << 3]), noise(8, 4), noise(20, 7), b32(1, 1700000000), b"\0",
                          b32(0)),
        s(bytes([8 << 3]), noise(8, 6), noise(20, 8), b32(1, 1700000000), b"\x01", b32(0),
          noise(8, 4), b32(0)), note="with digests"),
    udp("wireguard", 51820, c(l32(1), noise(144)), s(l32(2), noise(88)),
        c(l32(4), noise(4), l32(0, 0), noise(16))),
    udp("ipsec", 500, c(ike(34)), s(ike(34, flags=0x20, responder=noise(8, 8))), bound=True),
    udp("ipsec", 500, c(ike(2, version=0x10, flags=0)), bound=True, note="main mode"),
    udp("ipsec", 500, c(ike(4, version=0x10, flags=0)), bound=True, note="aggressive mode"),
    udp("ipsec", 4500, c(bytes(4), ike(35, flags=8, responder=noise(8, 8))), bound=True),
    udp("ipsec", 4500, c(b32(0xc1234567, 1), noise(100)), s(b32(0xc7654321, 1), noise(100)),
        c(b32(0xc1234567, 2), noise(84)), bound=True, note="ESP"),
    tcp("pptp", 1723, c(h("009c0001 1a2b3c4d 0001 0000 0100 0000 00000003 00000003 ffff 0001"),
                        b"host".ljust(64, b"\0"), b"vendor".ljust(64, b"\0")),
        s(h("009c0001 1a2b3c4d 0002 0000 0100 01 00 00000003 00000003 ffff 0001"), bytes(128))),
    tcp("socks", 1080, c(h("050100")), s(h("0500")), c(h("0501000309"), b"localhost", b16(80)),
        s(h("05000001"), A, b16(1080))),
    tcp("socks", 1080, c(h("05020002")), s(h("0502")), c(h("0102"), b"me", h("02"), b"pw"),
        s(h("0100"))),
    tcp("socks", 1080, c(h("040100 50"), A, b"me\0"), s(h("005a 0050"), A)),
    tcp("socks", 1080, c(h("04010050 00000001"), b"me\0example.org\0"), note="4a"),
    # voice
    udp("stun", 3478, c(stun(1)), s(stun(0x101, b16(0x20, 8) + noise(8)))),
    udp("stun", 3478, c(stun(3, b16(0x19, 4) + h("11000000"))), note="TURN allocate"),
    tcp("stun", 3478, c(stun(3, b16(0x19, 4) + h("11000000"))), note="TURN"),
    udp("stun", 19302, c(stun(1, b16(6, 9) + b"abcd:efgh\0\0\0" + b16(0x24, 4) + b32(1)))),
    udp("stun", 3478, c(stun(1, b"", 0x01020304)), s(stun(0x101, b16(1, 8) + h("0001 0d96") + A,
                                                        0x01020304)), note="RFC 3489"),
    udp("rtp", 16384, c(rtp(1, marker=0x80)), c(rtp(2)), c(rtp(3)), c(rtp(4))),
    udp("rtp", 16384, c(rtp(10, 96, 900)), s(rtp(700, 96, 900)), c(rtp(11, 96)), c(rtp(12, 96)),
        c(rtp(13, 96))),
    udp("rtcp", 16385, c(rtcp())),
    udp("rtcp", 16385, c(rtcp(201, 1)), s(rtcp())),
    udp("sip", 5060, c(b"INVITE sip:b@example.org SIP/2.0\r\n", SIP),
        s(b"SIP/2.0 100 Trying\r\n", SIP)),
    udp("sip", 5060, c(b"REGISTER sip:example.org SIP/2.0\r\n", SIP)),
    tcp("sip", 5060, c(b"OPTIONS sip:b@example.org;transport=tcp SIP/2.0\r\n", SIP)),
    udp("sip", 5060, c(b"\r\n\r\n"), c(b"SUBSCRIBE sip:b@example.org SIP/2.0\r\n", SIP)),
    tcp("h323", 1720, c(h225(5)), s(h225(2))),
    tcp("h323", 1720, c(h225(5)[:4]), c(h225(5)[4:]), bound=True, note="the length first"),
    udp("h323", 1719, c(h("00 00 0001 06 0008914a0004 0001 00c0000201 06b8"), noise(20)),
        s(h("04 80 0001 06 0008914a0004"), noise(20)), note="discovery"),
    udp("h323", 1719, c(h("0e 40 0002 06 0008914a0004"), noise(40)),
        s(h("12 40 0002 06 0008914a0004"), noise(30))),
    udp("mgcp", 2427, c(b"RQNT 1201 endpoint/1@rgw-2567.example.net MGCP 1.0\r\nN: ca@ca1\r\n"),
        s(b"200 1201 OK\r\n")),
    udp("mgcp", 2427, c(b"rsip 1 *@[192.0.2.1] mgcp 1.0 NCS 1.0\nRM: restart\n")),
    udp("mgcp", 2727, s(b"200 1203 OK\r\n"), bound=True, note="an answer alone"),
    udp("megaco", 2944, c(b"MEGACO/1 [124.124.124.222]:55555 Transaction = 9998 {}")),
    udp("megaco", 2944, c(b"!/1 [192.0.2.1]\r\nT=1{C=-{SC=ROOT{SV{MT=RS}}}}")),
    udp("teamspeak", 9987, c(b"TS3INIT1", h("0065 0000 88 0a5b8f1c 00"), noise(16))),
    tcp("skinny", 2000, c(skinny(1, noise(40)), skinny(2, bytes(4))), s(skinny(0x81, bytes(20)))),
    tcp("skinny", 2000, c(skinny(0)), s(skinny(0x100, b""))),
    udp("iax", 4569, c(iax(1, (0x0b, b16(2)), (1, b"100"), (6, b"me"), (8, b32(2)))),
        s(iax(7, source=9, destination=1)), bound=True),
    udp("iax", 4569, c(iax(13, (6, b"peer"), (0x13, b16(60)))),
        s(iax(8, (6, b"peer"), (0x0e, b16(1)))),
        bound=True, note="registration"),
    udp("iax", 4569, c(iax(2)), s(iax(3, (0x2e, b32(0)), (0x2f, b32(0)))), bound=True),
    tcp("rtsp", 554, c(b"OPTIONS rtsp://192.0.2.1/a RTSP/1.0\r\nCSeq: 1\r\n\r\n"),
        s(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: DESCRIBE\r\n\r\n")),
    tcp("rtsp", 8554, c(b"OPTIONS * RTSP/2.0\r\nCSeq: 1\r\n\r\n"), s(b"RTSP/2.0 200 OK\r\n\r\n")),
    tcp("rtsp", 554, c(b"GET_PARAMETER rtsp://192.0.2.1/a RTSP/1.0\r\nCSeq: 5\r\n\r\n")),
    udp("bfcp", 5062, c(h("200b0000 00000001 0001 0002")), note="hello"),
    tcp("rtmp", 1935, c(b"\x03", b32(0, 0), noise(1528)), s(b"\x03", b32(1, 0), noise(1528))),
]
