# SPDX-License-Identifier: MIT
"""Header fields: those of the message pass as they are, those of the connection end here."""

import email.utils
import re
import time

from stage.story import story, tell
from stage.wire import chunk, same


def fields_stay(s):
    c = s.client()
    fields = [('ACCEPT', '*/*'), ('cookie', 'b=1; a=2'), ('X-Zeta', ''), ('Date', 'yesterday'),
              ('x-MiXeD', 'one'), ('Cookie', 'c=3'), ('X-mixed', 'two,  three'),
              ('Authorization', 'Basic eDp5'), ('Via', '1.1 somebody'), ('Forwarded', 'for=9.9.9.9'),
              ('X-Latin', 'caf\xe9'), ('Accept-Encoding', 'gzip, br'), ('If-None-Match', '"x", W/"y"'),
              ('If-Modified-Since', 'Sat, 29 Oct 1994 19:43:31 GMT'), ('Range', 'bytes=0-1'),
              ('Referer', 'http://app.example/'), ('Proxy-Authorization', 'Basic eDp5'),
              ('Cache-Control', 'no-transform'), ('Content-Type', 'text/x-odd')]
    c.get('/', fields)
    b, request = s.blue.take()
    kept = [field for field in request.fields if not field[0].startswith('X-Forwarded')]
    same(kept, [('Host', 'app.example')] + fields + [('Via', '1.1 app-bluegreen')], 'request fields')
    answered = [('date', 'Thu, 01 Jan 1970 00:00:00 GMT'), ('SERVER', 'mine/1'),
                ('Set-Cookie', 'a=1'), ('X-Between', 'x'), ('Set-Cookie', 'b=2'),
                ('Age', '7'), ('ETag', '"x"'), ('X-Latin', 'caf\xe9')]
    b.answer(b'', fields=answered)
    same(c.response().fields, answered + [('Content-Length', '0')], 'response fields')


tell('fields keep their case, order, number and values both ways', fields_stay)


DATE = re.compile(r'(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT')


@story
def an_answer_without_a_date_gets_one(s):
    c = s.client()
    for status, framing in (('200 OK', b'Content-Length: 0\r\n\r\n'), ('204 No Content', b'\r\n'),
                            ('404 Not Found', b'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
                            ('304 Not Modified', b'\r\n'), ('500 Oh', b'Content-Length: 0\r\n\r\n')):
        c.get()
        b, _ = s.blue.take()
        b.send(f'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 {status}\r\n'.encode() + framing)
        same(c.response().get('Date'), None)
        date = c.response().get('Date')
        assert DATE.fullmatch(date), date
        apart = abs(email.utils.mktime_tz(email.utils.parsedate_tz(date)) - time.time())
        assert apart < 60, f'{date} is {apart:.0f} s from now'


@story
def the_date_of_an_answer_is_the_applications(s):
    c = s.client()
    for date, named in (('Thu, 01 Jan 1970 00:00:00 GMT', 'x'), ('yesterday', 'x'), ('today', 'Date')):
        c.get()
        b, _ = s.blue.take()
        b.answer(b'', fields=[('dAtE', date), ('Connection', named)])
        same(c.response().get('Date'), date)


@story
def what_the_relay_itself_says_is_dated(s):
    c = s.client()
    c.send(b'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n')
    response = c.response()
    same(response.status, 400)
    assert DATE.fullmatch(response.get('Date')), response.raw


@story
def hop_by_hop_fields_of_a_request_end_here(s):
    c = s.client()
    c.get('/', [('Connection', 'keep-alive, X-Mine ,x-other'), ('Keep-Alive', 'timeout=5'),
                ('X-Mine', '1'), ('X-Other', '2'), ('Proxy-Connection', 'keep-alive'),
                ('TE', 'trailers'), ('X-Kept', '3')])
    b, request = s.blue.take()
    gone = {'keep-alive', 'x-mine', 'x-other', 'proxy-connection'}
    names = [name.lower() for name in request.names()]
    same([name for name in names if name in gone], [], 'hop-by-hop fields that reached the backend')
    same(request.get('X-Kept'), '3')
    assert 'x-mine' not in (request.get('Connection') or '').lower(), request.raw
    b.answer()
    same(c.response().status, 200)


@story
def hop_by_hop_fields_of_a_response_end_here(s):
    c = s.client()
    c.get('/')
    b, _ = s.blue.take()
    b.answer(b'x', fields=[('Connection', 'close, X-Mine'), ('X-Mine', '1'),
                           ('Keep-Alive', 'timeout=1'), ('Proxy-Connection', 'close'), ('A', 'b')])
    response = c.response()
    same(response.body, b'x')
    names = [name.lower() for name in response.names() if name.lower() != 'connection']
    same(sorted(names), ['a', 'content-length', 'date'])
    c.get('/next')  # the backend's close was not ours
    b, _ = s.blue.take()
    b.answer(b'next')
    same(c.response().body, b'next')


@story
def connection_cannot_take_away_what_frames_or_routes(s):
    """A client that names end-to-end fields in Connection is refused, or they stay."""
    for named in ('Host', 'Content-Length', 'Transfer-Encoding', 'X-Forwarded-For',
                  'X-Forwarded-Proto', 'Content-Length, Host'):
        c = s.client()
        body = chunk(b'hello') + b'0\r\n\r\n'
        framing = b'Content-Length: 5\r\n\r\nhello'
        if named == 'Transfer-Encoding':
            framing = b'Transfer-Encoding: chunked\r\n\r\n' + body
        c.send(f'POST /{named[:4]} HTTP/1.1\r\nHost: a\r\nConnection: {named}\r\n'.encode() + framing)
        if c.readable(0.05) and c.peek().startswith(b'HTTP/1.1 400'):
            continue
        b, request = s.blue.take()
        same((request.body, request.get('Host')), (b'hello', 'a'), f'what stayed for {named}')
        assert request.get('X-Forwarded-For') and request.get('X-Forwarded-Proto'), request.raw
        b.answer()
        same(c.response().status, 200)


@story
def a_hundred_fields_pass(s):
    s.blue.serve()
    c = s.client()
    c.get('/many', [(f'X-{i}', str(i)) for i in range(99)])
    same(c.response().status, 200)
    _, request = s.blue.seen[0]
    same([request.get(f'X-{i}') for i in range(99)], [str(i) for i in range(99)])


@story
def a_head_of_almost_32_kib_passes_both_ways(s):
    long = 'x' * 31800
    c = s.client()
    for _ in range(2):
        c.get('/long', [('X-Long', long)])
        b, request = s.blue.take()
        same(request.get('X-Long'), long)
        b.answer(b'ok', fields=[('X-Long', long)])
        same(c.response().get('X-Long'), long)
