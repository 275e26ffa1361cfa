"""The captures with ground truth that SPANFLOW_CAPTURES names, and lists of accepted differences.

A capture is NAME.pcap with NAME.flows.json beside it; see README.md in that folder.
"""
import json
import os
import pathlib
import subprocess

from support import probe
from support.report import skip_all


class Capture:
    """One capture and its ground truth."""

    def __init__(self, root, path):
        self.path = str(path)
        self.name = str(path.relative_to(root))[:-len(".pcap")]
        with open(self.path[:-len(".pcap")] + ".flows.json", encoding="utf-8") as file:
            self.truth = json.load(file)

    def flows(self, inner=False):
        """Ground truth per key: [packets, octets, flags, first ns, last ns]."""
        rows = self.truth["inner_flows" if inner else "flows"]
        fields = self.truth["inner_flow_fields" if inner else "flow_fields"]
        flows = {}
        for row in rows:
            it = dict(zip(fields, row))
            vlan = (list(it.get("vlan", [])) + [0, 0])[:2]
            key = (tuple(vlan), probe.address(it["src"]), probe.address(it["dst"]), it["proto"],
                   it["sport"], it["dport"])
            probe.add_flow(flows, key, it["packets"], it["ip_octets"],
                           (it["tcp_flags"] or 0) & 0xff, it["first_ns"], it["last_ns"])
        return flows

    def in_time_order(self):
        """Whether no packet is older than the one before it."""
        answer = subprocess.run(["capinfos", "-T", "-r", "-o", self.path], capture_output=True,
                                encoding="utf-8", check=False)
        return answer.stdout.split()[-1:] == ["True"]

    def has_tunnels(self):
        return "inner_flows" in self.truth


def in_milliseconds(flows):
    return {key: flow[:3] + [flow[3] // 1000000, flow[4] // 1000000]
            for key, flow in flows.items()}


def load(test, every=1):
    """All captures in a fixed order, every EVERYth; one skip line and the end without them."""
    root = os.environ.get("SPANFLOW_CAPTURES")
    if not root:
        skip_all(test, "SPANFLOW_CAPTURES is not set")
    root = pathlib.Path(root).resolve()
    paths = [path for path in sorted(root.glob("*/*.pcap"))
             if pathlib.Path(str(path)[:-len(".pcap")] + ".flows.json").exists()]
    if not paths:
        skip_all(test, "the folder that SPANFLOW_CAPTURES names has no captures")
    return [Capture(root, path) for path in paths[::every]]


def accepted_differences(test_file, scope):
    """NAME -> reason, from differences.tsv (scope, capture, reason) beside the test program."""
    path = pathlib.Path(test_file).resolve().with_name("differences.tsv")
    accepted = {}
    if path.exists():
        with open(path, encoding="utf-8") as file:
            for line in file:
                if line.strip() and not line.startswith("#"):
                    where, name, reason = line.rstrip("\n").split("\t")
                    if where == scope:
                        accepted[name] = reason
    return accepted
