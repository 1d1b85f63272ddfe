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


def doubtful_head(wire):
    """Reads a head as a suspicious server does; returns its framing."""
    start = line(wire)
    if not START.match(start):
        raise Doubt(start)
    fields = {}
    while (field := line(wire)):
        name, colon, value = field.partition(b':')
        if not colon or not TOKEN.match(name) or not VALUE.match(value):
            raise Doubt(field)
        fields.setdefault(name.lower(), []).append(value.strip(b' \t'))
    lengths, codings = fields.get(b'content-length', []), fields.get(b'transfer-encoding', [])
    if len(fields.get(b'host', [])) != 1 or len(lengths) + len(codings) > 1:
        raise Doubt(fields)
    if codings and codings[0].lower() != b'chunked':
        raise Doubt(fields)
    if lengths and not lengths[0].isdigit():
        raise Doubt(fields)
    return int(lengths[0]) if lengths else None, bool(codings)


def doubtful_request(wire):
    length, chunked = doubtful_head(wire)
    if length:
        wire.read(length)
    while chunked:
        size = wire.read_until(b'\r\n')
        if not CHUNK.match(size):
            raise Doubt(size)
        size = int(size.split(b';')[0].strip(), 16)
        if size == 0:
            break
        wire.read(size)
        if wire.read(2) != b'\r\n':
            raise Doubt('the end of a chunk')
    while chunked and (trailer := line(wire)):
        name, colon, value = trailer.partition(b':')
        if not colon or not TOKEN.match(name) or not VALUE.match(value) or b'length' in name.lower():
            raise Doubt(trailer)


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


base = int(os.environ.get('RELAY_TEST_SEED', '0'))
for one in range(base, base + 6):
    tell(f'mutants are refused or passed on without doubt, seed {one}', mutants(one))
