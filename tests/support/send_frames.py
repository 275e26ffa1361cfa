#!/usr/bin/python3
"""Sends the frames of a capture on an interface: send_frames.py INTERFACE FILE PACKETS_PER_SECOND.

Prints the packets and octets that the kernel took. SIGTERM ends it early, with the same line.
"""
import errno
import pathlib
import signal
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import plain_capture  # noqa: E402


class Stop(Exception):
    """Asked to end."""


def stop(*_):
    raise Stop


def send_one(sock, data):
    while True:
        try:
            sock.send(data)
            return
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            time.sleep(0.001)


def main():
    interface, path, rate = sys.argv[1], sys.argv[2], int(sys.argv[3])
    packets = list(plain_capture.read(path))
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sock.bind((interface, 0))
    count = octets = 0
    signal.signal(signal.SIGTERM, stop)
    start = time.monotonic()
    try:
        for packet in packets:
            if rate and count % 32 == 0:
                ahead = count / rate - (time.monotonic() - start)
                if ahead > 0:
                    time.sleep(ahead)
            send_one(sock, packet.data)
            count += 1
            octets += len(packet.data)
    except Stop:
        pass
    print(count, octets)


if __name__ == "__main__":
    main()
