# SPDX-License-Identifier: MIT
"""One end of a TCP or unix connection, and HTTP/1.1 messages on it.

Reads strictly and shows everything as it was on the wire; writes whatever a story says, wrong things
included. Every wait has a deadline, after which the story fails with a sentence. Knows nothing of
the relay."""

import os
import select
import socket
import struct
import time

WAIT = float(os.environ.get('RELAY_TEST_WAIT', '10'))  # seconds; how long anything may take


class Ended(AssertionError):
    """The other side closed or reset the connection where a story expected more."""


def same(actual, wanted, what='value'):
    if actual != wanted:
        raise AssertionError(f'{what} is {shorten(actual)}, not {shorten(wanted)}')


def shorten(value):
    text = repr(value)
    return text if len(text) < 400 else f'{text[:200]} ... {text[-100:]} ({len(text)} characters)'


def ends(wires):
    """Who ends, in that order, and when: (seconds since now, index) of each. What a wire still says
    is thrown away."""
    start = time.monotonic()
    poll = select.poll()
    index = {wire.sock.fileno(): i for i, wire in enumerate(wires)}
    for number in index:
        poll.register(number, select.POLLIN)
    told = []
    while index:
        ready = poll.poll(WAIT * 1000)
        assert ready, f'{len(index)} of {len(wires)} connections did not end within {WAIT:g} s'
        for number, _ in ready:
            wire = wires[index[number]]
            if wire.fill():
                wire.take(len(wire.buffer))
                continue
            told.append((time.monotonic() - start, index.pop(number)))
            poll.unregister(number)
    return told


class Message:
    """A request or a response: its head as sent, and its body once that was read."""

    def __init__(self, raw):
        self.raw = bytes(raw)
        assert self.raw.endswith(b'\r\n\r\n')
        lines = self.raw[:-4].decode('latin-1').split('\r\n')
        self.start = lines[0]
        self.fields = []
        for line in lines[1:]:
            name, colon, value = line.partition(':')
            assert colon and name and name.strip() == name, f'bad field line {line!r}'
            self.fields.append((name, value.strip(' \t')))
        self.body = b''
        self.trailers = []

    def all(self, name):
        return [v for n, v in self.fields if n.lower() == name.lower()]

    def get(self, name):
        """The value of a field that may be there once; None if it is not."""
        values = self.all(name)
        assert len(values) < 2, f'{name} came {len(values)} times: {values}'
        return values[0] if values else None

    def names(self):
        return [n for n, _ in self.fields]

    # a request
    @property
    def method(self):
        return self.start.split(' ')[0]

    @property
    def target(self):
        return self.start.split(' ')[1]

    # a response
    @property
    def status(self):
        version, status = self.start.split(' ')[:2]
        assert version in ('HTTP/1.1', 'HTTP/1.0'), f'bad status line {self.start!r}'
        return int(status)


def fields_text(fields):
    return ''.join(f'{name}: {value}\r\n' for name, value in fields).encode('latin-1')


def chunk(payload, extension=''):
    return b'%x%s\r\n%s\r\n' % (len(payload), extension.encode(), payload)


class Wire:
    """A connected socket. `sent` and `received` are counted for stories about flow."""

    def __init__(self, sock, name):
        self.sock = sock
        self.name = name
        self.buffer = bytearray()
        self.ended = False
        sock.settimeout(WAIT)
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    # -- bytes

    def send(self, *pieces):
        for piece in pieces:
            self.sock.sendall(piece)

    def send_slowly(self, text):
        """Byte by byte, each in a segment of its own."""
        for i in range(len(text)):
            self.sock.sendall(text[i:i + 1])

    def fill(self):
        """Waits for more bytes; False at the end of the connection."""
        try:
            piece = self.sock.recv(262144)
        except socket.timeout:
            raise AssertionError(f'{self.name}: nothing more came within {WAIT:g} s; '
                                 f'so far {shorten(bytes(self.buffer))}') from None
        except ConnectionError:
            piece = b''
        self.ended = self.ended or not piece
        self.buffer += piece
        return bool(piece)

    def need(self, enough):
        while not enough():
            if not self.fill():
                raise Ended(f'{self.name}: the connection ended early, after '
                            f'{shorten(bytes(self.buffer))}')

    def take(self, size):
        piece = bytes(self.buffer[:size])
        del self.buffer[:size]
        return piece

    def read(self, size):
        self.need(lambda: len(self.buffer) >= size)
        return self.take(size)

    def read_until(self, mark):
        self.need(lambda: mark in self.buffer)
        return self.take(self.buffer.index(mark) + len(mark))

    def read_rest(self):
        """Everything up to the end of the connection."""
        while self.fill():
            pass
        return self.take(len(self.buffer))

    def expect_end(self):
        """The other side must close (or reset) and have nothing more to say."""
        if not self.ended:
            self.fill()
        same(bytes(self.buffer), b'', f'{self.name}: what came instead of the end')
        assert self.ended

    def readable(self, seconds=0.0):
        return bool(self.buffer) or bool(select.select([self.sock], [], [], seconds)[0])

    def expect_silence(self):
        """Nothing came so far. Prove first, by an event, that it would have come."""
        assert not self.readable(), f'{self.name}: unexpected {shorten(self.peek())}'

    def peek(self):
        try:
            return bytes(self.buffer) or self.sock.recv(4096, socket.MSG_PEEK)
        except ConnectionError:
            return b''

    # -- messages

    def head(self):
        text = self.read_until(b'\r\n\r\n')
        assert b'\n' not in text.replace(b'\r\n', b''), f'{self.name}: bare LF in {text!r}'
        return Message(text)

    def chunked(self, message):
        while True:
            line = self.read_until(b'\r\n')
            size = int(line.split(b';')[0], 16)
            if size == 0:
                break
            message.body += self.read(size)
            same(self.read(2), b'\r\n', f'{self.name}: the end of a chunk')
        while (line := self.read_until(b'\r\n')) != b'\r\n':
            name, _, value = line.decode('latin-1').partition(':')
            message.trailers.append((name, value.strip()))

    def body(self, message, until_close):
        coding, length = message.get('Transfer-Encoding'), message.get('Content-Length')
        assert not (coding and length), f'{self.name}: two framings in {message.raw!r}'
        if coding:
            same(coding, 'chunked', 'Transfer-Encoding')
            self.chunked(message)
        elif length is not None:
            message.body = self.read(int(length))
        elif until_close:
            message.body = self.read_rest()
        return message

    def request(self):
        return self.body(self.head(), until_close=False)

    def response(self, to='GET'):
        """The next response, an interim one too."""
        message = self.head()
        if to == 'HEAD' or message.status < 200 or message.status in (204, 304):
            return message
        return self.body(message, until_close=True)

    def answer(self, body=b'', status='200 OK', fields=()):
        self.send(f'HTTP/1.1 {status}\r\n'.encode() + fields_text(fields)
                  + b'Content-Length: %d\r\n\r\n' % len(body) + body)

    def get(self, target='/', fields=(), method='GET'):
        self.send(f'{method} {target} HTTP/1.1\r\nHost: app.example\r\n'.encode()
                  + fields_text(fields) + b'\r\n')

    def post(self, target='/', body=b'', fields=(), method='POST'):
        self.send(f'{method} {target} HTTP/1.1\r\nHost: app.example\r\n'.encode()
                  + fields_text(fields) + b'Content-Length: %d\r\n\r\n' % len(body) + body)

    # -- flow

    def push(self, size, block=bytes(65536), stalled=0.3):
        """Sends up to `size` bytes, as long as the other side takes them; returns how many."""
        sent = 0
        while sent < size and select.select([], [self.sock], [], stalled)[1]:
            sent += self.sock.send(block[:size - sent], socket.MSG_DONTWAIT)
        return sent

    def pour(self, size, block=bytes(262144)):
        while size:
            size -= self.sock.send(block[:size])

    def swallow(self, size):
        """Reads `size` bytes and forgets them."""
        got = len(self.take(size))
        scratch = bytearray(262144)
        while got < size:
            n = self.sock.recv_into(scratch, min(len(scratch), size - got))
            if n == 0:
                raise Ended(f'{self.name}: ended after {got} of {size} bytes')
            got += n

    # -- ends

    def send_with_end(self, text):
        """The end comes in one segment with what stands before it."""
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        self.sock.sendall(text)
        self.half_close()

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def close(self):
        self.sock.close()

    def reset(self):
        """Closes with RST, as a crash does."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.sock.close()


def wait_until(true, what, seconds=None):
    """For what no event tells; the pause is between two looks, never a guess."""
    deadline = time.monotonic() + (seconds or WAIT)
    while not true():
        assert time.monotonic() < deadline, f'still not true: {what}'
        time.sleep(0.005)
