# SPDX-License-Identifier: MIT
"""What two parsers could read differently is refused, and nothing of it reaches a backend."""

from stage.story import story, tell
from stage.wire import same, wait_until

SMUGGLED = b'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
GOOD = b'GET / HTTP/1.1\r\nHost: a\r\n'


def post(fields, body=b''):
    return b'POST /form HTTP/1.1\r\nHost: a\r\n' + fields + b'\r\n' + body


def refuse(form, statuses):
    """The form is sent, with a request smuggled behind it, on a connection that was good so far."""
    def told(s):
        records = s.blue.record()
        for warm in (False, True):
            c = s.client()
            if warm:
                c.get('/after')
                same(c.response().status, 200)
            c.send(form + SMUGGLED)
            status = c.response().status
            assert status in statuses, f'answered {status}, not {statuses}'
            c.expect_end()
            after = s.client()
            after.get('/after')
            same(after.response().status, 200)
        for record in records:
            heads = bytes(record.text).split(b'\r\n\r\n')
            same([h for h in heads if h and not h.startswith(b'GET /after ')], [],
                 'what reached the backend')
    return told


def head_with(line):
    return GOOD + line + b'\r\n\r\n'


FIVE = b'Content-Length: 5\r\n'
CHUNKED = b'Transfer-Encoding: chunked\r\n'

BAD = {
    # framing
    'Content-Length with Transfer-Encoding': post(FIVE + CHUNKED, b'0\r\n\r\n'),
    'Transfer-Encoding with Content-Length': post(CHUNKED + FIVE, b'0\r\n\r\n'),
    'Transfer-Encoding with a Content-Length of 0': post(CHUNKED + b'Content-Length: 0\r\n', b'0\r\n\r\n'),
    'two different Content-Lengths': post(FIVE + b'Content-Length: 6\r\n', b'hello'),
    'two equal Content-Lengths': post(FIVE + FIVE, b'hello'),
    'a list of Content-Lengths': post(b'Content-Length: 5, 5\r\n', b'hello'),
    'a Content-Length with a plus': post(b'Content-Length: +5\r\n', b'hello'),
    'a negative Content-Length': post(b'Content-Length: -5\r\n', b'hello'),
    'a hexadecimal Content-Length': post(b'Content-Length: 0x5\r\n', b'hello'),
    'an octal looking Content-Length with an underscore': post(b'Content-Length: 0_5\r\n', b'hello'),
    'an empty Content-Length': post(b'Content-Length:\r\n', b'hello'),
    'a Content-Length with a space in it': post(b'Content-Length: 5 0\r\n', b'hello'),
    'a fractional Content-Length': post(b'Content-Length: 5.0\r\n', b'hello'),
    'a Content-Length beyond 2^63': post(b'Content-Length: 9223372036854775808\r\n', b'hello'),
    'a Content-Length that wraps 2^64 around': post(b'Content-Length: 18446744073709551621\r\n', b'hello'),
    'chunked twice': post(b'Transfer-Encoding: chunked, chunked\r\n', b'0\r\n\r\n'),
    'two Transfer-Encodings': post(CHUNKED + CHUNKED, b'0\r\n\r\n'),
    'an empty Transfer-Encoding': post(b'Transfer-Encoding:\r\n', b'0\r\n\r\n'),
    'a Transfer-Encoding in HTTP/1.0': CHUNKED.join([b'POST / HTTP/1.0\r\nHost: a\r\n', b'\r\n0\r\n\r\n']),
    'white space before the colon of Transfer-Encoding': post(b'Transfer-Encoding : chunked\r\n', b'0\r\n\r\n'),
    'a tab before the colon of Content-Length': post(b'Content-Length\t: 5\r\n', b'hello'),
    'a vertical tab before chunked': post(b'Transfer-Encoding: \x0bchunked\r\n', b'0\r\n\r\n'),
    # lines
    'bare LF behind the request line': b'GET / HTTP/1.1\nHost: a\r\n\r\n',
    'bare LF behind a field': GOOD + b'X: y\nA: b\r\n\r\n',
    'bare LF as the empty line': GOOD + b'X: y\r\n\n',
    'bare LFs only': b'GET / HTTP/1.1\nHost: a\n\n',
    'bare CR in a value': head_with(b'X: y\rz'),
    'bare CR behind a field': GOOD + b'X: y\rTransfer-Encoding: chunked\r\n\r\n',
    'a folded line': GOOD + b'X: y\r\n folded\r\n\r\n',
    'a line folded with a tab': GOOD + b'Transfer-Encoding:\r\n\tchunked\r\n\r\n',
    'white space before the first field': b'GET / HTTP/1.1\r\n Host: a\r\nHost: b\r\n\r\n',
    'a field without a colon': head_with(b'NoColon'),
    'an empty field name': head_with(b': y'),
    'a space in a field name': head_with(b'X Y: z'),
    'a NUL in a field name': head_with(b'X\0: z'),
    'a NUL in a value': head_with(b'X: a\0b'),
    'a control character in a value': head_with(b'X: a\x01b'),
    'a DEL in a value': head_with(b'X: a\x7fb'),
    'a byte above 0x7f in a field name': head_with(b'X\xe9: z'),
    'a parenthesis in a field name': head_with(b'X(1): z'),
    'a Host with two ports': b'GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n',
    'a Host whose port is no number': b'GET / HTTP/1.1\r\nHost: a:b\r\n\r\n',
    'a Host with user information': b'GET / HTTP/1.1\r\nHost: u@a\r\n\r\n',
    'a list of Hosts': b'GET / HTTP/1.1\r\nHost: a, b\r\n\r\n',
    # the request line
    'an absolute target of another scheme': b'GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n',
    'an absolute target without a host': b'GET http://:80/ HTTP/1.1\r\nHost: a\r\n\r\n',
    'user information in an absolute target': b'GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n',
    'a fragment in an absolute target': b'GET http://a/#b HTTP/1.1\r\nHost: a\r\n\r\n',
    'no Host': b'GET / HTTP/1.1\r\nX: y\r\n\r\n',
    'two Hosts': GOOD + b'Host: b\r\n\r\n',
    'two equal Hosts': GOOD + b'Host: a\r\n\r\n',
    'no target': b'GET HTTP/1.1\r\nHost: a\r\n\r\n',
    'two spaces behind the method': b'GET  / HTTP/1.1\r\nHost: a\r\n\r\n',
    'two spaces behind the target': b'GET /  HTTP/1.1\r\nHost: a\r\n\r\n',
    'a space in the target': b'GET /a b HTTP/1.1\r\nHost: a\r\n\r\n',
    'a tab for a space': b'GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n',
    'a space behind the version': b'GET / HTTP/1.1 \r\nHost: a\r\n\r\n',
    'a space before the method': b' GET / HTTP/1.1\r\nHost: a\r\n\r\n',
    'a control character in the target': b'GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n',
    'a byte above 0x7f in the target': b'GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n',
    'a method that is no token': b'GE(T / HTTP/1.1\r\nHost: a\r\n\r\n',
    'a method of 33 letters': b'M' * 33 + b' / HTTP/1.1\r\nHost: a\r\n\r\n',
    'a version in lower case': b'GET / http/1.1\r\nHost: a\r\n\r\n',
    'a version without a minor': b'GET / HTTP/1\r\nHost: a\r\n\r\n',
    'the first bytes of TLS': b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n',
}

for words, text in BAD.items():
    tell(f'a request with {words} is refused with 400', refuse(text, (400,)))

tell('a request of HTTP/0.9 is refused', refuse(b'GET /\r\n\r\n', (400, 505)))
for version in ('2.0', '3.0', '9.9'):
    tell(f'a request of HTTP/{version} is refused with 505',
         refuse(f'GET / HTTP/{version}\r\nHost: a\r\n\r\n'.encode(), (505,)))
for coding in ('gzip', 'identity', 'xchunked', 'cow', 'gzip, chunked', 'chunked, gzip', 'chunked;q=1'):
    tell(f'a request with Transfer-Encoding: {coding} is refused with 501 or 400',
         refuse(post(f'Transfer-Encoding: {coding}\r\n'.encode(), b'0\r\n\r\n'), (501, 400)))
tell('a request line that is too long is refused with 414',
     refuse(b'GET /' + b'x' * 40000 + b' HTTP/1.1\r\nHost: a\r\n\r\n', (414,)))
tell('a head that is too long is refused with 431',
     refuse(GOOD + b'X: ' + b'y' * 40000 + b'\r\n\r\n', (431,)))
tell('a head that never ends is refused with 431', refuse(GOOD + b'X: y\r\n' * 8000, (431,)))
tell('a head of 101 fields is refused with 431', refuse(GOOD + b'X: y\r\n' * 100 + b'\r\n', (431,)))


def refuse_body(body, fields=b''):
    """The head is good, the body is not: what the backend gets must not look whole."""
    def told(s):
        records = s.blue.record()
        for together in (True, False):
            c = s.client()
            head = post(CHUNKED + fields)
            if together:
                c.send(head + body + SMUGGLED)
            else:
                c.send(head + b'5\r\nhello\r\n')
                wait_until(lambda: any(b'hello' in record.text for record in records), 'hello came')
                c.send(body + SMUGGLED)
            same(c.response().status, 400)
            c.expect_end()
            after = s.client()
            after.get('/after')
            same(after.response().status, 200)
        for record in records:
            assert b'smuggled' not in record.text, bytes(record.text)
            if record.text.startswith(b'POST'):
                assert record.ended.wait(10), 'the backend was left waiting for the rest'
                assert not record.text.endswith(b'0\r\n\r\n'), bytes(record.text)
    return told


tell('a body with a trailer where Connection takes fields away is refused with 400',
     refuse_body(b'0\r\nX-Sum: 1\r\n\r\n', b'Connection: X-Sum\r\n'))

BAD_BODIES = {
    'a chunk size that is no number': b'x\r\nhello\r\n0\r\n\r\n',
    'a chunk size with 0x': b'0x5\r\nhello\r\n0\r\n\r\n',
    'a signed chunk size': b'+5\r\nhello\r\n0\r\n\r\n',
    'a negative chunk size': b'-5\r\nhello\r\n0\r\n\r\n',
    'an empty chunk size': b'\r\nhello\r\n0\r\n\r\n',
    'a space before the chunk size': b' 5\r\nhello\r\n0\r\n\r\n',
    'a chunk size that wraps around': b'10000000000000005\r\nhello\r\n0\r\n\r\n',
    'a chunk size of 2^63': b'8000000000000000\r\nhello\r\n0\r\n\r\n',
    'a chunk longer than it says': b'4\r\nhello\r\n0\r\n\r\n',
    'bare LF behind the chunk size': b'5\nhello\r\n0\r\n\r\n',
    'bare LF behind a chunk': b'5\r\nhello\n0\r\n\r\n',
    'bare CR behind the chunk size': b'5\rXhello\r\n0\r\n\r\n',
    'bare LF in a chunk extension': b'5;a\nb\r\nhello\r\n0\r\n\r\n',
    'bare CR in a chunk extension': b'5;a\rb\r\nhello\r\n0\r\n\r\n',
    'a NUL in a chunk extension': b'5;a\0b\r\nhello\r\n0\r\n\r\n',
    'an endless chunk extension': b'5;' + b'a' * 1000 + b'\r\nhello\r\n0\r\n\r\n',
    'a Content-Length in the trailers': b'0\r\nContent-Length: 5\r\n\r\n',
    'a Transfer-Encoding in the trailers': b'0\r\nTransfer-Encoding: chunked\r\n\r\n',
    'a Host in the trailers': b'0\r\nHost: b\r\n\r\n',
    'a folded trailer': b'0\r\nX: y\r\n z\r\n\r\n',
    'bare LF behind a trailer': b'0\r\nX: y\n\r\n',
    'a trailer without a colon': b'0\r\nnothing\r\n\r\n',
    'endless trailers': b'0\r\n' + b'X-Long: ' + b'y' * 10000 + b'\r\n\r\n',
}

for words, text in BAD_BODIES.items():
    tell(f'a body with {words} is refused with 400 and cut at the backend', refuse_body(text))


def refuse_answer(answer):
    """A backend that speaks so gets no second chance: 502, and the connection is not used again."""
    def told(s):
        c = s.client()
        c.post('/write', b'x')
        b, _ = s.blue.take()
        b.send(answer)
        same(c.response().status, 502)
        b.expect_end()
        c = s.client()
        c.get('/next')
        b, request = s.blue.take()
        same(request.target, '/next')
        b.answer(b'next')
        same(c.response().body, b'next')
    return told


OK = b'HTTP/1.1 200 OK\r\n'
BAD_ANSWERS = {
    'garbage': b'\x00\x01\x02 whatever this is\r\n\r\n',
    'HTML without a head': b'<html>hello</html>\r\n\r\n',
    'another protocol': b'SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n\r\n',
    'Content-Length with Transfer-Encoding': OK + FIVE + CHUNKED + b'\r\n0\r\n\r\n',
    'two different Content-Lengths': OK + FIVE + b'Content-Length: 6\r\n\r\nhello!',
    'a negative Content-Length': OK + b'Content-Length: -1\r\n\r\n',
    'a transfer coding that nobody knows': OK + b'Transfer-Encoding: cow\r\n\r\n',
    'a folded line': OK + b'X: y\r\n z\r\nContent-Length: 0\r\n\r\n',
    'white space before a colon': OK + b'Content-Length : 5\r\n\r\nhello',
    'bare LFs': b'HTTP/1.1 200 OK\nContent-Length: 0\n\n',
    'a NUL in a value': OK + b'X: a\0b\r\nContent-Length: 0\r\n\r\n',
    'a field without a colon': OK + b'nothing\r\nContent-Length: 0\r\n\r\n',
    'a status of two digits': b'HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n',
    'a status of 999': b'HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n',
    'HTTP/2.0': b'HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n',
    'a head that is too long': OK + b'X: ' + b'y' * 40000 + b'\r\n\r\n',
    '101 though no upgrade was asked': b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n'
                                       b'Connection: upgrade\r\n\r\n',
}

for words, text in BAD_ANSWERS.items():
    tell(f'an answer of {words} becomes 502', refuse_answer(text))


@story
def a_good_request_before_a_bad_one_is_answered_first(s):
    s.blue.serve()
    c = s.client()
    c.send(b'GET /good HTTP/1.1\r\nHost: a\r\n\r\nGET /bad HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n' + SMUGGLED)
    same(c.response().body, b'blue GET /good')
    same(c.response().status, 400)
    c.expect_end()
    s.works()
    same(s.blue.targets(), ['/good', '/works'])


@story
def a_bad_chunk_in_an_answer_cuts_the_client(s):
    c = s.client()
    c.get()
    b, _ = s.blue.take()
    b.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n')
    c.head()
    same(c.read(10), b'5\r\nhello\r\n')
    b.send(b'zz\r\nmore\r\n0\r\n\r\n')
    assert b'0\r\n\r\n' not in c.read_rest()
    b.expect_end()


@story
def a_refusal_is_a_whole_answer_that_says_it_closes(s):
    c = s.client()
    c.send(b'GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n')
    response = c.response()
    same((response.status, response.get('Connection')), (400, 'close'))
    same(int(response.get('Content-Length')), len(response.body))
    assert response.get('Content-Type').startswith('text/plain'), response.raw
    assert response.body.strip(), 'a refusal without a reason'
    c.expect_end()
