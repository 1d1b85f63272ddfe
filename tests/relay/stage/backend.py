# SPDX-License-Identifier: MIT
"""A scripted backend: one color's application.

It stands in one of three ways: refusing (its port is bound but nobody listens), scripted (the story
accepts and answers by itself), or serving (threads answer everything and remember it)."""

import select
import socket
import threading

from .wire import WAIT, Ended, Wire, shorten


class Backend:
    def __init__(self, color, listening=True, backlog=512):
        self.color = color
        self.backlog = backlog
        chosen = self.bind(0)
        self.port = chosen.getsockname()[1]
        self.listener = self.bind(self.port)  # a port asked for by number outlives refuse()
        chosen.close()
        self.address = f'127.0.0.1:{self.port}'
        self.handler = None
        self.open = []      # scripted connections that may carry a request
        self.accepted = 0
        self.lock = threading.Lock()
        self.seen = []      # requests served, in order of arrival: (connection number, Message)
        self.records = []   # of recording connections: Record
        if listening:
            self.listen()

    def bind(self, port):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(('127.0.0.1', port))
        return sock

    def listen(self):
        self.listener.listen(self.backlog)
        self.listener.settimeout(WAIT)
        if self.handler:
            self.serve(self.handler)

    def refuse(self):
        """From now on a connection is refused; the port stays ours."""
        self.listener.shutdown(socket.SHUT_RDWR)

    def knock(self):
        """A connection of our own, to fill the queue; it may never be established."""
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(('127.0.0.1', self.port))
        return sock

    # -- scripted

    def accept(self):
        """The next connection."""
        try:
            sock, _ = self.listener.accept()
        except socket.timeout:
            raise AssertionError(f'{self.color}: no connection came within {WAIT:g} s') from None
        self.accepted += 1
        wire = Wire(sock, f'{self.color} connection {self.accepted}')
        self.open.append(wire)
        return wire

    def take(self):
        """The next request, on whatever connection: (connection, whole request)."""
        wire = self.ready()
        return wire, wire.request()

    def ready(self):
        """The next connection on which bytes came, old or new."""
        while True:
            self.open = [w for w in self.open if w.sock.fileno() >= 0]
            ready, _, _ = select.select([self.listener] + [w.sock for w in self.open], [], [], WAIT)
            assert ready, f'{self.color}: no request came within {WAIT:g} s'
            for wire in list(self.open):
                if wire.sock in ready:
                    if wire.peek():
                        return wire
                    self.open.remove(wire)
            if self.listener in ready:
                self.accept()

    def expect_silence(self):
        """No new connection, and no byte on an open one, so far."""
        ready, _, _ = select.select([self.listener], [], [], 0)
        assert not ready, f'{self.color}: an unexpected connection'
        for wire in self.open:
            if wire.sock.fileno() >= 0 and wire.readable():
                text = wire.peek()
                assert not text, f'{self.color}: unexpected {shorten(text)}'

    # -- serving

    def serve(self, handler=None):
        """Answers everything by itself. handler(request, wire) returns a response as bytes, or None
        when it has sent one; by default the answer is `COLOR METHOD TARGET`."""
        self.handler = handler or self.tell
        threading.Thread(target=self.accept_forever, args=(self.listener,), daemon=True).start()
        return self

    def tell(self, request, _wire):
        body = f'{self.color} {request.method} {request.target}'.encode()
        if request.method == 'HEAD':
            return b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % len(body)
        return b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s' % (len(body), body)

    def accept_forever(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except socket.timeout:
                continue
            except OSError:
                return
            with self.lock:
                self.accepted += 1
                number = self.accepted
            wire = Wire(sock, f'{self.color} connection {number}')
            sock.settimeout(None)
            threading.Thread(target=self.serve_one, args=(wire, number), daemon=True).start()

    def serve_one(self, wire, number):
        try:
            while True:
                request = wire.request()
                with self.lock:
                    self.seen.append((number, request))
                answer = self.handler(request, wire)
                if answer is not None:
                    wire.send(answer)
        except (Ended, OSError):
            wire.close()

    def targets(self):
        with self.lock:
            return [request.target for _, request in self.seen]

    # -- recording

    def record(self):
        """Answers only requests for /after; keeps every byte of every connection."""
        threading.Thread(target=self.record_forever, daemon=True).start()
        return self.records

    def record_forever(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except socket.timeout:
                continue
            except OSError:
                return
            record = Record(sock)
            self.records.append(record)
            threading.Thread(target=record.run, daemon=True).start()


class Record:
    """What came on one connection; `ended` once the other side closed it."""

    def __init__(self, sock):
        self.sock = sock
        self.text = bytearray()
        self.ended = threading.Event()
        sock.settimeout(None)

    def run(self):
        answered = 0
        try:
            while piece := self.sock.recv(65536):
                self.text += piece
                asked = self.text.count(b'GET /after HTTP/1.1\r\n')
                if asked > answered and self.text.endswith(b'\r\n\r\n'):
                    answered = asked
                    self.sock.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nafter')
        except OSError:
            pass
        self.ended.set()
