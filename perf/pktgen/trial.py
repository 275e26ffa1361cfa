"""One trial of zero_loss: starts spanflowd, has the generator offer packets, ends both and compares
what the generator counted with what the probe's ledger says."""
import os
import pathlib
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests"))
from support import ledger, probe  # noqa: E402

PATIENCE_S = 3  # without a further packet, nothing more is under way


class TrialError(Exception):
    """One line about a trial that gave no result."""


class Collector:
    """A socket of our own that nobody reads: what the kernel takes counts as sent."""

    def __enter__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.destination = f"udp://127.0.0.1:{self.socket.getsockname()[1]}?rate=0"
        return self

    def __exit__(self, *_):
        self.socket.close()


def wait_observed(daemon, packets):
    """Until the probe observed PACKETS, or nothing more for PATIENCE_S."""
    seen, changed = -1, time.monotonic()
    while time.monotonic() < changed + PATIENCE_S:
        account = daemon.ask_ledger()
        if account is None:
            return
        if account["observed"]["packets"] != seen:
            seen, changed = account["observed"]["packets"], time.monotonic()
        if seen >= packets:
            return
        time.sleep(0.05)


def named(term):
    """The reasons of a group that are not 0, as a list of words."""
    return [f"{name} {it['packets']}" for name, it in term["reasons"].items() if it["packets"]]


def judge(counters, account, code):
    """The numbers of one trial as a dict: every packet that the generator offered, and what became
    of it. `problems` lists what nobody accounts for; `zero_loss` says that nothing was lost."""
    problems = list(ledger.problems(account))
    observed, metered = account["observed"], account["metered"]
    destinations = account["destinations"]
    records_lost = sum(sum(it["lost"].values()) for it in destinations)
    unnamed = counters["sent"] - observed["packets"]
    if counters["offered"] != counters["sent"] + counters["unsent"]:
        problems.append(f"the generator offered {counters['offered']} packets, but sent "
                        f"{counters['sent']} and did not send {counters['unsent']}")
    if unnamed:
        problems.append(f"{unnamed} of {counters['sent']} packets sent are not in the ledger")
    elif counters["octets"] is not None and not account["dropped"]["packets"] and (
            counters["octets"] != observed["octets"]):
        problems.append(f"{counters['octets']} octets sent, {observed['octets']} observed")
    if code != 0:
        problems.append(f"spanflowd ended with status {code}")
    reasons = [f"unsent {counters['unsent']}"] if counters["unsent"] else []
    for group in ("filtered", "ignored", "dropped", "lost"):
        reasons += named(account[group])
    reasons += [f"{name} {count} records" for it in destinations
                for name, count in it["lost"].items() if count]
    row = {
        "offered": counters["offered"],
        "sent": counters["sent"],
        "unsent": counters["unsent"],
        "observed": observed["packets"],
        "metered": metered["packets"],
        "exported": account["exported"]["packets"],
        "lost": account["lost"]["packets"],
        "records": account["records"]["out"],
        "records_lost": records_lost,
        "not_named": unnamed,
        "named": ", ".join(reasons),
        "balanced": account["balanced"],
        "problems": "; ".join(problems),
    }
    row["zero_loss"] = (not problems and records_lost == 0 and counters["sent"] > 0 and
                        row["offered"] == row["sent"] == row["observed"] == row["metered"] ==
                        row["exported"])
    return row


def finish(daemon, generator, counters):
    """Ends both; returns how the probe ended."""
    wait_observed(daemon, counters["sent"])
    generator.leave()
    run = daemon.stop(timeout=300)
    if run.ledger is None:
        raise TrialError(f"spanflowd left no ledger: {last_line(run.err)}")
    return run


def last_line(text):
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def run(setup, size, packets_per_s, seconds, packets, folder):
    """One trial; returns its row. SETUP: generator, source, flows, probe (more options), prefix."""
    generator = setup.generator
    with Collector() as collector:
        command = ["-i", setup.source, "-e", setup.destination or collector.destination]
        with probe.Daemon(command + setup.probe, f"{folder}/ledger.json",
                          prefix=setup.prefix) as daemon:
            if daemon.wait_ledger(lambda it: True, 60) is None:
                raise TrialError(f"spanflowd did not start: {last_line(daemon.stop().err)}")
            try:
                counters = generator.offer(size, setup.flows, packets_per_s, packets, seconds)
                ended = finish(daemon, generator, counters)
            finally:
                generator.leave()
    elapsed = max(counters["seconds"], 1e-6)
    row = {
        "bench": "zero_loss",
        "generator": generator.name,
        "size": size,
        "flows": setup.flows,
        "target_mpps": round(packets_per_s / 1e6, 4) if packets_per_s else "unlimited",
        "offered_mpps": round(counters["offered"] / elapsed / 1e6, 4),
        "sent_mpps": round(counters["sent"] / elapsed / 1e6, 4),
        "seconds": round(elapsed, 3),
    }
    row.update(judge(counters, ended.ledger, ended.code))
    row["load"] = round(os.getloadavg()[0], 2)
    return row
