#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""An app that dies where it stands on SIGTERM: no graceful stop, nothing finished first.

Threads, keep-alive, WebSocket echo, event streams, large bodies both ways; only the standard
library. What it answers: ../README.md.
"""

import base64
import hashlib
import html
import http.server
import itertools
import os
import signal
import struct
import sys
import threading
import time
import urllib.parse
import zlib

COLOR = os.environ.get("BLUEGREEN_COLOR", "blue")
ROLE = os.environ.get("BLUEGREEN_ROLE", "primary")
RELEASE = os.environ.get("BLUEGREEN_RELEASE", "0")
READ_ONLY = os.environ.get("READ_ONLY", "") not in ("", "0")
PORT = int(os.environ.get("PORT", "9000"))
APP_DIR = os.environ.get("APP_DIR", os.path.dirname(os.path.abspath(__file__)))

FORM_MAX = 1 << 20
PIECE = 1 << 20
MESSAGE_MAX = 1 << 16
PATTERN_PERIOD = 65521
PATTERN = bytes((k * 2654435761 & 0xFFFFFFFF) >> 24 for k in range(PATTERN_PERIOD))
PATTERN *= PIECE // PATTERN_PERIOD + 2  # a piece from any start is contiguous


def read_word(name, default):
    try:
        with open(os.path.join(APP_DIR, name), encoding="ascii") as file:
            return file.read().strip()
    except FileNotFoundError:
        return default


BROKEN = read_word("broken", "")
START_DELAY = float(read_word("delay", os.environ.get("START_DELAY", "3")))
FLAKY_EVERY = 20  # answers, of which one is a 500: 5 %


class Log:
    """What was executed, in the order of execution."""

    def __init__(self, path):
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self.fd = os.open(path, flags, 0o644) if path else -1
        self.lock = threading.Lock()
        self.notes = []

    def execute(self, receipt, title):
        with self.lock:
            self.notes = [title] + self.notes[:19]
            if self.fd >= 0:
                os.write(self.fd, receipt.encode() + b"\n")


count = itertools.count(1)
count_lock = threading.Lock()


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 1024
    allow_reuse_address = True
    daemon_threads = True


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65536  # head and body leave together

    def log_message(self, *arguments):
        pass

    def version_string(self):
        return "abrupt"

    @property
    def request_id(self):
        return self.headers.get("X-Request-Id", "-")

    def receipt(self):
        return f"{self.request_id} {COLOR} {ROLE} {self.command}"

    def begin(self, status, fields):
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header("X-Color", COLOR)
        self.send_header("X-Role", ROLE)
        self.send_header("X-Release", RELEASE)
        self.send_header("X-Request-Id", self.request_id)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def is_broken(self):
        """Counted over all requests but probes, so that the share is exact."""
        if BROKEN == "flaky" and not self.path.startswith("/healthz"):
            with count_lock:
                return next(count) % FLAKY_EVERY == 0
        return BROKEN == "error"

    def answer(self, status, text, kind="text/plain; charset=utf-8", fields=()):
        body = text.encode()
        self.begin(status, [("Content-Type", kind), ("Content-Length", str(len(body))), *fields])
        self.wfile.write(body)
        self.wfile.flush()

    # Reads

    def do_GET(self):
        path = urllib.parse.urlsplit(self.path).path
        if BROKEN == "silent":
            threading.Event().wait()
        if self.is_broken():
            self.answer(500, f"broken on purpose\n{self.receipt()}\n")
        elif path == "/healthz":
            self.answer(200, f"ok {COLOR} {ROLE} {RELEASE}\n")
        elif path == "/":
            self.show_page()
        elif path == "/events":
            self.send_events()
        elif path == "/ws":
            self.echo_messages()
        elif path.startswith("/bytes/") and path[7:].isdigit():
            self.send_bytes(int(path[7:]))
        else:
            self.answer(404, f"nothing is here\n{self.receipt()}\n")

    def show_page(self):
        notes = "".join(f"<li>{html.escape(title)}</li>" for title in log.notes)
        self.answer(
            200,
            f"<!doctype html><title>abrupt</title><h1>abrupt, {COLOR}, release "
            f"{html.escape(RELEASE)}</h1><ol>{notes}</ol>"
            f"<footer>{html.escape(self.receipt())}</footer>\n",
            "text/html; charset=utf-8",
        )

    def send_events(self):
        self.begin(
            200,
            [
                ("Content-Type", "text/event-stream"),
                ("Cache-Control", "no-store"),
                ("Transfer-Encoding", "chunked"),
            ],
        )
        number = 0
        text = f"data: {self.receipt()}\n\n"
        while True:
            self.wfile.write(f"{len(text):x}\r\n{text}\r\n".encode())
            self.wfile.flush()
            time.sleep(0.5)
            number += 1
            text = f"id: {number}\ndata: {COLOR} {number}\n\n"

    def send_bytes(self, size):
        self.begin(
            200,
            [("Content-Type", "application/octet-stream"), ("Content-Length", str(size))],
        )
        pattern = memoryview(PATTERN)
        sent = 0
        while sent < size:
            start = sent % PATTERN_PERIOD
            piece = min(PIECE, size - sent)
            self.wfile.write(pattern[start : start + piece])
            sent += piece
        self.wfile.flush()

    # WebSocket (RFC 6455)

    def echo_messages(self):
        key = self.headers.get("Sec-WebSocket-Key")
        if self.headers.get("Upgrade", "").lower() != "websocket" or not key:
            self.answer(426, "a WebSocket is here\n", fields=[("Upgrade", "websocket")])
            return
        proof = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        self.begin(
            101,
            [
                ("Upgrade", "websocket"),
                ("Connection", "Upgrade"),
                ("Sec-WebSocket-Accept", base64.b64encode(proof).decode()),
            ],
        )
        self.wfile.flush()
        self.close_connection = True
        while self.echo_one():
            pass

    def read_exactly(self, size):
        data = self.rfile.read(size)
        if len(data) < size:
            raise ConnectionError("the client went away")
        return data

    def send_frame(self, opcode, payload):
        size = len(payload)
        if size < 126:
            head = struct.pack("!BB", 0x80 | opcode, size)
        else:
            head = struct.pack("!BBH", 0x80 | opcode, 126, size)
        self.wfile.write(head + payload)
        self.wfile.flush()

    def echo_one(self):
        first, second = self.read_exactly(2)
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", self.read_exactly(2))
        if size >= min(127, MESSAGE_MAX) and second & 0x7F == 127 or not second & 0x80:
            self.send_frame(0x8, struct.pack("!H", 1002))
            return False
        mask = self.read_exactly(4)
        payload = bytes(b ^ mask[i % 4] for i, b in enumerate(self.read_exactly(size)))
        opcode = first & 0x0F
        if opcode == 0x8:
            self.send_frame(0x8, payload[:2])
            return False
        if opcode in (0x1, 0x2):
            self.send_frame(opcode, payload)
        elif opcode == 0x9:
            self.send_frame(0xA, payload)
        return True

    # Writes

    def pieces(self):
        """The body as it comes, never more than a piece of it in memory."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while True:
                size = int(self.rfile.readline(64).split(b";")[0], 16)
                if size == 0:
                    while self.rfile.readline(8192) not in (b"\r\n", b""):
                        pass
                    return
                while size > 0:
                    piece = self.read_exactly(min(size, PIECE))
                    size -= len(piece)
                    yield piece
                self.rfile.readline(8)
        left = int(self.headers.get("Content-Length", "0"))
        while left > 0:
            piece = self.read_exactly(min(left, PIECE))
            left -= len(piece)
            yield piece

    def do_POST(self):
        path = urllib.parse.urlsplit(self.path).path
        if BROKEN == "silent":
            threading.Event().wait()
        form, size, crc = b"", 0, 0
        for piece in self.pieces():
            size += len(piece)
            crc = zlib.crc32(piece, crc)
            if path == "/notes" and size <= FORM_MAX:
                form += piece
        if self.is_broken():
            self.answer(500, f"broken on purpose\n{self.receipt()}\n")
        elif READ_ONLY:
            self.answer(503, "read-only for now\n", fields=[("Retry-After", "5")])
        elif path == "/notes" and size <= FORM_MAX:
            fields = urllib.parse.parse_qs(form.decode("utf-8", "replace"))
            log.execute(self.receipt(), fields.get("title", ["untitled"])[0])
            self.answer(201, f"{self.receipt()}\n")
        elif path == "/count":
            log.execute(self.receipt(), f"{size} bytes")
            self.answer(201, f"{self.receipt()} {size} {crc:08x}\n")
        else:
            self.answer(404, f"nothing is here\n{self.receipt()}\n")

    def handle(self):
        try:
            super().handle()
        except (ConnectionError, TimeoutError, ValueError):
            self.close_connection = True

    def finish(self):
        try:
            super().finish()
        except OSError:
            pass


# The kernel's own way: at once, in whatever it is doing. This is what the app is for.
signal.signal(signal.SIGTERM, signal.SIG_DFL)
if BROKEN == "exit":
    sys.exit(3)
if BROKEN == "hang":
    threading.Event().wait()
time.sleep(START_DELAY)
log = Log(os.environ.get("EXECUTED_LOG"))
Server(("127.0.0.1", PORT), Handler).serve_forever()
