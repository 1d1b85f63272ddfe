# SPDX-License-Identifier: MIT
"""X-Forwarded-*: the application is told who asked, and nobody can lie to it."""

import ctypes
import fcntl
import os
import socket
import struct

from stage.relay import LIBC
from stage.story import Skip, story
from stage.wire import same

CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCSIFADDR = 0x8913, 0x8914, 0x8916
IFF_UP = 1
OUTSIDE = '198.51.100.7'  # TEST-NET-2: not loopback, though it never leaves this machine


def forwarded(request):
    return tuple(request.get(f'X-Forwarded-{name}') for name in ('For', 'Proto', 'Host'))


@story
def the_backend_is_told_who_asked(s):
    c = s.client()
    c.get('/')
    b, request = s.blue.take()
    same(forwarded(request), ('127.0.0.1', 'http', 'app.example'))
    b.answer()
    same([name for name in c.response().names() if name.startswith('X-')], [])


@story
def a_proxy_on_this_host_is_believed_and_appended_to(s):
    c = s.client()
    c.get('/', [('X-Forwarded-For', '203.0.113.9'), ('X-Forwarded-Proto', 'https'),
                ('X-Forwarded-Host', 'public.example')])
    _, request = s.blue.take()
    same(forwarded(request), ('203.0.113.9, 127.0.0.1', 'https', 'public.example'))


@story
def several_forwarded_for_fields_keep_their_order(s):
    c = s.client()
    c.get('/', [('X-Forwarded-For', '203.0.113.1'), ('x-forwarded-for', '203.0.113.2, 203.0.113.3')])
    _, request = s.blue.take()
    chain = ', '.join(request.all('X-Forwarded-For'))
    same([hop.strip() for hop in chain.split(',')],
         ['203.0.113.1', '203.0.113.2', '203.0.113.3', '127.0.0.1'])


@story(publics=('tcp6', 'unix'))
def ipv6_and_unix_peers_are_named(s):
    c = s.client(0)
    c.get('/')
    b, request = s.blue.take()
    same(forwarded(request)[0].strip('[]"'), '::1')
    b.answer()
    u = s.client(1)
    u.get('/', [('X-Forwarded-For', '203.0.113.9'), ('X-Forwarded-Proto', 'https')])
    _, request = s.blue.take()
    hops, proto, _ = forwarded(request)
    same((hops.split(',')[0], proto), ('203.0.113.9', 'https'))


class Outside:
    """A network of our own with an address that is not loopback; must come before the stage."""

    def __init__(self):
        if LIBC.unshare(CLONE_NEWNET) != 0:
            raise Skip(f'no network namespace: {os.strerror(ctypes.get_errno())}')
        probe = socket.socket()
        for name, address in ((b'lo', None), (b'lo:1', OUTSIDE)):
            if address:
                packed = struct.pack('16sHH4s8x', name, socket.AF_INET, 0, socket.inet_aton(address))
                fcntl.ioctl(probe, SIOCSIFADDR, packed)
            flags = fcntl.ioctl(probe, SIOCGIFFLAGS, struct.pack('16sH14x', name, 0))
            flags = struct.unpack('16sH14x', flags)[1] | IFF_UP
            fcntl.ioctl(probe, SIOCSIFFLAGS, struct.pack('16sH14x', name, flags))
        probe.close()


@story(before=Outside, publics=('any',))
def a_stranger_cannot_say_who_he_is(s):
    c = s.client(source=OUTSIDE)
    c.get('/', [('X-Forwarded-For', '127.0.0.1'), ('X-Forwarded-Proto', 'https'),
                ('x-forwarded-host', 'evil.example')])
    _, request = s.blue.take()
    hops, proto, host = forwarded(request)
    same((hops.split(',')[-1].strip(), proto, host), (OUTSIDE, 'http', 'app.example'))


@story(before=Outside, publics=('any',))
def what_an_application_may_believe_comes_from_nobody_else(s):
    names = ['X-Forwarded-Port', 'X-Forwarded-Prefix', 'X-Forwarded-Ssl', 'Forwarded', 'X-Real-IP']
    for source, kept in ((OUTSIDE, []), (None, names)):
        c = s.client(source=source)
        c.get('/', [(name, '1') for name in names] + [('x_forwarded_port', '1'), ('X_Real-Ip', '1')])
        b, request = s.blue.take()
        others = ('X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Host', 'Host', 'Via')
        same([name for name in request.names() if name not in others], kept)
        b.answer()
        c.response()


@story
def each_request_says_whom_it_came_by(s):
    c = s.client()
    c.get('/', [('Via', '1.0 fred, 1.1 p.example')])
    b, request = s.blue.take()
    same(request.all('Via'), ['1.0 fred, 1.1 p.example', '1.1 app-bluegreen'])
    b.answer(fields=[('Via', '1.1 inner')])
    same(c.response().all('Via'), ['1.1 inner'])
    c.send(b'GET / HTTP/1.0\r\n\r\n')
    _, request = s.blue.take()
    same(request.all('Via'), ['1.0 app-bluegreen'])


@story
def max_forwards_ends_here(s):
    c = s.client()
    for method, status in (('OPTIONS', 200), ('TRACE', 405)):
        c.get('/', [('Max-Forwards', '0'), ('Authorization', 'secret')], method)
        response = c.response()
        same(response.status, status)
        same(response.get('Allow'), 'GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS')
        assert b'secret' not in response.body, response.body
    s.blue.expect_silence()
    c.get('*', [('Max-Forwards', '1')], 'OPTIONS')
    b, request = s.blue.take()
    same(request.get('Max-Forwards'), '0')
    b.answer()
    c.response()
    c.get('/', [('Max-Forwards', '0')])
    b, request = s.blue.take()
    same(request.get('Max-Forwards'), '0')
    b.answer()
    c.response()
    c.get('/', [('Max-Forwards', 'few')], 'TRACE')
    same(c.response().status, 400)
    c.expect_end()
