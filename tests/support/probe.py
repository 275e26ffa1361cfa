"""Runs spanflowd and reads what it wrote: records as JSON lines, the ledger.

The build folder is the environment variable SPANFLOW_BUILD, default build.
"""
import ipaddress
import json
import os
import pathlib
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SPANFLOW_BUILD", ROOT / "build")).resolve()
SPANFLOWD = str(BUILD / "tools" / "spanflowd")
FLOWGEN = str(BUILD / "perf" / "flowgen")
# A small cache starts faster; no capture of the tests comes near it.
SMALL = ["-m", "65536"]


class Run:
    """What one finished run left behind."""

    def __init__(self, code, out, err, ledger):
        self.code = code
        self.out = out
        self.err = err
        self.ledger = ledger


def read_ledger(path):
    """The ledger as a dict, None if it is not there yet."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def run(arguments, ledger=None, timeout=120, **more):
    """Runs the daemon to its end. LEDGER: where to write the ledger (removed before)."""
    command = [SPANFLOWD] + [str(argument) for argument in arguments]
    if ledger:
        pathlib.Path(ledger).unlink(missing_ok=True)
        command += ["--ledger", str(ledger)]
    more.setdefault("stdin", subprocess.DEVNULL)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          errors="replace", timeout=timeout, check=False, **more)
    return Run(done.returncode, done.stdout, done.stderr, read_ledger(ledger) if ledger else None)


class Daemon:
    """A running daemon: started, asked for its ledger, stopped. Use as a context manager."""

    def __init__(self, arguments, ledger, prefix=(), **more):
        self.ledger_path = str(ledger)
        pathlib.Path(ledger).unlink(missing_ok=True)
        more.setdefault("stdin", subprocess.DEVNULL)
        more.setdefault("stderr", subprocess.PIPE)  # a file where more lines come than fit in it
        self.process = subprocess.Popen(
            list(prefix) + [SPANFLOWD] + [str(argument) for argument in arguments]
            + ["--ledger", self.ledger_path],
            stdout=subprocess.PIPE, text=True, **more)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def ask_ledger(self, timeout=10):
        """SIGUSR1, then the ledger that it makes. None when the daemon ended or gave none."""
        before = file_identity(self.ledger_path)
        end = time.monotonic() + timeout
        try:
            self.process.send_signal(signal.SIGUSR1)
        except ProcessLookupError:
            return None
        while time.monotonic() < end and self.process.poll() is None:
            if file_identity(self.ledger_path) != before:
                return read_ledger(self.ledger_path)
            time.sleep(0.01)
        return None

    def wait_ready(self, timeout=30):
        """True once the daemon handles signals: SIGUSR1 before that would end it."""
        end = time.monotonic() + timeout
        while time.monotonic() < end and self.process.poll() is None:
            if catches(self.process.pid, signal.SIGUSR1):
                return True
            time.sleep(0.02)
        return False

    def wait_ledger(self, condition, timeout=60):
        """Asks until CONDITION(ledger) holds; returns that ledger, or None."""
        if not self.wait_ready(timeout):
            return None
        end = time.monotonic() + timeout
        while time.monotonic() < end and self.process.poll() is None:
            ledger = self.ask_ledger()
            if ledger and condition(ledger):
                return ledger
            time.sleep(0.05)
        return None

    def wait_taken(self, number, timeout=10):
        """Waits until a signal that was sent is no longer pending: two would become one."""
        end = time.monotonic() + timeout
        while time.monotonic() < end and has_signal(self.process.pid, number, ("SigPnd", "ShdPnd")):
            time.sleep(0.01)

    def stop(self, signals=(signal.SIGTERM,), timeout=60):
        """Sends SIGNALS and waits for the end."""
        for number in signals:
            if self.process.poll() is None:
                self.process.send_signal(number)
        try:
            out, err = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, err = self.process.communicate()
            err = (err or "") + "did not stop in time"
        return Run(self.process.returncode, out, err or "", read_ledger(self.ledger_path))


def file_identity(path):
    try:
        status = os.stat(path)
        return status.st_ino, status.st_mtime_ns
    except OSError:
        return None


def has_signal(pid, number, names):
    """Whether signal NUMBER is in one of the masks NAMES of process PID."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            masks = dict(line.split(":") for line in file if line[:3] in ("Sig", "Shd"))
    except OSError:
        return False
    return any(int(masks[name], 16) >> (number - 1) & 1 for name in names)


def catches(pid, number):
    """Whether process PID has a handler for signal NUMBER or has blocked it for a signalfd."""
    return has_signal(pid, number, ("SigCgt", "SigBlk"))


def address(text):
    """Packed bytes of an address: text forms differ between programs."""
    return ipaddress.ip_address(text).packed


def read_json_lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def record_key(record):
    """(VLAN ids, source, destination, protocol, ports) of a JSON record; 0 where absent."""
    outer = record.get("dot1qVlanId") or record.get("vlanId") or 0
    return ((outer, record.get("dot1qCustomerVlanId") or 0),
            address(record.get("sourceIPv4Address") or record.get("sourceIPv6Address")),
            address(record.get("destinationIPv4Address") or record.get("destinationIPv6Address")),
            record["protocolIdentifier"], record.get("sourceTransportPort") or 0,
            record.get("destinationTransportPort") or 0)


def add_flow(flows, key, packets, octets, flags, first, last):
    """Adds one record to FLOWS: key -> [packets, octets, flags, first, last]."""
    flow = flows.get(key)
    if flow is None:
        flows[key] = [packets, octets, flags, first, last]
        return
    flow[0] += packets
    flow[1] += octets
    flow[2] |= flags
    flow[3] = min(flow[3], first)
    flow[4] = max(flow[4], last)


def flows_of_records(records):
    """JSON records summed per key, times in milliseconds, flags as 8 bits."""
    flows = {}
    for record in records:
        add_flow(flows, record_key(record), record["packetDeltaCount"], record["octetDeltaCount"],
                 (record.get("tcpControlBits") or 0) & 0xff, record["flowStartMilliseconds"],
                 record["flowEndMilliseconds"])
    return flows


def without_vlan(flows):
    """The same flows with the VLAN ids taken out of the key."""
    result = {}
    for key, flow in flows.items():
        add_flow(result, ((0, 0),) + key[1:], *flow)
    return result


def show(key):
    vlan, source, destination, protocol, sport, dport = key
    return (f"{ipaddress.ip_address(source)}:{sport}>{ipaddress.ip_address(destination)}:{dport}"
            f"/{protocol}" + (f" vlan {vlan}" if any(vlan) else ""))


def differences(want, got):
    """Reasons why GOT is not WANT, short enough for one line; empty if equal."""
    if want == got:
        return []
    wrong = [key for key in want if key in got and got[key] != want[key]]
    missing = [key for key in want if key not in got]
    extra = [key for key in got if key not in want]
    result = [f"{len(wrong)} wrong, {len(missing)} missing, {len(extra)} extra of {len(want)}"]
    for word, keys in (("wrong", wrong), ("missing", missing), ("extra", extra)):
        result += [f"{word} {show(key)} want {want.get(key)} got {got.get(key)}"
                   for key in keys[:1]]
    return result
