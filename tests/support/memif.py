"""Both ends of a memif for tests: spanflowd listens, packet_generator sends."""
import json
import pathlib
import subprocess
import tempfile

from support import probe

GENERATOR = str(probe.BUILD / "perf" / "packet_generator")


def words(folder, role, ring=12):
    return (f"net_memif0,role={role},socket={folder}/memif.sock,socket-abstract=no,"
            f"rsize={ring}")


def missing():
    """Why memif cannot be used here, or None."""
    if not pathlib.Path(GENERATOR).exists():
        return "this build has no DPDK"
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run([GENERATOR, words(folder, "server"), "--link-wait", "0.01"],
                             stdin=subprocess.DEVNULL, capture_output=True, text=True,
                             check=False, timeout=60)
    said = run.stderr.strip().splitlines()
    if said and said[-1].endswith("the link does not come up"):
        return None
    return f"no memif: {said[-1] if said else run.returncode}"


def send(folder, *options):
    """One run of the generator, which leaves as soon as the ring took everything. Its counters."""
    run = subprocess.run([GENERATOR, words(folder, "client")] + [str(it) for it in options],
                         stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                         timeout=120)
    if run.returncode != 0:
        raise RuntimeError(f"packet_generator: {run.stderr.strip()[-200:]}")
    return json.loads(run.stdout)
