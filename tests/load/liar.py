# SPDX-License-Identifier: MIT
"""A server that lies as it is told, and counts its lies.

The path of a request names the lie; every third request to it is lied to, the others are answered
truthfully. Sockets and text only: an HTTP library would refuse to say most of this.
"""

import base64
import hashlib
import os
import socket
import struct
import threading
import time
import zlib

PERIOD = 65521
PATTERN = bytes((k * 2654435761 & 0xFFFFFFFF) >> 24 for k in range(PERIOD))


class Gone(Exception):
    """The connection is over."""


class Request:
    def __init__(self, method, path, fields, body):
        self.method, self.path, self.fields, self.body = method, path, fields, body
        self.id = fields.get("x-request-id", "-")

    def receipt(self, color="blue", role="primary", request=None):
        return f"{request or self.id} {color} {role} {self.method}"


class Liar:
    """Listens on a port of its own; executed writes go to the log."""

    def __init__(self, log):
        self.log = log
        self.lies = 0
        self.asked = {}
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        stream = connection.makefile("rb")
        try:
            while self.answer(connection, self.read_request(stream)):
                pass
        except (Gone, OSError):
            pass
        finally:
            stream.close()
            connection.close()

    @staticmethod
    def read_request(stream):
        line = stream.readline(4096).decode("latin-1").split()
        if len(line) != 3:
            raise Gone
        fields = {}
        while True:
            field = stream.readline(4096).decode("latin-1").strip()
            if not field:
                break
            name, value = field.split(":", 1)
            fields[name.lower()] = value.strip()
        body = stream.read(int(fields.get("content-length", "0")))
        request = Request(line[0], line[1], fields, body)
        request.stream = stream
        return request

    def answer(self, connection, request):
        """True if the connection goes on."""
        words = request.path.strip("/").split("/")
        lie = getattr(self, "lie_" + words[0].replace("-", "_"), None)
        with self.lock:
            turn = self.asked[words[0]] = self.asked.get(words[0], 0) + 1
            lying = lie is not None and (turn % 3 == 0 or words[0] in ALWAYS)
            self.lies += lying
        if lying:
            goes_on = lie(connection, request)
        else:
            if request.method == "POST":
                self.execute(request.receipt())
            goes_on = self.say(connection, request)
        return goes_on is not False and request.fields.get("connection") != "close"

    def count(self, lies):
        with self.lock:
            self.lies += lies

    def execute(self, line):
        with self.lock, open(self.log, "ab", buffering=0) as log:
            log.write(line.encode() + b"\n")

    @staticmethod
    def message(request, body=None, status="200 OK", fields=(), request_id=None, color="blue"):
        text = (request.receipt() if body is None else body).encode()
        head = [
            f"HTTP/1.1 {status}",
            f"X-Request-Id: {request_id or request.id}",
            f"X-Color: {color}",
            f"Content-Length: {len(text)}",
            *fields,
        ]
        return "\r\n".join(head).encode() + b"\r\n\r\n" + text

    def say(self, connection, request, **words):
        connection.sendall(self.message(request, **words))

    # Truths that look odd: no failure

    def lie_dribble(self, connection, request):
        """An interim answer, then chunks with an extension and a trailer, byte by byte."""
        text = request.receipt()
        message = (
            "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
            f"HTTP/1.1 200 OK\r\nX-Request-Id: {request.id}\r\nX-Color: blue\r\n"
            "Transfer-Encoding: chunked\r\n\r\n"
            f"5;why=not\r\n{text[:5]}\r\n{len(text) - 5:X}\r\n{text[5:]}\r\n0\r\nX-End: 1\r\n\r\n"
        )
        for byte in message.encode():
            connection.sendall(bytes([byte]))

    def lie_until_close(self, connection, request):
        head = f"HTTP/1.1 200 OK\r\nX-Request-Id: {request.id}\r\nX-Color: blue\r\n\r\n"
        connection.sendall(head.encode() + request.receipt().encode())
        return False

    def lie_idle_close(self, connection, request):
        self.say(connection, request)
        return False

    def lie_announced_close(self, connection, request):
        self.say(connection, request, fields=["Connection: close"])
        return False

    def lie_held(self, connection, request):
        self.say(connection, request, body="later", status="503 Later", fields=["Retry-After: 1"])

    # Lies about the connection

    def lie_reset(self, connection, _request):
        linger = struct.pack("ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        return False

    def lie_reset_within(self, connection, request):
        connection.sendall(self.message(request)[:-3])
        time.sleep(0.02)  # so that the bytes are read before the reset throws them away
        return self.lie_reset(connection, request)

    def lie_eof(self, _connection, _request):
        return False

    def lie_eof_in_head(self, connection, request):
        connection.sendall(self.message(request)[:20])
        return False

    def lie_truncated(self, connection, request):
        connection.sendall(self.message(request)[:-3])
        return False

    def lie_truncated_chunk(self, connection, request):
        connection.sendall(
            f"HTTP/1.1 200 OK\r\nX-Request-Id: {request.id}\r\nX-Color: blue\r\n"
            f"Transfer-Encoding: chunked\r\n\r\n40\r\n{request.receipt()}".encode()
        )
        return False

    def lie_unfinished_chunks(self, connection, request):
        """All chunks came, the last one did not."""
        text = request.receipt()
        connection.sendall(
            f"HTTP/1.1 200 OK\r\nX-Request-Id: {request.id}\r\nX-Color: blue\r\n"
            f"Transfer-Encoding: chunked\r\n\r\n{len(text):x}\r\n{text}\r\n".encode()
        )
        return False

    def lie_silence(self, _connection, _request):
        time.sleep(5)
        return False

    def lie_stall(self, connection, request):
        if request.id.endswith("-00000020"):
            time.sleep(1)
        self.say(connection, request)

    # Lies about the answer

    def lie_5xx(self, connection, request):
        self.say(connection, request, status="500 Broken")

    def lie_refused_without_when(self, connection, request):
        self.say(connection, request, status="503 Later")

    def lie_status(self, connection, request):
        self.say(connection, request, status="404 Not Found")

    def lie_garbage(self, connection, _request):
        connection.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n")
        return False

    def lie_two_lengths(self, connection, request):
        self.say(connection, request, fields=["Content-Length: 3"])

    def lie_both_framings(self, connection, request):
        self.say(connection, request, fields=["Transfer-Encoding: chunked"])

    def lie_wrong_id(self, connection, request):
        self.say(connection, request, request_id="somebody-else")

    def lie_wrong_body(self, connection, request):
        self.say(connection, request, body=request.receipt(request="somebody-else"))

    def lie_empty_body(self, connection, request):
        self.say(connection, request, body="")

    def lie_wrong_color(self, connection, request):
        self.say(connection, request, color="green")

    def lie_no_color(self, connection, request):
        self.say(connection, request, color="red")

    def lie_wrong_method(self, connection, request):
        other = "POST" if request.method == "GET" else "GET"
        self.say(connection, request, body=request.receipt().replace(request.method, other))

    def lie_by_fallback(self, connection, request):
        self.execute(request.receipt())
        self.say(connection, request, body=request.receipt(role="fallback"))

    # Answered twice

    def lie_twice(self, connection, request):
        connection.sendall(self.message(request) * 2)

    def lie_twice_later(self, connection, request):
        """The second answer comes while nothing is asked, or as the answer to the next."""
        connection.sendall(self.message(request))
        time.sleep(0.03)
        connection.sendall(self.message(request))
        return False

    def lie_twice_as_next(self, connection, request):
        self.say(connection, request)
        self.count(-1)  # not yet told, and never if nothing more is asked
        self.read_request(request.stream)
        self.count(1)
        self.say(connection, request)
        return False

    def lie_one_byte_more(self, connection, request):
        connection.sendall(self.message(request) + b"\n")

    # Lies about what was executed

    def lie_executed_twice(self, connection, request):
        self.execute(request.receipt())
        self.execute(request.receipt())
        self.say(connection, request)

    def lie_lost(self, connection, request):
        self.say(connection, request)

    def lie_fallback_executed(self, connection, request):
        self.execute(request.receipt(role="fallback"))
        self.say(connection, request)

    def lie_other_color(self, connection, request):
        self.execute(request.receipt(color="green"))
        self.say(connection, request)

    def lie_refused_yet_executed(self, connection, request):
        self.execute(request.receipt())
        self.lie_held(connection, request)

    def lie_executed_then_gone(self, _connection, request):
        self.execute(request.receipt())
        return False

    def lie_read_executed(self, connection, request):
        self.execute(request.receipt())
        self.say(connection, request)

    def lie_never_sent(self, connection, request):
        prefix = request.id.split("-")[0]
        self.execute(request.receipt())
        self.execute(request.receipt(request=f"{prefix}-99999999"))
        self.say(connection, request)

    def lie_garbled(self, connection, request):
        self.execute(request.receipt())
        self.execute(request.id + " blue")
        self.say(connection, request)

    # WebSockets: the lie is chosen before the run, because the path is always /ws

    ws_lie = events_lie = transfer_lie = ""

    def lie_ws(self, connection, request):
        key = request.fields["sec-websocket-key"]
        if self.ws_lie == "accept":
            key = key[::-1]
        proof = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        if self.ws_lie == "status":
            self.say(connection, request)
            return False
        connection.sendall(
            (
                f"HTTP/1.1 101 Switching\r\nX-Request-Id: {request.id}\r\nX-Color: green\r\n"
                "Connection: upgrade\r\nUpgrade: websocket\r\n"
                f"Sec-WebSocket-Accept: {base64.b64encode(proof).decode()}\r\n\r\n"
            ).encode()
        )
        while True:
            if not self.echo(connection, request.stream):
                return False

    def echo(self, connection, stream):
        head = stream.read(2)
        if len(head) < 2 or head[0] & 0x0F == 8:
            return False
        mask = stream.read(4)
        body = stream.read(head[1] & 0x7F)
        text = bytes(b ^ mask[i % 4] for i, b in enumerate(body))
        frame = bytes([0x80 | head[0] & 0x0F, len(text)]) + text
        if self.ws_lie == "wrong":
            frame = frame[:-1] + b"?"
        elif self.ws_lie == "twice":
            frame *= 2
        elif self.ws_lie == "cut":
            return False
        elif self.ws_lie == "masked":
            frame = frame[:1] + bytes([0x80 | frame[1]]) + bytes(4) + frame[2:]
        elif self.ws_lie == "close":
            frame += bytes([0x88, 2, 0x03, 0xE9])
        elif self.ws_lie == "ping":
            # In two pieces: a ping, then the echo; the pong comes before the next message.
            connection.sendall(bytes([0x89, 2]) + b"hi")
            pong = stream.read(2 + 4 + 2)
            if pong[0] != 0x8A:
                return False
        connection.sendall(frame)
        return self.ws_lie != "close"

    def lie_events(self, connection, request):
        if self.events_lie == "status":
            self.lie_5xx(connection, request)
            return False
        kind = "text/html" if self.events_lie == "type" else "text/event-stream"
        connection.sendall(
            f"HTTP/1.1 200 OK\r\nX-Request-Id: {request.id}\r\nX-Color: blue\r\n"
            f"Content-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        )
        if self.events_lie == "late":
            time.sleep(0.4)
        wanted = "somebody-else" if self.events_lie == "wrong" else None
        self.send_event(connection, request.receipt(request=wanted))
        self.send_event(connection, "second")
        if self.events_lie == "cut":
            return False
        if self.events_lie == "end":
            connection.sendall(b"0\r\n\r\n")
            return False
        time.sleep(0.5)
        return False

    @staticmethod
    def send_event(connection, text):
        event = f": comment\r\ndata: {text}\n\n"
        connection.sendall(f"{len(event):x}\r\n{event}\r\n".encode())

    def lie_bytes(self, connection, request):
        size = int(request.path.split("/")[2])
        body = bytearray(PATTERN * (size // PERIOD + 2))[:size]
        if self.transfer_lie == "byte":
            body[size // 2] ^= 1
        elif self.transfer_lie == "moved":
            del body[1000:5096]
            body += bytes(4096)
        sent = body[: size - 1] if self.transfer_lie == "short" else body
        length = size - 1 if self.transfer_lie == "less" else size
        connection.sendall(
            f"HTTP/1.1 200 OK\r\nX-Request-Id: {request.id}\r\nX-Color: blue\r\n"
            f"Content-Length: {length}\r\n\r\n".encode()
            + bytes(sent[:length])
        )
        return self.transfer_lie != "short"

    def lie_count(self, connection, request):
        crc, size = zlib.crc32(request.body), len(request.body)
        if self.transfer_lie == "crc":
            crc ^= 1
        elif self.transfer_lie == "size":
            size -= 1
        self.execute(request.receipt())
        self.say(connection, request, body=f"{request.receipt()} {size} {crc:08x}")


# These paths are the client's own, or need every request to be treated alike.
ALWAYS = {"ws", "events", "bytes", "count", "stall", "idle-close", "dribble", "silence"}


def new_log(directory, name):
    path = os.path.join(directory, name + ".log")
    with open(path, "wb"):
        pass
    return path
