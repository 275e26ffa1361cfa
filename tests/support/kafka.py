"""A cluster of mock brokers in a process of its own, and kcat as the consumer."""
import collections
import shutil
import subprocess

from support import probe

MOCK = probe.BUILD / "tests" / "tools" / "mock_kafka"
Message = collections.namedtuple("Message", "partition offset key value")


def missing():
    """Why there can be no cluster, or None."""
    if not MOCK.exists():
        return "this build has no Kafka"
    return None if shutil.which("kcat") else "kcat is not installed"


class MockCluster:
    """Brokers with one topic. Use as a context manager; PREFIX runs them elsewhere."""

    def __init__(self, topic="flows", partitions=6, brokers=1, prefix=()):
        self.topic = topic
        self.prefix = list(prefix)
        self.process = subprocess.Popen(
            self.prefix + [str(MOCK), str(brokers), topic, str(partitions)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.brokers = self.process.stdout.readline().strip()
        if not self.brokers:
            raise RuntimeError("the mock cluster does not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def url(self, words="", topic=None):
        return f"kafka://{self.brokers}/{topic or self.topic}" + (f"?{words}" if words else "")

    def tell(self, command):
        """See mock_kafka.c."""
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if answer != "ok":
            raise RuntimeError(f"the mock cluster answers {answer!r} to {command!r}")

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def consume(self, topic=None):
        """Every message of TOPIC, in the order of its partition."""
        run = subprocess.run(
            self.prefix + ["kcat", "-C", "-q", "-e", "-b", self.brokers, "-t", topic or self.topic,
                           "-o", "beginning", "-f", "%p %o %K %S\n%k%s"],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False)
        if run.returncode:
            raise RuntimeError(f"kcat: {run.stderr[-300:]}")
        messages, data, at = [], run.stdout, 0
        while at < len(data):
            end = data.index(b"\n", at)
            partition, offset, key, size = (int(word) for word in data[at:end].split())
            at, key = end + 1, max(key, 0)  # -1: no key
            messages.append(Message(partition, offset, data[at:at + key],
                                    data[at + key:at + key + size]))
            at += key + size
        return messages
