"""Checks of a ledger: the three identities, computed here and not believed."""


def pair(term):
    return term["packets"], term["octets"]


def sum_reasons(group):
    """The sum over the reasons of a group G."""
    reasons = group.get("reasons", {}).values()
    return sum(r["packets"] for r in reasons), sum(r["octets"] for r in reasons)


def problems(ledger):
    """Reasons why LEDGER does not balance; empty if it does. Octets of device drops are not
    known, so identity (1) holds for octets without them."""
    if ledger is None:
        return ["no ledger"]
    result = [] if ledger.get("balanced") is True else ["the ledger says balanced is not true"]
    for name in ("filtered", "ignored", "dropped", "lost"):
        if sum_reasons(ledger[name]) != pair(ledger[name]):
            result.append(f"{name} is not the sum of its reasons")
    for row in [ledger] + ledger.get("workers", []):
        result += identities(row)
    shared = [it["name"] for it in ledger.get("groups", []) if it["mode"] != "parallel"]
    for name in shared:
        given = sum(row["records"] for row in ledger["destinations"] if row.get("group") == name)
        if given != ledger["records"]["out"]:
            result.append(f"group {name}: {given} of {ledger['records']['out']} records")
    for row in ledger["destinations"]:
        found = row["sent"] + row["queued"] + row["spooled"] + sum(row["lost"].values())
        if found != row["records"]:
            result.append(f"{row['name']}: {row['records']} records but {found} accounted for")
        if row.get("group") not in shared and row["records"] != ledger["records"]["out"]:
            result.append(f"{row['name']}: {row['records']} of {ledger['records']['out']} records")
    return result


def identities(row):
    result = []
    left = pair(row["observed"])
    right = [row["metered"]["packets"], row["metered"]["frame_octets"]]
    for name in ("filtered", "ignored", "dropped"):
        right[0] += row[name]["packets"]
        right[1] += row[name]["octets"]
    if left != tuple(right):
        result.append(f"observed {left} but {tuple(right)} accounted for")
    left = pair(row["metered"])
    right = [sum(row[name][unit] for name in ("exported", "cached", "in_kernel", "lost"))
             for unit in ("packets", "octets")]
    if left != tuple(right):
        result.append(f"metered {left} but {tuple(right)} accounted for")
    return result


def exact(ledger, truth):
    """Reasons why LEDGER does not match the ground truth of a capture read to its end."""
    result = problems(ledger)
    if ledger is None:
        return result
    expected = (
        ("observed", pair(ledger["observed"]), (truth["packets"], truth["wire_octets"])),
        ("metered packets", ledger["metered"]["packets"], truth["ip_packets"]),
        ("ignored packets", ledger["ignored"]["packets"], truth["packets"] - truth["ip_packets"]),
        ("exported", pair(ledger["exported"]), pair(ledger["metered"])),
    )
    for name, got, want in expected:
        if got != want:
            result.append(f"{name} {got} want {want}")
    return result
