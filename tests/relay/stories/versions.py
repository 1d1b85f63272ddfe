# SPDX-License-Identifier: MIT
"""HTTP/1.0 on either side, messages that end with their connection, pipelining."""

from stage.story import story
from stage.wire import chunk, same


@story
def an_http_1_0_client_is_answered_and_closed(s):
    c = s.client()
    c.send(b'GET /old HTTP/1.0\r\n\r\n')
    b, request = s.blue.take()
    same(request.target, '/old')
    assert request.start.endswith('HTTP/1.0') or request.get('Host'), 'HTTP/1.1 without Host'
    b.answer(b'hello')
    same(c.response().body, b'hello')
    c.expect_end()


@story
def an_http_1_0_client_may_keep_alive(s):
    s.blue.serve()
    c = s.client()
    for i in range(3):
        c.send(b'GET /%d HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n' % i)
        response = c.response()
        same(response.body, b'blue GET /%d' % i)
        same((response.get('Connection') or '').lower(), 'keep-alive', 'Connection')
    c.send(b'GET /last HTTP/1.0\r\nHost: a\r\n\r\n')
    same(c.response().body, b'blue GET /last')
    c.expect_end()


@story
def an_http_1_0_client_gets_a_chunked_answer_unchunked(s):
    for connection in (b'', b'Connection: keep-alive\r\n'):
        c = s.client()
        c.send(b'GET / HTTP/1.0\r\nHost: a\r\n' + connection + b'\r\n')
        b, _ = s.blue.take()
        b.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', chunk(b'hello '))
        head = c.head()
        same((head.get('Transfer-Encoding'), head.get('Content-Length')), (None, None))
        assert (head.get('Connection') or 'close').lower() == 'close', head.raw
        same(c.read(6), b'hello ')
        b.send(chunk(b'world', ';x=y') + b'0\r\nX-Trailer: gone\r\n\r\n')
        same(c.read_rest(), b'world')


@story
def an_http_1_0_client_gets_no_interim_response(s):
    c = s.client()
    c.send(b'GET / HTTP/1.0\r\nHost: a\r\n\r\n')
    b, _ = s.blue.take()
    b.send(b'HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n')
    b.answer(b'final')
    response = c.response()
    same((response.status, response.body), (200, b'final'))


@story
def an_http_1_0_client_is_never_told_of_chunks(s):
    """Nor where no body follows."""
    c = s.client()
    for method, status in (('HEAD', '200 OK'), ('GET', '304 Not Modified')):
        c.send(f'{method} / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n'.encode())
        b, _ = s.blue.take()
        b.send(f'HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n'.encode())
        response = c.response(to='HEAD')
        same((response.get('Transfer-Encoding'), response.get('Trailer')), (None, None))
        same(response.get('Connection'), 'keep-alive')


@story
def an_http_1_0_client_is_not_asked_to_wait_for_100(s):
    c = s.client()
    c.send(b'POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\nx')
    b, request = s.blue.take()
    same((request.get('Expect'), request.body), (None, b'x'))
    b.answer(b'ok')
    same(c.response().body, b'ok')


@story
def an_http_1_0_client_may_post(s):
    c = s.client()
    c.send(b'POST /old HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello')
    b, request = s.blue.take()
    same(request.body, b'hello')
    b.answer(b'ok')
    same(c.response().body, b'ok')


@story
def an_http_1_0_client_cannot_upgrade(s):
    c = s.client()
    c.send(b'GET / HTTP/1.0\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n')
    b, request = s.blue.take()
    same(request.get('Upgrade'), None)
    b.answer(b'plain')
    same(c.response().body, b'plain')


@story
def an_http_1_0_backend_is_understood(s):
    c = s.client()
    for target in ('/1', '/2'):
        c.get(target)
        b = s.blue.accept()  # a new one each time: the backend did not keep the last one
        same(b.request().target, target)
        b.send(b'HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello')
        response = c.response()
        same((response.start[:8], response.body), ('HTTP/1.1', b'hello'))
        b.expect_end()


@story
def an_http_1_0_backend_may_end_its_body_by_closing(s):
    c = s.client()
    c.get()
    b, _ = s.blue.take()
    b.send(b'HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello ')
    b.send(b'world')
    b.close()
    same(c.response().body, b'hello world')


@story
def a_body_that_ends_with_the_connection_is_passed_on_while_it_grows(s):
    c = s.client()
    c.get()
    b, _ = s.blue.take()
    b.send(b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nfirst')
    head = c.head()
    if head.get('Transfer-Encoding'):
        same(c.read(10), b'5\r\nfirst\r\n')
    else:
        same(c.read(5), b'first')
    b.send(b'second')
    b.close()
    same(c.body(head, until_close=True).body, b'second')


@story
def a_body_that_ends_with_the_connection_may_be_empty(s):
    c = s.client()
    c.get()
    b, _ = s.blue.take()
    b.send(b'HTTP/1.1 200 OK\r\n\r\n')
    b.close()
    same(c.response().body, b'')


@story
def what_is_pipelined_behind_does_not_cut_an_answer_that_ends_with_the_connection(s):
    """A close with bytes unread is a reset, and that overtakes what was said (RFC 9112 section 9.6)."""
    body = bytes(range(256)) * 8192
    for fields in (b'Connection: close\r\n\r\n', b'Connection: close\r\nContent-Length: 2097152\r\n\r\n'):
        c = s.client(receive_buffer=32768)
        c.get('/1', [('Connection', 'close')] if b'Length' in fields else ())
        b, _ = s.blue.take()
        c.send(b'GET /2 HTTP/1.1\r\nHost: a\r\n\r\n' * 3000)
        b.send(b'HTTP/1.1 200 OK\r\n' + fields)
        s.background(lambda: (b.send(body), b.close()))
        head, got = c.head(), b''
        while len(got) < len(body):
            piece = c.take(20000) or c.sock.recv(20000)
            assert piece, f'cut after {len(got)} bytes'
            got += piece
        assert got == body and head.status == 200
        c.expect_end()


@story
def a_reset_is_not_the_end_of_a_body_that_ends_with_the_connection(s):
    c = s.client()
    c.get()
    b, _ = s.blue.take()
    b.send(b'HTTP/1.1 200 OK\r\n\r\nhalf')
    head = c.head()
    if not head.get('Transfer-Encoding'):
        same(c.read(4), b'half')
        b.reset()
        try:
            c.sock.recv(100)
        except ConnectionResetError:
            return
        raise AssertionError('half an answer was passed off as whole')
    b.reset()
    assert b'0\r\n\r\n' not in c.read_rest(), 'half an answer was passed off as whole'


@story
def connection_close_of_the_client_is_honoured(s):
    s.blue.serve()
    c = s.client()
    c.get('/', [('Connection', 'close')])
    response = c.response()
    same(response.body, b'blue GET /')
    same((response.get('Connection') or '').lower(), 'close')
    c.expect_end()


@story
def connection_close_of_the_backend_is_not_the_clients(s):
    c = s.client()
    for target in ('/1', '/2', '/3'):
        c.get(target)
        b = s.blue.accept()
        same(b.request().target, target)
        b.answer(b'ok', fields=[('Connection', 'close')])
        b.half_close()
        same(c.response().body, b'ok')


@story
def pipelined_requests_are_answered_in_order(s):
    s.control.route('reads=green:100 writes=blue:100')
    s.blue.serve()
    s.green.serve()
    c = s.client()
    wanted, text = [], b''
    for i in range(40):
        if i % 3 == 1:
            text += b'POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc' % i
            wanted.append(b'blue POST /%d' % i)
        elif i % 3 == 2:
            text += (b'PUT /%d HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'
                     b'3\r\nabc\r\n0\r\n\r\n' % i)
            wanted.append(b'blue PUT /%d' % i)
        else:
            text += b'GET /%d HTTP/1.1\r\nHost: a\r\n\r\n' % i
            wanted.append(b'green GET /%d' % i)
    c.send(text)
    same([c.response().body for _ in wanted], wanted)
    same(s.blue.targets(), [f'/{i}' for i in range(40) if i % 3])


@story
def a_slow_first_answer_holds_back_the_second(s):
    s.control.route('reads=green:100 writes=blue:100')
    s.green.serve()
    c = s.client()
    c.send(b'POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n')
    b, _ = s.blue.take()
    c.expect_silence()
    b.answer(b'first')
    same([c.response().body, c.response().body], [b'first', b'green GET /2'])


@story
def a_client_may_pipeline_behind_its_close(s):
    """What comes behind `Connection: close` is not a request any more (RFC 9112 section 9.6)."""
    s.blue.serve()
    c = s.client()
    c.send(b'GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\n'
           b'Content-Length: 0\r\n\r\n')
    same(c.response().body, b'blue GET /1')
    c.expect_end()
    s.works()
    same(s.blue.targets(), ['/1', '/works'])
