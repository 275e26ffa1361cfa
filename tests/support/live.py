"""Live packets in a namespace, a daemon with destinations, and what the account and the collectors
must say in the end. For tests of collectors that fail."""
import json
import pathlib
import signal

from support import ledger, namespace, probe, workload
from support.stream_collector import StreamCollector

RATE = 2500  # packets/s; each is a flow, and a record one second later
FLOWS = 60000
SOURCE = "af_packet:" + namespace.Namespace.PROBE


class Scene:
    """The namespace, the capture, and one daemon with its sender at a time."""

    def __init__(self, space, folder):
        self.space = space
        self.folder = folder
        self.capture = f"{folder}/flows.pcap"
        workload.make_flows(self.capture, FLOWS)
        self.runs = 0

    def output(self):
        self.runs += 1
        return f"{self.folder}/run{self.runs}"

    def collector(self, kind, files=()):
        return StreamCollector(kind, self.output(), files=files, prefix=self.space.prefix)


class Run:
    """A daemon with DESTINATIONS and packets on its interface. Use as a context manager."""

    def __init__(self, scene, destinations, queue=1 << 24, options=(), **more):
        config = f"{scene.output()}.json"
        pathlib.Path(config).write_text(json.dumps({"spanflow:spanflow": {
            "exportingProcess": [{"name": "default", "queueSize": queue}]}}), encoding="ascii")
        words = [word for destination in destinations for word in ("-e", destination)]
        self.scene = scene
        self.daemon = probe.Daemon(
            ["-c", config, "-i", SOURCE, "-t", "active=1,idle=1", *options] + words
            + probe.SMALL,
            f"{config}.ledger", prefix=scene.space.prefix, **more)
        self.sender = None
        self.end = None

    def __enter__(self):
        self.daemon.wait_ready()
        self.daemon.wait_ledger(lambda it: True)
        self.sender = self.scene.space.sender(self.scene.capture, RATE)
        return self

    def __exit__(self, *_):
        if self.sender.poll() is None:
            self.sender.kill()
        self.sender.communicate()
        self.daemon.__exit__()

    def until(self, condition, timeout=60):
        """The first ledger for whose destinations' rows CONDITION holds."""
        found = self.daemon.wait_ledger(lambda it: condition(*it["destinations"]), timeout)
        if found is None:
            ended = self.daemon.process.poll() is not None
            raise TimeoutError(self.daemon.stop(()).err[-300:] if ended
                               else "the ledger never said what was waited for")
        return found

    def more_records(self, count):
        """Until COUNT more records were made."""
        now = self.until(lambda *rows: True)["records"]["out"]
        self.daemon.wait_ledger(lambda it: it["records"]["out"] >= now + count)

    def stop(self, signals=(signal.SIGTERM,)):
        self.sender.terminate()
        self.sender.wait()
        self.end = self.daemon.stop(signals, timeout=90)
        return self.end


def balanced(run, code=0):
    problems = [] if run.code == code else [f"exit {run.code}, want {code}: {run.err[-400:]}"]
    return problems + ledger.problems(run.ledger)


def only_lost(row, *reasons):
    return [f"lost {name}: {count}" for name, count in row["lost"].items()
            if count and name not in reasons]


def arrived(collector, row, cut=(), unread=0):
    """What COLLECTOR has is whole, nothing twice, and it fits to the account ROW. UNREAD: records
    that its host may have taken and it had not read when it was killed."""
    records, problems = collector.decode(cut)
    keys = {probe.record_key(record) for record in records}
    if len(keys) != len(records):
        problems.append(f"{len(records) - len(keys)} records came twice")
    least, most = row["sent"] - unread, row["sent"] + row["lost"]["connection"]
    if not least <= len(records) <= most:
        problems.append(f"{len(records)} records arrived, sent {row['sent']}, lost {row['lost']}")
    return problems
