# SPDX-License-Identifier: MIT
"""Who leaves, how, and when: a client or a backend that resets, closes, or closes its sending half, in
every state that a connection can be in. Whatever it was, nobody is told that a part is the whole,
nothing spins, and nothing is left behind."""

import os

from stage.story import HELD, tell
from stage.wire import chunk, same, wait_until

POST = b'POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n'
UPGRADE = b'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'
SWITCHED = b'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'
PREFACE = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'


def silent(s):
    """Nothing was said yet."""
    c = s.client()
    s.control.wait_counters(connections=1)
    return c, None


def idle(s):
    """Between requests, with a pooled connection to blue."""
    c = s.client()
    c.get('/1')
    b, _ = s.blue.take()
    b.answer(b'one')
    same(c.response().body, b'one')
    return c, b


def head(s):
    c = s.client()
    c.send(POST[:20])
    s.control.wait_counters(connections=1)
    return c, None


def preface(s):
    c = s.client()
    c.send(PREFACE[:16])
    s.control.wait_counters(connections=1)
    return c, None


def held(s):
    s.control.route(HELD)
    c = s.client()
    c.send(POST + b'x' * 10)
    s.control.wait_counters(holding=1)
    return c, None


def held_upload(s):
    """Its body has not come whole."""
    s.control.route(HELD)
    c = s.client()
    c.send(POST + b'half ')
    s.control.wait_counters(holding=1)
    return c, None


def connecting(s):
    """Blue's queue is full, so that its connect is not answered."""
    s.blue.listener.listen(0)
    s.fill = [s.blue.knock() for _ in range(3)]
    c = s.client()
    c.send(POST + b'x' * 10)
    s.control.wait_counters(blue_inflight=1)
    return c, None


def sending(s):
    """Half of the request's body is there."""
    c = s.client()
    c.send(POST + b'half ')
    b = s.blue.accept()
    b.head()
    same(b.read(5), b'half ')
    return c, b


def sending_to_the_deaf(s):
    """More of it than the backend reads."""
    c = s.client()
    c.send(b'POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n')
    b = s.blue.accept()
    b.head()
    c.push(1 << 30)
    return c, b


def waiting(s):
    c = s.client()
    c.send(POST + b'x' * 10)
    b = s.blue.accept()
    b.request()
    return c, b


def expecting(s):
    c = s.client()
    c.send(POST[:-2] + b'Expect: 100-continue\r\n\r\n')
    b = s.blue.accept()
    b.head()
    b.send(b'HTTP/1.1 100 Continue\r\n\r\n')
    same(c.response().status, 100)
    return c, b


def response_head(s):
    c, b = waiting(s)
    b.send(b'HTTP/1.1 200 OK\r\nContent-Le')
    s.control.counters()
    return c, b


def answered(start, part):
    def state(s):
        c, b = waiting(s)
        b.send(b'HTTP/1.1 200 OK\r\n' + start + b'\r\n\r\n' + part)
        c.head()
        same(c.read(len(part)), part)
        return c, b
    return state


def both_ways(s):
    """An answer that began before the request was whole."""
    c, b = sending(s)
    b.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n' + chunk(b'early'))
    c.head()
    same(c.read(10), chunk(b'early'))
    return c, b


def not_read(s):
    """More of a response than the client reads."""
    c = s.client(receive_buffer=65536)
    c.send(POST + b'x' * 10)
    b = s.blue.accept()
    b.request()
    b.send(b'HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n')
    b.push(1 << 30)
    return c, b


def stream(s):
    c = s.client()
    c.get('/events')
    b, _ = s.blue.take()
    b.send(b'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n')
    c.head()
    s.control.wait_counters(blue_streams=1)
    return c, b


def tunnel(s):
    c = s.client()
    c.send(UPGRADE)
    b = s.blue.accept()
    b.head()
    b.send(SWITCHED)
    c.head()
    return c, b


def http2(s):
    c = s.client()
    c.send(PREFACE)
    b = s.blue.accept()
    same(b.read(24), PREFACE)
    return c, b


def own_answer(s):
    """More answers of the relay's own than the client reads."""
    c = s.client(receive_buffer=4096)
    c.push(1 << 26, b'OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n' * 1000)
    s.control.wait_counters(connections=1)
    return c, None


def linger(s):
    """Refused, told so, and waited for."""
    c = s.client()
    c.send(b'GET / HTTP/1.1\r\n\r\n')
    same(c.response().status, 400)
    c.expect_end()
    return c, None


STATES = {
    'before its first byte': (silent, ''), 'between two requests': (idle, ''),
    'within a head': (head, ''), 'within the preface of HTTP/2': (preface, ''),
    'while it is held': (held, ''), 'while its upload is held': (held_upload, ''),
    'while a color does not answer its connect': (connecting, ''),
    'within the body of a request': (sending, ''),
    'within an upload that is not read': (sending_to_the_deaf, ''),
    'before its answer': (waiting, 'asked'), 'behind a 100': (expecting, ''),
    'within the head of an answer': (response_head, 'asked'),
    'within an answer of some length': (answered(b'Content-Length: 9', b'part'), 'part'),
    'within an answer in chunks': (answered(b'Transfer-Encoding: chunked', chunk(b'part')), 'part'),
    'within a chunk of an answer': (answered(b'Transfer-Encoding: chunked', b'9\r\npart'), 'part'),
    'within the last chunk of an answer': (answered(b'Transfer-Encoding: chunked', b'4\r\npart\r\n0\r\n'), 'part'),
    'within an answer that ends with its connection': (answered(b'X: y', b'part'), 'open'),
    'within an answer that came before the request was whole': (both_ways, 'part'),
    'within an answer that is not read': (not_read, 'part'),
    'within an event stream': (stream, 'stream'),
    'within a tunnel': (tunnel, ''), 'within a connection of HTTP/2': (http2, ''),
    'within answers of the relay that are not read': (own_answer, ''),
    'while it lingers': (linger, ''),
}


def ending_of(wire):
    """What was still to be read, and whether it ended with a reset."""
    text = bytes(wire.buffer)
    while True:
        try:
            piece = wire.sock.recv(1 << 18)
        except ConnectionResetError:
            return text, True
        if not piece:
            return text, False
        text = (text + piece)[-(1 << 20):]


def expect_honesty(kind, how, client):
    """What the client still hears once its backend has parted, in the middle of the answer. An end
    without a reset would say that it was the whole, but for one that may end so."""
    if kind == 'asked':
        response = client.response()
        assert response.status == 502, response.start
        return
    text, reset = ending_of(client)
    if kind == 'part' or (kind == 'open' and how == 'reset'):
        assert reset, f'half an answer ended as a whole one does; behind it came {text[-100:]!r}'
    if kind == 'stream':
        assert not text.endswith(b'0\r\n\r\n'), text
    assert kind or not text.startswith(b'HTTP/1.1 ') or int(text[9:12]) >= 500, text


def bare(s):
    """Nothing of anybody is left; a pooled connection or two may be."""
    s.control.wait_counters(connections=0, holding=0, blue_inflight=0, green_inflight=0, blue_streams=0)


def sockets(s):
    """How many it has open; a pipe or two are kept for the next long body."""
    count = 0
    for fd in os.listdir(f'/proc/{s.relay.pid}/fd'):
        try:
            count += os.readlink(f'/proc/{s.relay.pid}/fd/{fd}').startswith('socket:')
        except FileNotFoundError:
            pass  # it was closed meanwhile
    return count


def part(who, how, name):
    begin, kind = STATES[name]

    def tale(s):
        before = sockets(s)
        client, backend = begin(s)
        leaving, staying = (client, backend) if who == 'client' else (backend, client)
        getattr(leaving, how)()
        if who == 'backend' and begin is not idle and how != 'half_close':
            expect_honesty(kind, how, client)
        s.relay.expect_calm(0.05)
        for wire in (staying, leaving):
            if wire and wire.sock.fileno() >= 0:
                wire.reset()
        bare(s)
        for one in getattr(s, 'fill', ()):
            one.close()
        s.control.route('reads=green:100 writes=green:100')  # so that nothing of blue is kept
        wait_until(lambda: sockets(s) <= before, 'its sockets were closed')
        s.green.serve()
        s.works()
    return tale


def backend_leaves(name):
    """There is a connection of a backend's to leave."""
    return STATES[name][0] not in (silent, head, preface, held, held_upload, connecting, own_answer, linger)


STAGE = {'workers': 1, 'env': {'RELAY_CONNECT_TIMEOUT_USEC': '300000'}}

for state in STATES:
    for word, how in (('resets', 'reset'), ('closes', 'close'), ('closes its sending half', 'half_close')):
        tell(f'a client {word} {state}', part('client', how, state), **STAGE)
        if backend_leaves(state):
            tell(f'a backend {word} {state}', part('backend', how, state), **STAGE)
