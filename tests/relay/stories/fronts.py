# SPDX-License-Identifier: MIT
"""Front ends: whom they speak for is told by a PROXY header, in front of us and behind us."""

import errno
import socket
import struct

from stage.story import BLUE, GREEN, HELD, story, tell
from stage.wire import same, wait_until
from stories.forwarded import OUTSIDE, Outside, forwarded
from stories.succession import WAYS

SIGNATURE = b'\r\n\r\n\0\r\nQUIT\n'
CLIENT, PORT = '203.0.113.9', 4711


def clients(s, trust='127.0.0.0/8,::1', accept='no', send='no'):
    same(s.control.ok(f'clients trust={trust} accept-proxy={accept} send-proxy={send}'), 'ok clients')


def refused(s, count):
    """So many connections ended for want of a right header, and none is left."""
    s.control.wait_counters(connections=0)
    same(s.control.numbers('relay')['endings'].get('proxy-header', 0), count)


def line(source=CLIENT, destination='198.51.100.1', port=PORT, family='TCP4'):
    return f'PROXY {family} {source} {destination} {port} 443\r\n'.encode()


def binary(source=CLIENT, destination='198.51.100.1', port=PORT, command=0x21, more=b''):
    family = socket.AF_INET6 if ':' in source else socket.AF_INET
    ends = socket.inet_pton(family, source) + socket.inet_pton(family, destination)
    body = ends + struct.pack('!HH', port, 443) + more
    kind = 0x21 if family == socket.AF_INET6 else 0x11
    return SIGNATURE + struct.pack('!BBH', command, kind, len(body)) + body


# ---- accepted

def a_header_is_accepted(header, source=CLIENT):
    def tale(s):
        clients(s, accept='yes')
        c = s.client()
        c.send(header)
        c.get('/')
        b, request = s.blue.take()
        same(forwarded(request), (source, 'http', 'app.example'))
        b.answer(b'one')
        same(c.response().body, b'one')
        c.get('/again')
        b, request = s.blue.take()
        same(forwarded(request)[0], source)
        b.answer(b'two')
        same(c.response().body, b'two')
    return tale


tell('a front end names its client in a line', a_header_is_accepted(line()))
tell('a front end names its client in binary', a_header_is_accepted(binary()))
tell('a front end names an ipv6 client in a line',
     a_header_is_accepted(line('2001:db8::9', '::1', family='TCP6'), '2001:db8::9'))
tell('a front end names an ipv6 client in binary',
     a_header_is_accepted(binary('2001:db8::9', '::1', more=b'\4\0\1x'), '2001:db8::9'))
tell('a front end that speaks for itself is the client',
     a_header_is_accepted(binary(command=0x20), '127.0.0.1'))
tell('a front end that does not know its client is the client',
     a_header_is_accepted(b'PROXY UNKNOWN\r\n', '127.0.0.1'))


@story
def a_header_comes_byte_by_byte(s):
    clients(s, accept='yes')
    for header in (line(), binary()):
        c = s.client()
        c.send_slowly(header + b'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
        b, request = s.blue.take()
        same(forwarded(request)[0], CLIENT)
        b.answer()
        c.response()


@story(publics=('unix', 'tcp6', 'tcp'))
def several_listeners_at_once_have_front_ends(s):
    clients(s, accept='yes')
    for index in range(3):
        c = s.client(index)
        c.send(line() if index % 2 else binary())
        c.get('/')
        b, request = s.blue.take()
        same(forwarded(request)[0], CLIENT)
        b.answer()
        c.response()


def what_is_no_header_ends_the_connection(*texts):
    def tale(s):
        clients(s, accept='yes')
        for text in texts:
            c = s.client()
            c.send(text)
            c.half_close()
            c.expect_end()
        refused(s, len(texts))
        s.blue.expect_silence()
    return tale


tell('without a header a front end is not listened to',
     what_is_no_header_ends_the_connection(b'GET / HTTP/1.1\r\nHost: x\r\n\r\n', b'\x16\x03\x01'))
tell('a broken header ends the connection',
     what_is_no_header_ends_the_connection(line().replace(b'4711', b'04711'), line()[:-2],
                                           binary()[:20], binary(command=0x22), b'P', b'\r\n'))


@story(env={'RELAY_HEAD_TIMEOUT_USEC': '300000'})
def a_header_has_the_time_of_a_head(s):
    clients(s, accept='yes')
    silent, slow = s.client(), s.client()
    slow.send(line()[:20])
    silent.expect_end()
    slow.expect_end()
    refused(s, 2)


@story
def who_says_nothing_at_all_is_no_broken_header(s):
    """Somebody who only looks whether the port is open."""
    clients(s, accept='yes')
    s.client().close()
    wait_until(lambda: s.control.numbers('relay')['clients-ever'] == 1, 'it was here')
    refused(s, 0)


@story(publics=('dual', 'only6', 'unix', 'tcp'))
def a_client_is_named_alike_by_listeners_of_any_kind(s):
    """An IPv4 client by IPv4 words, though the listener of both families calls it ::ffff:127.0.0.1."""
    for version in ('no', 'v1'):
        clients(s, send=version)
        for index, host in ((0, '127.0.0.1'), (0, '::1'), (1, '::1'), (3, None)):
            c = s.client(index, host=host)
            c.get('/', [('X-Forwarded-For', '192.0.2.1')])
            b = s.blue.accept()
            request = introduced(b, own_line(c) if version == 'v1' else b'')
            same(forwarded(request)[0], f'192.0.2.1, {host or "127.0.0.1"}')
            b.answer(fields=[('Connection', 'close')])
            c.response()
    other = socket.socket()
    same(other.connect_ex(('127.0.0.1', s.relay.addresses[1][1])), errno.ECONNREFUSED)


@story(before=Outside, publics=('any',))
def a_stranger_must_not_name_another_client(s):
    clients(s, accept='yes')
    c = s.client(source=OUTSIDE)
    c.send(line())
    same(c.response().status, 400)
    c = s.client(source=OUTSIDE)
    c.get('/', [('X-Forwarded-For', '127.0.0.1')])
    _, request = s.blue.take()
    same(forwarded(request)[0], OUTSIDE)


@story
def what_is_believed_is_decided_by_the_client_that_is_named(s):
    """Not by the front end, which passes on what its client says."""
    clients(s, trust='127.0.0.0/8,203.0.113.0/24', accept='yes')
    lies = [('X-Forwarded-For', '1.1.1.1'), ('X-Forwarded-Proto', 'https'), ('X-Real-IP', '1.1.1.1')]
    for source, wanted, real in ((CLIENT, f'1.1.1.1, {CLIENT}', '1.1.1.1'),
                                 ('192.0.2.7', '192.0.2.7', None)):
        c = s.client()
        c.send(line(source))
        c.get('/', lies)
        b, request = s.blue.take()
        same((forwarded(request)[:2], request.get('X-Real-IP')),
             ((wanted, 'https' if real else 'http'), real))
        b.answer()


@story
def a_header_is_looked_for_on_new_connections_only(s):
    old = s.client()
    old.get('/')
    b, _ = s.blue.take()
    b.answer()
    old.response()
    clients(s, accept='yes')
    old.get('/')
    b, request = s.blue.take()
    same(forwarded(request)[0], '127.0.0.1')
    b.answer()
    old.response()
    clients(s)
    new = s.client()
    new.send(line())
    same(new.response().status, 400)


@story
def bytes_of_any_kind_follow_a_header_too(s):
    clients(s, accept='yes')
    s.control.ok('protocol tcp')
    first, second = s.client(), s.client()
    s.blue.expect_silence()
    first.send(line() + b'\0hello')
    b = s.blue.accept()
    same(b.read(6), b'\0hello')
    b.send(b'well')
    same(first.read(4), b'well')
    second.send(binary())
    b = s.blue.accept()
    b.send(b'220 ready\r\n')
    same(second.read(11), b'220 ready\r\n')
    second.send(b'more')
    same(b.read(4), b'more')
    bad = s.client()
    bad.send(b'\0hello')
    bad.expect_end()
    s.blue.expect_silence()


@story(route=HELD)
def bytes_behind_a_header_wait_for_a_color(s):
    clients(s, accept='yes')
    s.control.ok('protocol tcp')
    c = s.client()
    c.send(line() + b'\0hello')
    s.control.wait_counters(holding=1)
    s.control.route(GREEN)
    b = s.green.accept()
    same(b.read(6), b'\0hello')


@story
def the_preface_of_http2_may_follow_a_header(s):
    preface = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
    clients(s, accept='yes')
    for header in (line() + preface[:3], binary() + preface):
        c = s.client()
        c.send(header)
        c.send(preface[3:] if header.endswith(b'PRI') else b'')
        b = s.blue.accept()
        same(b.read(len(preface)), preface)
        b.send(b'\0\0\0')
        same(c.read(3), b'\0\0\0')


@story
def who_waits_for_a_header_does_not_delay_the_end(s):
    clients(s, accept='yes')
    idle, begun = s.client(), s.client()
    begun.send(line()[:9])
    s.control.wait_counters(connections=2)
    s.relay.stop()
    idle.expect_end()
    begun.expect_end()


KEY = '00112233445566778899aabbccddeeff'


@story(route='reads=blue:50,green:50 writes=blue:50,green:50')
def the_address_that_is_named_gives_a_client_its_color(s):
    clients(s, accept='yes')
    s.control.ok(f'affinity address fresh=green key={KEY}')
    s.blue.serve()
    s.green.serve()
    colors = {}
    for last in range(24):
        seen = set()
        for _ in range(2):
            c = s.client()
            c.send(line(f'192.0.2.{last}'))
            c.get('/')
            seen.add(c.response().body.split()[0])
        same(len(seen), 1)
        colors[last] = seen.pop()
    same(set(colors.values()), {b'blue', b'green'})


# ---- sent

def introduced(b, wanted):
    same(b.read(len(wanted)), wanted)
    return b.request()


def own_line(c):
    host, port = c.sock.getsockname()[:2]
    there, its_port = c.sock.getpeername()[:2]
    family = 'TCP6' if ':' in host else 'TCP4'
    return f'PROXY {family} {host} {there} {port} {its_port}\r\n'.encode()


def own_binary(c):
    host, port = c.sock.getsockname()[:2]
    there, its_port = c.sock.getpeername()[:2]
    return binary(host, there, port)[:-2] + struct.pack('!H', its_port)


@story(publics=('tcp', 'tcp6', 'unix'))
def each_color_is_told_by_a_line_whose_connection_it_is(s):
    clients(s, send='v1')
    for index in range(2):
        c = s.client(index)
        c.get('/')
        b = s.blue.accept()
        request = introduced(b, own_line(c))
        same(forwarded(request)[0], c.sock.getsockname()[0])
        b.answer()
        c.response()
    c = s.client(2)
    c.get('/')
    introduced(s.blue.accept(), b'PROXY UNKNOWN\r\n')


@story(publics=('tcp', 'tcp6', 'unix'))
def each_color_is_told_in_binary_whose_connection_it_is(s):
    clients(s, send='v2')
    for index in range(2):
        c = s.client(index)
        c.get('/')
        b = s.blue.accept()
        introduced(b, own_binary(c))
        b.answer()
        c.response()
    c = s.client(2)
    c.get('/')
    introduced(s.blue.accept(), SIGNATURE + b'\x20\0\0\0')


@story
def what_a_front_end_says_is_passed_on(s):
    clients(s, accept='yes', send='v1')
    c = s.client()
    c.send(binary())
    c.get('/')
    request = introduced(s.blue.accept(), line())
    same(forwarded(request)[0], CLIENT)


@story
def an_introduced_connection_serves_nobody_else(s):
    """Not even the same client's next read: a connection each."""
    clients(s, send='v1')
    c = s.client()
    for _ in range(2):
        c.get('/')
        b = s.blue.accept()
        introduced(b, own_line(c))
        b.answer()
        c.response()
        b.expect_end()


@story
def what_was_pooled_before_is_not_used_any_more(s):
    c = s.client()
    c.get('/')
    b, _ = s.blue.take()
    b.answer()
    c.response()
    clients(s, send='v1')
    b.expect_end()
    c.get('/')
    b = s.blue.accept()
    introduced(b, own_line(c))
    b.answer()
    c.response()
    clients(s)
    c.get('/')
    b = s.blue.accept()
    same(b.request().method, 'GET')
    b.answer()
    c.response()


@story(route='reads=blue:100,green:0 writes=blue:100', refusing=('blue',))
def the_other_color_is_told_too(s):
    clients(s, send='v2')
    c = s.client()
    c.get('/')
    introduced(s.green.accept(), own_binary(c))


@story
def a_read_that_is_sent_again_is_introduced_again(s):
    clients(s, send='v1')
    c = s.client()
    c.get('/')
    b = s.blue.accept()
    introduced(b, own_line(c))
    b.reset()
    again = s.green.accept()
    introduced(again, own_line(c))
    again.answer(b'well')
    same(c.response().body, b'well')


@story
def a_body_follows_the_introduction(s):
    clients(s, send='v2')
    c = s.client()
    body = bytes(300000)
    c.post('/', body)
    b = s.blue.accept()
    request = introduced(b, own_binary(c))
    same(len(request.body), len(body))
    b.answer(b'taken')
    same(c.response().body, b'taken')


@story
def bytes_of_any_kind_are_introduced(s):
    clients(s, send='v2')
    s.control.ok('protocol tcp')
    c = s.client()
    b = s.blue.accept()
    wanted = own_binary(c)
    same(b.read(len(wanted)), wanted)
    b.send(b'220 ready\r\n')
    same(c.read(11), b'220 ready\r\n')
    c.send(b'hello')
    same(b.read(5), b'hello')
    c.half_close()
    b.expect_end()


@story(route='reads=blue:100 writes=blue:100,green:0', refusing=('blue',))
def bytes_are_introduced_once_whoever_refused_before(s):
    clients(s, accept='yes', send='v1')
    s.control.ok('protocol tcp')
    c = s.client()
    c.send(line() + b'hello')
    b = s.green.accept()
    same(b.read(len(line()) + 5), line() + b'hello')
    c.send(b'more')
    same(b.read(4), b'more')


@story
def a_websocket_is_introduced(s):
    clients(s, send='v1')
    c = s.client()
    c.get('/ws', [('Connection', 'upgrade'), ('Upgrade', 'websocket')])
    b = s.blue.accept()
    introduced(b, own_line(c))
    b.send(b'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n')
    same(c.response().status, 101)
    c.send(b'\x81\x00')
    same(b.read(2), b'\x81\x00')


# ---- the words that say it

@story
def clients_are_answered_and_mistakes_change_nothing(s):
    clients(s, trust='none')
    for words in ('', ' trust=none', ' trust=10.0.0.1/8 accept-proxy=no send-proxy=no',
                  ' trust=none accept-proxy=maybe send-proxy=no',
                  ' trust=none accept-proxy=no send-proxy=v3'):
        assert s.control.ask(f'clients{words}').startswith('error clients not understood')
    c = s.client()
    c.get('/', [('X-Forwarded-For', '1.1.1.1')])
    b, request = s.blue.take()
    same(forwarded(request)[0], '127.0.0.1')
    b.answer()
    c.response()
    prefixes = ','.join(f'1111:2222:3333:4444:5555:6666:7777:{n:x}ff0/124' for n in range(1, 16))
    clients(s, trust=f'{prefixes},{prefixes},127.0.0.1,::1')
    c = s.client()
    c.get('/', [('X-Forwarded-For', '1.1.1.1')])
    _, request = s.blue.take()
    same(forwarded(request)[0], '1.1.1.1, 127.0.0.1')


# ---- before a supervisor has spoken: the first connection starts everything

def the_first_connection(*headers, accept='yes', wanted=CLIENT):
    def tale(s):
        early = []
        for header in headers:
            early.append(s.client())
            early[-1].send(header)
            early[-1].get('/early')
        wait_until(lambda: s.another_control().counters()['connections'] == len(headers), 'they are here')
        s.control = s.another_control()
        clients(s, accept=accept)
        s.supervise(BLUE)
        for _ in headers:
            b, request = s.blue.take()
            same((request.target, forwarded(request)[0]), ('/early', wanted))
            b.answer(b'well')
        for c in early:
            same(c.response().body, b'well')
    return tale


tell('the header of the first connections waits until somebody says that it counts',
     the_first_connection(line(), binary()), control=False)
tell('without a header the first connections are requests, whatever letter they begin with',
     the_first_connection(b'', b'PROPFIND', accept='no', wanted='127.0.0.1'), control=False)


@story(control=False)
def a_header_that_does_not_count_is_a_bad_request(s):
    c, silent = s.client(), s.client()
    c.send(line())
    s.control = s.another_control()
    clients(s)
    same(c.response().status, 400)
    s.supervise(BLUE)
    silent.get('/')
    s.blue.take()


@story(control=False)
def who_said_nothing_yet_is_relayed_as_what_it_turns_out_to_be(s):
    c = s.client()
    wait_until(lambda: s.another_control().counters()['connections'] == 1, 'it is here')
    s.control = s.another_control()
    s.control.ok('protocol tcp')
    clients(s)
    s.supervise(BLUE)
    s.blue.accept().send(b'220 ready\r\n')
    same(c.read(11), b'220 ready\r\n')


# ---- a relay that follows another one

def told_across_a_succession(s, way):
    clients(s, accept='yes', send='v1')
    half, idle, held = s.client(), s.client(), s.client()
    half.send(line()[:20])
    held.send(binary())
    held.get('/held')
    b = s.blue.accept()
    introduced(b, line())
    s.control.wait_counters(connections=3)
    way(s)
    b.answer(b'well')
    same(held.response().body, b'well')
    b.expect_end()
    for c, begun in ((half, line()[20:]), (idle, binary()), (held, b'')):
        c.send(begun)
        c.get('/behind')
        b = s.blue.accept()
        same(forwarded(introduced(b, line()))[0], CLIENT)
        b.answer()
        c.response()


def unmet_across_a_succession(s, way):
    early, other = s.client(), s.client()
    early.send(line())
    wait_until(lambda: s.another_control().counters()['connections'] == 2, 'they are here')
    s.control = s.another_control()
    way(s)
    clients(s, accept='yes')
    s.supervise(BLUE)
    other.send(binary())
    for c in (early, other):
        c.get('/')
        b, request = s.blue.take()
        same(forwarded(request)[0], CLIENT)
        b.answer()
        c.response()


for name, how in WAYS.items():
    tell(f'headers come and go across a succession ({name})',
         lambda s, way=how: told_across_a_succession(s, way))
    tell(f'who waits to be told whether a header counts waits across a succession ({name})',
         lambda s, way=how: unmet_across_a_succession(s, way), control=False)
