# SPDX-License-Identifier: MIT
"""The numbers for operators: each is moved by its cause, by exactly that, and by as much as it was."""

import random

from stage.story import BLUE, GREEN, HELD, story
from stage.wire import chunk, ends, same, wait_until

from stories.streams import upgraded
from stories.succession import both

CLASSES = ('1xx', '2xx', '3xx', '4xx', '5xx')
# Others look at these: how long, and how much.
UNEVEN = ('for-usec', 'latency', 'latency-usec', 'bytes-to-app', 'bytes-to-clients', 'hold-longest-usec')


def numbers(s):
    """All that is told, flat, without what is zero: {'blue.reads': 1, 'relay.endings.done': 2}."""
    flat = {}
    for of in ('blue', 'green', 'relay'):
        for name, value in s.control.numbers(of).items():
            if name == 'status':
                flat.update({f'{of}.{c}': n for c, n in zip(CLASSES, value)})
            elif name == 'endings':
                flat.update({f'{of}.endings.{ending}': n for ending, n in value.items()})
            elif name != 'release' and name not in UNEVEN:
                flat[f'{of}.{name}'] = value
    return {name: value for name, value in flat.items() if value}


def earlier_of(s, color):
    return [told for n in (1, 2, 3, 4) if (told := s.control.numbers(f'{color} earlier={n}'))]


def unended(s, flat):
    """Exchanges that began, and that neither have ended nor are under way or held."""
    ended = sum(n for name, n in flat.items() if '.endings.' in name)
    for color in ('blue', 'green'):
        ended += sum(sum(told['endings'].values()) for told in earlier_of(s, color))
    present = sum(flat.get(name, 0) for name in ('blue.inflight', 'green.inflight', 'relay.holding'))
    return flat.get('relay.begun', 0) - ended - present


def settled(s, inflight=0):
    """The numbers once nothing is on its way into them any more."""
    def calm():
        flat = numbers(s)
        return unended(s, flat) == 0 and \
            flat.get('blue.inflight', 0) + flat.get('green.inflight', 0) == inflight
    wait_until(calm, 'each exchange has its ending')
    return numbers(s)


def moved(s, wanted, inflight=0):
    """Exactly these numbers have moved. What one request on one new connection always moves goes
    without saying; what it does not is said as 0."""
    usual = {'relay.begun': 1, 'relay.clients': 1, 'relay.clients-ever': 1}
    s.control.wait_counters(connections=wanted.get('relay.clients', 1))
    same(settled(s, inflight), {n: v for n, v in {**usual, **wanted}.items() if v})


def asked(s, method='GET', backend=None):
    """A request that has reached the color: (client, backend connection)."""
    c = s.client()
    if method == 'POST':
        c.post('/', b'body')
    else:
        c.get('/')
    b, _ = (backend or s.blue).take()
    return c, b


@story
def before_a_request_all_is_zero(s):
    same(numbers(s), {})
    same(s.control.numbers('blue')['release'], '')


@story
def a_status_moves_the_number_of_its_class(s):
    c = s.client()
    for status, count in ((200, 3), (301, 2), (404, 4), (500, 1), (501, 1), (599, 1)):
        for _ in range(count):
            c.get('/')
            b, _ = s.blue.take()
            b.answer(b'said', f'{status} Said')
            same(c.response().status, status)
    # A 501 says something of the request.
    moved(s, {'blue.reads': 12, 'blue.2xx': 3, 'blue.3xx': 2, 'blue.4xx': 4, 'blue.5xx': 3, 'blue.errors': 2,
              'blue.endings.done': 12, 'blue.connects': 1, 'blue.connections': 1, 'blue.pooled': 1,
              'relay.begun': 12})


@story
def a_404_moves_the_4xx(s):
    c, b = asked(s)
    b.answer(b'no', '404 Not Found')
    same(c.response().status, 404)
    moved(s, {'blue.reads': 1, 'blue.4xx': 1, 'blue.endings.done': 1, 'blue.connects': 1, 'blue.connections': 1,
              'blue.pooled': 1})


@story
def a_write_that_fails_with_a_500_is_an_error_of_its_color(s):
    c, b = asked(s, 'POST')
    b.answer(b'no', '500 Internal Server Error')
    same(c.response().status, 500)
    moved(s, {'blue.writes': 1, 'blue.5xx': 1, 'blue.errors': 1, 'blue.endings.done': 1, 'blue.connects': 1,
              'blue.connections': 1, 'blue.pooled': 1})


@story
def interim_answers_are_of_the_1xx(s):
    c, b = asked(s)
    for _ in range(3):
        b.send(b'HTTP/1.1 103 Early Hints\r\n\r\n')
    b.answer(b'ok')
    same([c.response().status for _ in range(4)], [103, 103, 103, 200])
    moved(s, {'blue.reads': 1, 'blue.1xx': 3, 'blue.2xx': 1, 'blue.endings.done': 1, 'blue.connects': 1,
              'blue.connections': 1, 'blue.pooled': 1})


@story(refusing=('blue',))
def a_refused_connect_is_the_color_s_that_refused(s):
    c, b = asked(s, backend=s.green)
    b.answer(b'green')
    same(c.response().body, b'green')
    moved(s, {'blue.refused': 1, 'blue.connects': 1, 'green.reads': 1, 'green.2xx': 1, 'green.endings.done': 1, 'green.connects': 1,
              'green.connections': 1, 'green.pooled': 1})


@story
def a_read_whose_pooled_connection_ends_is_sent_again(s):
    c, b = asked(s)
    b.answer(b'1')
    c.response()
    c.get('/2')
    b, _ = s.blue.take()
    b.close()
    b, _ = s.blue.take()
    b.answer(b'2')
    same(c.response().body, b'2')
    moved(s, {'blue.reads': 2, 'blue.2xx': 2, 'blue.reset': 1, 'blue.again': 1, 'blue.endings.done': 2,
              'blue.connects': 2, 'blue.connections': 1, 'blue.pooled': 1, 'relay.begun': 2})


@story
def a_read_that_one_color_fails_ends_with_the_other(s):
    c, b = asked(s)
    b.reset()
    b, _ = s.green.take()
    b.answer(b'green')
    same(c.response().body, b'green')
    moved(s, {'blue.reset': 1, 'blue.again': 1, 'blue.connects': 1, 'green.reads': 1, 'green.2xx': 1,
              'green.endings.done': 1, 'green.connects': 1, 'green.connections': 1, 'green.pooled': 1})


@story
def a_write_whose_connection_is_reset_has_failed(s):
    c, b = asked(s, 'POST')
    b.reset()
    same(c.response().status, 502)
    moved(s, {'blue.reset': 1, 'blue.failed': 1, 'blue.endings.backend-reset': 1, 'blue.connects': 1})


@story
def a_response_that_breaks_off_has_failed(s):
    c, b = asked(s)
    b.send(b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')
    c.read_until(b'half')
    b.close()
    ends([c])
    moved(s, {'blue.2xx': 1, 'blue.reset': 1, 'blue.failed': 1, 'blue.endings.backend-truncated': 1,
              'blue.connects': 1, 'relay.clients': 0})


@story
def an_answer_that_is_no_http_is_no_reset(s):
    c, b = asked(s)
    b.send(b'220 mail.example ESMTP\r\n\r\n')
    same(c.response().status, 502)
    moved(s, {'blue.failed': 1, 'blue.endings.backend-bad': 1, 'blue.connects': 1})


@story(env={'RELAY_RESPONSE_TIMEOUT_USEC': '300000'})
def no_answer_in_time_is_a_failure(s):
    c, _ = asked(s, 'POST')
    same(c.response().status, 504)
    moved(s, {'blue.failed': 1, 'blue.endings.backend-slow': 1, 'blue.connects': 1})


@story
def a_write_that_waited_is_held_once(s):
    s.blue.serve()
    s.control.route(HELD)
    c = s.client()
    c.post('/', b'x')
    s.control.wait_counters(holding=1)
    moved(s, {'relay.held': 1, 'relay.holding': 1})
    s.control.route(BLUE)
    same(c.response().status, 200)
    moved(s, {'relay.held': 1, 'blue.held': 1, 'blue.writes': 1, 'blue.2xx': 1, 'blue.endings.done': 1,
              'blue.connects': 1, 'blue.connections': 1, 'blue.pooled': 1})


@story(route=HELD, limits='hold-usec=200000 hold-requests=1 hold-bytes=1000000')
def what_waits_too_long_or_finds_no_room_ends_without_a_color(s):
    c, other = s.client(), s.client()
    c.post('/', b'x')
    s.control.wait_counters(holding=1)
    other.post('/', b'x')
    same(other.response().status, 503)
    same(c.response().status, 503)
    moved(s, {'relay.held': 1, 'relay.hold-expired': 2, 'relay.endings.hold-expired': 1,
              'relay.endings.hold-full': 1, 'relay.begun': 2, 'relay.clients': 2, 'relay.clients-ever': 2})


@story
def a_request_that_is_none_ends_without_a_color(s):
    c = s.client()
    c.send(b'GET / HTTP/1.1\r\nHost: a\r\nBad field\r\n\r\n')
    same(c.response().status, 400)
    c.close()
    moved(s, {'relay.endings.bad-request': 1, 'relay.clients': 0})


@story
def a_client_that_leaves_is_nobody_s_failure(s):
    c, b = asked(s)
    c.reset()
    b.expect_end()
    moved(s, {'blue.endings.client-gone': 1, 'blue.connects': 1, 'relay.clients': 0})


@story
def what_a_drain_cuts_has_an_ending_of_its_own(s):
    c, _ = asked(s, 'POST')
    s.control.route(GREEN)
    s.control.drain('blue', requests=0.05)
    same(c.response().status, 504)
    s.control.drained('blue', cut=1)
    moved(s, {'blue.endings.cut': 1, 'blue.connects': 1, 'relay.cut': 1})


@story
def a_read_that_a_drain_takes_elsewhere_is_sent_again(s):
    c, _ = asked(s)
    s.control.route(GREEN)
    s.control.drain('blue', requests=0.05)
    b, _ = s.green.take()
    b.answer(b'green')
    same(c.response().body, b'green')
    moved(s, {'blue.again': 1, 'blue.connects': 1, 'green.reads': 1, 'green.2xx': 1, 'green.endings.done': 1,
              'green.connects': 1, 'green.connections': 1, 'green.pooled': 1})


@story
def a_stream_is_open_until_it_ends(s):
    c, b = upgraded(s)
    begun = {'blue.1xx': 1, 'blue.streams-ever': 1, 'blue.connects': 1}
    moved(s, {**begun, 'blue.streams': 1, 'blue.inflight': 1, 'blue.connections': 1}, inflight=1)
    b.close()
    c.expect_end()
    c.close()
    moved(s, {**begun, 'blue.writes': 1, 'blue.endings.done': 1, 'relay.clients': 0})


@story
def a_stream_that_the_color_resets_says_so(s):
    s.control.ok('protocol tcp')
    c = s.client()
    b = s.blue.accept()
    c.send(b'hello')
    same(b.read(5), b'hello')
    b.reset()
    ends([c])
    moved(s, {'blue.writes': 1, 'blue.streams-ever': 1, 'blue.reset': 1, 'blue.endings.tunnel-reset': 1,
              'blue.connects': 1, 'relay.clients': 0})


@story
def a_stream_that_the_client_resets_says_so(s):
    s.control.ok('protocol tcp')
    c = s.client()
    b = s.blue.accept()
    c.send(b'hello')
    same(b.read(5), b'hello')
    c.reset()
    b.expect_end()
    moved(s, {'blue.writes': 1, 'blue.streams-ever': 1, 'blue.endings.client-gone': 1, 'blue.connects': 1,
              'relay.clients': 0})


@story(env={'RELAY_IDLE_TIMEOUT_USEC': '200000'})
def an_idle_client_that_is_closed_had_no_exchange(s):
    c = s.client()
    c.expect_end()
    moved(s, {'relay.idle-closed': 1, 'relay.begun': 0, 'relay.clients': 0})


@story(env={'RELAY_HEAD_TIMEOUT_USEC': '200000'})
def a_head_that_does_not_come_whole_is_an_exchange(s):
    c = s.client()
    c.send(b'GET / HT')
    same(c.response().status, 408)
    c.close()
    moved(s, {'relay.endings.client-slow': 1, 'relay.clients': 0})


@story(workers=1, nofile=64, env={'RELAY_CONNECTIONS': '1000'})
def an_idle_client_that_is_shed_had_no_exchange(s):
    for _ in range(120):
        s.client()
    wait_until(lambda: s.control.numbers('relay')['clients-ever'] == 120, 'everybody was let in')
    told = s.control.numbers('relay')
    assert told['shed'] > 0, told
    same((told['shed'], told['idle-closed'], told['begun']), (120 - told['clients'], 0, 0))


@story(env={'RELAY_CONNECTIONS': '1'}, workers=1)
def a_client_too_many_is_refused(s):
    first = s.client()
    first.get('/')
    b, _ = s.blue.take()
    other = s.client()
    same(other.response().status, 503)
    b.answer(b'ok')
    same(first.response().status, 200)
    other.expect_end()
    other.close()
    s.control.wait_counters(connections=1)
    moved(s, {'relay.endings.too-many-clients': 1, 'relay.clients-refused': 1, 'relay.clients-ever': 2,
              'relay.begun': 2, 'blue.reads': 1, 'blue.2xx': 1, 'blue.endings.done': 1, 'blue.connects': 1,
              'blue.connections': 1, 'blue.pooled': 1})


@story
def connections_are_in_use_or_pooled(s):
    clients = [s.client() for _ in range(3)]
    for c in clients:
        c.get('/')
    wires = [s.blue.take()[0] for _ in clients]
    flat = settled(s, inflight=3)
    same((flat['blue.connections'], flat['blue.inflight'], flat.get('blue.pooled', 0)), (3, 3, 0))
    for b in wires[:2]:
        b.answer(b'ok')
    s.control.wait_counters(blue_inflight=1)
    flat = settled(s, inflight=1)
    same((flat['blue.connections'], flat['blue.inflight'], flat['blue.pooled'], flat['blue.connects']), (3, 1, 2, 3))


# ---- bytes

def bytes_of(s, color='blue'):
    told = s.control.numbers(color)
    return told['bytes-to-app'], told['bytes-to-clients']


def size_of(message):
    return len(message.raw) + len(message.body)


@story
def bytes_are_those_that_moved_heads_included(s):
    c = s.client()
    to_app = to_client = 0
    for size in (0, 1, 100000):
        c.post('/', bytes(size))
        b, request = s.blue.take()
        to_app += size_of(request)
        b.answer(bytes(2 * size))
        to_client += size_of(c.response())
    settled(s)
    same(bytes_of(s), (to_app, to_client))
    same(bytes_of(s, 'green'), (0, 0))


@story
def bytes_of_a_stream_are_counted_while_it_lasts(s):
    s.control.ok('protocol tcp')
    c = s.client()
    b = s.blue.accept()
    c.send(bytes(3000000))
    same(len(b.read(3000000)), 3000000)
    b.send(bytes(70000))
    same(len(c.read(70000)), 70000)
    wait_until(lambda: bytes_of(s) == (3000000, 70000), f'all bytes are counted: {bytes_of(s)}')


@story
def what_is_sent_again_is_counted_where_it_went(s):
    c, b = asked(s)
    b.reset()
    b, request = s.green.take()
    b.answer(b'green')
    response = c.response()
    settled(s)
    same(bytes_of(s, 'green'), (size_of(request), size_of(response)))
    same(bytes_of(s, 'blue'), (size_of(request), 0))


@story
def what_the_relay_says_itself_is_no_color_s(s):
    c, b = asked(s, 'POST')
    b.reset()
    same(c.response().status, 502)
    c.get('/')
    b, _ = s.blue.take()
    b.answer(b'ok')
    response = c.response()
    settled(s)
    same(bytes_of(s)[1], size_of(response))


@story
def a_response_that_breaks_off_moved_what_it_moved(s):
    c, b = asked(s)
    b.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n' + chunk(b'half'))
    came = len(c.read_until(b'half\r\n'))
    b.close()
    ends([c])
    settled(s)
    same(bytes_of(s)[1], came)


# ---- releases

def served(s, client, count):
    for _ in range(count):
        s.works(client)
    s.control.wait_counters(blue_inflight=0)


@story
def numbers_are_those_since_the_release_came(s):
    s.blue.serve()
    c = s.client()
    s.control.ok('release blue=1.0 green=1.0')
    served(s, c, 3)
    before = s.control.numbers('blue')
    same((before['release'], before['reads'], before['endings']), ('1.0', 3, {'done': 3}))
    s.control.ok('release blue=1.1 green=1.0')
    served(s, c, 2)
    now = s.control.numbers('blue')
    same((now['release'], now['reads'], now['endings'], sum(now['latency'])), ('1.1', 2, {'done': 2}, 2))
    same(now['bytes-to-app'] * 3, before['bytes-to-app'] * 2)
    assert now['for-usec'] < before['for-usec'] + 60e6
    earlier = s.control.numbers('blue earlier=1')
    for name in ('reads', 'status', 'latency', 'endings', 'bytes-to-app', 'bytes-to-clients', 'connects', 'release'):
        same(earlier[name], before[name], name)
    same(s.control.numbers('green')['release'], '1.0')
    same(s.control.numbers('blue earlier=2'), None)
    same(s.control.numbers('green earlier=1'), None)
    same(s.control.counters()['blue.reads'], 5)


@story
def the_first_release_that_is_said_is_the_one_that_was_counted(s):
    s.blue.serve()
    served(s, s.client(), 2)
    s.control.ok('release blue=1.0 green=')
    told = s.control.numbers('blue')
    same((told['release'], told['reads']), ('1.0', 2))
    same(s.control.numbers('green')['release'], '')
    same(s.control.numbers('blue earlier=1'), None)


@story
def the_same_release_said_again_changes_nothing(s):
    s.blue.serve()
    c = s.client()
    for _ in range(3):
        s.another_control().ok('release blue=@0123 green=x')
        served(s, c, 1)
    s.control.ok('release blue= green=')
    same((s.control.numbers('blue')['release'], s.control.numbers('blue')['reads']), ('@0123', 3))
    same(s.control.numbers('blue earlier=1'), None)


@story
def four_earlier_releases_are_kept(s):
    s.blue.serve()
    c = s.client()
    for number in range(1, 8):
        s.control.ok(f'release blue={number} green=1')
        served(s, c, number)
    told = [s.control.numbers(f'blue earlier={n}') for n in (1, 2, 3, 4)]
    same([(t['release'], t['reads']) for t in told], [('6', 6), ('5', 5), ('4', 4), ('3', 3)])
    same(s.control.counters()['blue.reads'], sum(range(1, 8)))


# ---- one relay follows another

@both
def numbers_go_on(s, way):
    s.blue.serve()
    c = s.client()
    s.control.ok('release blue=1.0 green=1.0')
    served(s, c, 4)
    s.control.ok('release blue=1.1 green=1.0')
    served(s, c, 2)
    before = settled(s)
    to_app, to_clients = bytes_of(s)
    way(s)
    served(s, c, 1)
    told, earlier = s.control.numbers('blue'), s.control.numbers('blue earlier=1')
    same((told['release'], told['reads'], told['endings']), ('1.1', 3, {'done': 3}))
    same((told['bytes-to-app'] * 2, told['bytes-to-clients'] * 2), (to_app * 3, to_clients * 3))
    same((earlier['release'], earlier['reads'], earlier['status'][1]), ('1.0', 4, 4))
    after = settled(s)
    for name in ('relay.clients', 'relay.clients-ever', 'blue.connections', 'blue.pooled'):
        same(after[name], before[name], name)
    same(after['relay.begun'], before['relay.begun'] + 1)
    agree(s)


@both
def what_is_in_flight_ends_once(s, way):
    c, b = asked(s)
    way(s)
    b.answer(b'ok')
    same(c.response().status, 200)
    moved(s, {'blue.reads': 1, 'blue.2xx': 1, 'blue.endings.done': 1, 'blue.connects': 1, 'blue.connections': 1,
              'blue.pooled': 1})


# ---- the whole

@story
def after_anything_at_all_the_sums_agree(s):
    """Requests of every kind, good and bad, through colors that answer, reset, break off and talk nonsense."""
    chance = random.Random(20)

    def fickle(request, wire):
        fate = chance.randrange(8)
        if fate == 0:
            wire.reset()
        elif fate == 1:
            wire.send(b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf')
            wire.close()
        elif fate == 2:
            wire.send(b'nonsense\r\n\r\n')
            wire.close()
        else:
            return b'HTTP/1.1 %d Said\r\nContent-Length: 2\r\n\r\nok' % chance.choice((200, 204, 302, 404, 500)) \
                if fate > 3 else b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
        return None
    s.blue.serve(fickle)
    s.green.serve(fickle)
    s.control.route('reads=blue:50,green:50 writes=blue:50,green:50')
    for turn in range(150):
        c = s.client()
        kind = turn % 5
        if kind == 0:
            c.send(b'NONSENSE\r\n\r\n')
        elif kind == 1:
            c.post('/', b'x' * turn)
        else:
            c.get('/')
        if kind == 4:
            c.reset()
        else:
            c.fill()
            c.close()
        if turn == 75:
            s.control.ok('release blue=1 green=1')
        elif turn == 100:
            s.control.ok('release blue=2 green=1')
    s.control.wait_counters(connections=0)
    settled(s)
    agree(s)


def agree(s):
    """The counters, and the numbers of all releases together."""
    counters = s.control.counters()
    for color in ('blue', 'green'):
        parts = [s.control.numbers(color)] + earlier_of(s, color)
        for name in ('reads', 'writes', 'failed', 'errors'):
            same(sum(part[name] for part in parts), counters[f'{color}.{name}'], f'{color} {name}')
        summed = [sum(column) for column in zip(*[part['latency'] + [0] * 64 for part in parts])][:64]
        same(summed, counters[f'{color}.latency'], f'{color} latency')
        final = sum(sum(part['status'][1:]) for part in parts)
        same(final, sum(summed), f'{color} responses')
        blamed = sum(n for part in parts for ending, n in part['endings'].items() if ending.startswith('backend-'))
        same(blamed, counters[f'{color}.failed'], f'{color} failures')
        assert sum(part['endings'].get('done', 0) for part in parts) <= final
