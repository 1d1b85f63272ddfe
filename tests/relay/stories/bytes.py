# SPDX-License-Identifier: MIT
"""Where nothing is HTTP: a connection is relayed as bytes, to the color that takes the writes."""

import signal
import time

from stage.relay import sanitized
from stage.story import GREEN, HELD, LIMITS, story
from stage.wire import Ended, ends, same, wait_until

BOTH = 'reads=blue:100 writes=blue:100,green:0'
ONLY_BLUE = 'reads=blue:100 writes=blue:100'


def speak_tcp(s):
    same(s.control.ok('protocol tcp'), 'ok protocol')


def connected(s, backend=None):
    """A client and a color with bytes between them."""
    c = s.client()
    b = (backend or s.blue).accept()
    c.send(b'hello')
    same(b.read(5), b'hello')
    return c, b


@story
def the_server_may_speak_first(s):
    speak_tcp(s)
    c = s.client()
    b = s.blue.accept()
    b.send(b'220 ready\r\n')
    same(c.read(11), b'220 ready\r\n')
    c.send(b'\x00EHLO\r\n\r\n')
    same(b.read(9), b'\x00EHLO\r\n\r\n')
    c.close()
    b.expect_end()


@story
def bytes_that_look_like_http_pass_as_they_are(s):
    speak_tcp(s)
    c = s.client()
    text = b'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
    c.send(text)
    b = s.blue.accept()
    same(b.read(len(text)), text)
    b.send(b'HTTP/9 no\n')
    same(c.read(10), b'HTTP/9 no\n')
    b.close()
    c.expect_end()


@story
def a_half_close_passes_either_way_and_the_other_half_stays(s):
    speak_tcp(s)
    c, b = connected(s)
    c.half_close()
    b.expect_end()
    b.send(b'the answer to all of it')
    same(c.read(23), b'the answer to all of it')
    b.close()
    c.expect_end()
    c, b = connected(s)
    b.half_close()
    c.expect_end()
    c.send(b'more')
    same(b.read(4), b'more')
    c.close()
    b.ended = False
    wait_until(lambda: b.readable(), 'the end of the client passed on')
    b.expect_end()
    s.control.wait_counters(connections=0, blue_inflight=0, blue_streams=0, blue_writes=2)


@story(env={'RELAY_STALL_TIMEOUT_USEC': '200000', 'RELAY_IDLE_TIMEOUT_USEC': '200000',
            'RELAY_RESPONSE_TIMEOUT_USEC': '200000', 'RELAY_HEAD_TIMEOUT_USEC': '200000'})
def silence_ends_no_connection_that_is_relayed_as_bytes(s):
    speak_tcp(s)
    c, b = connected(s)
    half, other = connected(s)
    half.half_close()
    other.expect_end()
    s.relay.expect_calm(0.7)
    c.send(b'still')
    same(b.read(5), b'still')
    other.send(b'here')
    same(half.read(4), b'here')


@story
def both_sides_of_a_silent_connection_are_asked_for_a_sign_of_life(s):
    speak_tcp(s)
    _, b = connected(s)
    relay = {s.relay.addresses[0][1], b.sock.getpeername()[1]}

    def watched():
        with open('/proc/net/tcp', encoding='ascii') as table:
            rows = [line.split() for line in table][1:]
        return {int(row[1].split(':')[1], 16) for row in rows
                if row[3] == '01' and row[5].startswith('02:')}
    wait_until(lambda: relay <= watched(), 'a keep-alive timer on either side')


@story
def a_connection_is_held_and_released(s):
    speak_tcp(s)
    s.control.route('reads=green:100 writes=hold')
    c = s.client()
    c.send(b'early')
    s.control.wait_counters(holding=1, held=1)
    s.control.route(ONLY_BLUE)
    b = s.blue.accept()
    same(b.read(5), b'early')
    b.send(b'late')
    same(c.read(4), b'late')
    s.control.wait_counters(holding=0, blue_inflight=1, blue_streams=1)
    s.green.expect_silence()


@story(limits='hold-usec=300000 hold-requests=1 hold-bytes=1000000')
def a_connection_is_closed_where_the_limits_of_holding_end(s):
    speak_tcp(s)
    s.control.route(HELD)
    start = time.monotonic()
    first = s.client()
    s.control.wait_counters(holding=1)
    second = s.client()
    second.expect_end()
    assert time.monotonic() - start < 0.29, 'who found no place waited all the same'
    first.expect_end()
    assert 0.29 <= time.monotonic() - start < 2
    s.control.wait_counters(holding=0, hold_expired=2, connections=0)


@story
def nothing_is_read_of_a_connection_that_is_held(s):
    speak_tcp(s)
    s.control.route(HELD)
    before = s.relay.memory()
    c = s.client()
    sent = c.push(64 << 20)
    assert s.relay.memory() - before < 1000 or sanitized()
    s.relay.expect_calm()
    s.control.route(ONLY_BLUE)
    s.blue.accept().swallow(sent)


@story
def a_client_that_leaves_while_its_connection_is_held_is_forgotten(s):
    speak_tcp(s)
    s.control.route(HELD)
    c = s.client()
    c.send(b'write this')
    s.control.wait_counters(holding=1)
    c.close()
    s.control.wait_counters(holding=0, connections=0)
    s.control.route(ONLY_BLUE)
    s.control.counters()
    s.blue.expect_silence()


@story(refusing=('blue',))
def a_connection_goes_to_the_other_color_if_its_own_refuses(s):
    speak_tcp(s)
    s.control.route(BOTH)
    connected(s, s.green)
    same(s.control.event('refused'), 'refused blue')


@story(refusing=('blue',))
def a_connection_waits_for_the_only_color_that_the_route_lists(s):
    speak_tcp(s)
    s.control.route(ONLY_BLUE)
    c = s.client()
    s.control.wait_counters(holding=1)
    s.blue.listen()
    s.blue.accept().send(b'welcome')
    same(c.read(7), b'welcome')
    s.green.expect_silence()


@story(env={'RELAY_CONNECT_TIMEOUT_USEC': '200000'})
def a_connection_under_way_to_a_silent_color_goes_to_the_other(s):
    speak_tcp(s)
    s.control.route(BOTH)
    s.blue.listener.listen(0)
    fill = [s.blue.knock() for _ in range(3)]
    connected(s, s.green)
    for one in fill:
        one.close()


@story
def connections_stay_where_they_are_while_new_ones_go_elsewhere(s):
    speak_tcp(s)
    old, b = connected(s)
    s.control.route(GREEN)
    new, g = connected(s, s.green)
    old.send(b'old')
    same(b.read(3), b'old')
    new.send(b'new')
    same(g.read(3), b'new')


@story
def the_protocol_is_that_of_the_moment_a_connection_came(s):
    http = s.client()
    http.get('/one')
    b, _ = s.blue.take()
    b.answer(b'one')
    same(http.response().body, b'one')
    speak_tcp(s)
    http.get('/two')
    b, request = s.blue.take()
    same(request.target, '/two')
    b.answer(b'two')
    same(http.response().body, b'two')
    c, raw = connected(s)
    same(s.control.ok('protocol http'), 'ok protocol')
    c.send(b'raw')
    same(raw.read(3), b'raw')
    again = s.client()
    again.get('/three')
    b, request = s.blue.take()
    same(request.target, '/three')
    for wrong in ('protocol', 'protocol udp', 'protocol tcp now'):
        assert s.control.ask(wrong).startswith('error protocol '), wrong


@story
def a_drain_ends_connections_at_the_limit_of_streams_spread_and_counted(s):
    speak_tcp(s)
    pairs = [connected(s) for _ in range(20)]
    s.control.wait_counters(blue_streams=20, blue_inflight=20)
    s.control.route(GREEN)
    start = time.monotonic()
    s.control.drain('blue', requests=0, streams=1.0)
    waited = time.monotonic() - start
    when = [seconds for seconds, _ in ends([backend for _, backend in pairs])]
    # All 20 within a fifth of the window: chance does that once in 10^12.
    assert when[0] + waited >= 0.5 and when[-1] < 3, when
    assert when[-1] - when[0] > 0.1, f'all at once: {when}'
    s.control.drained('blue', cut=20, streams=20)
    for c, _ in pairs:
        c.expect_end()
    s.control.wait_counters(cut=20, cut_streams=20, blue_streams=0, blue_inflight=0)


@story
def a_drain_of_reads_leaves_connections_alone(s):
    speak_tcp(s)
    c, b = connected(s)
    s.control.route('reads=green:100 writes=blue:100')
    s.control.drain('blue', 'reads', requests=0, streams=0)
    s.control.drained('blue', 'reads')
    c.send(b'still')
    same(b.read(5), b'still')


def was_reset(wire):
    try:
        return wire.sock.recv(1) != b''
    except ConnectionResetError:
        return True


@story
def a_reset_is_passed_on_as_a_reset_and_an_end_as_an_end(s):
    speak_tcp(s)
    c, b = connected(s)
    b.reset()
    same(was_reset(c), True)
    c, b = connected(s)
    c.reset()
    same(was_reset(b), True)
    c, b = connected(s)
    b.close()
    same(was_reset(c), False)


@story
def what_a_color_says_before_it_closes_arrives(s):
    speak_tcp(s)
    for _ in range(20):
        c = s.client()
        b = s.blue.accept()
        b.send(b'too many connections')
        b.close()
        try:
            for _ in range(3):
                c.send(b'login')
        except OSError:
            pass
        same(c.read(20), b'too many connections')
        c.close()
    s.control.wait_counters(connections=0, blue_inflight=0)


@story
def a_client_that_died_after_its_end_is_noticed(s):
    speak_tcp(s)
    c, b = connected(s)
    c.half_close()
    b.expect_end()
    s.control.wait_counters(connections=1)
    c.reset()
    s.control.wait_counters(connections=0, blue_inflight=0)


@story(publics=('unix',))
def a_unix_client_that_says_all_and_leaves_is_heard(s):
    speak_tcp(s)
    s.blue.listener.settimeout(5)
    c = s.client()
    c.send(b'x' * 50000)
    c.close()
    b = s.blue.accept()
    same(len(b.read_rest()), 50000)
    s.control.wait_counters(connections=0, blue_inflight=0)


@story
def many_bytes_arrive_whole_both_ways_at_once_in_flat_memory(s):
    import hashlib
    import random
    speak_tcp(s)
    size, block = 64 << 20, random.Random(7).randbytes(1 << 20)
    c, b = connected(s)
    before = s.relay.memory()
    sums = {}

    def push(wire):
        for i in range(size // len(block)):
            wire.send(block[i:], block[:i])
        wire.half_close()

    def take(name, wire):
        digest, got = hashlib.sha256(), 0
        while piece := wire.sock.recv(1 << 18):
            digest.update(piece)
            got += len(piece)
        sums[name] = (got, digest.hexdigest())
    threads = s.background(lambda: push(c), lambda: push(b), lambda: take('up', b),
                           lambda: take('down', c))
    highest = before
    while any(thread.is_alive() for thread in threads):
        highest = max(highest, s.relay.memory())
        time.sleep(0.01)
    wanted = hashlib.sha256()
    for i in range(size // len(block)):
        wanted.update(block[i:] + block[:i])
    same(sums, {name: (size, wanted.hexdigest()) for name in ('up', 'down')})
    assert highest - before < 1000 or sanitized(), f'{highest - before} KiB more'
    s.control.wait_counters(connections=0, blue_writes=1)


@story
def a_connection_holds_back_who_is_not_read(s):
    speak_tcp(s)
    before = s.relay.memory()
    for end in (0, 1):
        pair = connected(s)
        sent = pair[end].push(128 << 20)
        assert sent < 64 << 20, f'the relay took {sent} bytes that nobody read'
        assert s.relay.memory() - before < 20000 or sanitized()
        s.relay.expect_calm()
        pair[1 - end].swallow(sent)


@story
def connections_that_come_and_go_leave_nothing_behind(s):
    speak_tcp(s)

    def echo():
        while True:
            b = s.blue.accept()
            try:
                b.send(b.read(1))
            except (Ended, OSError):
                pass
            b.close()
    s.background(echo)
    rounds = []
    for _ in range(3):
        for i in range(200):
            c = s.relay.connect()
            c.send(b'%d' % (i % 10))
            same(c.read(1), b'%d' % (i % 10))
            c.reset() if i % 3 == 0 else c.close()
        s.control.wait_counters(connections=0, blue_inflight=0, blue_streams=0)
        rounds.append(s.relay.memory())
    assert rounds[2] - rounds[0] < 500 or sanitized(), rounds


@story
def at_sigterm_connections_are_given_the_time_of_requests_in_flight(s):
    speak_tcp(s)
    s.control.route(HELD)
    held = s.client()
    s.control.wait_counters(holding=1)
    s.control.route(ONLY_BLUE)
    b = s.blue.accept()
    s.relay.signal(signal.SIGTERM)
    held.send(b'last')
    same(b.read(4), b'last')
    held.close()
    b.expect_end()
    b.close()
