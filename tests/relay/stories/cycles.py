# SPDX-License-Identifier: MIT
"""The relay's part of a cycle, under load: what the supervisor asks, in its order, while clients ask
all the time and the backends come and go. Judged from outside: every request has an id."""

import collections
import random
import threading

from stage.backend import Backend
from stage.story import story
from stage.wire import Ended, chunk, same, wait_until

STEADY = 'reads=blue:100,green:0 writes=blue:100'


class Ledger:
    """Who executed what, and what the clients were told."""

    def __init__(self):
        self.lock = threading.Lock()
        self.executed = collections.Counter()
        self.by_color = collections.Counter()
        self.answered = 0
        self.failed = []
        self.writes = []
        self.stop = False

    def handler(self, color):
        def answer(request, wire):
            with self.lock:
                self.executed[request.method, request.target] += 1
                self.by_color[color, request.method] += 1
            body = f'{color} {request.method} {request.target} {len(request.body)}'.encode()
            return b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s' % (len(body), body)
        return answer

    def one(self, wire, name, rng):
        """A request and its answer; raises what goes wrong."""
        size = rng.choice((0, 1, 1000, 70000))
        method = rng.choice(('GET', 'GET', 'GET', 'POST', 'PUT'))
        if method == 'GET':
            wire.get(name)
            size = 0
        elif rng.random() < 0.5:
            wire.post(name, bytes(size), method=method)
        else:
            wire.send(f'{method} {name} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'.encode(),
                      chunk(bytes(size)) if size else b'', b'0\r\n\r\n')
        response = wire.response()
        wanted = f' {method} {name} {size}'.encode()
        if response.status != 200 or not response.body.endswith(wanted):
            raise AssertionError(f'{method} {name} was answered {response.raw} {response.body}')
        if method != 'GET':
            with self.lock:
                self.writes.append(name)

    def client(self, connect, index, keep):
        """Asks until it is told to stop; keep: on one connection."""
        rng = random.Random(index)
        wire, count = None, 0
        while not self.stop:
            count += 1
            try:
                if not wire:
                    wire = connect()
                self.one(wire, f'/{index}/{count}', rng)
                with self.lock:
                    self.answered += 1
            except Exception as error:
                self.failed.append(error)
                return
            if not keep:
                wire.close()
                wire = None
        if wire:
            wire.close()

    def progress(self, requests=40):
        """Waits until so many more requests were answered."""
        wanted = self.answered + requests
        wait_until(lambda: self.failed or self.answered >= wanted, 'requests are answered')
        same(self.failed, [], 'what failed')


class Instance(Backend):
    """A backend whose instance can be killed and started again."""

    def __init__(self, color, ledger):
        super().__init__(color, listening=False)
        self.live = []
        self.handler = ledger.handler(color)
        self.listen()

    def serve_one(self, wire, number):
        self.live.append(wire)
        super().serve_one(wire, number)

    def kill(self):
        self.refuse()
        for wire in self.live:
            try:
                wire.sock.shutdown(2)
            except OSError:
                pass
        self.live = []


def under_load(s, keep_alive=10, short=4):
    ledger = Ledger()
    s.blue, s.green = Instance('blue', ledger), Instance('green', ledger)
    s.control.ok(f'backends blue={s.blue.address} green={s.green.address}')
    s.control.route(STEADY)
    threads = [threading.Thread(target=ledger.client, args=(s.relay.connect, i, i < keep_alive), daemon=True)
               for i in range(keep_alive + short)]
    for thread in threads:
        thread.start()
    ledger.threads = threads
    ledger.progress()
    return ledger


def judge(s, ledger):
    ledger.stop = True
    for thread in ledger.threads:
        thread.join()
    same(ledger.failed, [], 'what failed')
    twice = [name for (method, name), count in ledger.executed.items() if method != 'GET' and count != 1]
    same(twice, [], 'writes executed more than once')
    executed = sorted(name for method, name in ledger.executed if method != 'GET')
    same(executed, sorted(ledger.writes), 'writes executed, and those answered')
    s.control.wait_counters(blue_inflight=0, green_inflight=0, holding=0)


@story
def twenty_cycles_under_load_lose_nothing(s):
    ledger = under_load(s)
    for _ in range(20):
        s.control.route('reads=green:100 writes=blue:100')  # turn
        s.control.drain('blue', 'reads')                    # settle
        s.control.drained('blue', 'reads')
        ledger.progress(10)
        s.control.route('reads=green:100 writes=hold')      # shield
        s.control.drain('blue', 'all')                      # drain
        s.control.drained('blue', 'all')
        with ledger.lock:
            before = ledger.by_color.copy()
        s.blue.kill()                                       # restart, as roughly as can be
        s.control.counters()
        with ledger.lock:
            same(ledger.by_color['blue', 'POST'], before['blue', 'POST'], 'writes after drained')
        s.blue.listen()
        s.control.route(STEADY)                             # return
        ledger.progress(20)
        s.control.route('reads=blue:100 writes=blue:100')   # green's turn
        s.control.drain('green', 'all')
        s.control.drained('green', 'all')
        s.green.kill()
        ledger.progress(10)
        s.green.listen()
        s.control.route(STEADY)
    judge(s, ledger)
    same(ledger.by_color['green', 'POST'] + ledger.by_color['green', 'PUT'], 0, 'writes on green')
    assert ledger.by_color['green', 'GET'] > 100, ledger.by_color


@story
def a_return_while_blue_does_not_accept_yet_loses_nothing(s):
    """The route comes back too early: reads go to the standby, writes wait until blue accepts."""
    ledger = under_load(s)
    for _ in range(5):
        s.control.route('reads=green:100 writes=hold')
        s.control.drain('blue', 'all')
        s.control.drained('blue', 'all')
        s.blue.kill()
        s.control.route(STEADY)
        s.control.event('refused blue')
        s.control.events.clear()
        s.blue.listen()
        ledger.progress()
    judge(s, ledger)


@story
def a_color_killed_without_a_word_costs_no_read_and_repeats_no_write(s):
    """No drain, no route: writes in flight may fail, but are never executed twice; reads never fail
    unless their answer had begun."""
    ledger = Ledger()
    s.blue, s.green = Instance('blue', ledger), Instance('green', ledger)
    s.control.ok(f'backends blue={s.blue.address} green={s.green.address}')
    s.control.route(STEADY)
    told = collections.Counter()

    def ask(index):
        rng, count = random.Random(index), 0
        wire = s.relay.connect()
        while not ledger.stop:
            count += 1
            try:
                ledger.one(wire, f'/{index}/{count}', rng)
                told['good'] += 1
            except (AssertionError, OSError) as error:
                told['bad'] += 1
                if 'GET' in str(error) or not any(f' {n} ' in str(error) for n in ('502', '503')):
                    if not isinstance(error, (Ended, OSError)):
                        ledger.failed.append(error)
                wire.close()
                wire = s.relay.connect()
    threads = [threading.Thread(target=ask, args=(i,), daemon=True) for i in range(10)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        wanted = told['good'] + 60
        wait_until(lambda: told['good'] >= wanted or ledger.failed, 'requests are answered')
        s.blue.kill()
        s.blue.listen()
    ledger.stop = True
    for thread in threads:
        thread.join()
    same(ledger.failed, [], 'what failed that must not')
    twice = [name for (method, name), count in ledger.executed.items() if method != 'GET' and count > 1]
    same(twice, [], 'writes executed twice')
    s.control.wait_counters(blue_inflight=0, green_inflight=0, holding=0)
