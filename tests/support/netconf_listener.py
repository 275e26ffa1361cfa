"""Sessions that have subscribed to notifications, with nothing between them and their octets."""
import datetime
import re

from support import netconf_client
from support.netconf_probe import problem

NOTIFICATION = "urn:ietf:params:xml:ns:netconf:notification:1.0"


def moment(seconds=0.0):
    """Now, some SECONDS later, as a date-and-time."""
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return now.isoformat(timespec="microseconds").replace("+00:00", "Z")


def subscribe(inside=""):
    return f'<create-subscription xmlns="{NOTIFICATION}">{inside}</create-subscription>'


class Listener:
    """A session that has subscribed. Notifications and replies come as they come."""

    def __init__(self, client, inside=""):
        self.client = client
        self.seen = []
        self.problems = problem(self.rpc(subscribe(inside)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()

    def rpc(self, operation):
        """The reply; notifications before it are kept."""
        self.client.number += 1
        self.client.send(self.client.frame(
            f'<rpc message-id="{self.client.number}" xmlns="{netconf_client.BASE}">{operation}'
            "</rpc>"))
        while True:
            message = self.client.receive()
            if "<rpc-reply" in message:
                return message
            self.seen.append(message)

    def until(self, *words, start=0):
        """The first notification from START on that has all WORDS."""
        while True:
            for message in self.seen[start:]:
                if all(word in message for word in words):
                    return message
            start = len(self.seen)
            message = self.client.receive()
            assert "<notification" in message, message
            self.seen.append(message)

    def names(self):
        return [re.search(r"</eventTime><(?:\w+:)?([\w-]+)", message)[1] for message in self.seen]


def as_time(text):
    text = re.sub(r"\.(\d{1,6})\d*", lambda it: "." + it[1].ljust(6, "0"), text)
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
