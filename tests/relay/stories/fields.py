# SPDX-License-Identifier: MIT
"""Header fields: those of the message pass as they are, those of the connection end here."""

from stage.story import story, tell
from stage.wire import chunk, same


def fields_stay(s):
    c = s.client()
    fields = [('ACCEPT', '*/*'), ('cookie', 'b=1; a=2'), ('X-Zeta', ''), ('Date', 'yesterday'),
              ('x-MiXeD', 'one'), ('Cookie', 'c=3'), ('X-mixed', 'two,  three'),
              ('Authorization', 'Basic eDp5'), ('Via', '1.1 somebody'), ('Forwarded', 'for=9.9.9.9'),
              ('X-Latin', 'caf\xe9'), ('Accept-Encoding', 'gzip, br')]
    c.get('/', fields)
    b, request = s.blue.take()
    kept = [field for field in request.fields if not field[0].startswith('X-Forwarded')]
    same(kept, [('Host', 'app.example')] + fields, 'request fields')
    answered = [('date', 'Thu, 01 Jan 1970 00:00:00 GMT'), ('SERVER', 'mine/1'),
                ('Set-Cookie', 'a=1'), ('X-Between', 'x'), ('Set-Cookie', 'b=2'),
                ('Age', '7'), ('ETag', '"x"'), ('X-Latin', 'caf\xe9')]
    b.answer(b'', fields=answered)
    same(c.response().fields, answered + [('Content-Length', '0')], 'response fields')


tell('fields keep their case, order, number and values both ways', fields_stay)


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
    same(sorted(names), ['a', 'content-length'])
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
