# SPDX-License-Identifier: MIT
"""Sound requests with a few bytes changed by chance, from fixed seeds: each is either refused or
passed on so that a suspicious reader finds nothing in it to doubt, and every answer belongs to a
request that was asked. RELAY_TEST_SEED adds to the seeds."""

import os
import random
import re
import threading

from stage.story import tell
from stage.wire import Ended, Wire, same

SOUND = (
    b'GET /a?b=c HTTP/1.1\r\nHost: app.example\r\nAccept: */*\r\nCookie: a=b\r\n\r\n',
    b'POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\nX: y\r\n\r\nhello world',
    b'POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'
    b'5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nX-T: 1\r\n\r\n',
    b'GET /k HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n',
    b'PUT /e HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n'
    b'Content-Length: 3\r\nConnection: X-Gone\r\nX-Gone: 1\r\n\r\nabc',
    b'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
)
ODD = (b'\r', b'\n', b'\r\n', b'\0', b' ', b'\t', b':', b',', b';', b'0', b'-', b'+', b'x', b'\x0b', b'\x7f', b'\x85',
       b'\xa0', b'\xff', b'"', b'chunked', b'Content-Length: 5\r\n', b'Transfer-Encoding: chunked\r\n',
       b'\r\n\r\n', b'\r\n ', b'Host: b\r\n', b'0\r\n\r\n', b'GET /x HTTP/1.1\r\nHost: a\r\n\r\n')
TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
VALUE = re.compile(rb'[\t\x20-\x7e\x80-\xff]*\Z')
START = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32} [\x21-\x7e]+ HTTP/1\.[01]\Z")
CHUNK = re.compile(rb'[0-9A-Fa-f]{1,16}[\t ]*(;[\t\x20-\x7e]*)?\r\n\Z')


class Doubt(Exception):
    """Something that two readers could read differently."""


def mutant(rng):
    """Two sound requests, one behind the other, with one to three changes."""
    text = bytearray(rng.choice(SOUND) + rng.choice(SOUND))
    for _ in range(rng.randint(1, 3)):
        at, odd = rng.randrange(len(text)), rng.choice(ODD)
        kind = rng.randrange(4)
        if kind == 0:
            text[at:at] = odd
        elif kind == 1:
            del text[at]
        elif kind == 2:
            text[at:at + 1] = odd
        else:
            other = rng.randrange(len(text))
            text[at], text[other] = text[other], text[at]
    return bytes(text)


def line(wire):
    """A line without its CRLF; any other control of lines is doubtful."""
    text = wire.read_until(b'\r\n')[:-2]
    if b'\r' in text or b'\n' in text or b'\0' in text:
        raise Doubt(text)
    return text


def doubtful_fields(wire):
    """The fields of a head up to its empty line, by their names."""
    fields = {}
    while (field := line(wire)):
        name, colon, value = field.partition(b':')
        if not colon or not TOKEN.match(name) or not VALUE.match(value):
            raise Doubt(field)
        fields.setdefault(name.lower(), []).append(value.strip(b' \t'))
    return fields


def doubtful_head(wire):
    """Reads a head as a suspicious server does; returns its framing."""
    start = line(wire)
    if not START.match(start):
        raise Doubt(start)
    fields = doubtful_fields(wire)
    lengths, codings = fields.get(b'content-length', []), fields.get(b'transfer-encoding', [])
    if len(fields.get(b'host', [])) != 1 or len(lengths) + len(codings) > 1:
        raise Doubt(fields)
    if codings and codings[0].lower() != b'chunked':
        raise Doubt(fields)
    if lengths and not lengths[0].isdigit():
        raise Doubt(fields)
    return int(lengths[0]) if lengths else None, bool(codings)


def doubtful_chunks(wire):
    while True:
        size = wire.read_until(b'\r\n')
        if not CHUNK.match(size):
            raise Doubt(size)
        size = int(size.split(b';')[0].strip(), 16)
        if size == 0:
            break
        wire.read(size)
        if wire.read(2) != b'\r\n':
            raise Doubt('the end of a chunk')
    while (trailer := line(wire)):
        name, colon, value = trailer.partition(b':')
        if not colon or not TOKEN.match(name) or not VALUE.match(value) or b'length' in name.lower():
            raise Doubt(trailer)


def doubtful_request(wire):
    length, chunked = doubtful_head(wire)
    if length:
        wire.read(length)
    if chunked:
        doubtful_chunks(wire)


class Suspicious:
    """A backend that reads so, on every connection, and counts."""

    def __init__(self, backend):
        self.doubts, self.whole = [], 0
        self.lock = threading.Lock()
        self.backend = backend
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            sock, _ = self.backend.listener.accept()
            wire = Wire(sock, 'backend')
            sock.settimeout(None)
            threading.Thread(target=self.serve, args=(wire,), daemon=True).start()

    def serve(self, wire):
        try:
            while True:
                doubtful_request(wire)
                with self.lock:
                    self.whole += 1
                wire.answer(b'whole')
        except Doubt as doubt:
            with self.lock:
                self.doubts.append(doubt)
            wire.close()
        except (Ended, OSError):
            wire.close()


def mutants(seed):
    def told(s):
        rng = random.Random(seed)
        suspicious = Suspicious(s.blue)
        for _ in range(200):
            text = mutant(rng)
            before = suspicious.whole
            c = s.client()
            c.send(text)
            c.half_close()
            answers = c.read_rest()
            with suspicious.lock:
                same(suspicious.doubts, [], f'what the backend doubted of {text!r}')
                good = answers.count(b'\r\n\r\nwhole')
                assert good <= suspicious.whole - before <= 2 + text.count(b'GET /x'), \
                    f'{text!r}: {good} answers for {suspicious.whole - before} requests'
            c.close()
        s.control.wait_counters(connections=0, blue_inflight=0)
        assert suspicious.whole > 50, 'too few were passed on to prove anything'
    return told


SOUND_ANSWERS = (
    b'HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 5\r\nX: y\r\n\r\nhello',
    b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: X-Gone\r\nX-Gone: 1\r\n\r\n'
    b'5;x=y\r\nhello\r\n6\r\n world\r\n0\r\n\r\n',
    b'HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
    b'HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nETag: "x"\r\n\r\n',
    b'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok',
)
STATUS = re.compile(rb'HTTP/1\.1 [1-5][0-9][0-9] [\t\x20-\x7e\x80-\xff]*\Z')


def doubtful_answer(wire):
    """Reads an answer as a suspicious front end does, an interim one too; returns its status and
    whether another may follow on the connection."""
    start = line(wire)
    if not STATUS.match(start):
        raise Doubt(start)
    fields = doubtful_fields(wire)
    lengths, codings = fields.get(b'content-length', []), fields.get(b'transfer-encoding', [])
    status = int(start[9:12])
    if len(lengths) + len(codings) > 1 or (codings and codings[0].lower() != b'chunked'):
        raise Doubt(fields)
    if status < 200 or status == 204:
        if lengths or codings:
            raise Doubt(fields)
        return status, True
    keeps = b'close' not in b','.join(fields.get(b'connection', [])).lower()
    if status == 304:
        return status, keeps
    if codings:
        doubtful_chunks(wire)
    elif lengths:
        if not lengths[0].isdigit():
            raise Doubt(lengths)
        wire.read(int(lengths[0]))
    else:
        wire.read_rest()
        return status, False
    return status, keeps


def odd_answer(rng):
    text = bytearray(rng.choice(SOUND_ANSWERS))
    for _ in range(rng.randint(1, 2)):
        at, odd = rng.randrange(len(text)), rng.choice(ODD)
        text[at:at + rng.randrange(2)] = odd
    return bytes(text)


def answers(seed):
    """Each client is answered what is its own, or 502, or cut; whoever asks next is answered right,
    whatever the backend said before."""
    def told(s):
        rng = random.Random(seed)
        odd = [odd_answer(rng) for _ in range(150)]

        def answer(request, wire):
            if not request.target.startswith('/odd/'):
                return b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s' % (
                    len(request.target), request.target.encode())
            wire.send_with_end(odd[int(request.target[5:])])
            raise Ended('it said all')
        s.blue.serve(answer)
        passed = 0
        for number, text in enumerate(odd):
            c = s.client()
            c.send(b'GET /odd/%d HTTP/1.1\r\nHost: a\r\n\r\nGET /next/%d HTTP/1.1\r\nHost: a\r\n\r\n'
                   % (number, number))
            try:
                status, keeps = doubtful_answer(c)
                while status < 200:
                    status, keeps = doubtful_answer(c)
                passed += status < 500
                if keeps:
                    same(c.response().body, b'/next/%d' % number, f'what came behind {text!r}')
            except Doubt as doubt:
                raise AssertionError(f'{text!r}: doubtful is {doubt}') from None
            except Ended:
                pass  # cut: what there was is not the whole
            c.close()
            after = s.client()
            after.get(f'/after/{number}')
            same(after.response().body, b'/after/%d' % number, f'what came after {text!r}')
            after.close()
        s.control.wait_counters(connections=0, blue_inflight=0)
        assert 15 < passed < 150, f'{passed} of 150 were passed on: that proves nothing'
    return told


base = int(os.environ.get('RELAY_TEST_SEED', '0'))
for one in range(base, base + 6):
    tell(f'mutants are refused or passed on without doubt, seed {one}', mutants(one))
    tell(f'answers with a few bytes changed are passed on without doubt or not at all, seed {one}', answers(one))
