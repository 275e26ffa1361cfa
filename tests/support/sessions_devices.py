"""Sessions of machines in industry and buildings. See session.py."""
from .session import b16, b32, c, h, l16, l32, noise, s, tcp, udp


def modbus(number, body, unit=1):
    return b16(number, 0, 1 + len(body)) + bytes([unit]) + body


def tpkt(body):
    return b16(0x0300, 4 + len(body)) + body


def cotp(kind=0xe0, rest=h("0000 0001 00 c1020100 c2020102 c0010a")):
    return tpkt(bytes([1 + len(rest), kind]) + rest)


def s7(kind, parameter, data=b"", mark=0x32):
    head = bytes([mark, kind]) + b16(0, 0x0100, len(parameter), len(data))
    head += b"\0\0" if kind in (2, 3) else b""
    return tpkt(h("02f080") + head + parameter + data)


def dnp3(control, destination, source, body=b""):
    head = h("0564") + bytes([5 + len(body), control]) + l16(destination, source)
    out = head + l16(dnp3_sum(head))
    for at in range(0, len(body), 16):
        out += body[at:at + 16] + l16(dnp3_sum(body[at:at + 16]))
    return out


def dnp3_sum(data):
    value = 0
    for octet in data:
        value ^= octet
        for _ in range(8):
            value = value >> 1 ^ 0xa6bc if value & 1 else value >> 1
    return ~value & 0xffff


def cip(command, body=b"", session=0x10203, status=0):
    return l16(command, len(body)) + l32(session, status) + noise(8) + l32(0) + body


def bacnet(function, body):
    return bytes([0x81, function]) + b16(4 + len(body)) + body


def iec104(*frames):
    return b"".join(bytes([0x68, len(frame)]) + frame for frame in frames)


def hart(kind, identity, body=b"", number=2):
    return bytes([1, kind, identity, 0]) + b16(number, 8 + len(body)) + body


def knx(service, body):
    return h("0610") + b16(service, 6 + len(body)) + body


def ams(command, body, flags=4):
    header = h("c0a80001 0101 5303 c0a80002 0101 0180") + l16(command, flags)
    header += l32(len(body), 0, 1) + body
    return b16(0) + l32(len(header)) + header


MMS_INITIATE = h("02f080 0d b2 05 06 13 01 00 16 01 02 14 02 00 02 33 02 00 01 34 02 00 01 c1 9c "
                 "31 81"
                 "99 a0 03 80 01 01 a2 81 91 81 04 00 00 00 01 82 04 00 00 00 01 a4 23 30 0f 02 "
                 "01 01"
                 "06 04 52 01 00 01 30 04 06 02 51 01 30 10 02 01 03 06 05 28 ca 22 02 01 30 04 "
                 "06 02"
                 "51 01")

SESSIONS = [
    tcp("modbus", 502, c(modbus(1, h("03 0000 000a"))), s(modbus(1, h("03 14") + bytes(20)))),
    tcp("modbus", 502, c(modbus(7, h("10 0001 0002 04 000a0102"))),
        s(modbus(7, h("10 0001 0002")))),
    tcp("modbus", 502, c(modbus(2, h("01 0000 0008"))), s(modbus(2, h("81 02"))), note="refused"),
    tcp("modbus", 502, c(modbus(3, h("2b 0e 01 00"))), s(modbus(3, h("2b0e0101000001 00 01 41")))),
    tcp("dnp3", 20000, c(dnp3(0xc4, 1, 2, h("c0 c3 01 3c 02 06")))),
    tcp("dnp3", 20000, c(dnp3(0xc9, 1, 2)), s(dnp3(0x0b, 2, 1))),
    udp("dnp3", 20000, c(dnp3(0xc4, 1, 2, noise(40)))),
    udp("bacnet", 47808, c(bacnet(0x0b, h("0120ffff00ff 1008")))),
    udp("bacnet", 47808, c(bacnet(0x0a, h("0104 0275 01 0c 0c 02000001 194c"))),
        s(bacnet(0x0a, h("0100 30 01 0c 0c 02000001 194c 3e c40200000 13f".replace(" ", ""))))),
    udp("bacnet", 47808, c(bacnet(5, h("003c"))), s(bacnet(0, h("0000"))), note="foreign device"),
    tcp("s7comm", 102, c(cotp()), s(cotp(0xd0)), c(s7(1, h("f00000010001 01e0"))),
        s(s7(3, h("f00000010001 00f0")))),
    tcp("s7comm", 102, c(s7(1, h("0401120a10 020001 0000 83 000000"))),
        s(s7(3, h("0401"), h("ff04000801")))),
    tcp("s7comm", 102, c(s7(7, h("0001120411440100"), h("ff090004 0011 0000")))),
    tcp("s7comm-plus", 102, c(tpkt(h("02f080 72 01 0020 31 0000 04ca 0000 0002") + noise(24)))),
    tcp("mms", 102, c(tpkt(MMS_INITIATE)), others=("s7comm",)),
    tcp("mms", 102,
        c(tpkt(h("02f080 01000100 61 1d 301b 020103 a016 a014 020101 a40f a10d") + noise(13)))),
    tcp("ethernet-ip", 44818, c(cip(0x65, h("01000000"), 0)), s(cip(0x65, h("01000000")))),
    tcp("ethernet-ip", 44818, c(cip(0x6f,
        l32(0) + h("0000 0200 0000 0000 b200 0600 01 02 20 01 24 01"))),
        s(cip(0x6f, l32(0) + h("0000 0200 0000 0000 b200 0400 81000000")))),
    tcp("ethernet-ip", 44818, c(cip(0x70,
        l32(0) + h("0000 0200 a100 0400 01020304 b100 0200 0100")))),
    udp("ethernet-ip", 44818, c(cip(0x63, b"", 0)),
        s(cip(0x63, h("0100 0c00 2600 0100 0002 af12 c0000201")
                                                        + noise(28), 0))),
    udp("ethernet-ip", 44818, c(cip(4, b"", 0)), note="services"),
    udp("cip", 2222, c(h("0200 0280 0800 01020304 05000000 b100 0600 0100 01000000"))),
    tcp("iec104", 2404, c(iec104(h("07000000"))), s(iec104(h("0b000000")))),
    tcp("iec104", 2404, c(iec104(h("43000000"))), s(iec104(h("83000000"))), note="test"),
    tcp("iec104", 2404, c(iec104(h("00000000 64 01 0600 0100 000000 14"))),
        s(iec104(h("00000200 64 01 0700 0100 000000 14"), h("01000200"[:8])))),
    udp("hart-ip", 5094, c(hart(0, 0, h("01 00007530"))), s(hart(1, 0, h("01 00007530"))),
        bound=True),
    tcp("hart-ip", 5094, c(hart(0, 3, h("82 26 e1 12 34 56 00 00 5f"))), bound=True),
    udp("knxnet-ip", 3671, c(knx(0x0201, h("0801 c0000201 0e57"))),
        s(knx(0x0202, h("0801 c0000202 0e57") + noise(60)))),
    udp("knxnet-ip", 3671, c(knx(0x0205, h("0801 c0000201 0e57 0801 c0000201 0e57 04040200"))),
        s(knx(0x0206, h("15 00 0801 c0000202 0e57 0404 1101")))),
    udp("knxnet-ip", 3671, c(knx(0x0420, h("04 15 00 00 11 00 bc e0 0000 0901 01 0081")))),
    udp("knxnet-ip", 3671, c(knx(0x0530, h("29 00 bc d0 1101 0901 01 0080"))), note="routing"),
    tcp("ads", 48898, c(ams(4, b"")), s(ams(4, l32(0) + h("0500 0200"), 5))),
    tcp("ads", 48898, c(ams(2, l32(0x4020, 0, 4))), s(ams(2, l32(0, 4) + noise(4), 5))),
    udp("ads", 48899, c(h("03661471 00000000 01000000 c0a800010101 1027 00000000"))),
    udp("ads", 48899, c(h("03661471 2a000000 01000000 c0a800010101 1027 00000000")),
        s(h("03661471 2a000000 01000080 c0a800020101 1027 01000000 0500 0300 504c00")),
        note="numbered"),
    tcp("opc-ua", 4840, c(b"HELF", l32(57, 0, 65536, 65536, 0, 0, 25),
        b"opc.tcp://a.example:4840/"),
        s(b"ACKF", l32(28, 0, 65536, 65536, 0, 0))),
    tcp("opc-ua", 4840, c(b"OPNF", l32(132, 0, 47),
        b"http://opcfoundation.org/UA/SecurityPolicy#None",
                          noise(69))),
    tcp("fins", 9600, c(b"FINS", b32(12, 0, 0, 0)), s(b"FINS", b32(16, 1, 0, 10, 1))),
    tcp("niagara-fox", 1911, c(b"fox a 1 -1 fox hello\n{\nfox.version=s:1.0\nid=i:1\n};;\n")),
    udp("rtps", 7400, c(b"RTPS", h("0203 010f"), noise(12), h("0901 0800") + noise(8))),
    udp("rtps", 7410, c(b"RTPS", h("0201 0103"), noise(12), h("1505 0000") + noise(80))),
    udp("rtps", 7400, c(b"RTPX", h("0203 0101"), noise(12)), note="of another kind"),
]
