"""For every leaf of the model: a configuration in which it has another value than before, and what
becomes of the probe; with SOURCES only the source is opened anew. table() must have a row for each
leaf of the schema, or say why it cannot."""
import os
import pathlib
import shutil

from support import certificates, named_flows
from support.configuration import changed

LIVE, SOURCES, REBUILD, REFUSED = "live", "sources", "rebuild", "refused"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN7GOPXTZpZ0nPfmVmVsMQGIwTz5v6Lk9mD2E6Jm0oXk test"
HASH = "$6$abcdefgh$" + "a" * 86
FINGERPRINT = ":".join(["ab"] * 32)


class Row:
    """A configuration to be committed, the KIND of change; BEFORE must be running for it, and takes
    another probe than the usual one if APART."""

    def __init__(self, configuration, kind=LIVE, before=None, apart=False):
        self.configuration = configuration
        self.kind = kind
        self.before = before
        self.apart = apart or kind in (SOURCES, REBUILD)


class Table:
    """Makes the rows. INTERFACE is observed, PORTS are free UDP ports of the loopback."""

    def __init__(self, folder, interface, ports):
        self.folder = pathlib.Path(folder)
        self.ports = ports
        self.base = {
            "observationPoint": [{"name": "mirror", "xdp": {"interface": interface}}],
            "selectionProcess": [{"name": "default"}],
            "cache": [{"name": "default", "maxFlows": 65536, "activeTimeout": 30,
                       "idleTimeout": 5}],
            "exportingProcess": [{"name": "default", "destination": [
                {"name": "first", "udpExporter": {"destinationAddress": "127.0.0.1",
                                                  "destinationPort": ports[0]}}]}],
        }
        self.rows = {}
        authority = certificates.Authority(self.folder, "authority")
        self.certificate, self.private = authority.issue("localhost", "DNS:localhost,IP:127.0.0.1")
        self.authority = authority.certificate
        for path in (self.private, authority.key):
            shutil.chown(path, "spanflow")
            os.chmod(path, 0o600)
        os.chmod(self.folder / "authority", 0o755)
        key = self.folder / "anonymise.key"
        key.write_text("0123456789abcdef" * 4, encoding="ascii")
        os.chmod(key, 0o600)
        self.anonymise = str(key)
        rules = self.folder / "own.rules"
        rules.write_text("", encoding="ascii")
        self.rule_file = str(rules)
        self.netconf_folder = self.folder / "netconf"
        self.netconf_folder.mkdir()
        shutil.chown(self.netconf_folder, "spanflow")

    def tls(self):
        return {"certificate": str(self.certificate), "privateKey": str(self.private),
                "certificationAuthority": str(self.authority)}

    # ---- rows ----

    def set(self, path, *where_and_value, kind=LIVE, base=None, apart=False):
        """PATH becomes what is said, in BASE."""
        before = base or self.base
        self.rows[path] = Row(changed(before, *where_and_value), kind, base, apart)

    def second(self, path, destination, value_path, *values):
        """A second DESTINATION comes, then the leaf at VALUE_PATH in it changes."""
        first = self.base["exportingProcess"][0]["destination"][0]
        destination = {"name": "second", **destination}
        before = changed(self.base, "exportingProcess", 0, "destination", [first, destination])
        whole = changed(before, "exportingProcess", 0, "destination", 1, *value_path, *values)
        self.rows[path] = Row(whole, LIVE, before)

    def table(self):
        """{path without /spanflow: Row, or a text that says why there is none}."""
        self.observation()
        self.selection()
        self.caches()
        self.exporting()
        self.destinations()
        self.transports()
        self.applications()
        self.alerts()
        self.names()
        self.lists()
        self.snapshot()
        self.management()
        return self.rows

    def observation(self):
        point = self.base["observationPoint"][0]
        interface = point["xdp"]["interface"]
        queue = f",descriptors={length}" if (length := point.get("receiveDescriptors")) else ""
        sources = {**self.base, "source": [f"xdp:{interface},role=tap-a{queue}"]}
        del sources["observationPoint"]
        self.rows["source"] = Row(sources)  # the same device
        self.rows["collector"] = Row({**self.base, "exportingProcess": [{"name": "default"}],
                                      "collector": [f"udp://127.0.0.1:{self.ports[0]}"]})
        at = ("observationPoint", 0)
        self.set("observationPoint/name", *at, "name", "other")
        self.rows["observationPoint/device"] = \
            "needs devices of DPDK; test_dpdk changes it"
        self.rows["observationPoint/xdp/interface"] = Row(
            changed(self.base, *at, "xdp", "interface", "spare0"), SOURCES)
        self.set("observationPoint/xdp/mode", *at, "xdp", "mode", "generic", kind=SOURCES)
        self.set("observationPoint/xdp/copy", *at, "xdp", "copy", "copy", kind=SOURCES)
        self.set("observationPoint/xdp/hostTraffic", *at, "xdp", "hostTraffic", "pass",
                 kind=SOURCES)
        self.set("observationPoint/xdp/busyPolling", *at, "xdp", "busyPolling", 10, kind=SOURCES)
        self.set("observationPoint/selectionProcess", *at, "selectionProcess", "default")
        self.set("observationPoint/ifIndex", *at, "ifIndex", 777)
        self.set("observationPoint/role", *at, "role", "tap-b")
        self.set("observationPoint/filter", *at, "filter", "udp")
        self.set("observationPoint/receiveDescriptors", *at, "receiveDescriptors", 2048,
                 kind=SOURCES)
        self.set("observationPoint/timeSource", *at, "timeSource", "device", kind=REFUSED)
        files = {**self.base, "captureFile": ["/nonexistent.pcap"]}
        del files["observationPoint"]
        self.rows["captureFile"] = Row(files, REFUSED)
        self.set("localNetwork", "localNetwork", ["10.0.0.0/8", "2001:db8::/32"])
        self.set("workers", "workers", 2)
        self.set("workerCpu", "workerCpu", [0])
        self.set("hashPorts", "hashPorts", True, base=changed(self.base, "workers", 2))

    def selection(self):
        self.set("flowKey/vlanInKey", "flowKey", "vlanInKey", False)
        self.set("flowKey/fragmentTable", "flowKey", "fragmentTable", False)
        self.set("flowKey/decapsulate", "flowKey", "decapsulate", ["gre", "vxlan"])
        at = ("selectionProcess", 0)
        self.set("selectionProcess/name", *at, "name", "other")
        self.set("selectionProcess/cache", *at, "cache", ["default"])
        self.set("selectionProcess/sampCountBased/packetSpace", *at, "sampCountBased",
                 {"packetSpace": 3})
        two = changed(self.base, "observationPoint", self.base["observationPoint"] + [
            {"name": "spare", "xdp": {"interface": "spare0"}}])
        self.set("selectionProcess/duplicateWindow", *at, "duplicateWindow", 20, base=two,
                 apart=True)
        self.set("selectionProcess/filter", *at, "filter", "udp and not port 9")
        self.set("selectionProcess/ignorePrefix", *at, "ignorePrefix",
                 ["198.51.100.0/24", "2001:db8:5::/48"])

    def caches(self):
        at = ("cache", 0)
        one = {**self.base["cache"][0], "name": "other", "exportingProcess": "default"}
        self.rows["cache/name"] = Row(changed(self.base, "cache", [one]))
        self.set("cache/exportingProcess", *at, "exportingProcess", "default")
        self.set("cache/maxFlows", *at, "maxFlows", 131072)
        self.set("cache/activeTimeout", *at, "activeTimeout", 10)
        self.set("cache/idleTimeout", *at, "idleTimeout", 2)
        self.set("cache/tcpLinger", *at, "tcpLinger", 0)
        self.set("cache/kernelFlows", *at, "kernelFlows", 4096)
        self.set("cache/kernelAfterPackets", *at, "kernelAfterPackets", 4)
        for leaf, value in (("level1", "off"), ("enterOccupancy", 50), ("occupancyHysteresis", 20),
                            ("shortIdleTimeout", 2), ("level2", 1000000), ("ipv4PrefixLength", 16),
                            ("ipv6PrefixLength", 32)):
            self.set(f"cache/floodPolicy/{leaf}", *at, "floodPolicy", {leaf: value})

    def exporting(self):
        at = ("exportingProcess", 0)
        self.set("exportingProcess/name", *at, "name", "other")
        for leaf, value in (("templateRefreshTimeout", 5), ("templateRefreshPacket", 100),
                            ("statisticsTimeout", 3), ("queueSize", 1048576)):
            self.set(f"exportingProcess/{leaf}", *at, leaf, value)
        first = self.base["exportingProcess"][0]["destination"][0]
        tcp = {"name": "tcp", "tcpExporter": {"destinationAddress": "127.0.0.1",
                                              "destinationPort": self.ports[1]}}
        spool = changed(self.base, *at, "destination", [first, tcp])
        spooling = changed(spool, *at, "spool", {"directory": f"{self.folder}/spool"})
        self.rows["exportingProcess/spool/directory"] = Row(spooling, REBUILD)
        self.set("exportingProcess/spool/maxSize", *at, "spool", "maxSize", 2097152, base=spooling,
                 apart=True)
        self.set("exportingProcess/spool/replayRate", *at, "spool", "replayRate", 100,
                 base=spooling, apart=True)
        tcp = {**tcp, "group": "both"}
        group = changed(self.base, *at, "destination", [{**first, "group": "both"}, tcp])
        group = changed(group, *at, "deliveryGroup", [{"name": "both", "exportMode": "fallback"}])
        self.rows["exportingProcess/deliveryGroup/name"] = Row(group)
        self.set("exportingProcess/deliveryGroup/exportMode", *at, "deliveryGroup", 0,
                 "exportMode", "loadBalancing", base=group)
        self.set("exportingProcess/deliveryGroup/holdTime", *at, "deliveryGroup", 0, "holdTime", 5,
                 base=group)

    def udp(self, **leaves):
        return {"udpExporter": {"destinationAddress": "127.0.0.1",
                                "destinationPort": self.ports[1], **leaves}}

    def destinations(self):
        stem = "exportingProcess/destination/"
        for leaf, value in (("name", "third"), ("profile", "nfdump"), ("scaleCounters", True),
                            ("biflow", True), ("anonymisationKeyFile", self.anonymise),
                            ("group", "alone"),
                            ("informationElement", ["octetDeltaCount", "packetDeltaCount",
                                                    "sourceIPv4Address"])):
            self.second(stem + leaf, self.udp(), (leaf,), value)
        method = {"method": "clientPort"}
        self.second(stem + "recordAggregation/method", self.udp(), ("recordAggregation",), method)
        for leaf, value in (("timeout", 5), ("tableSize", 1024)):
            self.second(f"{stem}recordAggregation/{leaf}",
                        {**self.udp(), "recordAggregation": method},
                        ("recordAggregation", leaf), value)
        json_file = {"jsonWriter": {"file": f"{self.folder}/a.json"}}
        self.second(stem + "jsonWriter/file", json_file, ("jsonWriter", "file"),
                    f"{self.folder}/b.json")
        plain = {"fileWriter": {"file": f"{self.folder}/a.ipfix"}}
        for leaf, value in (("file", f"{self.folder}/b.ipfix"), ("observationDomainId", 7),
                            ("timeUnit", "nanoseconds")):
            self.second(f"{stem}fileWriter/{leaf}", plain, ("fileWriter", leaf), value)
        # A file that is being written keeps its form; another one has another.
        for leaf, value in (("rotationTime", 60), ("rotationSize", 262144),
                            ("messageChecksum", True), ("compression", "zstd")):
            self.second(f"{stem}fileWriter/{leaf}", plain, ("fileWriter",),
                        {"file": f"{self.folder}/{leaf}.ipfix", leaf: value})

    def transports(self):
        stem = "exportingProcess/destination/"
        there = {"destinationAddress": "127.0.0.1", "destinationPort": self.ports[1]}
        common = (("destinationAddress", "localhost"), ("sourceAddress", "127.0.0.1"),
                  ("destinationPort", self.ports[2]), ("observationDomainId", 7),
                  ("timeUnit", "microseconds"))
        for kind in ("udpExporter", "tcpExporter", "sctpExporter"):
            for leaf, value in common:
                self.second(f"{stem}{kind}/{leaf}", {kind: there}, (kind, leaf), value)
        for leaf, value in (("ipfixVersion", 9), ("maxPacketSize", 1200),
                            ("recordRateLimit", 1000)):
            self.second(f"{stem}udpExporter/{leaf}", {"udpExporter": there},
                        ("udpExporter", leaf), value)
        kafka = {"broker": [f"127.0.0.1:{self.ports[1]}"], "topic": "flows"}
        for leaf, value in (("broker", [f"127.0.0.1:{self.ports[2]}"]), ("topic", "others"),
                            ("format", "ipfix"), ("acknowledgements", "leader"),
                            ("compression", "gzip")):
            self.second(f"{stem}kafkaExporter/{leaf}", {"kafkaExporter": kafka},
                        ("kafkaExporter", leaf), value)
        ipfix = {**kafka, "format": "ipfix"}
        for leaf, value in (("observationDomainId", 7), ("timeUnit", "nanoseconds")):
            self.second(f"{stem}kafkaExporter/{leaf}", {"kafkaExporter": ipfix},
                        ("kafkaExporter", leaf), value)
        for kind, base in (("udpExporter", there), ("tcpExporter", there),
                           ("kafkaExporter", kafka)):
            self.secured(stem + kind + "/transportLayerSecurity/", kind, base)

    def secured(self, stem, kind, base):
        both = {"certificate": str(self.certificate), "privateKey": str(self.private)}
        for leaf, value in (("certificate", both), ("privateKey", both),
                            ("certificationAuthority",
                             {"certificationAuthority": str(self.authority)}),
                            ("verifyCollector", {"verifyCollector": False})):
            self.second(stem + leaf, {kind: {**base, "transportLayerSecurity": {}}},
                        (kind, "transportLayerSecurity"), value)

    def applications(self):
        on = changed(self.base, "applications", {"identify": "on"})
        self.rows["applications/identify"] = Row(on)
        for leaf, value in (("shippedRules", False), ("ruleFile", [self.rule_file]),
                            ("compiledRules", f"{self.folder}/rules"), ("packets", 8),
                            ("octets", 512), ("scansPerSecond", 1000), ("timeShare", 20)):
            self.set(f"applications/{leaf}", "applications", leaf, value, base=on)

    def alerts(self):
        for leaf, value in (("minimumSeverity", "high"), ("held", 16),
                            ("notificationsPerMinute", 0)):
            self.set(f"alerts/{leaf}", "alerts", leaf, value)
        for leaf, value in (("when", "critical"), ("before", 5), ("after", 7), ("maximum", 2),
                            ("expiry", 3600)):
            self.set(f"alerts/freeze/{leaf}", "alerts", "freeze", leaf, value)

    def names(self):
        key = f"{self.folder}/names.key"
        hashed = changed(self.base, "names", {"tlsServerName": "keyed-hash", "hashKey": key})
        self.set("names/hashKey", "names", "hashKey", f"{key}2", base=hashed)
        for leaf in named_flows.TYPES:
            self.set(f"names/{leaf}", "names", leaf, "clear", base=hashed)

    def lists(self):
        files = [pathlib.Path(self.folder, f"leaf-{it}.list") for it in "abc"]
        for path, text in zip(files, ("192.0.2.77\n", "192.0.2.78\n", "example.com Example\n")):
            path.write_text(text, encoding="ascii")
        entry = {"name": "leaf", "kind": "hosts", "file": str(files[0])}
        one = changed(self.base, "list", [entry])
        self.set("list/name", "list", [{**entry, "name": "other"}], base=one)
        self.set("list/kind", "list", [{**entry, "kind": "networks"}], base=one)
        self.set("list/file", "list", [{**entry, "file": str(files[1])}], base=one)
        self.set("list/label", "list", [{**entry, "label": "Leaf"}], base=one)
        self.set("list/severity", "list", [{**entry, "severity": "critical"}], base=one)
        self.set("brands", "brands", str(files[2]))

    def snapshot(self):
        ring = {"enabled": True, "directory": f"{self.folder}/ring", "memorySize": 4,
                "diskSize": 64, "cutoffClass": [{"name": "dns", "port": [53]}]}
        on = changed(self.base, "snapshot", ring)
        self.rows["snapshot/enabled"] = Row(on)
        for leaf, value in (("directory", f"{self.folder}/ring2"), ("memorySize", 8),
                            ("diskSize", 128), ("snapLength", "everything"), ("cutoffPackets", 10),
                            ("cutoffOctets", 10000), ("flushInterval", 2), ("maximumAge", 3600),
                            ("wantedAge", 60), ("notice", "packets are kept"), ("extractRate", 10),
                            ("freezeLimit", 20)):
            self.set(f"snapshot/{leaf}", "snapshot", leaf, value, base=on)
        for leaf, value in (("name", "names"), ("prefix", ["10.0.0.0/8"]), ("port", [80]),
                            ("application", ["tls"]), ("cutoffPackets", 5),
                            ("cutoffOctets", 5000)):
            self.set(f"snapshot/cutoffClass/{leaf}", "snapshot", "cutoffClass", 0, leaf, value,
                     base=on)
        history = {"enabled": True, "size": 64, "maximumAge": 86400}
        on = changed(self.base, "snapshot", {"directory": f"{self.folder}/ring",
                                             "flowHistory": history})
        self.rows["snapshot/flowHistory/enabled"] = Row(on)
        for leaf, value in (("exportingProcess", "default"), ("size", 128), ("maximumAge", 7200),
                            ("wantedAge", 3600)):
            self.set(f"snapshot/flowHistory/{leaf}", "snapshot", "flowHistory", leaf, value,
                     base=on)

    def management(self):
        self.set("stateDirectory", "stateDirectory", f"{self.folder}/state", kind=REBUILD)
        self.set("ledgerFile", "ledgerFile", f"{self.folder}/ledger.json")
        ssh = {"name": "a", "address": "127.0.0.1", "port": 18830}
        at = ("netconf", "sshServer")
        for leaf, value in (("name", "b"), ("address", "::1"), ("port", 18831)):
            self.set(f"netconf/sshServer/{leaf}", *at, [{**ssh, leaf: value}],
                     base=changed(self.base, *at, [ssh]))
        name = {"id": 1, "fingerprint": FINGERPRINT, "user": "anna"}
        tls = {"name": "t", "address": "127.0.0.1", "port": 16513, **self.tls(),
               "certToName": [name]}
        self.papers("tlsServer", tls, (("address", "::1"), ("port", 16514)))
        home = {"name": "h", "address": "127.0.0.1", "port": 14335}
        at = ("netconf", "callHome")
        for leaf, value in (("port", 14336), ("address", "localhost")):
            self.set(f"netconf/callHome/{leaf}", *at, [{**home, leaf: value}],
                     base=changed(self.base, *at, [home]))
        home = {**home, "transport": "tls", **self.tls(), "certToName": [name]}
        self.set("netconf/callHome/transport", *at, [home])
        self.papers("callHome", home, ())
        self.rows["netconf/hostKey"] = Row(changed(
            self.base, "netconf", {"hostKey": f"{self.netconf_folder}/host_key"}))
        self.set("netconf/passwordLogin", "netconf", "passwordLogin", True)
        user = {"name": "anna", "authorizedKey": [KEY]}
        at = ("netconf", "user")
        for leaf, value in (("name", "berta"), ("authorizedKey", [KEY + "2"]),
                            ("password", HASH)):
            self.set(f"netconf/user/{leaf}", *at, [{**user, leaf: value}],
                     base=changed(self.base, *at, [user]))
        self.set("netconf/auditLog", "netconf", "auditLog", f"{self.netconf_folder}/audit.log")
        self.set("netconf/notifications/logSize", "netconf", "notifications", {"logSize": 1048576})
        self.set("netconf/notifications/dropThreshold", "netconf", "notifications",
                 {"dropThreshold": 10})

    def papers(self, kind, entry, more):
        """Certificates in ENTRY of the list KIND: copies of the files take their place."""
        at = ("netconf", kind)
        base = changed(self.base, *at, [entry])
        name = entry["certToName"][0]
        for leaf in ("certificate", "privateKey", "certificationAuthority"):
            copy = f"{self.folder}/{kind}.{leaf}"
            shutil.copy2(entry[leaf], copy)
            shutil.chown(copy, "spanflow")
            self.set(f"netconf/{kind}/{leaf}", *at, [{**entry, leaf: copy}], base=base)
        for leaf, value in (("name", "other"), *more):
            self.set(f"netconf/{kind}/{leaf}", *at, [{**entry, leaf: value}], base=base)
        for leaf, value in (("id", 2), ("user", "berta"),
                            ("fingerprint", FINGERPRINT.replace("ab", "cd"))):
            self.set(f"netconf/{kind}/certToName/{leaf}", *at,
                     [{**entry, "certToName": [{**name, leaf: value}]}], base=base)
