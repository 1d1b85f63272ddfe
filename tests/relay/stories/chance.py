# SPDX-License-Identifier: MIT
"""Exchanges by chance, from fixed seeds: framings, sizes and segments that nobody thought of.
RELAY_TEST_SEED adds to the seeds."""

import os
import random
import threading

from stage.story import tell
from stage.wire import chunk, same

SIZES = (0, 0, 1, 2, 100, 4095, 4096, 16384, 32767, 32768, 32769, 70000, 300000)
ROUTES = ('reads=blue:100,green:0 writes=blue:100', 'reads=green:100 writes=blue:100',
          'reads=blue:50,green:50 writes=green:100')


def noise(rng, size):
    return rng.randbytes(size) if size < 5000 else (rng.randbytes(997) * (size // 997 + 1))[:size]


def chunks(rng, body):
    """The body in chunks of random sizes, with extensions and trailers now and then."""
    text, rest = b'', body
    while rest:
        size = min(len(rest), rng.choice((1, 7, 1000, 32768, 100000)))
        text += chunk(rest[:size], rng.choice(('', '', ';a', ';b="c d"')))
        rest = rest[size:]
    return text + b'0\r\n' + rng.choice((b'', b'X-Sum: 1\r\n')) + b'\r\n'


def framed(rng, start, body, may_close=False):
    """A message: head and body, framed in one of the ways there are."""
    fields = b''.join(b'X-%d: %s\r\n' % (i, b'v' * rng.choice((0, 3, 500))) for i in range(rng.randrange(6)))
    kind = rng.randrange(3 if may_close else 2)
    if kind == 0:
        return start + fields + b'Content-Length: %d\r\n\r\n' % len(body) + body, False
    if kind == 1:
        return start + b'Transfer-Encoding: chunked\r\n' + fields + b'\r\n' + chunks(rng, body), False
    return start + fields + b'Connection: close\r\n\r\n' + body, True


def send_in_pieces(rng, wire, text):
    """Cut where it hurts: anywhere, single bytes too."""
    style = rng.randrange(3)
    while text:
        size = len(text) if style == 0 else rng.choice((1, 2, 50)) if style == 1 and len(text) < 2000 \
            else rng.choice((1, 13, 1460, 40000))
        wire.sock.sendall(text[:size])
        text = text[size:]


class Talk:
    """Requests on one client connection, some pipelined, and what must come back."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.expected = {}

    def plan(self, number):
        """The bytes of a request; remembers the body that its backend must see."""
        rng, name = self.rng, f'/{number}'
        method = rng.choice(('GET', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE'))
        start = f'{method} {name} HTTP/1.1\r\nHost: a\r\n'.encode()
        body = b'' if method in ('GET', 'HEAD') else noise(rng, rng.choice(SIZES))
        text = start + b'\r\n' if method in ('GET', 'HEAD') else framed(rng, start, body)[0]
        self.expected[name] = (method, body, noise(rng, rng.choice(SIZES)), rng.randrange(1 << 30))
        return method, name, text


def backend_of(talk, wrong):
    def answer(request, wire):
        method, body, reply, seed = talk.expected[request.target]
        rng = random.Random(seed)
        if (request.method, request.body) != (method, body):
            wrong.append(f'{method} {request.target}: {len(request.body)} bytes, not {len(body)}, or changed')
        if method == 'HEAD':
            return b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % len(reply)
        text, closes = framed(rng, b'HTTP/1.1 200 OK\r\n', reply, may_close=True)
        if rng.random() < 0.2:
            text = b'HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n' + text
        if closes and rng.random() < 0.5:
            wire.send_with_end(text)
        else:
            send_in_pieces(rng, wire, text)
        if closes:
            wire.close()
        return None
    return answer


def by_chance(seed):
    def told(s):
        talk, wrong = Talk(seed), []
        s.blue.serve(backend_of(talk, wrong))
        s.green.serve(backend_of(talk, wrong))
        wire, number = s.client(), 0
        for _ in range(25):
            if talk.rng.random() < 0.3:
                s.control.route(talk.rng.choice(ROUTES))
            batch = [talk.plan(number + i) for i in range(talk.rng.choice((1, 1, 2, 5)))]
            number += len(batch)
            text = b''.join(text for _, _, text in batch)
            rng = random.Random(number)
            sender = threading.Thread(target=quietly, args=(rng, wire, text), daemon=True)
            sender.start()
            for method, name, _ in batch:
                response = wire.response(to=method)
                while response.status == 103:
                    response = wire.response(to=method)
                assert response.status == 200, (method, name, response.raw, response.body[:100])
                reply = talk.expected[name][2]
                if method == 'HEAD':
                    same(response.get('Content-Length'), str(len(reply)))
                else:
                    assert response.body == reply, \
                        f'{method} {name}: {len(response.body)} bytes, not {len(reply)}, or changed'
                if response.get('Connection') == 'close':
                    wire.expect_end()
                    wire = s.client()  # what was pipelined behind it is gone, as it must be
                    break
            sender.join()
        same(wrong, [], 'what the backends saw')
    return told


def quietly(rng, wire, text):
    try:
        send_in_pieces(rng, wire, text)
    except OSError:
        pass  # the relay closed behind an answer that said so


base = int(os.environ.get('RELAY_TEST_SEED', '0'))
for one in range(base, base + 12):
    tell(f'exchanges by chance arrive unchanged, seed {one}', by_chance(one))
