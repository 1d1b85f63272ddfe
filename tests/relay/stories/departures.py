# SPDX-License-Identifier: MIT
"""Clients that end half of their connection, or all of it, at any moment: who may still be waiting is
answered, and who has gone frees what was busy for it."""

from stage.story import story
from stage.wire import same


@story
def a_client_may_half_close_behind_its_request(s):
    for text in (b'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
                 b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello'):
        c = s.client()
        c.send(text)
        c.half_close()
        b, _ = s.blue.take()
        s.relay.expect_calm(0.3)
        b.answer(b'answer')
        same(c.response().body, b'answer')
        c.expect_end()


@story
def a_client_may_half_close_behind_pipelined_requests(s):
    s.blue.serve()
    c = s.client()
    c.send(b'GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx')
    c.half_close()
    same([c.response().body, c.response().body], [b'blue GET /1', b'blue POST /2'])
    c.expect_end()


@story
def a_client_that_ends_within_its_head_is_forgotten(s):
    for end in ('half_close', 'reset'):
        c = s.client()
        c.send(b'POST / HTTP/1.1\r\nHost: a\r\nContent-Le')
        getattr(c, end)()
        if end == 'half_close':
            c.read_rest()
            c.close()
    s.control.wait_counters(connections=0)
    s.blue.expect_silence()


@story
def a_body_that_ends_early_never_looks_whole_to_the_backend(s):
    for head, half in ((b'Content-Length: 10', b'half '), (b'Transfer-Encoding: chunked', b'5\r\nhello\r\n')):
        for end in ('half_close', 'reset'):
            c = s.client()
            c.send(b'POST / HTTP/1.1\r\nHost: a\r\n' + head + b'\r\n\r\n' + half)
            b = s.blue.ready()
            b.head()
            same(b.read(len(half)), half)
            getattr(c, end)()
            b.expect_end()
    s.control.wait_counters(blue_inflight=0)


@story
def a_client_that_resets_while_it_waits_frees_the_backend(s):
    for method in ('GET', 'POST'):
        c = s.client()
        c.post('/wait', b'x', method=method)
        b, _ = s.blue.take()
        c.reset()
        b.expect_end()
    s.control.wait_counters(blue_inflight=0, connections=0)


@story
def a_client_that_resets_within_its_answer_frees_the_backend(s):
    c = s.client()
    c.get()
    b, _ = s.blue.take()
    b.send(b'HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n' + bytes(1000))
    c.head()
    c.reset()
    b.expect_end()
    s.control.wait_counters(blue_inflight=0, connections=0)


@story
def a_client_that_resets_while_it_waits_for_100_frees_the_backend(s):
    c = s.client()
    c.send(b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n')
    b = s.blue.ready()
    b.head()
    c.reset()
    b.expect_end()
    s.control.wait_counters(blue_inflight=0, connections=0)


@story
def a_client_that_resets_with_requests_pipelined_sends_no_more(s):
    c = s.client()
    c.send(b''.join(b'POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n' % i for i in range(9)))
    b, request = s.blue.take()
    same(request.target, '/0')
    c.reset()
    b.expect_end()
    s.control.wait_counters(connections=0)
    s.blue.expect_silence()


@story
def nothing_is_left_behind_by_three_hundred_broken_exchanges(s):
    def answer(request, wire):
        kind = int(request.target[1:]) % 6
        if kind == 0:
            wire.reset()
        elif kind == 1:
            wire.send(b'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf')
            wire.close()
        elif kind == 2:
            wire.send(b'nonsense\r\n\r\n')
        else:
            return b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
        return None
    s.blue.serve(answer)
    s.control.counters()
    before = s.relay.descriptors()
    for i in range(300):
        c = s.client()
        if i % 2:
            c.post(f'/{i}', b'xyz')
        else:
            c.get(f'/{i}')
        if i % 3:
            c.read(1) if i % 6 not in (0, 2) else c.response()
            c.reset()
        else:
            c.reset()
    s.control.route('reads=green:100 writes=green:100')
    s.control.wait_counters(blue_inflight=0, connections=0)
    s.control.drain('blue')
    s.control.drained('blue')
    same(s.relay.descriptors(), before, 'open descriptors')
