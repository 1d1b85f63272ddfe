# SPDX-License-Identifier: MIT
"""Errors and latencies a color: what a gate judges a release by."""

import time

from stage.story import story
from stage.wire import same


def bound(bucket):
    """The upper end of a bucket in seconds."""
    return 0.0005 * 2 ** (bucket / 4)


def bucket_of(seconds):
    return next((i for i in range(63) if seconds <= bound(i)), 63)


def total(s, color):
    return sum(s.control.counters()[f'{color}.latency'])


@story
def errors_are_the_colors_own_but_not_those_that_blame_the_request(s):
    c = s.client()
    statuses = (200, 301, 404, 500, 501, 502, 503, 505, 507, 599)
    for status in statuses:
        c.get('/')
        b, _ = s.blue.take()
        b.answer(b'said', f'{status} Said')
        same(c.response().status, status)
    s.control.wait_counters(blue_reads=len(statuses), blue_errors=5, green_errors=0)
    same(total(s, 'blue'), len(statuses))
    same(total(s, 'green'), 0)


@story
def what_the_relay_says_itself_is_no_error_of_a_color(s):
    c = s.client()
    c.post('/', b'x')
    b, _ = s.blue.take()
    b.reset()
    same(c.response().status, 502)
    s.control.wait_counters(blue_failed=1, blue_errors=0)
    same(total(s, 'blue'), 0)


@story
def a_color_has_its_own_errors_and_latencies(s):
    s.control.route('reads=green:100 writes=blue:100')
    s.blue.serve()
    s.green.serve(lambda request, wire: b'HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n')
    c = s.client()
    for _ in range(5):
        c.get('/')
        same(c.response().status, 500)
        c.post('/', b'x')
        same(c.response().status, 200)
    s.control.wait_counters(blue_errors=0, green_errors=5)
    same((total(s, 'blue'), total(s, 'green')), (5, 5))


@story
def the_latency_ends_with_the_first_byte_of_the_final_response(s):
    """An interim answer comes at once, the final one later and in two pieces, its body later still."""
    c = s.client()
    c.get('/')
    b, _ = s.blue.take()
    begun = time.monotonic()
    b.send(b'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n')
    same(c.response().status, 103)
    time.sleep(0.2)
    b.send(b'HTTP/1.1 2')
    first = time.monotonic() - begun
    time.sleep(0.4)
    b.send(b'00 OK\r\nContent-Length: 2\r\n\r\n')
    same(c.head().status, 200)
    time.sleep(0.4)
    b.send(b'ok')
    same(c.read(2), b'ok')
    latency = s.control.counters()['blue.latency']
    same(sum(latency), 1)
    counted = latency.index(1)
    # The request was sent a moment before the backend had it.
    assert bucket_of(0.199) <= counted <= bucket_of(first + 0.15), (counted, first)


@story
def a_final_response_right_behind_an_interim_one_counts_from_there(s):
    c = s.client()
    c.get('/')
    b, _ = s.blue.take()
    b.send(b'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    same((c.response().status, c.response().status), (103, 200))
    same(total(s, 'blue'), 1)


@story
def the_latency_is_that_of_the_last_attempt(s):
    """A pooled connection dies after a while; the second attempt is answered at once."""
    c = s.client()
    c.get('/1')
    b, _ = s.blue.take()
    b.answer(b'1')
    c.response()
    c.get('/2')
    b, _ = s.blue.take()
    time.sleep(0.3)
    b.close()
    b, request = s.blue.take()
    same(request.target, '/2')
    b.answer(b'2')
    same(c.response().body, b'2')
    latency = s.control.counters()['blue.latency']
    same((sum(latency), sum(latency[bucket_of(0.25):])), (2, 0))


@story
def the_time_in_the_hold_queue_is_not_the_colors(s):
    s.control.route('reads=hold writes=hold')
    s.blue.serve()
    c = s.client()
    c.post('/', b'x')
    s.control.wait_counters(holding=1)
    time.sleep(0.3)
    s.control.route('reads=blue:100 writes=blue:100')
    same(c.response().status, 200)
    latency = s.control.counters()['blue.latency']
    same((sum(latency), sum(latency[bucket_of(0.25):])), (1, 0))


@story
def a_stream_is_counted_when_it_begins(s):
    c = s.client()
    c.get('/')
    b, _ = s.blue.take()
    b.send(b'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n')
    c.head()
    same(total(s, 'blue'), 1)


@story
def every_worker_counts_and_the_sum_is_told(s):
    s.blue.serve()
    for _ in range(40):
        s.works()
    s.control.wait_counters(blue_reads=40)
    same(total(s, 'blue'), 40)
