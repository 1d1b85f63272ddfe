# SPDX-License-Identifier: MIT
"""A drain: what is in flight ends by itself or at its limit, and then that is told."""

import time

from stage.story import BLUE, GREEN, story
from stage.wire import chunk, ends, same

from stories.streams import upgraded

SSE = b'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n'


def begin(s, method='GET'):
    """An exchange in flight on blue."""
    c = s.client()
    if method == 'GET':
        c.get('/long')
    else:
        c.post('/long', b'hello', method=method)
    b, _ = s.blue.take()
    return c, b


def begin_stream(s):
    c, b = begin(s)
    b.send(SSE)
    same(c.head().status, 200)
    return c, b


@story
def an_idle_color_is_drained_at_once(s):
    s.control.route(GREEN)
    for scope in ('reads', 'all'):
        s.control.drain('blue', scope)
        s.control.drained('blue', scope)


@story
def drained_comes_when_the_last_exchange_has_ended(s):
    first, b1 = begin(s)
    second, b2 = begin(s, 'POST')
    s.control.route(GREEN)
    s.control.drain('blue')
    s.control.expect_no_event('drained')
    b1.answer(b'one')
    same(first.response().body, b'one')
    s.control.expect_no_event('drained')
    b2.send(b'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhalf')
    second.head()
    same(second.read(4), b'half')
    s.control.expect_no_event('drained')
    b2.send(b'!!')
    same(second.read(2), b'!!')
    s.control.drained('blue')
    s.control.wait_counters(blue_inflight=0, cut=0)


@story
def a_drain_of_reads_does_not_wait_for_writes(s):
    reader, b1 = begin(s)
    writer, b2 = begin(s, 'POST')
    s.control.route('reads=green:100 writes=blue:100')
    s.control.drain('blue', 'reads')
    s.control.expect_no_event('drained')
    b1.answer(b'read')
    same(reader.response().body, b'read')
    s.control.drained('blue', 'reads')
    b2.answer(b'written')
    same(writer.response().body, b'written')
    writer.post('/more', b'x')  # writes still flow there
    b, request = s.blue.take()
    same(request.target, '/more')
    b.answer(b'more')
    same(writer.response().body, b'more')


@story
def pooled_connections_are_closed_at_once(s):
    clients = [begin(s) for _ in range(5)]
    for c, b in clients:
        b.answer(b'done')
        same(c.response().body, b'done')
    busy, b = begin(s, 'POST')
    s.control.route(GREEN)
    s.control.drain('blue')
    for _, pooled in clients:
        pooled.expect_end()
    s.control.expect_no_event('drained')
    b.answer(b'last')
    same(busy.response().body, b'last')
    b.expect_end()
    s.control.drained('blue')


@story
def a_drain_closes_no_client(s):
    s.green.serve()
    clients = [begin(s) for _ in range(5)]
    for c, b in clients:
        b.answer(b'done')
        c.response()
    late, b = begin(s)
    s.control.route(GREEN)
    s.control.drain('blue')
    b.answer(b'late')
    response = late.response()
    same((response.body, response.get('Connection')), (b'late', None))
    s.control.drained('blue')
    for c in [c for c, _ in clients] + [late]:
        s.works(c)


@story
def a_plain_request_is_cut_at_its_limit(s):
    unanswered, b1 = begin(s, 'POST')
    begun, b2 = begin(s)
    b2.send(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf')
    begun.head()
    stream, b3 = begin_stream(s)
    s.control.route(GREEN)
    start = time.monotonic()
    s.control.drain('blue', requests=0.3, streams=60)
    b1.expect_end()
    b2.expect_end()
    waited = time.monotonic() - start
    assert 0.29 <= waited < 2, f'cut after {waited:.3f} s'
    if unanswered.fill():
        assert unanswered.response().status >= 500
    same(begun.read_rest(), b'half')
    b3.send(chunk(b'data: still\n\n'))
    same(stream.read(18), chunk(b'data: still\n\n'))
    s.control.expect_no_event('drained')
    stream.close()
    s.control.drained('blue', cut=2)
    s.control.wait_counters(cut=2)


@story
def a_write_that_is_cut_is_not_sent_again(s):
    """Its color hangs: it may have executed it, and nobody can say."""
    s.green.serve()
    c, b = begin(s, 'POST')
    s.control.route(GREEN)
    s.control.drain('blue', requests=0)
    b.expect_end()
    same(c.response().status, 504)
    s.control.drained('blue', cut=1)
    s.works(c)  # by then it would have come
    same(s.green.targets(), ['/works'])


@story
def a_read_without_an_answer_goes_to_the_other_color_at_its_limit(s):
    for scope, route in (('reads', 'reads=green:100 writes=blue:100'), ('all', GREEN)):
        s.control.route(BLUE)
        c, b = begin(s)
        s.control.route(route)
        start = time.monotonic()
        s.control.drain('blue', scope, requests=0.3)
        g, request = s.green.take()
        waited = time.monotonic() - start
        assert 0.29 <= waited < 2, f'moved after {waited:.3f} s'
        same((request.method, request.target), ('GET', '/long'))
        b.expect_end()
        s.control.drained('blue', scope)
        g.answer(b'green')
        same(c.response().body, b'green')
        c.close()
    s.control.wait_counters(cut=0, held=0, green_reads=2, blue_reads=0, blue_inflight=0)


@story
def a_limit_of_nothing_is_now(s):
    ends = [begin(s) for _ in range(8)]
    s.green.serve()
    s.control.route('reads=green:100 writes=blue:100')
    start = time.monotonic()
    s.control.drain('blue', 'reads', requests=0, streams=0)
    s.control.drained('blue', 'reads')
    for c, _ in ends:
        same(c.response().body, b'green GET /long')
    assert time.monotonic() - start < 1


@story
def a_read_with_a_body_goes_whole_to_the_other_color(s):
    body = b'0123456789' * 2000
    c = s.client()
    c.post('/search', body, method='OPTIONS')
    b, _ = s.blue.take()
    s.control.route(GREEN)
    s.control.drain('blue', requests=0)
    g, request = s.green.take()
    same((request.method, request.target, request.body == body), ('OPTIONS', '/search', True))
    g.answer(b'found')
    same(c.response().body, b'found')


@story
def a_read_is_cut_where_the_route_lists_no_other_color(s):
    c, b = begin(s)
    s.control.route('reads=hold writes=hold')
    s.control.drain('blue', requests=0.1)
    same(c.response().status, 504)
    b.expect_end()
    s.control.drained('blue', cut=1)
    s.green.expect_silence()


@story
def a_read_whose_answer_has_begun_is_cut_not_moved(s):
    interim, b1 = begin(s)
    b1.send(b'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n')
    same(interim.response().status, 103)
    begun, b2 = begin(s)
    b2.send(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf')
    begun.head()
    s.control.route(GREEN)
    s.control.drain('blue', requests=0)
    s.control.drained('blue', cut=2)
    same(interim.response().status, 504)
    same(begun.read_rest(), b'half')
    s.green.expect_silence()


@story
def a_read_is_sent_three_times_at_most_however_many_colors_hang(s):
    c, b = begin(s)
    sent = 1
    for old, new, route in (('blue', s.green, GREEN), ('green', s.blue, BLUE)):
        s.control.route(route)
        s.control.drain(old, requests=0)
        s.control.drained(old)
        new.take()
        sent += 1
    same(sent, 3)
    s.control.route(GREEN)
    s.control.drain('blue', requests=0)
    same(c.response().status, 504)
    s.control.drained('blue', cut=1)
    s.control.wait_counters(cut=1, green_inflight=0)


@story
def a_read_that_is_moved_waits_if_the_other_color_refuses(s):
    s.green.refuse()
    c, b = begin(s)
    s.control.route(GREEN)
    s.control.drain('blue', requests=0)
    s.control.drained('blue')
    s.control.wait_counters(holding=1)
    s.green.listen()
    g, request = s.green.take()
    same(request.target, '/long')
    g.answer(b'at last')
    same(c.response().body, b'at last')


@story
def streams_are_ended_at_theirs_spread_over_its_last_half(s):
    pairs = [begin_stream(s) for _ in range(20)] + [upgraded(s) for _ in range(20)]
    plain, b = begin(s, 'POST')
    s.control.wait_counters(blue_streams=40)
    s.control.route(GREEN)
    start = time.monotonic()
    s.control.drain('blue', requests=60, streams=2.0)
    waited = time.monotonic() - start
    when = [seconds for seconds, _ in ends([backend for _, backend in pairs])]
    # All 40 within a fifth of the window: chance does that once in 10^26.
    assert when[0] + waited >= 1.0 and when[-1] < 4, when
    assert when[-1] - when[0] > 0.2, f'all at once: {when}'
    for c, _ in pairs:
        c.read_rest()
    s.control.expect_no_event('drained')
    b.answer(b'plain')
    same(plain.response().body, b'plain')
    s.control.drained('blue', cut=40, streams=40)
    s.control.wait_counters(cut=40, cut_streams=40)


@story(workers=1)
def streams_do_not_end_in_the_order_in_which_they_began(s):
    """Nor evenly: each has its own moment. With 20 of them in the ten looks of half a second, chance
    keeps the order once in 10^13."""
    for begin_one in (begin_stream, upgraded):
        s.control.route(BLUE)
        pairs = [begin_one(s) for _ in range(20)]
        s.control.route(GREEN)
        s.control.drain('blue', requests=60, streams=1.0)
        order = [index for _, index in ends([backend for _, backend in pairs])]
        s.control.drained('blue', cut=20, streams=20)
        same(len(set(order)), 20)
        assert order != sorted(order) and order != sorted(order, reverse=True), order


@story
def each_limit_is_for_its_own(s):
    """A stream's time is over long before that of a plain request, and the other way round."""
    for requests, streams in ((60, 0.2), (0.2, 60)):
        s.control.route(BLUE)
        stream, b1 = begin_stream(s)
        tunnel, b2 = upgraded(s)
        plain, b3 = begin(s, 'POST')
        s.control.route(GREEN)
        s.control.drain('blue', requests=requests, streams=streams)
        if streams < requests:
            b1.expect_end()
            b2.expect_end()
            s.control.expect_no_event('drained')
            b3.answer(b'in time')
            same(plain.response().body, b'in time')
            s.control.drained('blue', cut=2, streams=2)
        else:
            b3.expect_end()
            same(plain.response().status, 504)
            b1.send(chunk(b'data: on\n\n'))
            same(stream.read(15), chunk(b'data: on\n\n'))
            tunnel.send(b'ping')
            same(b2.read(4), b'ping')
            s.control.expect_no_event('drained')
            stream.close()
            tunnel.close()
            b2.close()
            s.control.drained('blue', cut=1)
    s.control.wait_counters(cut=3, cut_streams=2)


@story
def a_drain_of_reads_cuts_streams_but_no_tunnels(s):
    stream, b1 = begin_stream(s)
    tunnel, b2 = upgraded(s)
    s.control.route('reads=green:100 writes=blue:100')
    s.control.drain('blue', 'reads', streams=0.2)
    s.control.drained('blue', 'reads', cut=1, streams=1)
    b1.expect_end()
    assert b'0\r\n\r\n' not in stream.read_rest()
    tunnel.send(b'ping')
    same(b2.read(4), b'ping')


@story
def a_new_drain_replaces_the_one_before(s):
    c, b = begin(s, 'POST')
    s.control.route(GREEN)
    s.control.drain('blue', requests=60)
    s.control.drain('blue', requests=0.1)
    b.expect_end()
    s.control.drained('blue', cut=1)
    s.control.expect_no_event('drained')


@story
def a_route_back_ends_the_drain(s):
    c, b = begin(s)
    s.control.route(GREEN)
    s.control.drain('blue', requests=0.2)
    s.control.route(BLUE)
    s.relay.expect_calm(0.4)
    b.answer(b'not cut')
    same(c.response().body, b'not cut')
    s.control.wait_counters(cut=0, blue_inflight=0)


@story
def each_color_has_a_drain_of_its_own(s):
    c, b = begin(s)
    s.control.route(GREEN)
    d = s.client()
    d.get('/green')
    g, _ = s.green.take()
    s.control.route('reads=hold writes=hold')
    s.control.drain('blue', requests=60)
    s.control.drain('green', requests=0.1)
    same(s.control.event('drained'), 'drained green scope=all cut=1 streams=0')
    g.expect_end()
    b.answer(b'blue')
    same(c.response().body, b'blue')
    same(s.control.event('drained'), 'drained blue scope=all cut=0 streams=0')


@story
def a_client_that_leaves_ends_its_exchange_for_the_drain(s):
    c, b = begin(s, 'POST')
    s.control.route(GREEN)
    s.control.drain('blue')
    s.control.expect_no_event('drained')
    c.reset()
    b.expect_end()
    s.control.drained('blue')


@story
def a_held_write_is_not_in_flight(s):
    s.control.route('reads=green:100 writes=hold')
    c = s.client()
    c.post('/held', b'x')
    s.control.wait_counters(holding=1)
    s.control.drain('blue')
    s.control.drained('blue')
    c.expect_silence()


@story
def under_load_nothing_is_in_flight_when_drained_is_told(s):
    """Clients ask all the time; at every `drained` the backend counts none of its own under way."""
    import threading
    busy = {'blue': 0, 'green': 0}
    lock = threading.Lock()

    def answer(color):
        def one(request, wire):
            with lock:
                busy[color] += 1
            wire.send(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n')
            with lock:
                busy[color] -= 1
            return b'ok'
        return one
    s.blue.serve(answer('blue'))
    s.green.serve(answer('green'))
    stop, failed = [], []

    def ask():
        c = s.relay.connect()
        try:
            while not stop:
                c.get('/')
                same(c.response().body, b'ok')
                c.post('/', b'xyz')
                same(c.response().body, b'ok')
        except BaseException as error:
            failed.append(error)
    threads = s.background(*[ask] * 8)
    for turn in range(20):
        old, route = ('blue', GREEN) if turn % 2 == 0 else ('green', 'reads=blue:100 writes=blue:100')
        s.control.route(route)
        s.control.drain(old)
        s.control.drained(old)
        with lock:
            same(busy[old], 0, f'requests in flight on {old}')
    stop.append(True)
    for thread in threads:
        thread.join()
    same(failed, [])
