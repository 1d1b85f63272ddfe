# SPDX-License-Identifier: MIT
"""Requests that wait: for a route, for a color to listen, and not for ever."""

import time

from stage.story import HELD, story
from stage.wire import same

TIGHT = 'hold-usec={usec} hold-requests={requests} hold-bytes={size}'
WRITES_HELD = 'reads=green:100 writes=hold'


def limits(usec=30000000, requests=512, size=67108864):
    return TIGHT.format(usec=usec, requests=requests, size=size)


def expect_503(client):
    response = client.response()
    same(response.status, 503)
    assert int(response.get('Retry-After')) >= 1, response.raw
    same(int(response.get('Content-Length')), len(response.body))


@story(route=WRITES_HELD)
def a_held_write_is_released_by_a_route(s):
    s.green.serve()
    c = s.client()
    c.post('/held', b'hello')
    s.control.wait_counters(holding=1, held=1)
    s.works()  # reads go on meanwhile
    c.expect_silence()
    s.blue.expect_silence()
    s.control.route('reads=blue:100 writes=blue:100')
    b, request = s.blue.take()
    same((request.target, request.body), ('/held', b'hello'))
    b.answer(b'done')
    same(c.response().body, b'done')
    s.control.wait_counters(holding=0, held=1)
    assert s.control.counters()['hold_longest_usec'] > 0


@story(route=WRITES_HELD)
def held_writes_are_released_in_order_and_once(s):
    s.green.serve()
    s.blue.serve()
    clients = [s.client() for _ in range(20)]
    for number, c in enumerate(clients):
        c.send(b''.join(b'POST /%d/%d HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab' % (number, i)
                        for i in range(5)))
    s.control.wait_counters(holding=20)
    s.control.route('reads=blue:100 writes=blue:100')
    for number, c in enumerate(clients):
        same([c.response().body for _ in range(5)], [b'blue POST /%d/%d' % (number, i) for i in range(5)])
    for number in range(20):
        mine = [target for target in s.blue.targets() if target.startswith(f'/{number}/')]
        same(mine, [f'/{number}/{i}' for i in range(5)])
    same(s.green.targets(), [])


@story(route=HELD)
def held_reads_are_released_too(s):
    s.green.serve()
    clients = [s.client() for _ in range(10)]
    for c in clients:
        c.get('/held')
    s.control.wait_counters(holding=10)
    s.control.route('reads=green:100 writes=hold')
    for c in clients:
        same(c.response().body, b'green GET /held')
    s.control.wait_counters(holding=0)


@story(route=HELD)
def a_read_behind_a_held_write_waits_for_it(s):
    s.control.route(WRITES_HELD)
    s.green.serve()
    c = s.client()
    c.send(b'POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n')
    s.control.wait_counters(holding=1)
    s.works()
    c.expect_silence()
    s.control.route('reads=green:100 writes=green:100')
    same([c.response().body, c.response().body], [b'green POST /1', b'green GET /2'])


@story(route=WRITES_HELD)
def a_held_request_with_expect_gets_its_100_from_the_color_that_takes_it(s):
    c = s.client()
    c.send(b'POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n')
    s.control.wait_counters(holding=1)
    c.expect_silence()
    s.control.route('reads=blue:100 writes=blue:100')
    b = s.blue.ready()
    b.head()
    b.send(b'HTTP/1.1 100 Continue\r\n\r\n')
    same(c.response().status, 100)
    c.send(b'body')
    same(b.read(4), b'body')
    b.answer(b'ok')
    same(c.response().body, b'ok')


@story(route=WRITES_HELD)
def a_held_chunked_upload_goes_on_when_it_is_released(s):
    c = s.client()
    c.send(b'POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n')
    s.control.wait_counters(holding=1)
    s.control.route('reads=blue:100 writes=blue:100')
    b = s.blue.ready()
    b.head()
    same(b.read(10), b'5\r\nhello\r\n')
    c.send(b'6\r\n world\r\n0\r\n\r\n')
    same(b.read(16), b'6\r\n world\r\n0\r\n\r\n')
    b.answer(b'ok')
    same(c.response().body, b'ok')


@story(route=HELD, limits=limits(usec=300000))
def a_request_is_held_no_longer_than_the_limit(s):
    for method in ('GET', 'POST'):
        begun = time.monotonic()
        c = s.client()
        c.post('/held', b'hello', method=method)
        expect_503(c)
        waited = time.monotonic() - begun
        assert 0.3 <= waited < 2, f'it waited {waited:.3f} s'
    s.control.wait_counters(holding=0, hold_expired=2)
    s.control.route('reads=blue:100 writes=blue:100')
    s.blue.serve()
    s.works()
    same(s.blue.targets(), ['/works'], 'what was sent of the expired')


@story(route=HELD, limits=limits(requests=0))
def a_503_to_head_has_no_body_and_the_connection_goes_on(s):
    c = s.client()
    c.get('/held', method='HEAD')
    response = c.response(to='HEAD')
    same(response.status, 503)
    if response.get('Connection') == 'close':
        c.expect_end()
        return
    s.blue.serve()
    s.control.route('reads=blue:100 writes=blue:100')
    s.works(c)


@story(route=HELD, limits=limits(requests=5))
def only_so_many_requests_are_held(s):
    held = [s.client() for _ in range(5)]
    for number, c in enumerate(held):
        c.post(f'/{number}', b'x')
    s.control.wait_counters(holding=5)
    for _ in range(3):
        c = s.client()
        c.post('/more', b'x')
        expect_503(c)
    s.control.wait_counters(holding=5, hold_expired=3)
    s.blue.serve()
    s.control.route('reads=blue:100 writes=blue:100')
    for number, c in enumerate(held):
        same(c.response().body, b'blue POST /%d' % number)
    same(len(s.blue.targets()), 5)


@story(route=HELD, limits=limits(size=65536))
def only_so_many_bytes_are_held(s):
    padding = [('X-Padding', 'y' * 15000)]  # a head must be kept whole
    clients = [s.client() for _ in range(12)]
    for c in clients:
        c.get('/held', padding)
    s.control.wait_counters(hold_expired=8, holding=4)
    refused = [c for c in clients if c.readable()]
    for c in refused:
        expect_503(c)
    same(len(refused), 8)
    s.control.ok(f'limits {limits()}')
    more = s.client()
    more.get('/held', padding)
    s.control.wait_counters(holding=5)


@story(route=HELD, limits=limits(requests=1))
def a_new_limit_counts_from_now_on(s):
    first = s.client()
    first.get('/1')
    s.control.wait_counters(holding=1)
    second = s.client()
    second.get('/2')
    expect_503(second)
    s.control.ok(f'limits {limits(requests=2)}')
    third = s.client()
    third.get('/3')
    s.control.wait_counters(holding=2)
    s.control.ok(f'limits {limits(usec=100000, requests=2)}')
    fourth = s.client()
    fourth.get('/4')
    expect_503(fourth)


@story(route=HELD)
def a_held_client_that_leaves_is_never_sent(s):
    for end in ('close', 'reset'):
        c = s.client()
        c.post('/gone', b'hello')
        s.control.wait_counters(holding=1)
        getattr(c, end)()
        s.control.wait_counters(holding=0, connections=0)
    c = s.client()
    c.post('/stays', b'hello')
    s.blue.serve()
    s.control.route('reads=blue:100 writes=blue:100')
    same(c.response().status, 200)
    same(s.blue.targets(), ['/stays'])


@story(route=HELD)
def what_is_held_costs_nothing(s):
    clients = [s.client() for _ in range(50)]
    for c in clients:
        c.post('/held', b'hello')
    s.control.wait_counters(holding=50)
    s.relay.expect_calm()


@story(refusing=('blue', 'green'))
def waiting_for_a_color_costs_little(s):
    clients = [s.client() for _ in range(50)]
    for c in clients:
        c.get('/held')
    s.control.wait_counters(holding=50)
    s.relay.expect_calm(1.0)


@story(refusing=('blue',))
def a_read_goes_to_the_standby_when_its_color_refuses(s):
    s.green.serve()
    c = s.client()
    for _ in range(5):
        c.get('/read')
        same(c.response().body, b'green GET /read')
    same(s.control.event('refused'), 'refused blue')


@story(refusing=('green',))
def a_read_goes_to_the_other_weighted_color_when_one_refuses(s):
    s.control.route('reads=blue:50,green:50 writes=blue:100')
    s.blue.serve()
    c = s.client()
    for _ in range(20):
        c.get('/read')
        same(c.response().body, b'blue GET /read')
    same(s.control.event('refused'), 'refused green')


@story(refusing=('blue',))
def a_color_that_is_not_listed_gets_nothing_whoever_refuses(s):
    s.control.route('reads=blue:100 writes=blue:100')
    reader, writer = s.client(), s.client()
    reader.get('/read')
    writer.post('/write', b'x')
    s.control.wait_counters(holding=2)
    same(s.control.event('refused'), 'refused blue')
    s.green.expect_silence()
    s.blue.listen()
    s.blue.serve()
    same(reader.response().body, b'blue GET /read')
    same(writer.response().body, b'blue POST /write')
    s.green.expect_silence()


@story(refusing=('blue',))
def a_write_waits_until_its_color_accepts_again(s):
    s.green.serve()
    c = s.client()
    c.post('/write', b'hello')
    s.control.wait_counters(holding=1)
    same(s.control.event('refused'), 'refused blue')
    s.blue.serve()
    s.blue.listen()
    begun = time.monotonic()
    same(c.response().body, b'blue POST /write')
    assert time.monotonic() - begun < 1.5, 'it took too long to notice'
    same((s.blue.targets(), s.green.targets()), (['/write'], []))


@story
def a_write_waits_for_a_color_that_went_away_behind_pooled_connections(s):
    c = s.client()
    c.get('/warm')
    b, _ = s.blue.take()
    b.answer(b'warm')
    same(c.response().body, b'warm')
    s.blue.refuse()
    c.post('/write', b'hello')
    s.control.wait_counters(holding=1)
    b.expect_silence()
    b.close()
    s.blue.handler = s.blue.tell
    s.blue.listen()
    same(c.response().body, b'blue POST /write')


@story(refusing=('blue',), limits=limits(usec=300000))
def a_write_does_not_wait_for_ever_for_its_color(s):
    begun = time.monotonic()
    c = s.client()
    c.post('/write', b'hello')
    expect_503(c)
    assert 0.3 <= time.monotonic() - begun < 2
    s.green.expect_silence()
    s.green.serve()
    s.blue.serve()
    s.blue.listen()
    s.control.ok(f'limits {limits()}')
    s.control.route('reads=blue:100 writes=blue:100')
    s.works()
    same(s.blue.targets(), ['/works'])


@story(refusing=('blue', 'green'))
def reads_wait_when_nobody_is_there(s):
    c = s.client()
    c.get('/read')
    s.control.wait_counters(holding=1)
    s.green.serve()
    s.green.listen()
    same(c.response().body, b'green GET /read')


@story(refusing=('blue', 'green'))
def what_waits_for_a_color_is_released_by_a_route_at_once(s):
    s.control.route('reads=blue:100 writes=blue:100')
    reader, writer = s.client(), s.client()
    reader.get('/read')
    writer.post('/write', b'x')
    s.control.wait_counters(holding=2)
    s.green.serve()
    s.green.listen()
    s.control.route('reads=green:100 writes=green:100')
    same(reader.response().body, b'green GET /read')
    same(writer.response().body, b'green POST /write')


@story(refusing=('blue',))
def refused_is_told_once_a_second(s):
    s.green.serve()
    begun = time.monotonic()
    clients = [s.client() for _ in range(8)]
    for _ in range(10):
        for c in clients:
            c.get('/read')
        for c in clients:
            same(c.response().status, 200)
    same(s.control.event('refused'), 'refused blue')
    s.control.counters()
    more = [event for event in s.control.events if event.startswith('refused')]
    assert len(more) <= time.monotonic() - begun, more


@story(control=False)
def without_a_supervisor_everything_waits(s):
    reader, writer = s.client(), s.client()
    reader.get('/read')
    writer.post('/write', b'x')
    s.supervise(HELD)
    s.control.wait_counters(holding=2)
    reader.expect_silence()
    s.blue.serve()
    s.control.route('reads=blue:100 writes=blue:100')
    same(reader.response().body, b'blue GET /read')
    same(writer.response().body, b'blue POST /write')


@story(control=False)
def a_route_without_backends_holds(s):
    s.control = s.another_control()
    s.control.route('reads=blue:100 writes=blue:100')
    c = s.client()
    c.get('/read')
    s.control.wait_counters(holding=1)
    s.blue.serve()
    s.control.ok(f'backends blue={s.blue.address} green={s.green.address}')
    same(c.response().body, b'blue GET /read')


@story(env={'RELAY_CONNECT_TIMEOUT_USEC': '200000'})
def a_color_that_does_not_complete_connections_counts_as_refusing(s):
    s.blue.listener.listen(0)  # one waits in the queue, then the kernel drops every SYN
    fill = [s.blue.knock() for _ in range(3)]
    s.green.serve()
    c = s.client()
    c.get('/read')
    same(c.response().body, b'green GET /read')
    c.post('/write', b'x')
    s.control.wait_counters(holding=1)
    for one in fill:
        one.close()
    b, request = s.blue.take()  # the queue has room again
    same((request.method, request.target), ('POST', '/write'))
    b.answer(b'at last')
    same(c.response().body, b'at last')


@story(env={'RELAY_CONNECT_TIMEOUT_USEC': '1000000'}, workers=1)
def one_at_a_time_finds_out_whether_a_silent_color_is_back(s):
    s.blue.listener.listen(0)  # one waits in the queue, then the kernel drops every SYN
    fill = [s.blue.knock() for _ in range(3)]
    s.green.serve()
    first = s.client()
    first.get('/first')
    same(first.response().body, b'green GET /first')  # it lost its second
    writers = [s.client() for _ in range(4)]
    for i, c in enumerate(writers):
        c.post(f'/write{i}', b'x')
    s.control.wait_counters(blue_inflight=1, holding=3)
    for i in range(20):
        start = time.monotonic()
        c = s.client()
        c.get(f'/{i}')
        same(c.response().body, b'green GET /%d' % i)
        assert time.monotonic() - start < 0.5, 'it waited for a color known to be silent'
    s.control.wait_counters(blue_inflight=1, holding=3)
    for one in fill:
        one.close()
    s.blue.serve()
    for i, c in enumerate(writers):
        same(c.response().body, b'blue POST /write%d' % i)
    first.get('/again')
    same(first.response().body, b'blue GET /again')


@story(env={'RELAY_CONNECT_TIMEOUT_USEC': '300000'}, workers=1)
def who_leaves_while_it_tries_a_silent_color_lets_the_next_try(s):
    s.blue.listener.listen(0)
    fill = [s.blue.knock() for _ in range(3)]
    s.control.route('reads=blue:100 writes=blue:100')
    first = s.client()
    first.get('/first')
    s.control.wait_counters(blue_inflight=1)
    s.control.wait_counters(holding=1)
    s.control.wait_counters(blue_inflight=1)
    second = s.client()
    second.post('/second', b'x')
    s.control.wait_counters(holding=1)
    first.reset()
    s.control.wait_counters(connections=1)
    for one in fill:
        one.close()
    b, request = s.blue.take()
    same(request.target, '/second')
    b.answer(b'done')
    same(second.response().body, b'done')
