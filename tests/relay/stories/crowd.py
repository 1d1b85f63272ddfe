# SPDX-License-Identifier: MIT
"""Very many idle clients: each costs little memory and no time, nobody else is disturbed, and nothing of
them stays. RELAY_TEST_CROWD says how many (20000); without it, as many of these as
the limit of descriptors lets be, which is raised if it may."""

import os
import resource
import socket
import time

from stage.relay import sanitized
from stage.story import Skip, story
from stage.wire import WAIT, Wire, same, wait_until

CROWD = int(os.environ.get('RELAY_TEST_CROWD', '20000'))
RESERVE = 1000       # descriptors for everything else
PER_ADDRESS = 10000  # connections from one address: of 28232 ports, connect() finds half quickly
CLIENT_KIB = 4       # what an idle client may cost


def raise_limit():
    """The relay inherits it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CROWD + RESERVE
    if wanted > hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
            return
        except (ValueError, OSError):
            wanted = hard
    if wanted < CROWD + RESERVE and 'RELAY_TEST_CROWD' in os.environ:
        raise Skip(f'a process may have only {hard} descriptors here, and {CROWD} clients are asked for')
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def wakes(s):
    """How often its threads have gone to sleep so far: who does not wake does nothing."""
    count = 0
    for thread in os.listdir(f'/proc/{s.relay.pid}/task'):
        with open(f'/proc/{s.relay.pid}/task/{thread}/status', encoding='ascii') as status:
            count += sum(int(line.split()[1]) for line in status if 'ctxt_switches' in line)
    return count


def idler(s, number, asks):
    """A client on an address of its own block; one that asks has been served once."""
    sock = socket.socket()
    sock.settimeout(WAIT)
    sock.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT: the port is for connect()
    sock.bind((f'127.0.0.{2 + number // PER_ADDRESS}', 0))
    sock.connect(s.relay.addresses[0])
    if asks:
        s.works(Wire(sock, f'client {number}'))
    return sock


def crowd(s, count):
    return [idler(s, number, number % 100 == 0) for number in range(count)]


@story(before=raise_limit, publics=('any',), workers=2,
       env={'RELAY_CONNECTIONS': str(CROWD + 100), 'RELAY_IDLE_TIMEOUT_USEC': '3600000000',
            'RELAY_POOL_TIMEOUT_USEC': '1000000'})
def a_crowd_of_idle_clients_costs_little_and_leaves_no_trace(s):
    s.relay.addresses[0] = ('127.0.0.1', s.relay.addresses[0][1])
    count = min(CROWD, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - RESERVE)
    s.blue.serve()
    for _ in range(20):
        s.works()
    memory, files = s.relay.memory(), s.relay.descriptors()
    begun = time.monotonic()
    clients = crowd(s, count)
    took = time.monotonic() - begun
    s.control.wait_counters(connections=count + 20)  # and those that warmed it up

    per_client = (s.relay.memory() - memory) / count
    assert per_client < CLIENT_KIB or sanitized(), f'{per_client:.2f} KiB an idle client'
    newcomer = s.client()
    for _ in range(100):
        s.works(newcomer)
        s.works(s.relay.connect())
    wait_until(lambda: s.relay.descriptors() <= files + count + 1, 'the pool has rested')
    before = wakes(s)
    time.sleep(1)
    woken = wakes(s) - before
    # The pool, the trim of spare buffers and the control thread have a clock; clients have none.
    assert woken <= 20, f'it woke {woken} times in a second in which nobody said anything'

    for sock in clients:
        sock.close()
    s.control.wait_counters(connections=21, blue_inflight=0)
    wait_until(lambda: s.relay.descriptors() <= files + 1, 'the descriptors were closed')
    for _ in range(5):
        s.works(newcomer)
    wait_until(lambda: sanitized() or s.relay.memory() - memory < count * per_client / 4 + 500,
               'most of the memory was given back')
    left = s.relay.memory()
    same(s.relay.log().count('<3>') + s.relay.log().count('<4>'), 0, 'warnings and errors')
    if os.environ.get('RELAY_TEST_TIMES'):
        print(f'# {count} clients in {took:.1f} s, {per_client:.2f} KiB each, {woken} wake-ups a second, '
              f'{left - memory} KiB left', flush=True)
