#!/usr/bin/python3
"""A collector that keeps what it got, as a process that can be stopped and killed.

  stream_collector.py tcp|tls|udp ADDRESS PORT OUTPUT [CERT KEY CA|-]

Writes the octets of each TCP or TLS connection to OUTPUT.0, OUTPUT.1, ..., and datagrams, each
behind its length, to such a file of its own. CA: clients must show a certificate of it. The class
StreamCollector runs it and reads the files.
"""
import os
import pathlib
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tools"))
from flowread import FlowReader  # noqa: E402


def next_file(output):
    """The first of OUTPUT.0, OUTPUT.1, ... that is not there, open for writing."""
    number = 0
    while True:
        try:
            return open(f"{output}.{number}", "xb", buffering=0)
        except FileExistsError:
            number += 1


def serve_connection(connection, context, output):
    try:
        if context:
            connection = context.wrap_socket(connection, server_side=True)
        with next_file(output) as file:
            while True:
                data = connection.recv(65536)
                if not data:
                    return
                file.write(data)
    except OSError:
        return  # the probe's side of the story is what is tested
    finally:
        connection.close()


def serve_datagrams(sock, output):
    with next_file(output) as file:
        while True:
            data = sock.recv(65535)
            file.write(struct.pack(">I", len(data)) + data)


def serve(kind, address, port, output, files):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if kind == "udp":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    sock.bind((address, port))
    context = None
    if kind == "tls":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files[0], files[1])
        if files[2] != "-":
            context.load_verify_locations(files[2])
            context.verify_mode = ssl.CERT_REQUIRED
    if kind != "udp":
        sock.listen()
    print(sock.getsockname()[1], flush=True)
    if kind == "udp":
        serve_datagrams(sock, output)
    while True:
        connection, _ = sock.accept()
        threading.Thread(target=serve_connection, args=(connection, context, output),
                         daemon=True).start()


class StreamCollector:
    """One such process, started anew by start() with the same port. Use as a context manager."""

    def __init__(self, kind, output, address="127.0.0.1", files=(), prefix=()):
        self.kind = kind
        self.output = str(output)
        self.address = address
        self.files = [str(file) for file in files]
        self.prefix = list(prefix)
        self.port = 0
        self.process = None
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def start(self):
        self.process = subprocess.Popen(
            self.prefix + [sys.executable, __file__, self.kind, self.address, str(self.port),
                           self.output] + self.files,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the {self.kind} collector does not listen on {self.port}")
        self.port = int(line)

    def stop_reading(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def url(self, scheme=None, host=None):
        host = host or (f"[{self.address}]" if ":" in self.address else self.address)
        return f"{scheme or self.kind}://{host}:{self.port}"

    def paths(self):
        result = []
        while os.path.exists(f"{self.output}.{len(result)}"):
            result.append(f"{self.output}.{len(result)}")
        return result

    def wait_octets(self, octets, number=0, timeout=30):
        """Waits until file NUMBER has OCTETS; True if it has."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            paths = self.paths()
            if len(paths) > number and os.path.getsize(paths[number]) >= octets:
                return True
            time.sleep(0.02)
        return False

    def decode(self, cut=()):
        """(flow records, problems) of all files; those with numbers in CUT may end anywhere."""
        records, problems = [], []
        for number, path in enumerate(self.paths()):
            some, wrong = decode_file(path, self.kind == "udp", number in cut)
            records += some
            problems += [f"{path}: {text}" for text in wrong]
        return records, problems


def decode_file(path, datagrams, cut=False):
    """(flow records, problems) of a stream, or of a row of DATAGRAMS."""
    data = pathlib.Path(path).read_bytes()
    reader, records, at = FlowReader(), [], 0
    while len(data) - at >= 4:
        length = int.from_bytes(data[at:at + 4] if datagrams else data[at + 2:at + 4], "big")
        at += 4 if datagrams else 0
        if length < 16 or at + length > len(data):
            break
        records += [r for r in reader.feed(data[at:at + length]) if "options" not in r]
        at += length
    problems = list(reader.complaints)
    if at != len(data) and not cut:
        problems.append(f"{len(data) - at} octets behind the last message")
    if datagrams and cut:
        problems = [text for text in problems if not excused(text, reader)]
    if not datagrams and reader.messages:
        first = reader.messages[0]
        if first["sequence"] != 0 or first["sets"][0] not in (2, 3):  # templates, or their types
            problems.append(f"begins with {first}")
    return records, problems


def excused(complaint, reader):
    """Whoever hears datagrams from the middle on knows no templates for up to two seconds, and the
    numbers of what is lost are missing."""
    if "sequence" in complaint:
        return True
    heard = [message for message in reader.messages if message["kinds"]["templates"]]
    if "before template" not in complaint or not heard:
        return False
    number = int(complaint.split()[1].rstrip(":"))
    return (number <= reader.messages.index(heard[0])
            and heard[0]["time"] - reader.messages[0]["time"] <= 2)


if __name__ == "__main__":
    try:
        serve(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5:])
    except KeyboardInterrupt:
        sys.exit(0)
