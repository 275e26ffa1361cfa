"""SiLK where it is on the PATH (Debian has no package of it): rwflowpack as a collector, IPFIX
files through rwipfix2silk, and the rows that rwcut shows of either."""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

from support import collector, probe

EXAMPLES = probe.ROOT / "docs" / "examples"
SITE = f"--site-config-file={EXAMPLES / 'silk.conf'}"
LETTERS = "FSRPAUEC"  # of the bits 0x01 .. 0x80


def available():
    return all(shutil.which(name) for name in ("rwflowpack", "rwcut", "rwipfix2silk"))


def flags(value):
    return "".join(letter for i, letter in enumerate(LETTERS) if value >> i & 1)


def cut(paths, fields):
    """Sorted rows of FIELDS (sIP, dIP first; sTime and eTime in ms): numbers where they are."""
    run = subprocess.run(
        ["rwcut", SITE, "--no-titles", "--delimited=|", "--timestamp-format=epoch",
         "--ipv6-policy=mix", f"--fields={fields}", *paths], capture_output=True, text=True,
        check=False, timeout=60)
    names = fields.split(",")
    return sorted(tuple(value_of(name, text.strip())
                        for name, text in zip(names, line.split("|")))
                  for line in run.stdout.splitlines())


def value_of(name, text):
    if name in ("sTime", "eTime"):
        return round(float(text) * 1000)
    if name in ("sIP", "dIP"):
        family = socket.AF_INET6 if ":" in text else socket.AF_INET
        return socket.inet_ntop(family, socket.inet_pton(family, text))
    return int(text) if text.isdigit() else text


def differences(wanted, got):
    """Reasons why the sorted rows GOT are not WANTED."""
    if wanted == got:
        return []
    missing = sorted(set(wanted) - set(got))
    extra = sorted(set(got) - set(wanted))
    return [f"{len(got)} rows of {len(wanted)}, missing {missing[:1]}, too many {extra[:1]}"]


class Rwflowpack:
    """rwflowpack with the files of docs/examples on a free port of loopback, packing to FOLDER.
    PROTOCOL: udp or tcp. Use as a context manager."""

    def __init__(self, folder, protocol="udp"):
        self.folder = pathlib.Path(folder)
        self.protocol = protocol
        self.port = collector.free_port()
        text = (EXAMPLES / "sensor.conf").read_text(encoding="utf-8")
        text = re.sub(r"listen-on-port \d+", f"listen-on-port {self.port}", text)
        text = re.sub(r"protocol udp", f"protocol {protocol}", text)
        text = re.sub(r"accept-from-host \S+", "accept-from-host 127.0.0.1", text)
        self.folder.mkdir()
        (self.folder / "sensor.conf").write_text(text, encoding="utf-8")
        with open(self.folder / "log", "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                ["rwflowpack", f"--sensor-configuration={self.folder / 'sensor.conf'}", SITE,
                 f"--root-directory={self.folder}", "--output-mode=local-storage",
                 "--log-destination=stderr", "--no-daemon", "--flat-archive", "--file-cache-size=8",
                 "--flush-timeout=1", "--pack-interfaces"], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log)

    def __enter__(self):
        end = time.monotonic() + 20
        while not self.listening():
            if time.monotonic() > end or self.process.poll() is not None:
                self.__exit__()
                raise RuntimeError("rwflowpack does not listen: " + self.log()[-300:])
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def listening(self):
        with open(f"/proc/net/{self.protocol}", encoding="ascii") as table:
            rows = [line.split() for line in table][1:]
        return any(int(row[1].split(":")[1], 16) == self.port and
                   (self.protocol == "udp" or row[3] == "0A") for row in rows)

    def log(self):
        return (self.folder / "log").read_text(encoding="utf-8")

    def rows(self, fields):
        paths = [str(path) for path in self.folder.rglob("*") if re.search(r"S0_\d", path.name)]
        return cut(paths, fields) if paths else []

    def wait_rows(self, fields, count, timeout=30):
        """The rows of FIELDS once there are COUNT, or what there is at the end."""
        end = time.monotonic() + timeout
        while True:
            rows = self.rows(fields)
            if len(rows) >= count or time.monotonic() > end:
                return rows
            time.sleep(0.2)


def convert(path, fields):
    """(rows, complaints) of an IPFIX file through rwipfix2silk."""
    output = str(path) + ".rw"
    run = subprocess.run(
        ["rwipfix2silk", f"--silk-output={output}", "--log-destination=stderr", str(path)],
        capture_output=True, text=True, check=False, timeout=60,
        env=dict(os.environ, TZ="UTC"))
    told = re.search(r"ignored (\d+)", run.stderr)
    complaints = [] if run.returncode == 0 and told and told.group(1) == "0" else [
        f"status {run.returncode}: {run.stderr[-300:]}"]
    return cut([output], fields), complaints
