# SPDX-License-Identifier: MIT
"""Large bodies, slow ends: memory stays flat, nobody is starved, and nothing spins."""

import hashlib
import random
import time

from stage.relay import sanitized
from stage.story import HELD, story, tell
from stage.wire import chunk, same

MIB = 1 << 20
FLAT = 6 * 1024  # KiB that the relay may grow by, whatever flows through it
STALLED = 64 * MIB  # the kernel's own buffers are smaller than this


def noise(size):
    return random.Random(size).randbytes(size)


def expect_flat(s, before, growth=FLAT):
    if not sanitized():
        now = s.relay.memory()
        assert now - before < growth, f'the relay grew from {before} to {now} KiB'


def warmed(s):
    """Resident KiB once the code has been used."""
    c = s.client()
    c.get('/warm')
    b, _ = s.blue.take()
    b.answer(b'warm')
    c.response()
    c.close()
    return s.relay.memory()


@story
def a_download_of_256_mib_needs_no_memory(s):
    before, size = warmed(s), 256 * MIB
    c = s.client()
    c.get('/big')
    b, _ = s.blue.take()
    b.send(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % size)
    s.background(lambda: b.pour(size))
    same(c.head().get('Content-Length'), str(size))
    c.swallow(size)
    expect_flat(s, before)
    c.get('/next')
    b, _ = s.blue.take()
    b.answer(b'next')
    same(c.response().body, b'next')


@story
def an_upload_of_256_mib_needs_no_memory(s):
    before, size = warmed(s), 256 * MIB
    c = s.client()
    c.send(b'POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n' % size)
    s.background(lambda: c.pour(size))
    b = s.blue.ready()
    b.head()
    b.swallow(size)
    expect_flat(s, before)
    b.answer(b'thanks')
    same(c.response().body, b'thanks')


@story
def a_chunked_download_of_64_mib_arrives_whole(s):
    before = warmed(s)
    block = noise(100000)
    c = s.client()
    c.get('/big')
    b, _ = s.blue.take()
    b.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')

    def pour():
        for _ in range(650):
            b.send(chunk(block))
        b.send(b'0\r\n\r\n')
    s.background(pour)
    c.head()
    size = 650 * len(chunk(block))
    one = chunk(block)
    for _ in range(650):
        assert c.read(len(one)) == one, 'a chunk arrived changed'
    same(c.read(5), b'0\r\n\r\n')
    assert size > 60 * MIB
    expect_flat(s, before)


@story
def a_body_of_noise_arrives_unchanged_both_ways(s):
    body = noise(3 * MIB + 7)
    c = s.client()
    s.background(lambda: c.post('/noise', body))
    b, request = s.blue.take()
    same(hashlib.sha256(request.body).hexdigest(), hashlib.sha256(body).hexdigest())
    s.background(lambda: b.answer(body[::-1]))
    same(hashlib.sha256(c.response().body).hexdigest(), hashlib.sha256(body[::-1]).hexdigest())


@story
def a_slow_client_holds_back_the_backend(s):
    before, size = warmed(s), 256 * MIB
    c = s.client(receive_buffer=65536)
    c.get('/big')
    b, _ = s.blue.take()
    b.send(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % size)
    sent = b.push(size)
    assert sent < STALLED, f'the relay took {sent} bytes that nobody read'
    expect_flat(s, before)
    s.relay.expect_calm()
    s.background(lambda: b.pour(size - sent))
    c.head()
    c.swallow(size)
    expect_flat(s, before)


@story
def a_slow_client_gets_all_of_an_answer_whose_backend_has_closed(s):
    body = noise(8 * MIB)
    c = s.client(receive_buffer=65536)
    c.get('/big')
    b, _ = s.blue.take()

    def say_and_close():
        b.answer(body, fields=[('Connection', 'close')])
        b.half_close()
    s.background(say_and_close)
    s.relay.expect_calm()
    same(hashlib.sha256(c.response().body).hexdigest(), hashlib.sha256(body).hexdigest())


@story
def a_slow_backend_holds_back_the_client(s):
    before, size = warmed(s), 256 * MIB
    c = s.client()
    c.send(b'POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n' % size)
    b = s.blue.ready()
    sent = c.push(size)
    assert sent < STALLED, f'the relay took {sent} bytes that nobody read'
    expect_flat(s, before)
    s.relay.expect_calm()
    s.background(lambda: c.pour(size - sent))
    b.head()
    b.swallow(size)
    b.answer(b'thanks')
    same(c.response().body, b'thanks')


@story(route=HELD, limits='hold-usec=30000000 hold-requests=64 hold-bytes=1048576')
def a_held_upload_is_not_kept_in_memory(s):
    size = 64 * MIB
    before = s.relay.memory()
    c = s.client()
    c.send(b'POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n' % size)
    sent = c.push(size)
    assert sent < size, 'the relay took all of a held upload'
    expect_flat(s, before)
    s.relay.expect_calm()
    s.control.wait_counters(holding=1)
    s.control.route('reads=blue:100 writes=blue:100')
    s.background(lambda: c.pour(size - sent))
    b = s.blue.ready()
    b.head()
    b.swallow(size)
    b.answer(b'thanks')
    same(c.response().body, b'thanks')


@story(workers=1)
def a_large_download_does_not_starve_the_others(s):
    c = s.client()
    c.get('/big')
    b, _ = s.blue.take()
    b.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
    block = chunk(bytes(4 * MIB))
    stop = []

    def pour():
        while not stop:
            b.send(block)
        b.send(b'0\r\n\r\n')
        b.half_close()

    def swallow():
        c.head()
        tail = b''
        while tail != b'\r\n0\r\n\r\n':
            tail = (tail + c.sock.recv(1 << 18))[-7:]
    both = s.background(pour, swallow)
    s.control.route('reads=green:100 writes=green:100')
    s.green.serve()
    other = s.client()
    for _ in range(50):
        s.works(other)
    stop.append(True)
    for one in both:
        one.join()


@story
def what_is_pipelined_behind_a_slow_request_waits_in_the_clients_kernel(s):
    before, size = warmed(s), 128 * MIB
    c = s.client()
    c.get('/slow')
    b, _ = s.blue.take()
    block = b'GET /next HTTP/1.1\r\nHost: a\r\n\r\n' * 2000
    sent = c.push(size, block)
    assert sent < STALLED, f'the relay took {sent} bytes of requests to come'
    expect_flat(s, before)
    s.relay.expect_calm()
    b.answer(b'at last')
    same(c.response().body, b'at last')


@story
def large_answers_to_many_pipelined_requests_do_not_lock_up(s):
    body = noise(200000)
    s.blue.serve(lambda request, wire: b'HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n' + body)
    c = s.client(receive_buffer=65536)
    s.background(lambda: c.send(b'GET / HTTP/1.1\r\nHost: a\r\n\r\n' * 300))
    for _ in range(300):
        assert c.response().body == body, 'an answer arrived changed'


@story
def a_hundred_slow_clients_need_little_memory(s):
    before = warmed(s)
    clients = [s.client(receive_buffer=4096) for _ in range(100)]
    for c in clients:
        c.get('/big')
    for _ in clients:
        b, _ = s.blue.take()
        b.send(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % (8 * MIB))
        b.sock.setblocking(False)
        try:
            while b.sock.send(bytes(MIB)):
                pass
        except BlockingIOError:
            pass
    s.relay.expect_calm(0.3)
    expect_flat(s, before, 100 * 128)


@story
def two_hundred_idle_connections_disturb_nobody(s):
    s.blue.serve()
    idle = [s.client() for _ in range(200)]
    s.control.wait_counters(connections=200)
    s.relay.expect_calm(0.3)
    for c in idle[::20] + [s.client()]:
        for _ in range(5):
            s.works(c)
    for c in idle[1:]:
        c.close()
    s.control.wait_counters(connections=2)


def smuggling_body():
    """An upload longer than what the relay keeps, which reads as requests wherever one begins."""
    return b'POST /smuggled HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n' * 2000


@story(env={'RELAY_CONNECT_TIMEOUT_USEC': '300000'})
def an_upload_waits_whole_for_a_color_that_does_not_complete_connections(s):
    s.blue.listener.listen(0)  # one waits in the queue, then the kernel drops every SYN
    fill = [s.blue.knock() for _ in range(3)]
    body = smuggling_body()
    c = s.client()
    s.background(lambda: c.post('/upload', body))
    s.control.wait_counters(holding=1)
    for one in fill:
        one.close()
    b, request = s.blue.take()  # the queue has room again
    same((request.target, request.body == body), ('/upload', True))
    b.answer(b'at last')
    same(c.response().body, b'at last')


@story
def an_upload_goes_whole_where_the_route_says_while_its_connection_is_under_way(s):
    s.blue.listener.listen(0)
    fill = [s.blue.knock() for _ in range(3)]
    body = smuggling_body()
    c = s.client()
    s.background(lambda: c.post('/upload', body))
    s.control.wait_counters(blue_inflight=1)
    time.sleep(0.1)  # for the body, of which nothing outside tells how far it came
    s.control.route('reads=green:100 writes=green:100')
    b, request = s.green.take()
    same((request.target, request.body == body), ('/upload', True))
    b.answer(b'moved')
    same(c.response().body, b'moved')
    for one in fill:
        one.close()


def streams_are_light(fields, answer):
    """A stream may last for hours; nothing of its request is kept."""
    def told(s):
        before = warmed(s)
        for _ in range(300):
            c = s.client()
            c.get('/stream', [('Cookie', 'c' * 30000)] + fields)
            b, _ = s.blue.take()
            b.send(answer + b'\r\n\r\n', chunk(b'first'))
            c.head()
            same(c.read(10), chunk(b'first'))
        expect_flat(s, before)
    return told


tell('three hundred event streams keep nothing of their requests', streams_are_light(
    [], b'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked'))
tell('three hundred tunnels keep nothing of their requests', streams_are_light(
    [('Connection', 'upgrade'), ('Upgrade', 'websocket')],
    b'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket'))
