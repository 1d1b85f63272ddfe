# SPDX-License-Identifier: MIT
"""Clients of the awkward kind, at the instant of the switch: each asks on until the cycle is over."""

import base64
import os
import socket
import struct
import time

from host import wait_until


def read_head(connection, kept):
    while b"\r\n\r\n" not in kept:
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError("the connection ended before the answer: " + repr(kept[:80]))
        kept += piece
    head, rest = kept.split(b"\r\n\r\n", 1)
    return head.decode("latin-1"), rest


def read_answer(connection, kept=b""):
    """(status, head, body, what is behind it); interim answers are read over."""
    head, rest = read_head(connection, kept)
    while head.split()[1].startswith("1") and head.split()[1] != "101":
        head, rest = read_head(connection, rest)
    length = next((int(line.split(":")[1]) for line in head.split("\r\n")
                   if line.lower().startswith("content-length:")), 0)
    while len(rest) < length:
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError("the connection ended in the middle of an answer")
        rest += piece
    return int(head.split()[1]), head, rest[:length], rest[length:]


def until_the_end(cell, once):
    """Calls it from the phase on until the cycle has ended, and once more."""
    cell.reach()
    count = 0
    ended = False
    while not ended:
        ended = all(child.poll() is not None for _, child in cell.asked)
        try:
            once(count)
        except (OSError, ValueError, AssertionError) as error:
            cell.problem(f"I2: at the {count}th time: {error!r}")
            break
        count += 1
    cell.note(f"{count} times")
    cell.release_fault()


def closes(head):
    return "connection: close" in head.lower()


def kept_alive(cell):
    """One connection for all requests; it may be closed only where an answer said so."""
    kept = []

    def once(count):
        if not kept:
            kept.append(cell.host.connect(timeout=25))
        method = "POST" if count % 5 == 0 else "GET"
        body = b"title=kept" if method == "POST" else b""
        path = "/notes" if body else "/"
        kept[0].sendall(f"{method} {path} HTTP/1.1\r\nHost: a\r\nX-Request-Id: kept\r\n"
                        f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        status, head, _, _ = read_answer(kept[0])
        assert status in (200, 201), f"{method} was answered {status}"
        if closes(head):
            kept.pop().close()
        time.sleep(0.005)
    until_the_end(cell, once)


def pipelined(cell):
    """Five requests at once on a connection: five answers in their order."""
    def once(_):
        with cell.host.connect(timeout=25) as connection:
            names = [f"pipe-{number}" for number in range(5)]
            connection.sendall("".join(
                f"GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: {name}\r\n\r\n" for name in names).encode())
            kept = b""
            for name in names:
                status, head, _, kept = read_answer(connection, kept)
                assert status == 200, f"{name} was answered {status}"
                assert f"X-Request-Id: {name}" in head, f"{name} has another's answer"
                if closes(head):
                    break
        time.sleep(0.01)
    until_the_end(cell, once)


def expect_continue(cell):
    """A body that is sent only when it was asked for."""
    def once(_):
        with cell.host.connect(timeout=25) as connection:
            connection.sendall(b"POST /notes HTTP/1.1\r\nHost: a\r\nX-Request-Id: continue\r\n"
                               b"Content-Length: 7\r\nExpect: 100-continue\r\n\r\n")
            connection.settimeout(1.5)
            kept = b""
            try:
                head, kept = read_head(connection, kept)
                assert head.split()[1] == "100", f"before the body came {head[:60]}"
            except socket.timeout:
                pass  # RFC 9110 10.1.1: a client does not wait for ever
            connection.settimeout(25)
            connection.sendall(b"title=c")
            status, _, _, _ = read_answer(connection, kept)
            assert status == 201, f"answered {status}"
        time.sleep(0.02)
    until_the_end(cell, once)


def half_closed(cell):
    """A client that has said all it wanted to say, and shuts down its side."""
    def once(count):
        with cell.host.connect(timeout=25) as connection:
            body = b"title=half" if count % 3 == 0 else b""
            method, path = ("POST", "/notes") if body else ("GET", "/")
            connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: a\r\nX-Request-Id: half\r\n"
                               f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
            connection.shutdown(socket.SHUT_WR)
            status, head, _, _ = read_answer(connection)
            # While writes are held it may be gone for all that one can know, and its write is told
            # to come back (relay(8)).
            told = status == 503 and method == "POST" and "retry-after:" in head.lower()
            assert told or status in (200, 201), f"{method} was answered {status}"
        time.sleep(0.01)
    until_the_end(cell, once)


def upgraded_connection(cell):
    """A WebSocket stays on its color: each message is echoed until it is closed, never by halves."""
    kept = []

    def open_socket():
        connection = cell.host.connect(timeout=25)
        key = base64.b64encode(os.urandom(16)).decode()
        connection.sendall(f"GET /ws HTTP/1.1\r\nHost: a\r\nX-Request-Id: ws\r\nConnection: Upgrade\r\n"
                           f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                           f"Sec-WebSocket-Key: {key}\r\n\r\n".encode())
        head, rest = read_head(connection, b"")
        assert head.split()[1] == "101" and not rest, f"the opening was answered {head[:60]}"
        kept.append(connection)

    def once(count):
        if not kept:
            open_socket()
        text = f"message {count}".encode()
        mask = os.urandom(4)
        frame = struct.pack("!BB", 0x81, 0x80 | len(text)) + mask + bytes(
            b ^ mask[i % 4] for i, b in enumerate(text))
        try:
            kept[0].sendall(frame)
            answer = b""
            while len(answer) < 2 + len(text):
                piece = kept[0].recv(4096)
                if not piece:
                    break
                answer += piece
        except ConnectionError:
            answer = b""
        if not answer:
            kept.pop().close()  # drained away, between two messages
            return
        assert answer[2:] == text, f"{text!r} was echoed as {answer!r}"
        time.sleep(0.02)
    until_the_end(cell, once)


def colder_start(cell):
    """Nothing runs but the socket: the first request starts everything, and is answered."""
    host = cell.host
    host.run("systemctl", "stop", "app-bluegreen.service")
    host.run("systemctl", "stop", "app-bluegreen-relay.service", "app@blue.service", "app@green.service")
    status, _ = host.ask(timeout=15)
    if status != 200:
        cell.problem(f"I1: the first request was answered {status}")
    wait_until(10, host.write_works)
    # A relay that is stopped first waits for what it holds, and then ends it with 503.
    cell.hold_ok = True
    cell.broken += 60
    cell.silence_ms = 28000
