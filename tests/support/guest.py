"""An emulated machine (qemu without hardware help) that runs spanflowd on a real PCI driver.

The machine has Debian's kernel and an initial file system made here: busybox, the built spanflowd
with its libraries, the DPDK drivers, the kernel's vfio modules. A second serial line carries
commands in and their output out. Used by tests/qemu; one thread.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

from support import probe

KERNELS = probe.ROOT / "build-qemu"  # where tools/check --qemu unpacks Debian's kernel
DRIVERS = pathlib.Path("/usr/lib/x86_64-linux-gnu/dpdk/pmds-23.0")
DRIVER_FILES = ("librte_bus_pci", "librte_bus_vdev", "librte_mempool_ring", "librte_net_e1000",
                "librte_net_virtio")
# In the order in which they can be loaded.
MODULES = ("irqbypass", "vfio", "vfio_virqfd", "vfio_iommu_type1", "vfio-pci-core", "vfio-pci")
LIMIT_S = 420  # the life of one machine: many times what it takes on an idle processor

INIT = """#!/bin/sh
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
for module in MODULES; do insmod /modules/$module.ko || echo "no module $module"; done
ip link set lo up
stty -F /dev/ttyS1 raw -echo
exec </dev/ttyS1 >/dev/ttyS1 2>&1
echo '@@ 0'
while read -r line; do
    (eval "$line") </dev/null >/tmp/answer 2>&1
    status=$?
    cat /tmp/answer
    echo
    echo "@@ $status"
done
"""


def kernel():
    """(kernel image, folder of its modules) that a machine can run, None if there is none."""
    for folder in (KERNELS, pathlib.Path("/")):
        for image in sorted((folder / "boot").glob("vmlinuz-*"), reverse=True):
            modules = folder / "lib/modules" / image.name.removeprefix("vmlinuz-") / "kernel"
            if (modules / "drivers/vfio/pci/vfio-pci.ko").is_file() and os.access(image, os.R_OK):
                return image, modules
    return None


def missing():
    """Why no machine can run here, "" if one can."""
    for program in ("qemu-system-x86_64", "busybox", "cpio", "ldd"):
        if not shutil.which(program):
            return f"{program} is not installed (tools/check --qemu installs it)"
    if not kernel():
        return "there is no kernel with vfio modules (tools/check --qemu fetches Debian's)"
    if not (DRIVERS / "librte_net_e1000.so").exists():
        return f"no DPDK drivers in {DRIVERS}"
    return ""


def libraries(path):
    """The shared libraries that the program or library PATH needs, with the dynamic loader."""
    text = subprocess.run(["ldd", path], check=True, capture_output=True, text=True).stdout
    return set(re.findall(r"(/\S+) \(0x", text))


def put_library(root, path):
    """Puts a library under ROOT where it is here. Its other names stay links: loaded twice, a
    driver would register itself twice."""
    real = os.path.realpath(path)
    for file in {real, path}:
        target = root / file.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if file == real:
            shutil.copy(real, target)
        else:
            target.symlink_to(real)


def build_initramfs(folder, programs=()):
    """Writes FOLDER/initramfs with spanflowd and PROGRAMS; returns its path."""
    root = pathlib.Path(folder, "root")
    for name in ("bin", "proc", "sys", "dev", "tmp", "modules"):
        (root / name).mkdir(parents=True)
    shutil.copy(shutil.which("busybox"), root / "bin/busybox")
    applets = subprocess.run(["busybox", "--list"], check=True, capture_output=True, text=True)
    for applet in applets.stdout.split():
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")
    copied = {DRIVERS / (name + ".so") for name in DRIVER_FILES}
    needed = set()
    for file in [probe.SPANFLOWD, *programs, *copied]:
        needed |= libraries(file)
    # Some libraries find this one only when a thread is cancelled.
    needed.add("/lib/x86_64-linux-gnu/libgcc_s.so.1")
    for file in copied | needed:
        put_library(root, str(file))
    for file in [probe.SPANFLOWD, *programs]:
        shutil.copy(file, root / "bin")
    for name in MODULES:
        source = next(kernel()[1].rglob(name + ".ko"), None)
        if source:
            shutil.copy(source, root / "modules")
    init = root / "init"
    init.write_text(INIT.replace("MODULES", " ".join(MODULES)), encoding="ascii")
    init.chmod(0o755)
    archive = pathlib.Path(folder, "initramfs")
    with open(archive, "wb") as file:
        names = subprocess.run(["find", "."], cwd=root, check=True, capture_output=True).stdout
        subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=root, input=names, stdout=file,
                       check=True)
    shutil.rmtree(root)
    return archive


class Guest:
    """A machine with the further qemu arguments DEVICES. Use as a context manager."""

    def __init__(self, folder, initramfs, devices, prefix=(), limit_s=LIMIT_S):
        self.folder = pathlib.Path(folder)
        self.end = time.monotonic() + limit_s
        self.buffer = b""
        for name in ("commands", "monitor"):
            (self.folder / name).unlink(missing_ok=True)
        command = [
            *prefix, "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max",
            "-machine", "q35", "-m", "1024", "-smp", "2", "-nodefaults", "-display", "none",
            "-no-reboot", "-kernel", str(kernel()[0]), "-initrd", str(initramfs),
            "-append", "console=ttyS0 quiet panic=-1 no_timer_check intel_iommu=on hugepages=192",
            "-serial", f"file:{self.folder}/console",
            "-chardev", f"socket,id=commands,path={self.folder}/commands,server=on,wait=on",
            "-serial", "chardev:commands",
            "-qmp", f"unix:{self.folder}/monitor,server=on,wait=off",
            "-device", "intel-iommu,caching-mode=on", *devices]
        with open(self.folder / "qemu.log", "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log)
        self.commands = self.monitor = None

    def __enter__(self):
        try:
            self.commands = self.connect("commands")
            self.monitor = self.connect("monitor")
            self.monitor_file = self.monitor.makefile("r")
            self.monitor_file.readline()  # the greeting
            self.qmp("qmp_capabilities")
            self.read_answer()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for connection in (self.commands, self.monitor):
            if connection:
                connection.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def left(self):
        """Seconds that this machine may still run."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the machine's time is over: " + self.last_words())
        return left

    def last_words(self):
        words = b""
        for name in ("qemu.log", "console"):
            file = self.folder / name
            words += file.read_bytes()[-500:] if file.exists() else b""
        return words.decode(errors="replace")

    def connect(self, name):
        connection = socket.socket(socket.AF_UNIX)
        while True:
            connection.settimeout(self.left())
            try:
                connection.connect(str(self.folder / name))
                return connection
            except (FileNotFoundError, ConnectionRefusedError):
                if self.process.poll() is not None:
                    raise RuntimeError("qemu does not start: " + self.last_words()) from None
                time.sleep(0.05)

    def qmp(self, command, **arguments):
        """One command to qemu's monitor; returns what it returns."""
        self.monitor.settimeout(self.left())
        words = {"execute": command, **({"arguments": arguments} if arguments else {})}
        self.monitor.sendall(json.dumps(words).encode() + b"\n")
        while True:
            answer = json.loads(self.monitor_file.readline())
            if "error" in answer:
                raise RuntimeError(f"{command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def read_answer(self):
        """The output and the status of the last command."""
        while True:
            found = re.search(rb"\r?\n?@@ (\d+)\r?\n", self.buffer)
            if found:
                output = self.buffer[:found.start()]
                self.buffer = self.buffer[found.end():]
                return int(found.group(1)), output.decode(errors="replace")
            self.commands.settimeout(self.left())
            try:
                data = self.commands.recv(65536)
            except TimeoutError:
                raise TimeoutError("no answer from the machine: " + self.last_words()) from None
            if not data:
                raise RuntimeError("the machine has ended: " + self.last_words())
            self.buffer += data

    def run(self, command):
        """Runs one line of shell inside; returns (status, output)."""
        self.commands.sendall(command.encode() + b"\n")
        return self.read_answer()

    def must(self, command):
        """The output of a command that has to work."""
        status, output = self.run(command)
        if status:
            raise RuntimeError(f"{command}: {output[-300:]}")
        return output

    def wait(self, command, condition=None):
        """Repeats COMMAND until it works and CONDITION(output) holds; returns the output."""
        while True:
            status, output = self.run(command)
            if status == 0 and (condition is None or condition(output)):
                return output
            self.left()
            time.sleep(0.1)
