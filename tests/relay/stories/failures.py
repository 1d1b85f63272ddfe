# SPDX-License-Identifier: MIT
"""What backends do wrong: reads are repeated where that is safe, writes never, and half an answer is
never passed off as whole."""

import signal
import time

from stage.story import story, tell
from stage.wire import chunk, same

UPGRADE = b'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'
SWITCHED = b'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'


def warm(s):
    """A kept-alive client and the backend connection that its last read left in the pool."""
    c = s.client()
    c.get('/warm')
    b, _ = s.blue.take()
    b.answer(b'warm')
    same(c.response().body, b'warm')
    return c, b


@story(workers=1)
def reads_share_pooled_connections(s):
    s.blue.serve()
    clients = [s.client() for _ in range(3)]
    for _ in range(5):
        for c in clients:
            s.works(c)
    same({number for number, _ in s.blue.seen}, {1}, 'backend connections used')


@story(workers=1)
def every_write_gets_a_fresh_connection(s):
    s.blue.serve()
    c = s.client()
    for i in range(5):
        s.works(c)
        c.post(f'/{i}', b'x')
        same(c.response().status, 200)
    fresh = set()
    for number, request in s.blue.seen:
        if request.method == 'POST':
            assert number not in fresh, f'{request.target} went on a used connection'
        fresh.add(number)


@story(workers=1)
def a_read_on_a_pooled_connection_that_is_just_closing_is_repeated(s):
    for end in ('half_close', 'reset', 'close'):
        c, b = warm(s)
        c.get(f'/{end}')
        same(b.request().target, f'/{end}')  # the pooled connection has it
        getattr(b, end)()
        fresh = s.blue.accept()
        same(fresh.request().target, f'/{end}')
        fresh.answer(b'again', fields=[('Connection', 'close')])
        fresh.half_close()
        same(c.response().body, b'again')
        b.close()


@story(workers=1)
def a_head_request_is_repeated_with_its_fields(s):
    c, b = warm(s)
    c.get('/head', [('X-Long', 'y' * 20000), ('Cookie', 'a=b')], method='HEAD')
    first = b.request()
    b.close()
    fresh = s.blue.accept()
    same(fresh.request().raw, first.raw)
    fresh.send(b'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n')
    same(c.response(to='HEAD').get('Content-Length'), '7')


@story(workers=1)
def a_pooled_connection_closed_while_idle_is_not_used(s):
    c, b = warm(s)
    b.close()
    c.get('/next')
    fresh, request = s.blue.take()
    same(request.target, '/next')
    fresh.answer(b'next')
    same(c.response().body, b'next')


@story(workers=1)
def a_pooled_connection_that_its_backend_closes_is_given_up_at_once(s):
    _, b = warm(s)
    b.half_close()
    b.expect_end()


@story(workers=1)
def an_http_1_0_backend_may_keep_alive(s):
    c = s.client()
    c.get('/1')
    b, _ = s.blue.take()
    b.send(b'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok')
    same(c.response().body, b'ok')
    c.get('/2')
    b, _ = s.blue.take()
    b.answer(b'two')
    same(c.response().body, b'two')


@story(workers=1)
def a_backend_that_says_408_to_an_idle_connection_is_not_believed(s):
    c, b = warm(s)
    b.send(b'HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
    b.close()
    c.get('/next')
    fresh, request = s.blue.take()
    same(request.target, '/next')
    fresh.answer(b'next')
    same((response := c.response()).status, 200)
    same(response.body, b'next')


@story(workers=1)
def what_a_backend_said_before_the_question_is_no_answer(s):
    c, b = warm(s)
    s.relay.signal(signal.SIGSTOP)  # so that it wakes to the request and to the 408 at once
    s.relay.wait_stopped()
    c.get('/next')
    b.send(b'HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
    b.half_close()
    s.relay.signal(signal.SIGCONT)
    fresh = s.blue.accept()
    same(fresh.request().target, '/next')
    fresh.answer(b'next')
    same((response := c.response()).status, 200)
    same(response.body, b'next')


@story(workers=1)
def what_a_backend_said_before_the_question_is_no_answer_however_much_else_happens(s):
    """Whatever the order in which the kernel tells it: more is waiting than is asked for at once."""
    others = [s.client() for _ in range(300)]
    s.control.wait_counters(connections=300)
    c, b = warm(s)
    s.relay.signal(signal.SIGSTOP)
    s.relay.wait_stopped()
    c.get('/next')
    for other in others:
        other.send(b'G')
    b.send(b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil')
    s.relay.signal(signal.SIGCONT)
    fresh = s.blue.accept()
    same(fresh.request().target, '/next')
    fresh.answer(b'next')
    same(c.response().body, b'next')


def poison(s):
    """A read that every backend answers with a reset: given up soon, after few tries."""
    s.blue.serve(lambda request, wire: wire.reset())
    s.green.serve(lambda request, wire: wire.reset())
    begun = time.monotonic()
    c = s.client()
    c.get('/poison')
    same(c.response().status, 502)
    assert time.monotonic() - begun < 5
    sent = len(s.blue.seen) + len(s.green.seen)
    assert 1 <= sent <= 3, f'it was sent {sent} times'


@story
def a_read_that_kills_every_connection_is_given_up(s):
    poison(s)
    s.control.wait_counters(holding=0, blue_inflight=0, green_inflight=0)


@story
def a_read_that_kills_its_only_color_is_given_up(s):
    s.control.route('reads=blue:100 writes=blue:100')
    poison(s)
    same(s.green.targets(), [])


@story
def a_read_whose_color_dies_under_it_is_answered_by_the_standby(s):
    s.blue.serve(lambda request, wire: wire.reset())
    s.green.serve()
    c = s.client()
    c.get('/read')
    same(c.response().body, b'green GET /read')


def lost_write(end, method, text):
    def told(s):
        c, pooled = warm(s)
        c.send(text)
        b = s.blue.accept()
        same(b.request().method, method)
        getattr(b, end)()
        same(c.response().status, 502)
        pooled.expect_silence()
        pooled.close()
        s.blue.serve()
        s.works()
        same(s.blue.targets(), ['/works'], 'what came afterwards')
    return told


for how, word in (('reset', 'reset'), ('half_close', 'closed')):
    for verb in ('POST', 'PUT', 'DELETE', 'BREW'):
        tell(f'{verb} whose connection is {word} unanswered is a 502 and not sent again',
             lost_write(how, verb, f'{verb} /once HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx'.encode()))
    tell(f'an upgrade whose connection is {word} unanswered is a 502 and not sent again',
         lost_write(how, 'GET', UPGRADE))


@story
def a_write_whose_body_was_half_sent_is_not_sent_again(s):
    c = s.client()
    c.send(b'POST /once HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf ')
    b = s.blue.accept()
    b.head()
    same(b.read(5), b'half ')
    b.reset()
    same(c.response().status, 502)
    s.blue.serve()
    s.works()
    same(s.blue.targets(), ['/works'])


@story
def an_answer_shorter_than_its_length_cuts_the_client(s):
    for end in ('close', 'reset'):
        c = s.client()
        c.get()
        b, _ = s.blue.take()
        b.send(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this')
        same(c.head().get('Content-Length'), '100')
        same(c.read(9), b'only this')
        getattr(b, end)()
        c.expect_end()


@story
def a_chunked_answer_without_its_end_cuts_the_client(s):
    for end in ('close', 'reset'):
        for rest in (b'', b'5\r\n', b'5\r\nhel', b'5\r\nhello', b'0\r\n', b'0\r\nX: y\r\n'):
            c = s.client()
            c.get()
            b, _ = s.blue.take()
            b.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', chunk(b'first'))
            c.head()
            same(c.read(10), chunk(b'first'))
            b.send(rest)
            getattr(b, end)()
            text = c.read_rest()
            assert not text.endswith(b'\r\n\r\n') and rest.startswith(text), text


@story
def an_answer_that_ends_within_its_head_is_a_502(s):
    c = s.client()
    c.post('/', b'x')
    b, _ = s.blue.take()
    b.send(b'HTTP/1.1 200 OK\r\nContent-Len')
    b.close()
    same(c.response().status, 502)


@story
def a_backend_that_ends_behind_a_103_is_a_502(s):
    c = s.client()
    c.get()
    b, _ = s.blue.take()
    b.send(b'HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n')
    same(c.response().status, 103)
    s.blue.serve(lambda request, wire: wire.reset())
    b.close()
    same(c.response().status, 502)


@story
def an_early_answer_to_an_upload_reaches_the_client(s):
    c = s.client()
    c.send(b'POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n' + bytes(1000))
    b = s.blue.ready()
    b.head()
    b.answer(b'too much', '413 Content Too Large', [('Connection', 'close')])
    b.half_close()
    response = c.response()
    same((response.status, response.body), (413, b'too much'))
    c.expect_end()
    b.read_rest()


@story
def an_early_answer_with_a_reset_behind_it_reaches_the_client(s):
    """What an application does that closes with the upload unread."""
    c = s.client()
    c.send(b'POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n')
    b = s.blue.ready()
    c.push(2 << 20)
    b.answer(b'too much', '413 Content Too Large', [('Connection', 'close')])
    b.close()
    response = c.response()
    same((response.status, response.body), (413, b'too much'))


@story
def an_early_answer_without_close_takes_the_rest_of_the_upload(s):
    """If the relay goes on, the rest of the body must not become a request."""
    c = s.client()
    body = b'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n' * 100
    c.send(b'POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n' % len(body) + body[:50])
    b = s.blue.ready()
    b.head()
    b.answer(b'enough')
    same(c.response().body, b'enough')
    try:
        c.send(body[50:])
        c.get('/next')
    except OSError:
        pass  # it was closed, as it may be
    s.blue.serve()
    s.works()
    assert '/smuggled' not in s.blue.targets(), s.blue.targets()


@story(workers=1)
def more_bytes_than_announced_are_dropped_with_their_connection(s):
    lie = b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'
    endings = (b'Content-Length: 5\r\n\r\nhello', b'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n')
    for end in endings:
        c = s.client()
        c.get('/1')
        b, _ = s.blue.take()
        b.send(b'HTTP/1.1 200 OK\r\n' + end + lie)
        same(c.response().body, b'hello')
        c.get('/2')
        fresh = s.blue.accept()
        same(fresh.request().target, '/2')
        fresh.answer(b'truth', fields=[('Connection', 'close')])
        same(c.response().body, b'truth')
        b.expect_end()


@story(workers=1)
def bytes_from_an_idle_backend_connection_belong_to_nobody(s):
    c, b = warm(s)
    b.send(b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil')
    b.expect_end()
    c.get('/2')
    fresh, _ = s.blue.take()
    fresh.answer(b'truth')
    same(c.response().body, b'truth')
