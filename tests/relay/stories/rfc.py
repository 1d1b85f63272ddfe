# SPDX-License-Identifier: MIT
"""What RFC 9110 and RFC 9112 ask of who passes messages on, where no other story tells it."""

from stage.story import story
from stage.wire import same

from .forwarded import OUTSIDE, Outside


@story(workers=1)
def a_backend_that_says_close_is_not_asked_again(s):
    """RFC 9112 section 9.6: it need not close by itself."""
    c = s.client()
    for text in (b'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok',
                 b'HTTP/1.1 200 OK\r\nConnection: x, CLOSE\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
                 b'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok'):
        c.get()
        b = s.blue.accept()
        b.head()
        b.send(text)
        same(c.response().body, b'ok')
        b.expect_end()


@story(before=Outside, publics=('any',))
def what_is_asked_for_by_https_is_refused_to_strangers(s):
    """RFC 9110 section 7.4: their connection is not secured."""
    s.blue.serve()
    c = s.client(source=OUTSIDE)
    c.send(b'GET http://a/1 HTTP/1.1\r\nHost: a\r\n\r\n')
    same(c.response().body, b'blue GET /1')
    c.send(b'GET HTTPS://a/2 HTTP/1.1\r\nHost: a\r\n\r\n')
    same(c.response().status, 421)
    c.expect_end()
    front = s.client()
    front.send(b'GET https://a/3 HTTP/1.1\r\nHost: a\r\n\r\n')
    same(front.response().body, b'blue GET /3')
    same(s.blue.targets(), ['/1', '/3'])


@story
def a_100_before_a_101_passes(s):
    """RFC 9110 section 7.8: who expects and upgrades hears both, in this order."""
    c = s.client()
    c.send(b'POST /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\nContent-Length: 2\r\n'
           b'Expect: 100-continue\r\n\r\n')
    b = s.blue.ready()
    same(b.head().get('Expect'), '100-continue')
    b.send(b'HTTP/1.1 100 Continue\r\n\r\n')
    same(c.response().status, 100)
    c.send(b'ok')
    same(b.read(2), b'ok')
    b.send(b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhello')
    response = c.response()
    same((response.status, response.get('Upgrade'), response.get('Connection')), (101, 'x', 'upgrade'))
    same(c.read(5), b'hello')


@story
def an_upgrade_in_the_middle_of_a_request_ends_with_the_exchange(s):
    """RFC 9110 section 7.8: nobody changes the protocol in the middle of a message. What comes behind
    a 101 that is too early is the application's to read: it said so."""
    c = s.client()
    c.send(b'POST /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\nContent-Length: 9\r\n\r\nhalf')
    b = s.blue.ready()
    b.head()
    same(b.read(4), b'half')
    b.send(b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n')
    same(c.response().status, 101)
    c.send(b' and more than nine')
    same(b.read(19), b' and more than nine')


@story(workers=1)
def thirty_two_interim_responses_pass_and_one_more_is_a_502(s):
    """An endless row of them would keep a client for ever."""
    for method in ('GET', 'POST'):
        for together in (True, False):
            c = s.client()
            c.post('/flood', b'x', method=method)
            b, _ = s.blue.take()
            interim = b'HTTP/1.1 102 Processing\r\n\r\n'
            if together:
                b.send(interim * 1000)
            else:
                for _ in range(33):
                    b.send(interim)
            same([c.response().status for _ in range(32)], [102] * 32)
            same(c.response().status, 502)
            b.expect_end()
    s.control.wait_counters(blue_inflight=0, blue_failed=4)


@story(workers=1)
def a_flood_of_interim_responses_to_a_silent_http_1_0_client_ends_too(s):
    c = s.client()
    c.send(b'GET / HTTP/1.0\r\nHost: a\r\n\r\n')
    b, _ = s.blue.take()
    b.send(b'HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n' * 33)
    same(c.response().status, 502)
    b.expect_end()
