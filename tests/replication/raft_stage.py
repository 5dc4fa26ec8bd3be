"""A stage for Raft servers without network or disk: messages lie in a list until the test delivers them."""

from random import Random

from minisys.replication.raft import LEADER, Raft, State
from minisys.replication.raft_messages import COMMAND, Entry, SaveEntries, SaveVote


def state(terms, *, term=None, voted_for=None, members="abc"):
    """A durable state whose log has entries of these *terms*."""
    made = State(members)
    made.apply(SaveVote(max(terms, default=0) if term is None else term, voted_for))
    made.apply(SaveEntries(tuple(Entry(i, term, COMMAND, f"{term}.{i}") for i, term in enumerate(terms, 1))))
    return made


class Stage:
    """Servers by name; `now` is everybody's clock."""

    def __init__(self, names="abc", states=None):
        self.now, self.mail, self.applied, self.out = 0.0, [], {name: [] for name in names}, None
        self.raft = {name: Raft(name, names, Random(name), (states or {}).get(name)) for name in names}
        for name in names:
            self.do(name, "tick")

    def do(self, name, verb, *given):
        """Call a method of one server and carry out its output."""
        out = getattr(self.raft[name], verb)(self.now, *given)
        self.mail += out.messages
        self.applied[name] += [entry.data for entry in out.apply if entry.kind == COMMAND]
        self.out = out
        return out

    def deliver(self, only=lambda message: True):
        """Deliver what *only* lets through, and what it leads to, until there is nothing more; the rest is dropped."""
        outs = []
        while self.mail:
            message = self.mail.pop(0)
            if only(message) and message.to in self.raft:
                outs.append(self.do(message.to, "receive", message))
        return outs

    def elect(self, name, only=lambda message: True):
        """Let everybody's patience end, *name*'s first."""
        self.now += 0.5
        self.do(name, "tick")
        self.deliver(only)
        return self.raft[name].role == LEADER

    def beat(self, name, only=lambda message: True):
        """The leader's next heartbeat."""
        self.now += 0.06
        self.do(name, "tick")
        return self.deliver(only)


def among(*names):
    """Only messages between these."""
    return lambda message: message.sender in names and message.to in names
