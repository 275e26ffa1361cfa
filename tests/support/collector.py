"""Collectors of the tests: nfcapd with its result read by nfdump, and a recorder of datagrams.

Everything listens on 127.0.0.1 (of the caller's network namespace, or of the one PREFIX enters).
"""
import datetime
import ipaddress
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

from support import probe

FLAG_LETTERS = "CEUAPRSF"  # nfdump prints the bits 0x80 .. 0x01 in this order
SECONDS = {}


def available():
    return bool(shutil.which("nfcapd") and shutil.which("nfdump"))


def memory_folder():
    """Where collectors write: in memory if possible, so that a busy disk does not stop them."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def free_port():
    """A UDP port that nobody has at the moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Nfcapd:
    """One nfcapd with the stock socket buffer, and what it wrote once it is stopped. MORE: further
    options; with -n NAME,ADDRESS,FOLDER it writes there, below FOLDER of this object."""

    def __init__(self, folder, port, prefix=(), more=()):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = port
        self.log = ""
        self.prefix = list(prefix)
        self.process = subprocess.Popen(
            self.prefix + ["nfcapd", "-b", "127.0.0.1", "-p", str(port), "-t", "86400",
                           *([] if "-n" in more else ["-w", str(self.folder)]), *more],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=dict(os.environ, TZ="UTC"))
        try:
            # A site's collector does not share its processor with compilers, as this one may.
            os.sched_setscheduler(self.process.pid, os.SCHED_RR, os.sched_param(1))
        except OSError:
            pass
        threading.Thread(target=self._read, daemon=True).start()
        end = time.monotonic() + 20
        while self.socket_row() is None:
            if time.monotonic() > end or self.process.poll() is not None:
                self.kill()
                raise RuntimeError("nfcapd does not listen: " + self.log[-300:])
            time.sleep(0.02)

    def _read(self):
        for line in self.process.stdout:
            self.log += line

    def socket_row(self):
        """(octets waiting, datagrams dropped) of the socket, None before it is there."""
        try:
            with open(f"/proc/{self.process.pid}/net/udp", encoding="ascii") as file:
                rows = [line.split() for line in file][1:]
        except OSError:
            return None
        for row in rows:
            if int(row[1].split(":")[1], 16) == self.port:
                return int(row[4].split(":")[1], 16), int(row[-1])
        return None

    def settle(self, timeout=30):
        """Waits until the socket is empty; returns the datagrams that it dropped."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            row = self.socket_row()
            if row is None or row[0] == 0:
                break
            time.sleep(0.02)
        row = self.socket_row()
        return row[1] if row else 0

    def stop(self):
        """Ends nfcapd; returns (flows, packets, octets, sequence errors, bad packets) as it logs
        them, summed over its files, and the number of datagrams dropped."""
        dropped = self.settle()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        end = time.monotonic() + 5
        while "Terminating" not in self.log and time.monotonic() < end:
            time.sleep(0.02)
        found = re.findall(r"Flows: (\d+), Packets: (\d+), Bytes: (\d+), Sequence Errors: (\d+), "
                           r"Bad Packets: (\d+)", self.log)
        return [sum(int(row[i]) for row in found) for i in range(5)], dropped

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def domains(self):
        """System id of nfdump -> observation domain."""
        result = {}
        for path in sorted(self.folder.rglob("nfcapd.2*")):
            text = subprocess.run(["nfdump", "-E", str(path)], capture_output=True, text=True,
                                  check=False, timeout=60).stdout
            for system, domain in re.findall(r"SysID: (\d+),.*?ID:\s+(\d+),", text):
                result[int(system)] = int(domain)
        return result

    def records(self):
        """Everything that nfdump reads back, as dicts of its JSON."""
        text = subprocess.run(["nfdump", "-R", str(self.folder), "-o", "json"],
                              capture_output=True, text=True, check=False, timeout=300,
                              env=dict(os.environ, TZ="UTC")).stdout
        start = text.find("[")
        return json.loads(text[start:text.rfind("]") + 1]) if start >= 0 else []

    def times(self):
        """(start, end) of every record in milliseconds since 1970."""
        return [(milliseconds(record["first"]), milliseconds(record["last"]))
                for record in self.records()]

    def flows_by_domain(self):
        """domain -> key -> [packets, octets, flags, first ms, last ms]; and, of biflows, domain ->
        key -> [packets, octets] where the reverse counts stand under the reversed key."""
        domains, flows, both = self.domains(), {}, {}
        for record in self.records():
            domain = domains.get(record["export_sysid"])
            key = nfdump_key(record)
            probe.add_flow(flows.setdefault(domain, {}), key, record["in_packets"],
                           record["in_bytes"], flags_of(record.get("tcp_flags", "")),
                           milliseconds(record["first"]), milliseconds(record["last"]))
            sums = both.setdefault(domain, {})
            add_counts(sums, key, record["in_packets"], record["in_bytes"])
            if record.get("out_packets"):
                back = (key[0], key[2], key[1], key[3], key[5], key[4])
                add_counts(sums, back, record["out_packets"], record["out_bytes"])
        return flows, both

    def totals(self):
        """(records, packets, octets) with both directions added, as nfdump reads them."""
        text = subprocess.run(
            ["nfdump", "-R", str(self.folder), "-q", "-N", "-o", "fmt:%pkt %byt %opkt %obyt"],
            capture_output=True, text=True, check=False, timeout=300).stdout
        rows = [line.split() for line in text.splitlines()]
        rows = [[int(word) for word in row] for row in rows if len(row) == 4 and row[0].isdigit()]
        return (len(rows), sum(row[0] + row[2] for row in rows),
                sum(row[1] + row[3] for row in rows))


def add_counts(sums, key, packets, octets):
    counts = sums.setdefault(key, [0, 0])
    counts[0] += packets
    counts[1] += octets


def nfdump_key(record):
    source = record.get("src4_addr") or record.get("src6_addr")
    destination = record.get("dst4_addr") or record.get("dst6_addr")
    dport = record.get("dst_port", 0)
    if "icmp_type" in record:
        dport = record["icmp_type"] << 8 | record["icmp_code"]
    return ((0, 0), ipaddress.ip_address(source).packed, ipaddress.ip_address(destination).packed,
            record["proto"], record.get("src_port", 0), dport)


def flags_of(letters):
    value = 0
    for letter in letters:
        if letter in FLAG_LETTERS:
            value |= 0x80 >> FLAG_LETTERS.index(letter)
    return value


def milliseconds(text):
    """Since 1970, of nfdump's 2023-11-14T22:13:25.018 in UTC."""
    second, _, fraction = text.partition(".")
    if second not in SECONDS:
        moment = datetime.datetime.fromisoformat(second).replace(tzinfo=datetime.timezone.utc)
        SECONDS[second] = int(moment.timestamp())
    return SECONDS[second] * 1000 + int(fraction or 0)


class Recorder:
    """Receives datagrams and writes them to a pcap file, as they would look on the loopback."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.path = str(path)
        self.datagrams = 0
        self.longest = 0
        self.stopping = False
        self.thread = threading.Thread(target=self._receive, daemon=True)
        self.thread.start()

    def _receive(self):
        with open(self.path, "wb") as file:
            file.write(struct.pack("<IHHIIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))  # raw IP
            self.socket.settimeout(0.1)
            while True:
                try:
                    data, sender = self.socket.recvfrom(65535)
                except socket.timeout:
                    if self.stopping:
                        return
                    continue
                self.datagrams += 1
                self.longest = max(self.longest, len(data) + 28)
                loopback = bytes([127, 0, 0, 1])
                header = struct.pack(">BBHHHBBH4s4sHHHH", 0x45, 0, len(data) + 28, 0, 0, 64, 17, 0,
                                     loopback, loopback, sender[1], self.port, len(data) + 8, 0)
                now = time.time_ns() // 1000
                file.write(struct.pack("<IIII", now // 1000000, now % 1000000, len(data) + 28,
                                       len(data) + 28) + header + data)

    def stop(self):
        """Ends once the socket has been empty for a while."""
        self.stopping = True
        self.thread.join()
        self.socket.close()

    def tshark(self, condition, *fields):
        """Lines of the FIELDS of the messages for which CONDITION holds."""
        command = ["tshark", "-r", self.path, "-d", f"udp.port=={self.port},cflow", "-Y", condition]
        if fields:
            command += ["-T", "fields"] + [word for field in fields for word in ("-e", field)]
        return subprocess.run(command, capture_output=True, text=True, check=False,
                              timeout=300).stdout.splitlines()
