# SPDX-License-Identifier: MIT
"""A message passes as it is: framing, methods, interim responses."""

from stage.story import story
from stage.wire import chunk, same


@story
def a_request_and_its_answer_pass(s):
    c = s.client()
    c.get('/list?x=%20y&z=;1//../a', [('X-One', 'a'), ('x-two', 'b; "c"')])
    b, request = s.blue.take()
    same(request.start, 'GET /list?x=%20y&z=;1//../a HTTP/1.1')
    same(request.get('Host'), 'app.example')
    b.answer(b'hello', '200 Fine By Me', [('X-Three', 'd')])
    response = c.response()
    same(response.start, 'HTTP/1.1 200 Fine By Me')
    same((response.get('X-Three'), response.body), ('d', b'hello'))
    s.green.expect_silence()


@story
def a_request_may_come_byte_by_byte(s):
    c = s.client()
    c.send_slowly(b'\r\nPOST /slow HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'
                  b'5;x=y\r\nhello\r\n0\r\nX-End: 1\r\n\r\n')
    b, request = s.blue.take()
    same((request.target, request.body, request.trailers), ('/slow', b'hello', [('X-End', '1')]))
    b.answer(b'ok')
    same(c.response().body, b'ok')


@story
def an_answer_may_come_byte_by_byte(s):
    c = s.client()
    for target in ('/1', '/2'):
        c.get(target)
        b, _ = s.blue.take()
        b.send_slowly(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
                      b'5\r\nhello\r\n1\r\n!\r\n0\r\nX-End: 1\r\n\r\n')
        response = c.response()
        same((response.body, response.trailers), (b'hello!', [('X-End', '1')]))


@story
def a_body_with_a_length_arrives_whole(s):
    body = bytes(range(256)) * 1000
    c = s.client()
    c.post('/put', body, method='PUT')
    b, request = s.blue.take()
    same((request.method, request.body), ('PUT', body))
    b.answer(body[::-1])
    same(c.response().body, body[::-1])


@story
def a_chunked_request_keeps_its_trailers(s):
    c = s.client()
    c.send(b'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n',
           chunk(b'one '), chunk(b'two', ';ext="1"'), b'0\r\nX-Sum: 7\r\nx-other: z\r\n\r\n')
    b, request = s.blue.take()
    same((request.body, request.trailers), (b'one two', [('X-Sum', '7'), ('x-other', 'z')]))
    b.answer()
    same(c.response().status, 200)


@story
def a_chunked_answer_keeps_its_trailers_and_the_connections(s):
    c = s.client()
    for _ in range(3):
        c.get()
        b, _ = s.blue.take()
        b.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
               chunk(b'one '), chunk(b'two'), b'0\r\nX-Sum: 7\r\n\r\n')
        response = c.response()
        same((response.body, response.trailers), (b'one two', [('X-Sum', '7')]))


@story
def a_chunk_is_passed_on_before_the_next_one_comes(s):
    c = s.client()
    c.send(b'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n', chunk(b'first'))
    b = s.blue.ready()
    b.head()
    same(b.read_until(b'first\r\n'), b'5\r\nfirst\r\n')
    b.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', chunk(b'early'))
    c.head()
    same(c.read_until(b'early\r\n'), b'5\r\nearly\r\n')
    c.send(b'0\r\n\r\n')
    same(b.read(5), b'0\r\n\r\n')
    b.send(b'0\r\n\r\n')
    same(c.read(5), b'0\r\n\r\n')


@story
def a_post_without_any_body_passes(s):
    c = s.client()
    c.send(b'POST /empty HTTP/1.1\r\nHost: a\r\n\r\n')
    b, request = s.blue.take()
    same((request.target, request.body), ('/empty', b''))
    b.answer()
    same(c.response().status, 200)
    c.post('/zero')
    b, request = s.blue.take()
    same((request.target, request.get('Content-Length')), ('/zero', '0'))
    b.answer()
    same(c.response().status, 200)


@story
def the_answer_to_head_has_no_body_whatever_its_length_says(s):
    s.blue.serve()
    c = s.client()
    for _ in range(3):
        c.get('/head', method='HEAD')
        response = c.response(to='HEAD')
        same(response.get('Content-Length'), str(len('blue HEAD /head')))
    c.get('/next')
    same(c.response().body, b'blue GET /next')


@story
def the_answer_to_head_may_say_chunked(s):
    c = s.client()
    c.get('/head', method='HEAD')
    b, _ = s.blue.take()
    b.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
    same(c.response(to='HEAD').status, 200)
    c.get('/next')
    b, request = s.blue.take()
    same(request.target, '/next')
    b.answer(b'next')
    same(c.response().body, b'next')


@story
def the_answer_to_head_may_say_nothing_of_its_body(s):
    c = s.client()
    for connection in (('X', 'y'), ('Connection', 'close')):
        c.get('/head', method='HEAD')
        b, _ = s.blue.take()
        b.send(f'HTTP/1.1 200 OK\r\n{connection[0]}: {connection[1]}\r\n\r\n'.encode())
        same(c.response(to='HEAD').status, 200)
        c.get('/next')
        b, _ = s.blue.take()
        b.answer(b'next', fields=[('Connection', 'close')])
        same(c.response().body, b'next')


@story
def odd_but_sound_status_lines_pass(s):
    for line in ('HTTP/1.1 200 ', 'HTTP/1.1 299 Very  Odd', 'HTTP/1.1 599 x', 'HTTP/1.1 200 caf\xe9'):
        c = s.client()
        c.get()
        b, _ = s.blue.take()
        b.send(line.encode('latin-1') + b'\r\nContent-Length: 2\r\n\r\nok')
        response = c.response()
        same((response.start.rstrip(), response.body), (line.rstrip(), b'ok'))


@story
def white_space_around_a_value_and_odd_chunk_sizes_pass(s):
    c = s.client()
    c.send(b'POST / HTTP/1.1\r\nHost:a\r\nX-One:\t v \t\r\nTRANSFER-ENCODING:CHUNKED\r\n\r\n'
           b'0000A\r\n0123456789\r\n0b\r\nhello world\r\n000\r\n\r\n')
    b = s.blue.ready()
    request = b.head()
    same((request.get('Host'), request.get('X-One'), request.get('Transfer-Encoding').lower()),
         ('a', 'v', 'chunked'))
    b.chunked(request)
    same(request.body, b'0123456789hello world')
    b.answer(b'ok')
    same(c.response().body, b'ok')


@story
def a_request_to_an_absolute_target_passes(s):
    s.blue.serve()
    c = s.client()
    for _ in range(2):
        c.send(b'GET http://other.example:81/path?x HTTP/1.1\r\nHost: app.example\r\n\r\n')
        same(c.response().body, b'blue GET /path?x')
    for _, request in s.blue.seen:
        same((request.get('Host'), request.get('X-Forwarded-Host')), ('other.example:81',) * 2)


@story
def twenty_interim_responses_pass(s):
    c = s.client()
    c.get()
    b, _ = s.blue.take()
    for i in range(20):
        b.send(f'HTTP/1.1 103 Early Hints\r\nLink: <{i}>\r\n\r\n'.encode())
        same(c.response().get('Link'), f'<{i}>')
    b.answer(b'ok')
    same(c.response().body, b'ok')


@story
def a_204_and_a_304_have_no_body(s):
    c = s.client()
    for head in (b'204 No Content\r\n', b'304 Not Modified\r\nETag: "x"\r\nContent-Length: 99\r\n'):
        c.get('/empty')
        b, _ = s.blue.take()
        b.send(b'HTTP/1.1 ' + head + b'\r\n')
        same(c.response().status, int(head[:3]))
        c.get('/next')
        b, _ = s.blue.take()
        b.answer(b'next')
        same(c.response().body, b'next')


@story
def interim_responses_are_passed_on_at_once(s):
    c = s.client()
    c.get('/hints')
    b, _ = s.blue.take()
    b.send(b'HTTP/1.1 102 Processing\r\n\r\n')
    same(c.response().status, 102)
    b.send(b'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n')
    hints = c.response()
    same((hints.status, hints.get('Link')), (103, '</a.css>; rel=preload'))
    b.answer(b'done')
    same(c.response().body, b'done')


@story
def interim_and_final_response_may_come_in_one_segment(s):
    c = s.client()
    c.get('/hints')
    b, _ = s.blue.take()
    b.send(b'HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <b>\r\n'
           b'\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    same([c.response().get('Link'), c.response().get('Link'), c.response().body],
         ['<a>', '<b>', b'ok'])


@story
def interim_and_final_response_and_the_end_may_come_in_one_segment(s):
    """The end must not be seen before what stands in front of it was read."""
    for rest in (b'Connection: close\r\n\r\nok', b'Content-Length: 2\r\n\r\nok',
                 b'Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'):
        for method in ('GET', 'POST'):
            c = s.client()
            c.post('/hints', method=method)
            b, _ = s.blue.take()
            b.send_with_end(b'HTTP/1.1 103 Early Hints\r\n\r\n' * 3 + b'HTTP/1.1 200 OK\r\n' + rest)
            same([c.response().status for _ in range(3)], [103] * 3)
            same(c.response().body, b'ok')


@story
def expect_waits_for_the_backends_100(s):
    c = s.client()
    c.send(b'POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n')
    b = s.blue.ready()
    same(b.head().get('Expect'), '100-continue')
    c.expect_silence()
    b.send(b'HTTP/1.1 100 Continue\r\n\r\n')
    same(c.response().status, 100)
    c.send(b'body')
    same(b.read(4), b'body')
    b.answer(b'ok')
    same(c.response().body, b'ok')


@story
def expect_may_be_answered_finally_at_once(s):
    c = s.client()
    c.send(b'POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n')
    b = s.blue.ready()
    b.head()
    b.answer(b'too much', '413 Content Too Large', [('Connection', 'close')])
    b.half_close()
    same((response := c.response()).status, 413)
    same(response.body, b'too much')
    b.expect_end()


@story
def a_client_that_does_not_wait_for_100_is_served_too(s):
    c = s.client()
    c.send(b'POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\nbody')
    b, request = s.blue.take()
    same(request.body, b'body')
    b.answer(b'ok')
    while (response := c.response()).status == 100:
        pass
    same(response.body, b'ok')


@story
def a_declined_expectation_does_not_turn_the_body_into_a_request(s):
    records = s.green.record()
    s.control.route('reads=green:100 writes=blue:100')
    body = b'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
    c = s.client()
    c.send(b'POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n'
           % len(body))
    b = s.blue.ready()
    b.head()
    b.answer(b'no', '417 Expectation Failed')
    same(c.response().status, 417)
    try:
        c.send(body)  # a client may send it all the same (RFC 9110 section 10.1.1)
    except OSError:
        pass
    after = s.client()
    after.get('/after')
    same(after.response().body, b'after')
    assert not any(b'smuggled' in record.text for record in records), records


@story
def methods_we_do_not_know_are_writes_and_pass(s):
    s.control.route('reads=green:100 writes=blue:100')
    s.blue.serve()
    s.green.serve()
    c = s.client()
    for method in ('PROPFIND', 'DELETE', 'PATCH', 'M-SEARCH', 'get'):
        c.get('/m', method=method)
        same(c.response().body, f'blue {method} /m'.encode())
    for method in ('GET', 'OPTIONS'):
        c.get('/m', method=method)
        same(c.response().body, f'green {method} /m'.encode())


@story
def options_asterisk_passes(s):
    s.blue.serve()
    c = s.client()
    c.get('*', method='OPTIONS')
    same(c.response().body, b'blue OPTIONS *')
