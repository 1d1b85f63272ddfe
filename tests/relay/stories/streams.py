# SPDX-License-Identifier: MIT
"""What stays open: upgraded connections and event streams."""

from stage.relay import sanitized
from stage.story import HELD, story
from stage.wire import chunk, same, wait_until

UPGRADE = (b'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n'
           b'Sec-WebSocket-Key: x\r\n\r\n')
SWITCHED = (b'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
            b'Sec-WebSocket-Accept: y\r\n\r\n')


def upgraded(s, backend=None):
    """A client and a backend with a tunnel between them."""
    c = s.client()
    c.send(UPGRADE)
    b = (backend or s.blue).ready()
    b.head()
    b.send(SWITCHED)
    same(c.response().status, 101)
    return c, b


@story
def an_upgrade_passes_and_then_bytes_both_ways(s):
    c = s.client()
    c.send(UPGRADE)
    b = s.blue.accept()
    request = b.head()
    assert 'upgrade' in request.get('Connection').lower(), request.raw
    same((request.get('Upgrade'), request.get('Sec-WebSocket-Key')), ('websocket', 'x'))
    b.send(SWITCHED)
    response = c.response()
    assert 'upgrade' in response.get('Connection').lower(), response.raw
    same((response.get('Upgrade'), response.get('Sec-WebSocket-Accept')), ('websocket', 'y'))
    for text in (b'\x81\x05hello', b'GET / HTTP/1.1\r\n\r\n', bytes(range(256)) * 500):
        c.send(text)
        same(b.read(len(text)), text)
        b.send(text[::-1])
        same(c.read(len(text)), text[::-1])
    c.close()
    b.expect_end()


@story
def bytes_right_behind_the_101_and_the_request_are_not_lost(s):
    c = s.client()
    c.send(UPGRADE + b'early from the client')
    b = s.blue.ready()
    b.head()
    b.send(SWITCHED + b'early from the server')
    same(c.response().status, 101)
    same(c.read(21), b'early from the server')
    same(b.read(21), b'early from the client')


@story
def an_upgrade_is_a_write(s):
    s.control.route('reads=green:100 writes=blue:100')
    c, b = upgraded(s)
    c.send(b'x')
    same(b.read(1), b'x')
    s.green.expect_silence()


@story
def an_upgrade_goes_on_a_connection_of_its_own(s):
    c = s.client()
    c.get('/warm')
    b, _ = s.blue.take()
    b.answer(b'warm')
    same(c.response().body, b'warm')
    c.send(UPGRADE)
    s.blue.accept().head()


@story(route=HELD)
def a_held_upgrade_is_sent_when_writes_flow_again(s):
    c = s.client()
    c.send(UPGRADE)
    s.control.wait_counters(holding=1)
    s.control.route('reads=green:100 writes=green:100')
    b = s.green.ready()
    b.head()
    b.send(SWITCHED)
    same(c.response().status, 101)


@story
def a_declined_upgrade_leaves_an_ordinary_connection(s):
    c = s.client()
    c.send(UPGRADE)
    b, _ = s.blue.take()
    b.answer(b'no websockets here', '426 Upgrade Required', [('Upgrade', 'y'), ('Connection', 'Upgrade')])
    response = c.response()
    same((response.status, response.body), (426, b'no websockets here'))
    same((response.get('Upgrade'), response.get('Connection')), ('y', 'upgrade'))
    c.get('/next')
    b, request = s.blue.take()
    same(request.target, '/next')
    b.answer(b'next')
    same(c.response().body, b'next')


@story
def the_end_of_one_direction_of_a_tunnel_is_passed_on(s):
    c, b = upgraded(s)
    c.send(b'last words')
    c.half_close()
    same(b.read_rest(), b'last words')
    s.relay.expect_calm(0.3)
    b.send(b'and an answer')
    b.half_close()
    same(c.read_rest(), b'and an answer')
    s.control.wait_counters(blue_inflight=0, blue_streams=0)


@story
def the_backend_may_end_a_tunnel_first(s):
    c, b = upgraded(s)
    b.send(b'bye')
    b.half_close()
    same(c.read_rest(), b'bye')
    c.send(b'still here')
    same(b.read(10), b'still here')
    c.close()
    b.expect_end()


@story
def a_reset_of_a_tunnel_reaches_the_other_end(s):
    c, b = upgraded(s)
    c.reset()
    b.expect_end()
    c, b = upgraded(s)
    b.reset()
    c.expect_end()
    s.control.wait_counters(blue_inflight=0, connections=0)


@story(workers=1)
def a_tunnel_carries_32_mib_each_way_at_once(s):
    size = 32 << 20
    c, b = upgraded(s)
    threads = s.background(lambda: c.pour(size), lambda: b.pour(size), lambda: c.swallow(size))
    b.swallow(size)
    for thread in threads:
        thread.join()


@story
def a_switch_leaves_tunnels_where_they_are(s):
    c, b = upgraded(s)
    s.control.route('reads=green:100 writes=green:100')
    c.send(b'ping')
    same(b.read(4), b'ping')
    b.send(b'pong')
    same(c.read(4), b'pong')
    upgraded(s, s.green)


@story(env={'RELAY_IDLE_TIMEOUT_USEC': '200000', 'RELAY_RESPONSE_TIMEOUT_USEC': '200000'})
def a_quiet_tunnel_is_not_idle(s):
    c, b = upgraded(s)
    s.relay.expect_calm(0.5)
    c.send(b'ping')
    same(b.read(4), b'ping')
    b.send(b'pong')
    same(c.read(4), b'pong')


@story
def the_first_event_of_a_stream_comes_at_once(s):
    c = s.client()
    c.get('/events', [('Accept', 'text/event-stream')])
    b, _ = s.blue.take()
    b.send(b'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n'
           b'Transfer-Encoding: chunked\r\n\r\n')
    same(c.head().status, 200)
    for i in range(20):
        event = chunk(b'data: %d\n\n' % i)
        b.send(event)
        same(c.read(len(event)), event)
    b.send(b'0\r\n\r\n')
    same(c.read(5), b'0\r\n\r\n')


@story
def a_stream_without_chunks_comes_at_once_too(s):
    c = s.client()
    c.send(b'GET /events HTTP/1.0\r\nHost: a\r\n\r\n')
    b, _ = s.blue.take()
    b.send(b'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n')
    same(c.head().status, 200)
    for i in range(20):
        event = b'data: %d\n\n' % i
        b.send(event)
        same(c.read(len(event)), event)
    b.close()
    c.expect_end()


@story(env={'RELAY_IDLE_TIMEOUT_USEC': '200000', 'RELAY_RESPONSE_TIMEOUT_USEC': '200000'})
def a_quiet_event_stream_is_not_a_slow_answer(s):
    c = s.client()
    c.get('/events')
    b, _ = s.blue.take()
    b.send(b'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n')
    same(c.head().status, 200)
    s.relay.expect_calm(0.5)
    b.send(chunk(b'data: 1\n\n'))
    same(c.read(14), chunk(b'data: 1\n\n'))


@story
def a_client_that_leaves_a_stream_frees_the_backend(s):
    c = s.client()
    c.get('/events')
    b, _ = s.blue.take()
    b.send(b'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n')
    same(c.head().status, 200)
    s.control.wait_counters(blue_streams=1, blue_inflight=1)
    c.close()  # a FIN alone could be a half-close; the next event tells
    wait_until(lambda: b.readable() or b.send(chunk(b'data: x\n\n')), 'the stream ended')
    b.expect_end()
    s.control.wait_counters(blue_streams=0, blue_inflight=0)


@story
def an_upgrade_to_cleartext_http_2_is_not_passed_on(s):
    """Behind it the relay could tell no request from another."""
    for value in (b'h2c', b'H2C', b'websocket, h2c'):
        c = s.client()
        c.send(b'GET /h2 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: ' + value
               + b'\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n')
        b, request = s.blue.take()
        same((request.get('Upgrade'), request.get('HTTP2-Settings')), (None, None))
        b.answer(b'plain')
        same(c.response().body, b'plain')


@story
def a_tunnel_holds_back_who_is_not_read(s):
    before = s.relay.memory()
    size = 128 << 20
    for end in (0, 1):
        pair = upgraded(s)
        sent = pair[end].push(size)
        assert sent < size // 2, f'the relay took {sent} bytes that nobody read'
        assert s.relay.memory() - before < 20000 or sanitized()
        s.relay.expect_calm()
        pair[1 - end].swallow(sent)


@story
def connect_is_refused(s):
    c = s.client()
    c.send(b'CONNECT other.example:443 HTTP/1.1\r\nHost: other.example:443\r\n\r\nGET / HTTP/1.1\r\n\r\n')
    response = c.response()
    same(response.status, 405)
    assert 'GET' in response.get('Allow') and 'CONNECT' not in response.get('Allow'), response.raw
    c.expect_end()
    s.control.counters()
    s.blue.expect_silence()
