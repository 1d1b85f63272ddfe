# SPDX-License-Identifier: MIT
"""Heads and bodies cut in two at every byte, through the real sockets: where a message is cut changes
nothing of what becomes of it. And heads of just the limit."""

from stage.story import story, tell
from stage.wire import same

READS_GREEN = 'reads=green:100 writes=blue:100'
HEAD_MAX = 32768

REQUESTS = {
    'a GET': b'GET /a?b HTTP/1.1\r\nHost: app.example\r\nAccept: */*\r\nX:\t y \r\nConnection: X-Gone\r\n'
             b'X-Gone: 1\r\n\r\n',
    'a POST with a length': b'POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world',
    'a POST in chunks': b'POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'
                        b'5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nX-T: 1\r\n\r\n',
    'two requests': b'PUT /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok\r\n'
                    b'GET /2 HTTP/1.1\r\nHost: a\r\n\r\n',
    'HTTP/1.0': b'\r\n\r\nGET /k HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
    'an absolute target': b'GET http://b:81/p HTTP/1.1\r\nHost: a\r\n\r\n',
    'two lengths': b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx',
    'two framings': b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n'
                    b'0\r\n\r\n',
    'a bare LF': b'GET / HTTP/1.1\r\nHost: a\r\nX: y\nZ: z\r\n\r\n',
    'a bare CR': b'GET / HTTP/1.1\r\nHost: a\r\nX: y\rz\r\n\r\n',
    'a folded line': b'GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n',
    'another version': b'GET / HTTP/3.0\r\nHost: a\r\n\r\n',
    'a bad chunk': b'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\rX0\r\n\r\n',
    'a bad trailer': b'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nHost: b\r\n\r\n',
}


def told(request):
    """What a backend got, as text."""
    fields = sorted(f'{name.lower()}: {value}' for name, value in request.fields)
    return '\n'.join([request.start, *fields, request.body.decode('latin-1'), str(request.trailers)])


def echo(request, _wire):
    body = told(request).encode('latin-1')
    return b'HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: %d\r\n\r\n%s' % (len(body), body)


def undated(text):
    """Our own answers tell the time."""
    lines = text.split(b'\r\n')
    return b'\r\n'.join(line for line in lines if not line.startswith(b'Date: '))


def answers(s, text, splits):
    """What each of so many clients is answered that sends the text in two pieces. The one worker has
    read the first piece of each before it is sent the second of any."""
    clients = []
    for at in splits:
        c = s.relay.connect()
        c.send(text[:at])
        clients.append((c, text[at:]))
    s.works(s.relay.connect())
    for c, rest in clients:
        try:
            c.send(rest)
            c.half_close()
        except OSError:
            pass  # refused already, and closed
    found = []
    for c, _ in clients:
        found.append(undated(c.read_rest()))
        c.close()
    return found


def split_request(text):
    def tale(s):
        s.blue.serve(echo)
        s.green.serve(echo)
        whole, = answers(s, text, [0])
        assert whole.startswith(b'HTTP/1.1 '), whole
        splits = list(range(1, len(text)))
        for at, found in zip(splits, answers(s, text, splits)):
            same(found, whole, f'what was answered when split at {at}')
        s.control.wait_counters(blue_inflight=0, green_inflight=0)
    return tale


for words, message in REQUESTS.items():
    tell(f'a request may be split anywhere: {words}', split_request(message), workers=1, route=READS_GREEN)


RESPONSES = {
    'with a length': b'HTTP/1.1 200 OK\r\nDate: x\r\nX: y\r\nConnection: X-Gone\r\nX-Gone: 1\r\n'
                     b'Content-Length: 5\r\n\r\nhello',
    'in chunks': b'HTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: chunked\r\n\r\n'
                 b'5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nX-T: 1\r\n\r\n',
    'behind two interim ones': b'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n'
                               b'HTTP/1.1 204\r\nDate: x\r\nContent-Length: 5\r\n\r\n',
    'of HTTP/1.0': b'HTTP/1.0 200 OK\r\nDate: x\r\n\r\nuntil the end',
    'with two lengths': b'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx',
    'of another protocol': b'SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n\r\n',
    'with a folded line': b'HTTP/1.1 200 OK\r\nX: y\r\n z\r\nContent-Length: 0\r\n\r\n',
}


def responses(s, text, splits):
    pairs = []
    for at in splits:
        c = s.relay.connect()
        c.send(b'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
        b = s.blue.accept()
        b.head()
        b.send(text[:at])
        pairs.append((c, b, text[at:]))
    s.works(s.relay.connect())
    found = []
    for c, b, rest in pairs:
        try:
            b.send(rest)
            b.half_close()
        except OSError:
            pass  # refused already, and closed
        found.append(undated(c.read_rest()))
        c.close()
        b.close()
    s.blue.open.clear()
    return found


def split_response(text):
    def tale(s):
        s.green.serve(echo)
        whole, = responses(s, text, [0])
        assert whole.startswith(b'HTTP/1.1 '), whole
        splits = list(range(1, len(text)))
        for at, found in zip(splits, responses(s, text, splits)):
            same(found, whole, f'what came on when split at {at}')
        s.control.wait_counters(blue_inflight=0, green_inflight=0)
    return tale


for words, message in RESPONSES.items():
    tell(f'a response may be split anywhere: {words}', split_response(message), workers=1,
         route=READS_GREEN)


def head_of(start, size):
    """A head of exactly so many bytes, the empty line included."""
    text = start + b'X: '
    return text + b'y' * (size - len(text) - 4) + b'\r\n\r\n'


@story(workers=1)
def a_request_head_of_just_the_limit_passes_and_one_byte_more_does_not(s):
    s.blue.serve()
    start = b'GET /big HTTP/1.1\r\nHost: a\r\n'
    for size, status in ((HEAD_MAX - 1, 200), (HEAD_MAX, 200), (HEAD_MAX + 1, 431)):
        for before in (b'', b'GET /small HTTP/1.1\r\nHost: a\r\n\r\n'):
            for cut in (0, 1, 2, 3, 4, 20000):  # bytes that come later
                text = before + head_of(start, size)
                c = s.client()
                c.send(text[:len(text) - cut])
                s.works()
                try:
                    c.send(text[len(text) - cut:])
                except OSError:
                    pass  # refused already
                if before:
                    same(c.response().body, b'blue GET /small')
                same(c.response().status, status, f'the answer to {size} bytes, the last {cut} later')


@story(workers=1, route=READS_GREEN)
def a_response_head_of_just_the_limit_passes_and_one_byte_more_is_a_502(s):
    s.green.serve()
    start = b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n'
    for size, status in ((HEAD_MAX - 1, 200), (HEAD_MAX, 200), (HEAD_MAX + 1, 502)):
        for before in (b'', b'HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n'):
            for cut in (0, 1, 2, 3, 4, 5, 20000):
                text = before + head_of(start, size) + b'ok'
                c = s.client()
                c.post()
                b = s.blue.accept()
                b.request()
                b.send(text[:len(text) - cut])
                s.works()
                try:
                    b.send(text[len(text) - cut:])
                except OSError:
                    pass
                if before:
                    same(c.response().status, 103)
                response = c.response()
                same(response.status, status, f'the answer of {size} bytes, the last {cut} later')
                same(response.body == b'ok', status == 200)
                b.reset()


@story
def a_hundred_fields_of_an_answer_pass_and_one_more_is_a_502(s):
    for count, status in ((99, 200), (100, 200), (101, 502)):
        c = s.client()
        c.post()
        b, _ = s.blue.take()
        b.send(b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n' + b'X: y\r\n' * (count - 1) + b'\r\n')
        response = c.response()
        same(response.status, status)
        if status == 200:
            same(len(response.all('X')), count - 1)


@story
def a_hundred_fields_of_a_request_pass_and_one_more_is_a_431(s):
    s.blue.serve()
    for count, status in ((99, 200), (100, 200), (101, 431)):
        c = s.client()
        c.send(b'GET / HTTP/1.1\r\nHost: a\r\n' + b'X: y\r\n' * (count - 1) + b'\r\n')
        same(c.response().status, status)
