# SPDX-License-Identifier: MIT
"""Sequences of requests through the relay itself to a server of node's: what node saw is what
frames.c read of the bytes, each request once, in order, and nothing else was smuggled in. Knows how
both are started and asked; what is sent, and what was read of it, it is given."""

import json
import os
import socket
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'relay'))

from stage.relay import Control, Relay  # noqa: E402  (the path had to be set first)
from stage.story import LIMITS  # noqa: E402
from stage.wire import Ended, Wire  # noqa: E402

# What the relay adds, or takes out because it is of one connection.
ADDED = (b'x-forwarded-for', b'x-forwarded-proto', b'x-forwarded-host', b'via', b'connection', b'host')


class Node:
    """server.js as a process."""

    def __init__(self, command):
        self.process = subprocess.Popen([*command, os.path.join(HERE, 'server.js')], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = self.process.stdout.readline()
        assert line.strip().isdigit(), f'{command[0]} did not say where it listens: {line!r}'
        self.port = int(line)

    def count(self):
        wire = Wire(socket.create_connection(('127.0.0.1', self.port)), 'node')
        wire.get('/count', [('Connection', 'close')])
        return json.loads(wire.response().body)

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait() == 0, f'node ended with {self.process.returncode}'


class Path:
    """The relay and the server behind it."""

    def __init__(self, command, protocol='http'):
        self.node = Node(command)
        self.relay = Relay(env={'RELAY_WORKERS': '2'})
        self.control = Control(self.relay.control_path)
        self.control.ok(f'backends blue=127.0.0.1:{self.node.port} green=127.0.0.1:{self.node.port}')
        self.control.ok(f'limits {LIMITS}')
        self.control.ok(f'protocol {protocol}')
        self.control.route('reads=blue:100 writes=blue:100')

    def close(self):
        self.control.close()
        self.relay.stop()
        self.relay.remove()
        self.node.stop()


def passed_fields(message):
    """Of a message that was passed on, without those that are of the connection."""
    head = message.passed.partition(b'\r\n\r\n')[0]
    return [(name, value.strip(b' \t')) for name, _, value in (line.partition(b':') for line in head.split(b'\r\n')[1:])
            if name.lower() not in ADDED]


def seen_fields(answer):
    """Of what node says that it saw, the same."""
    text = bytes.fromhex(answer.get('X-Fields').replace('-', ''))
    return [(name, value) for name, _, value in (line.partition(b': ') for line in text.split(b'\r\n')) if name.lower() not in ADDED]


def unlike(message, answer):
    """What node saw otherwise, or None."""
    if answer.get('X-Seen') is None:
        return f'was answered {answer.start!r} instead of being seen'
    method, target = message.passed.split(b' ')[:2]
    if bytes.fromhex(answer.get('X-First')) != method + b' ' + target:
        return 'was seen as ' + repr(bytes.fromhex(answer.get('X-First')))
    if bytes.fromhex(answer.get('X-Body').replace('-', '')) != message.body:
        return f'was seen with another body: {answer.get("X-Body")}'
    if seen_fields(answer) != passed_fields(message):
        return f'was seen with other fields: {seen_fields(answer)}'
    return None


def final(wire, method):
    """The response that is not an interim one."""
    answer = wire.response(to=method)
    while answer.status < 200:
        answer = wire.response(to=method)
    return answer


def send(wire, text):
    try:
        wire.send(text)
    except OSError:
        pass  # refused before it was all sent


def talk(path, line, reading):
    """One connection: what was wrong (None: nothing), and how many answers of node's came."""
    whole = [message for message in reading.messages if message.whole and not message.first.startswith(b'CONNECT ')]
    wire, answers = path.relay.connect(), 0
    send(wire, bytes.fromhex(line.split()[-1]))
    for index, message in enumerate(whole):
        try:
            answer = final(wire, message.first.split(b' ')[0].decode('latin-1'))
        except Ended:
            return f'request {index + 1} of {len(whole)} was not answered', answers
        wrong = unlike(message, answer)
        if wrong:
            return f'request {index + 1} of {len(whole)} {wrong}', answers
        answers += 1
    # Nothing more of it may reach the server; the relay may say that it refuses.
    try:
        wire.sock.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    rest = wire.read_rest()
    wire.sock.close()
    more = rest.count(b'\r\nX-Seen: ')
    return f'{more} more requests were seen behind {len(whole)}' if more else None, answers


def judge(command, pairs, protocol='http'):
    """pairs: a line of frames.c, and its reading. Returns what was wrong, as lines, and how many
    requests were answered and seen."""
    path, wrong, answered = Path(command, protocol), [], 0
    try:
        for line, reading in pairs:
            fault, answers = talk(path, line, reading)
            answered += answers
            if fault:
                wrong.append(f'{fault}: {bytes.fromhex(line.split()[-1])!r}')
        count = path.node.count()
        if not wrong and count['seen'] != answered:
            wrong.append(f'node saw {count["seen"]} requests and answered {answered} of them')
    finally:
        path.close()
    return wrong, answered
