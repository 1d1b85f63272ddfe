# SPDX-License-Identifier: MIT
"""Long bodies, which the kernel moves unseen: their ends are exact, what breaks off is never whole, and
nobody gets a byte that was meant for another, whoever leaves meanwhile. RELAY_TEST_SEED adds to the
seeds of those by chance."""

import os
import random
import threading

from stage.story import story, tell
from stage.wire import Ended, chunk, same

KIB, MIB = 1024, 1 << 20
SIZES = (65535, 65536, 65537, 262143, 262144, 262145, 3 * MIB + 1)
EVIL = b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'
SMUGGLED = b'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'


def marked(mark, size):
    """A body every 16 bytes of which tell whose they are and in which page they stood."""
    return b''.join(b'%07x:%07x\n' % (mark, at) * 256 for at in range(0, size, 4096))[:size]


@story(workers=1)
def more_than_announced_behind_a_long_answer_is_for_nobody(s):
    for size in SIZES:
        body = marked(1, size)
        for head, tail in ((b'Content-Length: %d\r\n\r\n' % size, b''),
                           (b'Transfer-Encoding: chunked\r\n\r\n%x\r\n' % size, b'\r\n0\r\n\r\n')):
            c = s.client()
            c.get('/1')
            b, _ = s.blue.take()
            s.background(lambda b=b, text=head + body + tail + EVIL: b.send(b'HTTP/1.1 200 OK\r\n' + text))
            same(c.response().body == body, True, f'{size} bytes arrived as they were')
            c.get('/2')
            b, request = s.blue.take()
            same(request.target, '/2')
            b.answer(b'truth', fields=[('Connection', 'close')])
            same(c.response().body, b'truth')
            b.reset()


@story(workers=1)
def a_request_behind_a_long_upload_is_a_request(s):
    for size in SIZES:
        body = marked(2, size)
        for head, tail in ((b'Content-Length: %d\r\n\r\n' % size, b''),
                           (b'Transfer-Encoding: chunked\r\n\r\n%x\r\n' % size, b'\r\n0\r\n\r\n')):
            c = s.client()
            text = b'POST /up HTTP/1.1\r\nHost: a\r\n' + head + body + tail
            s.background(lambda c=c, text=text: c.send(text + b'PUT /behind HTTP/1.1\r\nHost: a\r\n'
                                                       b'Content-Length: 6\r\n\r\nbehind'))
            b, request = s.blue.take()
            same((request.target, request.body == body), ('/up', True))
            b.answer(b'one')
            same(c.response().body, b'one')
            b, request = s.blue.take()
            same((request.target, request.body), ('/behind', b'behind'))
            b.answer(b'two')
            same(c.response().body, b'two')


def broken_off(kind, at, how):
    """A long answer that ends before its time."""
    def told(s):
        size = MIB
        body = marked(3, size)
        head = b'Content-Length: %d\r\n\r\n' % size
        if kind == 'chunked':
            head = b'Transfer-Encoding: chunked\r\n\r\n%x\r\n' % size
        c = s.client()
        c.get()
        b, _ = s.blue.take()

        def say():
            b.send(b'HTTP/1.1 200 OK\r\n' + head + body[:at])
            if how == 'garbage':
                b.send(body[at:] + b'zz\r\n0\r\n\r\n')
                b.half_close()
            else:
                getattr(b, how)()
        s.background(say)
        c.head()
        if kind == 'chunked':
            c.read_until(b'\r\n')
        got, reset = bytes(c.buffer), False
        while True:
            try:
                piece = c.sock.recv(MIB)
            except ConnectionResetError:
                reset = True
                break
            if not piece:
                break
            got += piece
        assert reset, f'{len(got)} bytes, and then an end as if that were all'
        same(body.startswith(got[:at]), True, 'what came was part of it')
        assert not got.endswith(b'0\r\n\r\n'), got[-100:]
        s.control.wait_counters(blue_inflight=0, connections=0, blue_failed=1)
    return told


for framing in ('length', 'chunked'):
    for end in ('close', 'reset'):
        for where in (65536, 262144, MIB - 1):
            tell(f'an answer of some {framing} that breaks off by {end} at {where} bytes is not whole',
                 broken_off(framing, where, end))
tell('a long chunk longer than it says is not whole', broken_off('chunked', MIB, 'garbage'))


@story
def a_long_upload_that_breaks_off_is_not_whole(s):
    for head in (b'Content-Length: 1048576', b'Transfer-Encoding: chunked'):
        for end in ('half_close', 'reset'):
            c = s.client()
            first = b'' if b'Length' in head else b'100000\r\n'
            c.send(b'POST /p HTTP/1.1\r\nHost: a\r\n' + head + b'\r\n\r\n' + first + marked(4, 700000))
            b = s.blue.ready()
            b.head()
            b.read(65536)
            getattr(c, end)()
            rest = b.read_rest()
            assert len(rest) + 65536 <= 700000 + len(first), 'more than was sent'
            b.close()
    s.control.wait_counters(blue_inflight=0, connections=0)


@story(workers=1)
def an_http_1_0_client_gets_long_chunks_as_they_were(s):
    bodies = [marked(i, size) for i, size in enumerate(SIZES)]
    c = s.client()
    c.send(b'GET / HTTP/1.0\r\n\r\n')
    b, _ = s.blue.take()
    s.background(lambda: b.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
                                + b''.join(chunk(body, ';x=y') for body in bodies) + b'0\r\nX: y\r\n\r\n'))
    c.head()
    same(c.read_rest() == b''.join(bodies), True, 'all of it, and nothing else, arrived')


@story
def a_long_body_in_a_tunnel_is_whole_before_its_end(s):
    for size in SIZES:
        for end in (0, 1):
            c = s.client()
            c.send(b'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n')
            b = s.blue.accept()
            b.head()
            b.send(b'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n')
            c.head()
            pair = (c, b)
            body = marked(5, size)
            s.background(lambda wire=pair[end], body=body: (wire.send(body), wire.half_close()))
            same(pair[1 - end].read_rest() == body, True, f'{size} bytes and then the end')
            pair[1 - end].send(b'answer')
            pair[1 - end].close()
            same(pair[end].read_rest(), b'answer')
            pair[end].close()
    s.control.wait_counters(connections=0, blue_inflight=0)


class Chance:
    """Clients and answers of their own marks; some leave in the middle, on either side."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.wrong = []
        self.whole = 0
        self.lock = threading.Lock()

    def answer(self, request, wire):
        """`/MARK/SIZE/FRAMING/CUT`"""
        _, mark, size, framing, cut = request.target.split('/')
        body = marked(int(mark), int(size))
        if request.body and request.body != marked(int(mark), len(request.body)):
            self.note(f'{request.target}: {len(request.body)} bytes of somebody else')
        if framing == 'chunked':
            text = b'Transfer-Encoding: chunked\r\n\r\n' + b''.join(
                chunk(body[at:at + 300000]) for at in range(0, len(body), 300000)) + b'0\r\n\r\n'
        else:
            text = b'Content-Length: %d\r\n\r\n' % len(body) + body
        text = b'HTTP/1.1 200 OK\r\n' + text
        if int(cut):
            wire.send(text[:int(cut) * len(text) // 100])
            wire.reset() if int(cut) % 2 else wire.close()
            raise Ended('as it should be')
        wire.send(text)

    def note(self, text):
        with self.lock:
            self.wrong.append(text)

    def client(self, s, number, plan):
        wire = s.relay.connect(receive_buffer=plan['buffer'])
        for mark, size, framing, cut, upload, leaves in plan['requests']:
            body = marked(mark, upload)
            try:
                wire.post(f'/{mark}/{size}/{framing}/{cut}', body, method='POST' if upload else 'GET')
                if leaves:
                    wire.read(min(leaves, size))
                    wire.reset()
                    return
                response = wire.response()
            except (Ended, OSError):
                wire.close()
                if not cut:
                    self.note(f'client {number}: {mark} broke off')
                return
            except AssertionError as error:
                self.note(f'client {number}: {mark}: {error}')
                return
            if cut and size > 1000 and response.status == 200:
                self.note(f'client {number}: half of {mark} was passed off as whole')
            if response.status == 200 and response.body != marked(mark, size):
                self.note(f'client {number}: {mark} got {len(response.body)} bytes, some of them not its own')
            with self.lock:
                self.whole += 1
        wire.close()

    def plan(self, number):
        rng = self.rng
        requests = []
        for i in range(4):
            cut = rng.choice((0, 0, 0, 0, rng.randint(30, 95)))
            requests.append((number * 16 + i, rng.choice((500, 70000, 200000, MIB)),
                             rng.choice(('length', 'chunked')), cut,
                             rng.choice((0, 0, 300, 150000, 600000)),
                             0 if cut or rng.random() < 0.8 else rng.randint(1, 150000)))
        return {'buffer': rng.choice((None, None, 4096, 65536)), 'requests': requests}


def by_chance(seed):
    def told(s):
        chance = Chance(seed)
        s.blue.serve(chance.answer)
        plans = [chance.plan(number) for number in range(40)]
        threads = [threading.Thread(target=chance.client, args=(s, number, plan), daemon=True)
                   for number, plan in enumerate(plans)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        same(chance.wrong, [], 'what went wrong')
        assert chance.whole > 30, f'only {chance.whole} answers came whole: too few to prove anything'
        s.control.wait_counters(connections=0, blue_inflight=0)
    return told


base = int(os.environ.get('RELAY_TEST_SEED', '0'))
for one in range(base, base + 2):
    tell(f'long bodies of many, of whom some leave, are never mixed, seed {one}', by_chance(one), workers=1)
