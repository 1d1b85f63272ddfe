# SPDX-License-Identifier: MIT
"""Long bodies, which the kernel moves through a pipe: nothing is lost, added, mixed up or passed off
as whole, and the pipes are given back."""

import os
import random
import resource
import socket

from stage.story import story
from stage.wire import Ended, chunk, same, wait_until

from stories.streams import upgraded

KIB = 1 << 10
MIB = 1 << 20
STALLED = 64 * MIB  # the kernel's own buffers are smaller than this
NOISE = random.Random(4).randbytes(3 * MIB + 11)
# Below and above what makes a body long, of a buffer and of a pipe.
SIZES = [size + more for size in (32 * KIB, 64 * KIB, 96 * KIB, 256 * KIB, 320 * KIB, MIB)
         for more in (-1, 0, 1)]


def pipes(s):
    """Descriptors of pipes that the relay has; the first three were given to it."""
    directory = f'/proc/{s.relay.pid}/fd'
    count = 0
    for name in os.listdir(directory):
        if int(name) < 3:
            continue
        try:
            count += os.readlink(f'{directory}/{name}').startswith('pipe:')
        except FileNotFoundError:
            pass
    return count


def expect_pipes(s):
    wait_until(lambda: pipes(s) > 0, 'a pipe is used')


def expect_no_pipes(s):
    wait_until(lambda: pipes(s) == 0, 'the pipes are given back')


def expect_reset(wire):
    """It ends, and by no means with an end that could be taken for the whole."""
    try:
        while wire.sock.recv(MIB):
            pass
    except ConnectionResetError:
        return
    raise AssertionError(f'{wire.name}: an end where only a part came')


def begin_download(s, head, body, **options):
    """A client that reads nothing yet of a response of which this much was said."""
    c = s.client(**options)
    c.get('/long')
    b, _ = s.blue.take()
    b.send(head)
    return c, b, s.background(lambda: b.send(body))


def stalled_download(s, size=STALLED):
    """One in the middle, with bytes in a pipe, because the client does not read."""
    c = s.client(receive_buffer=65536)
    c.get('/long')
    b, _ = s.blue.take()
    b.send(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % size)
    sent = b.push(size)
    assert sent < size, 'the relay took all of what nobody read'
    expect_pipes(s)
    return c, b, size - sent


@story
def bodies_of_every_length_around_the_limits_pass_both_ways(s):
    s.blue.serve(lambda request, wire: b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s' % (
        len(request.body), request.body))
    c = s.client()
    for size in SIZES:
        body = NOISE[size % 97:][:size]
        s.background(lambda body=body: c.post('/echo', body))
        assert c.response().body == body, f'a body of {size} bytes was changed'
    s.works(c)


@story
def a_kept_connection_to_the_color_serves_one_long_body_after_the_other(s):
    s.blue.serve(lambda request, wire: b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s' % (
        len(NOISE), NOISE))
    c = s.client()
    for _ in range(5):
        c.get('/long')
        assert c.response().body == NOISE
    same(s.blue.accepted, 1, 'connections to the color')


@story
def a_long_body_that_ends_with_the_connection_arrives_whole(s):
    c, b, poured = begin_download(s, b'HTTP/1.1 200 OK\r\n\r\n', NOISE)
    poured[0].join()
    b.half_close()
    assert c.response().body == NOISE
    c.expect_end()


@story
def a_long_body_that_ends_with_a_reset_is_cut(s):
    for head in (b'HTTP/1.1 200 OK\r\n\r\n',
                 b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % (64 * MIB),
                 b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n' % (64 * MIB)):
        c, b, poured = begin_download(s, head, NOISE)
        c.head()
        c.read(MIB)
        poured[0].join()
        b.reset()
        expect_reset(c)
    s.control.wait_counters(connections=0, blue_inflight=0)
    expect_no_pipes(s)


@story
def a_long_body_that_ends_too_early_is_cut(s):
    for head in (b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % (len(NOISE) + 1),
                 b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n' % (len(NOISE) + 1),
                 b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n' % len(NOISE)):
        c, b, poured = begin_download(s, head, NOISE)
        c.head()
        poured[0].join()
        b.half_close()
        expect_reset(c)
    s.control.wait_counters(connections=0, blue_inflight=0)


@story
def what_is_said_behind_a_long_body_is_no_answer(s):
    c = s.client()
    c.get('/long')
    b, _ = s.blue.take()
    s.background(lambda: b.send(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % len(NOISE)
                                + NOISE + b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'))
    assert c.response().body == NOISE
    c.get('/next')
    b = s.blue.accept()
    b.head()
    b.answer(b'next')
    same(c.response().body, b'next')


@story
def large_chunks_pass_as_they_are(s):
    text = b''.join(chunk(NOISE[:size], ';of=noise') for size in SIZES[9:]) + chunk(b'small')
    text += b'0\r\nX-Sum: 1\r\n\r\n'
    c, _, _ = begin_download(s, b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', text)
    c.head()
    assert c.read(len(text)) == text, 'the chunks were changed'
    c.get('/next')
    b, _ = s.blue.take()
    b.answer(b'next')
    same(c.response().body, b'next')


@story
def large_chunks_go_up_as_they_are(s):
    text = b''.join(chunk(NOISE[:size]) for size in SIZES[9:]) + b'0\r\n\r\n'
    c = s.client()
    s.background(lambda: c.send(b'PUT /long HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'
                                + text))
    b = s.blue.ready()
    b.head()
    assert b.read(len(text)) == text, 'the chunks were changed'
    b.answer(b'thanks')
    same(c.response().body, b'thanks')


@story
def large_chunks_reach_a_client_of_http_1_0_without_their_framing(s):
    sizes = SIZES[9:] + [1, 5]
    text = b''.join(chunk(NOISE[:size]) for size in sizes) + b'0\r\n\r\n'
    c = s.client()
    c.send(b'GET /long HTTP/1.0\r\n\r\n')
    b, _ = s.blue.take()
    s.background(lambda: b.send(
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n' + text))
    assert c.response().body == b''.join(NOISE[:size] for size in sizes)


@story
def doubtful_framing_behind_a_large_chunk_is_not_passed_on(s):
    text = b'%x\r\n%sX\r\n0\r\n\r\n' % (len(NOISE), NOISE)
    c, _, _ = begin_download(s, b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', text)
    c.head()
    expect_reset(c)


def both_ways(s, c, b):
    """Noise both ways at once, then an end each way."""
    def speak(wire, text):
        wire.send(text)
        wire.half_close()
    s.background(lambda: speak(c, NOISE), lambda: speak(b, NOISE[::-1]))
    got = []
    reader = s.background(lambda: got.append(c.read_rest()))
    assert b.read_rest() == NOISE, 'what went up was changed'
    reader[0].join()
    assert got[0] == NOISE[::-1], 'what went down was changed'
    s.control.wait_counters(connections=0, blue_inflight=0, blue_streams=0)
    expect_no_pipes(s)


@story
def a_tunnel_takes_much_both_ways_and_ends_both_ways(s):
    c, b = upgraded(s)
    both_ways(s, c, b)


@story
def a_connection_relayed_as_bytes_takes_much_both_ways_and_ends_both_ways(s):
    s.control.ok('protocol tcp')
    c = s.client()
    both_ways(s, c, s.blue.accept())


@story
def little_and_much_take_turns_in_a_tunnel(s):
    s.control.ok('protocol tcp')
    c = s.client()
    b = s.blue.accept()
    for size in (1, MIB, 7, 300 * KIB, 33 * KIB, 2, MIB + 1):
        s.background(lambda size=size: c.send(NOISE[:size]))
        assert b.read(size) == NOISE[:size], f'{size} bytes upwards'
        s.background(lambda size=size: b.send(NOISE[-size:]))
        assert c.read(size) == NOISE[-size:], f'{size} bytes downwards'


@story
def a_reset_behind_much_in_a_tunnel_is_passed_on_as_a_reset(s):
    s.control.ok('protocol tcp')
    c = s.client()
    b = s.blue.accept()
    s.background(lambda: b.send(NOISE))
    c.read(MIB)
    b.reset()
    expect_reset(c)
    s.control.wait_counters(connections=0, blue_inflight=0)


@story
def a_client_that_stops_reading_holds_a_pipe_and_its_bytes_arrive_later(s):
    c, b, left = stalled_download(s)
    s.relay.expect_calm(0.2)
    s.background(lambda: b.pour(left))
    c.head()
    c.swallow(STALLED)
    c.get('/next')
    b, _ = s.blue.take()
    b.answer(b'next')
    same(c.response().body, b'next')


@story
def a_pipe_that_is_full_is_not_taken_for_a_socket_that_is_empty(s):
    """Small pieces that lie apart in the sender's memory fill the slots of a pipe before its bytes:
    two connections of one thread take turns."""
    size, piece = 16 * MIB, NOISE[:999]
    pairs = []
    for _ in range(2):
        c, b, _ = begin_download(
            s, b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % size, b'', receive_buffer=65536)
        b.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        pairs.append((c, b))
    left = [size, size]

    def alternate():
        while any(left):
            for i, (_, b) in enumerate(pairs):
                left[i] -= b.sock.send(piece[:left[i]]) if left[i] else 0
    s.background(alternate)
    seen = None
    while left != seen:
        seen = list(left)
        s.relay.expect_calm(0.2)
    assert all(left), 'the relay took all of what nobody read'
    for c, _ in pairs:
        c.head()
    readers = s.background(*[lambda c=c: c.swallow(size) for c, _ in pairs])
    for reader in readers:
        reader.join()
    same(left, [0, 0], 'what was not sent')
    s.control.wait_counters(blue_inflight=0)


@story(workers=1)
def a_client_that_leaves_in_the_middle_frees_its_pipe(s):
    for leave in ('close', 'reset'):
        c, b, _ = stalled_download(s)
        getattr(c, leave)()
        try:
            b.read_rest()
        except OSError:
            pass
        s.control.wait_counters(connections=0, blue_inflight=0)
        c, _, _ = begin_download(
            s, b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % len(NOISE), NOISE)
        assert c.response().body == NOISE, 'what the next client got'
        c.close()
    expect_no_pipes(s)


@story(env={'RELAY_STALL_TIMEOUT_USEC': '500000'})
def a_client_that_reads_no_more_of_what_is_in_a_pipe_is_cut(s):
    c, b, _ = begin_download(
        s, b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % STALLED, bytes(STALLED),
        receive_buffer=65536)
    expect_pipes(s)
    s.control.wait_counters(connections=0, blue_inflight=0)
    expect_reset(c)
    b.expect_end()


@story
def a_drain_cuts_what_is_in_a_pipe_past_its_limit(s):
    c, _, _ = stalled_download(s)
    s.control.drain('blue', requests=0.05)
    expect_reset(c)
    assert s.control.event('drained').startswith('drained blue scope=all cut=1')


@story
def a_drain_waits_for_what_is_in_a_pipe(s):
    c, b, left = stalled_download(s)
    s.control.drain('blue', requests=30)
    s.background(lambda: b.pour(left))
    c.head()
    c.swallow(STALLED)
    s.control.drained('blue')


@story
def an_upload_that_breaks_off_is_not_passed_off_as_whole(s):
    for leave in ('half_close', 'reset'):
        c = s.client()
        c.send(b'POST /long HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n' % (len(NOISE) + 1))
        s.background(lambda c=c: c.send(NOISE))
        b = s.blue.ready()
        b.head()
        b.read(MIB)
        getattr(c, leave)()
        assert len(b.read_rest()) <= len(NOISE) - MIB
    s.control.wait_counters(connections=0, blue_inflight=0)


@story
def a_color_that_answers_in_the_middle_of_a_long_upload_is_heard(s):
    for end in ('close', 'half_close'):
        c = s.client()
        c.send(b'POST /long HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n' % (64 * MIB))
        c.push(64 * MIB, stalled=0.1)
        b = s.blue.ready()
        b.head()
        b.swallow(MIB)
        b.answer(b'too much', '413 Content Too Large', [('Connection', 'close')])
        getattr(b, end)()
        response = c.response()
        same((response.status, response.body), (413, b'too much'))
        c.close()
        b.close()
    s.control.wait_counters(connections=0, blue_inflight=0)


@story
def where_no_pipe_can_be_had_a_buffer_does(s):
    c = s.client()
    c.get('/long')
    b, _ = s.blue.take()
    limits = resource.prlimit(s.relay.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(s.relay.pid, resource.RLIMIT_NOFILE, (s.relay.descriptors(), limits[1]))
    s.background(lambda: b.answer(NOISE))
    same(c.head().get('Content-Length'), str(len(NOISE)))
    c.need(lambda: len(c.buffer) > MIB)
    same(pipes(s), 0, 'pipes')
    assert c.read(len(NOISE)) == NOISE
    resource.prlimit(s.relay.pid, resource.RLIMIT_NOFILE, limits)


@story(publics=('unix',))
def long_bodies_pass_a_unix_socket_both_ways(s):
    s.blue.serve(lambda request, wire: b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s' % (
        len(request.body), request.body))
    c = s.client()
    s.background(lambda: c.post('/echo', NOISE))
    assert c.response().body == NOISE


@story(workers=1)
def many_long_bodies_at_once_are_not_mixed_up(s):
    """More of them than there are pipes."""
    size = 400 * KIB
    s.blue.serve(lambda request, wire: b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s' % (
        size, bytes([int(request.target[1:])]) * size))
    clients = [s.client(receive_buffer=32768) for _ in range(120)]
    for number, c in enumerate(clients):
        c.get(f'/{number}')
    for number, c in enumerate(clients):
        try:
            assert c.response().body == bytes([number]) * size, f'client {number} got another body'
        except Ended as error:
            raise AssertionError(f'client {number}: {error}') from None
    expect_no_pipes(s)
