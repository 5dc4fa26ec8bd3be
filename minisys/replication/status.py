"""What a replica says of itself: its role, as Redis words it, and where to go instead.

Something answers slowly, and the person on call asks each server the same two questions: who are you, and how far
behind? Redis has words for that (ROLE, INFO replication), and tools that read them; so they are used here.

Promised: only what this replica knows; a deposed primary that has not heard of it still says "master". Beyond Redis's
fields INFO has term (the fencing token), commit, applied, mode and name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minisys.testbed import resp
from minisys.testbed.resp import array, bulk, integer

if TYPE_CHECKING:
    from minisys.replication.replica import Replica


def redirect(replica: Replica, write: bool = True) -> bytes:
    """The error for a client that has come to the wrong replica; READONLY as in Redis, REDIRECT as in Valkey 8."""
    leader = replica.machine.leader
    port = replica.peers.addresses.get(leader) if leader else None
    if port is None:
        return resp.error("CLUSTERDOWN no primary is known at the moment; try again")
    if write:
        return resp.error(f"READONLY You can't write against a read only replica. The primary is 127.0.0.1:{port}")
    return resp.error(f"REDIRECT 127.0.0.1:{port}")


def role(replica: Replica) -> bytes:
    """The answer to ROLE."""
    if replica.leads:
        followers = [
            array([bulk(b"127.0.0.1"), _text(replica.peers.addresses.get(peer, 0)), _text(match)])
            for peer, match in replica.replicas().items()
        ]
        return array([bulk(b"master"), integer(replica.machine.state.last_index), array(followers)])
    port = replica.peers.addresses.get(replica.machine.leader or "", 0)
    state = b"connected" if port else b"connect"
    return array([bulk(b"slave"), bulk(b"127.0.0.1"), integer(port), bulk(state), integer(replica.applied)])


def info(replica: Replica) -> dict[str, Any]:
    """The fields of INFO replication."""
    machine = replica.machine
    told: dict[str, Any] = {"role": "master" if replica.leads else "slave"}
    if replica.leads:
        told["connected_slaves"] = len(replica.peers.writers)
        for number, (peer, match) in enumerate(replica.replicas().items()):
            port, state = (
                replica.peers.addresses.get(peer, 0),
                "online" if peer in replica.peers.writers else "wait_bgsave",
            )
            told[f"slave{number}"] = f"ip=127.0.0.1,port={port},state={state},offset={match},lag=0"
    else:
        port = replica.peers.addresses.get(machine.leader or "", 0)
        told |= {"master_host": "127.0.0.1", "master_port": port, "master_link_status": "up" if port else "down"}
    told |= {"master_repl_offset": machine.state.last_index, "mode": replica.options.mode, "name": replica.name}
    told |= {"term": machine.state.term, "leader": machine.leader or "", "commit": machine.commit}
    return told | {"applied": replica.applied, "log_bytes": replica.log.end, "refused_peers": replica.peers.refused}


def _text(number: int) -> bytes:
    return bulk(str(number).encode())
