# SPDX-License-Identifier: MIT
"""Start, listeners, end."""

import os
import signal
import socket
import time

from stage.story import BLUE, story
from stage.wire import Ended, same, wait_until


@story
def it_tells_the_service_manager_that_it_is_ready_and_that_it_stops(s):
    s.relay.notification('READY=1')
    s.relay.signal(signal.SIGTERM)
    s.relay.notification('STOPPING=1')
    same(s.relay.wait(), 0)


@story(env={'WATCHDOG_USEC': '200000'})
def it_gives_signs_of_life_while_all_of_it_lives(s):
    for _ in range(3):
        s.relay.notification('WATCHDOG=1')
        s.relay.notified.clear()


@story(env={'WATCHDOG_USEC': '200000', 'WATCHDOG_PID': '1'})
def a_watchdog_for_another_process_is_none_of_its_business(s):
    s.blue.serve()
    s.works()
    s.relay.expect_calm(0.3)
    s.control.counters()
    assert 'WATCHDOG=1' not in s.relay.said_so_far(), s.relay.notified


@story(publics=('tcp', 'tcp6', 'unix', 'tcp'))
def it_serves_every_listener(s):
    s.blue.serve()
    for index in range(4):
        for _ in range(3):
            c = s.client(index)
            s.works(c)
            c.post('/', b'x')
            same(c.response().body, b'blue POST /')


@story(control_first=False, publics=('unix', 'tcp'))
def the_control_listener_is_found_by_its_name(s):
    s.blue.serve()
    s.works(s.client(0))
    s.works(s.client(1))


@story
def clients_that_came_before_it_are_served(s):
    """The socket is systemd's: what waits in its queue while the relay starts is not lost."""
    s.relay.signal(signal.SIGKILL)
    same(s.relay.wait(), -signal.SIGKILL)
    early = [s.client() for _ in range(20)]
    for c in early:
        c.get('/early')
    s.relay.restart()
    s.blue.serve()
    s.supervise(BLUE)
    for c in early:
        same(c.response().body, b'blue GET /early')


@story(workers=1)
def sigterm_lets_requests_in_flight_end(s):
    idle = s.client()
    idle.get('/warm')
    b, _ = s.blue.take()
    b.answer(b'warm')
    idle.response()
    waiting, reading, writing = s.client(), s.client(), s.client()
    waiting.get('/waiting')
    b1, _ = s.blue.take()
    reading.get('/reading')
    b2, _ = s.blue.take()
    b2.send(b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst')
    reading.head()
    writing.send(b'POST /writing HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nfirst')
    b3 = s.blue.ready()
    b3.head()
    same(b3.read(5), b'first')
    s.relay.signal(signal.SIGTERM)
    idle.expect_end()  # nothing was in flight on this one
    same(s.relay.wait(0), None)
    b1.answer(b'answer')
    response = waiting.response()
    same((response.body, response.get('Connection')), (b'answer', 'close'))
    waiting.expect_end()
    b2.send(b'later')
    same(reading.read_rest(), b'firstlater')
    same(s.relay.wait(0), None)
    writing.send(b'later')
    same(b3.read(5), b'later')
    b3.answer(b'written')
    same(writing.response().body, b'written')
    same(s.relay.wait(), 0)


@story(workers=1)
def after_sigterm_new_connections_are_left_to_the_next_relay(s):
    idle, busy = s.client(), s.client()
    busy.get('/busy')
    b, _ = s.blue.take()
    s.relay.signal(signal.SIGTERM)
    idle.expect_end()
    late = s.client()
    late.get('/late')
    b.answer(b'done')
    same(busy.response().body, b'done')
    same(s.relay.wait(), 0)
    accepted, _ = s.relay.listeners[0].accept()  # it is still in the queue, whole
    accepted.settimeout(5)
    assert accepted.recv(100).startswith(b'GET /late ')


@story(route='reads=hold writes=hold', env={'RELAY_SHUTDOWN_TIMEOUT_USEC': '500000'})
def sigterm_answers_what_is_held_or_lets_it_go(s):
    c = s.client()
    c.post('/held', b'x')
    s.control.wait_counters(holding=1)
    s.relay.signal(signal.SIGTERM)
    try:
        same(c.response().status, 503)
    except Ended:
        pass
    same(s.relay.wait(), 0)
    s.blue.expect_silence()


@story
def sigterm_with_nothing_to_do_ends_at_once(s):
    s.blue.serve()
    clients = [s.client() for _ in range(20)]
    for c in clients[:10]:
        s.works(c)
    s.relay.signal(signal.SIGTERM)
    for c in clients:
        c.expect_end()
    same(s.relay.wait(2), 0)


@story
def while_it_stops_routes_and_drains_are_answered(s):
    """A worker that has nothing to do is gone at once; the other has yet to finish."""
    c = s.client()
    c.get('/busy')
    b, _ = s.blue.take()
    s.relay.signal(signal.SIGTERM)
    s.relay.notification('STOPPING=1')
    s.control.route('reads=green:100 writes=green:100')
    s.control.drain('blue')
    s.control.counters()
    b.answer(b'done')
    same(c.response().body, b'done')
    s.control.drained('blue')
    same(s.relay.wait(), 0)


@story
def sigpipe_does_not_end_it(s):
    s.blue.serve()
    s.relay.signal(signal.SIGPIPE)
    s.works()


@story(env={'RELAY_SHUTDOWN_TIMEOUT_USEC': '500000'})
def after_sigterm_it_waits_only_so_long(s):
    c = s.client()
    c.post('/never', b'x')
    b, _ = s.blue.take()
    s.relay.signal(signal.SIGTERM)
    begun = time.monotonic()
    same(s.relay.wait(), 0)
    assert 0.4 < time.monotonic() - begun < 3
    b.expect_end()
    if c.fill():
        assert c.response().status >= 500


@story(env={'RELAY_SHUTDOWN_TIMEOUT_USEC': '500000'})
def tunnels_and_streams_do_not_hold_up_the_end_for_ever(s):
    c = s.client()
    c.get('/events')
    b, _ = s.blue.take()
    b.send(b'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n')
    c.head()
    s.relay.signal(signal.SIGTERM)
    same(s.relay.wait(), 0)
    b.expect_end()
    assert b'0\r\n\r\n' not in c.read_rest()


@story(env={'RELAY_SHUTDOWN_TIMEOUT_USEC': '6000000'})
def sigterm_ends_streams_and_tunnels_long_before_requests(s):
    """Nobody is served at the port while they last, and they would last for ever."""
    plain, stream, tunnel = s.client(), s.client(), s.client()
    plain.post('/plain', b'x')
    b1, _ = s.blue.take()
    stream.get('/events')
    b2, _ = s.blue.take()
    b2.send(b'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n')
    stream.head()
    tunnel.send(b'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n')
    b3 = s.blue.ready()
    b3.head()
    b3.send(b'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n')
    same(tunnel.response().status, 101)
    begun = time.monotonic()
    s.relay.signal(signal.SIGTERM)
    stream.expect_end()
    tunnel.expect_end()
    b2.expect_end()
    b3.expect_end()
    assert 0.5 <= time.monotonic() - begun < 5
    same(s.relay.wait(0), None)
    b1.answer(b'plain')
    same(plain.response().body, b'plain')
    same(s.relay.wait(), 0)


@story
def sigterm_gives_connections_of_bytes_the_time_of_requests(s):
    s.control.ok('protocol tcp')
    c = s.client()
    b = s.blue.accept()
    s.relay.signal(signal.SIGTERM)
    s.relay.expect_calm(0.3)
    c.send(b'still')
    same(b.read(5), b'still')
    b.close()
    c.close()
    same(s.relay.wait(), 0)


@story(workers=1)
def a_request_that_loses_its_color_after_sigterm_is_not_held(s):
    """Both colors go with the machine: who waited for them would keep it from going."""
    idle, c = s.client(), s.client()
    c.get('/asked')
    b, _ = s.blue.take()
    s.relay.signal(signal.SIGTERM)
    idle.expect_end()
    s.blue.refuse()
    s.green.refuse()
    b.reset()
    response = c.response()
    same((response.status, response.get('Connection')), (503, 'close'))
    same(s.relay.wait(), 0)


@story
def the_descriptors_are_back_to_what_they_were_when_everybody_has_gone(s):
    s.blue.serve()
    s.works()
    s.clear()
    s.control.wait_counters(connections=0)
    before = s.relay.descriptors()
    for _ in range(3):
        clients = [s.client() for _ in range(50)]
        for c in clients:
            c.post('/', b'x')
            c.response()
        for c in clients:
            c.close()
    s.control.wait_counters(connections=0)
    s.control.route('reads=hold writes=hold')
    s.control.drain('blue')
    s.control.drained('blue')
    wait_until(lambda: s.relay.descriptors() <= before, 'the descriptors were closed')


@story
def every_descriptor_is_closed_on_exec(s):
    for fd in os.listdir(f'/proc/{s.relay.pid}/fd'):
        with open(f'/proc/{s.relay.pid}/fdinfo/{fd}', encoding='ascii') as info:
            flags = next(int(line.split()[1], 8) for line in info if line.startswith('flags:'))
        assert int(fd) <= 2 or flags & os.O_CLOEXEC, f'descriptor {fd} would leak into a child'


def a_relay_without_sockets(environment):
    """Runs the program with this environment and returns its end and what it said."""
    from stage.relay import PROGRAM
    import subprocess
    run = subprocess.run([PROGRAM], env=environment, stdin=subprocess.DEVNULL, text=True, timeout=10,
                         capture_output=True, check=False)
    return run.returncode, run.stderr


@story
def without_sockets_it_says_so_and_ends(s):
    status, text = a_relay_without_sockets({})
    assert status not in (0, -signal.SIGABRT, -signal.SIGSEGV), status
    assert len(text.strip()) > 20, f'it said {text!r}'


@story
def a_bad_setting_is_named(s):
    status, text = a_relay_without_sockets({'RELAY_IDLE_TIMEOUT_USEC': 'soon'})
    assert status > 0 and 'RELAY_IDLE_TIMEOUT_USEC' in text, (status, text)


@story
def an_unexpected_peer_on_the_control_socket_does_no_harm(s):
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    peer.connect(s.relay.control_path)
    peer.send(b'GET / HTTP/1.1\r\n\r\n')
    peer.settimeout(5)
    assert peer.recv(2000).startswith(b'error ')
    s.control.counters()
