# SPDX-License-Identifier: MIT
"""HTTP/2 without TLS, of which both sides know beforehand (RFC 9113 section 3.4): a connection that
begins with its preface is relayed as bytes, and counts as a write. Everything else that says HTTP/2
is refused."""

import os
import shutil
import signal
import subprocess
import tempfile

from stage.relay import PR_SET_PDEATHSIG, LIBC
from stage.story import GREEN, HELD, Skip, story
from stage.wire import WAIT, same

PREFACE = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
SETTINGS = b'\0\0\0\4\0\0\0\0\0'
ONLY_WRITES_BLUE = 'reads=green:100 writes=blue:100'


def prefaced(s, backend=None, text=PREFACE + SETTINGS):
    """A client and a color that have met by the preface."""
    c = s.client()
    c.send(text)
    b = (backend or s.blue).accept()
    same(b.read(len(text)), text)
    return c, b


@story
def the_preface_passes_and_then_bytes_both_ways(s):
    s.control.route(ONLY_WRITES_BLUE)
    c, b = prefaced(s)
    for text in (SETTINGS, b'GET / HTTP/1.1\r\n\r\n', bytes(range(256)) * 700):
        b.send(text)
        same(c.read(len(text)), text)
        c.send(text[::-1])
        same(b.read(len(text)), text[::-1])
    s.control.wait_counters(blue_streams=1, blue_inflight=1)
    c.half_close()
    same(b.read_rest(), b'')
    b.send(b'the rest')
    b.close()
    same(c.read_rest(), b'the rest')
    s.control.wait_counters(blue_streams=0, blue_inflight=0, blue_writes=1, connections=0)
    s.green.expect_silence()


@story
def the_preface_may_come_in_two_pieces_split_anywhere(s):
    text = PREFACE + SETTINGS
    for at in range(1, len(text)):
        c = s.client()
        c.send(text[:at])
        if at < len(PREFACE):
            s.control.counters()
            s.blue.expect_silence()
        c.send(text[at:])
        b = s.blue.accept()
        same(b.read(len(text)), text, f'split at {at}')
        b.send(b'ok')
        same(c.read(2), b'ok')
        c.close()
        b.expect_end()


@story
def the_preface_may_come_byte_by_byte(s):
    c = s.client()
    c.send_slowly(PREFACE + SETTINGS)
    same(s.blue.accept().read(33), PREFACE + SETTINGS)


@story
def what_departs_from_the_preface_at_any_byte_is_refused_or_another_request(s):
    """`POST` and `PUT` begin like it too."""
    s.blue.serve()
    for at in range(len(PREFACE)):
        for odd in (b'X', bytes([PREFACE[at] ^ 0x20])):
            c = s.client()
            c.send(PREFACE[:at] + odd + PREFACE[at + 1:] + SETTINGS)
            assert c.response().status in (400, 505), f'{odd!r} at {at}'
            c.expect_end()
    c = s.client()
    c.send(b'P')
    s.control.counters()
    c.send(b'OST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n')
    same(c.response().body, b'blue POST /p')
    same(s.blue.targets(), ['/p'])


@story
def a_preface_that_is_not_the_first_thing_said_is_refused_with_505(s):
    s.blue.serve()
    for before in (b'\r\n', b'GET /1 HTTP/1.1\r\nHost: a\r\n\r\n', b'GET /1 HTTP/1.1\r\nHost: a\r\n\r\n\r\n'):
        for pause in (False, True):
            c = s.client()
            c.send(before)
            if pause:
                s.control.counters()
            c.send(PREFACE + SETTINGS)
            if b'GET' in before:
                same(c.response().body, b'blue GET /1')
            same(c.response().status, 505)
            c.expect_end()
    assert all(target == '/1' for target in s.blue.targets())


@story(workers=1)
def the_preface_may_come_behind_a_proxy_header_and_be_sent_behind_one(s):
    proxy = b'PROXY TCP4 203.0.113.9 127.0.0.1 1234 80\r\n'
    text = proxy + PREFACE + SETTINGS
    for send in ('no', 'v1'):
        s.control.ok(f'clients trust=127.0.0.0/8 accept-proxy=yes send-proxy={send}')
        for at in range(1, len(text), 1 if send == 'no' else 7):
            c = s.client()
            c.send(text[:at])
            s.control.counters()
            c.send(text[at:])
            b = s.blue.accept()
            before = b.read_until(PREFACE + SETTINGS)[:-len(PREFACE + SETTINGS)]
            assert before[:22] == (b'' if send == 'no' else proxy[:22]), before
            c.reset()
            b.read_rest()


@story(env={'RELAY_HEAD_TIMEOUT_USEC': '300000', 'RELAY_IDLE_TIMEOUT_USEC': '60000000'})
def a_preface_that_does_not_end_has_the_time_of_a_head(s):
    for at in (1, 16, 23):
        c = s.client()
        c.send(PREFACE[:at])
        same(c.response().status, 408)
        c.expect_end()
    s.blue.expect_silence()


@story(env={name: '200000' for name in ('RELAY_STALL_TIMEOUT_USEC', 'RELAY_IDLE_TIMEOUT_USEC',
                                        'RELAY_RESPONSE_TIMEOUT_USEC', 'RELAY_HEAD_TIMEOUT_USEC')})
def silence_ends_no_connection_of_http_2(s):
    c, b = prefaced(s)
    s.relay.expect_calm(0.7)
    c.send(b'still')
    same(b.read(5), b'still')


@story(route=HELD)
def a_connection_of_http_2_is_held_while_writes_are(s):
    clients = [s.client() for _ in range(3)]
    for c in clients:
        c.send(PREFACE + SETTINGS)
    s.control.wait_counters(holding=3, held=3)
    clients[1].close()
    clients[2].half_close()
    clients[2].expect_end()
    s.control.wait_counters(holding=1, connections=1)
    s.control.route(GREEN)
    b = s.green.accept()
    same(b.read(33), PREFACE + SETTINGS)
    b.send(b'hello')
    same(clients[0].read(5), b'hello')
    s.control.wait_counters(holding=0, green_streams=1)
    s.green.expect_silence()
    s.blue.expect_silence()


@story(route=HELD, limits='hold-usec=300000 hold-requests=512 hold-bytes=1000')
def a_connection_of_http_2_is_closed_where_the_limits_of_holding_end(s):
    c = s.client()
    c.send(PREFACE + SETTINGS)
    big = s.client()
    big.send(PREFACE + bytes(2000))
    big.expect_end()
    c.expect_end()  # nothing that we could say would be understood
    s.control.wait_counters(hold_expired=2, holding=0, connections=0)


@story(refusing=('blue',))
def a_connection_of_http_2_goes_to_the_other_color_if_its_own_refuses(s):
    s.control.route('reads=blue:100 writes=blue:100,green:0')
    prefaced(s, s.green)


@story
def a_drain_ends_connections_of_http_2_at_the_limit_of_streams(s):
    c, b = prefaced(s)
    s.control.route(GREEN)
    s.control.drain('blue', requests=0, streams=0.4)
    c.send(b'still')
    same(b.read(5), b'still')
    s.control.drained('blue', cut=1, streams=1)
    c.expect_end()
    b.expect_end()


@story
def a_client_that_leaves_within_the_preface_is_forgotten(s):
    for at in (1, 16, 23):
        for end in ('close', 'half_close', 'reset'):
            c = s.client()
            c.send(PREFACE[:at])
            getattr(c, end)()
    s.control.wait_counters(connections=0)
    s.blue.expect_silence()


class Haproxy:
    """A real server of HTTP/2 at a color's port: says what it was asked, and the version, once it
    has read the request."""

    CONFIGURATION = '''
defaults
    mode http
    option http-buffer-request
    timeout client 60s
    timeout server 60s
    timeout connect 5s
frontend application
    bind fd@%d proto h2
    http-request return status 200 content-type text/plain lf-string "HTTP/%%[req.ver] %%[method] %%[path]\\n"
'''

    def __init__(self, backend):
        fd = backend.listener.fileno()
        self.directory = tempfile.mkdtemp(prefix='relay-test-h2-')
        path = os.path.join(self.directory, 'haproxy.cfg')
        with open(path, 'w', encoding='ascii') as configuration:
            configuration.write(self.CONFIGURATION % fd)
        # pylint: disable-next=subprocess-popen-preexec-fn
        self.process = subprocess.Popen(
            ['haproxy', '-db', '-q', '-f', path], pass_fds=(fd,), stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, preexec_fn=lambda: LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))

    def stop(self):
        self.process.terminate()
        self.process.wait(WAIT)
        self.process.stderr.close()
        shutil.rmtree(self.directory)


def curl_of(s, *more):
    """A real client of HTTP/2, in the background. One request: curl 7.88 cannot send a second one
    on a connection that was begun so, whoever serves."""
    _, port = s.relay.addresses[0]
    return subprocess.Popen(['curl', '-sS', '--noproxy', '*', '-m', str(int(WAIT)),
                             '--http2-prior-knowledge', *more, f'http://127.0.0.1:{port}/h2'],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def need_programs():
    for program in ('curl', 'haproxy'):
        if not shutil.which(program):
            raise Skip(f'{program} is not here: tests/install-packages')


@story(before=need_programs, workers=1)
def a_real_client_and_a_real_server_speak_http_2_through_it(s):
    server = Haproxy(s.blue)
    try:
        for method in ('GET', 'POST'):
            client = curl_of(s, *(['-d', 'x=y'] if method == 'POST' else []))
            text, trouble = client.communicate(timeout=WAIT)
            same((client.returncode, text), (0, f'HTTP/2.0 {method} /h2\n'), f'what curl got ({trouble})')
        s.control.wait_counters(blue_writes=2, blue_inflight=0, connections=0)
        s.control.route(HELD)
        client = curl_of(s)
        s.control.wait_counters(holding=1)
        s.control.route('reads=blue:100 writes=blue:100')
        same(client.communicate(timeout=WAIT)[0], 'HTTP/2.0 GET /h2\n')
    finally:
        server.stop()
