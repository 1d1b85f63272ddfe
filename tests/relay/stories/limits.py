# SPDX-License-Identifier: MIT
"""Times, counts and descriptors have limits; beyond them the relay says no and goes on."""

import signal
import subprocess
import tempfile
import threading
import time

from stage.story import story, tell
from stage.wire import same, wait_until


def timed(what, least, most=2.0):
    begun = time.monotonic()
    result = what()
    took = time.monotonic() - begun
    assert least <= took < most, f'it took {took:.3f} s, not {least} to {most}'
    return result


@story(env={'RELAY_HEAD_TIMEOUT_USEC': '300000', 'RELAY_IDLE_TIMEOUT_USEC': '60000000'})
def a_head_that_comes_too_slowly_is_a_408(s):
    c = s.client()
    c.send(b'GET / HTTP/1.1\r\nHost: a\r\n')
    same(timed(c.response, 0.25).status, 408)
    c.expect_end()


@story(env={'RELAY_HEAD_TIMEOUT_USEC': '400000', 'RELAY_IDLE_TIMEOUT_USEC': '60000000'})
def a_head_that_trickles_is_a_408_too(s):
    c = s.client()

    def trickle():
        for letter in b'GET / HTTP/1.1\r\nHost: ' + b'a' * 1000:
            c.send(bytes([letter]))
            if c.readable(0.05):
                return c.response()
        raise AssertionError('the relay went on listening')
    same(timed(trickle, 0.35).status, 408)


@story(env={'RELAY_HEAD_TIMEOUT_USEC': '300000', 'RELAY_IDLE_TIMEOUT_USEC': '60000000'})
def the_time_of_a_head_does_not_count_between_requests(s):
    s.blue.serve()
    c = s.client()
    s.works(c)
    s.relay.expect_calm(0.5)
    s.works(c)


@story(env={'RELAY_IDLE_TIMEOUT_USEC': '300000'})
def an_idle_client_is_closed_without_a_word(s):
    s.blue.serve()
    c = s.client()
    s.works(c)
    timed(c.expect_end, 0.25)
    fresh = s.client()
    timed(fresh.read_rest, 0.25)
    s.control.wait_counters(connections=0)


@story(env={'RELAY_IDLE_TIMEOUT_USEC': '300000', 'RELAY_HEAD_TIMEOUT_USEC': '300000'})
def a_client_that_waits_for_its_answer_is_not_idle(s):
    c = s.client()
    c.get()
    b, _ = s.blue.take()
    s.relay.expect_calm(0.6)
    b.answer(b'late')
    same(c.response().body, b'late')
    c.get('/next')  # the idle time begins with the end of the answer
    b, _ = s.blue.take()
    b.answer(b'next')
    same(c.response().body, b'next')


@story(env={'RELAY_IDLE_TIMEOUT_USEC': '300000', 'RELAY_HEAD_TIMEOUT_USEC': '300000'},
       route='reads=hold writes=hold')
def a_held_client_is_not_idle(s):
    c = s.client()
    c.get()
    s.control.wait_counters(holding=1)
    s.relay.expect_calm(0.6)
    s.blue.serve()
    s.control.route('reads=blue:100 writes=blue:100')
    same(c.response().body, b'blue GET /')


@story(env={'RELAY_RESPONSE_TIMEOUT_USEC': '300000'})
def an_answer_that_does_not_come_is_a_504(s):
    for method in ('GET', 'POST'):
        c = s.client()
        c.post('/', b'x', method=method)
        b, _ = s.blue.take()
        same(timed(c.response, 0.25).status, 504)
        b.expect_end()
    s.control.wait_counters(blue_failed=2, blue_inflight=0)
    s.blue.expect_silence()


@story(env={'RELAY_RESPONSE_TIMEOUT_USEC': '400000'})
def the_time_of_an_answer_does_not_run_while_the_request_is_sent(s):
    c = s.client()
    c.send(b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n')
    b = s.blue.ready()
    b.head()
    for _ in range(8):
        c.send(b'x')
        same(b.read(1), b'x')
        s.relay.expect_calm(0.1)
    b.answer(b'ok')
    same(c.response().body, b'ok')


@story(env={'RELAY_STALL_TIMEOUT_USEC': '400000'})
def a_body_that_stops_coming_is_a_408(s):
    c = s.client()
    c.send(b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf')
    b = s.blue.ready()
    b.head()
    same(b.read(4), b'half')
    same(timed(c.response, 0.35).status, 408)
    c.expect_end()
    b.expect_end()


@story(env={'RELAY_STALL_TIMEOUT_USEC': '400000', 'RELAY_RESPONSE_TIMEOUT_USEC': '400000'})
def a_body_that_comes_slowly_but_steadily_is_not_stalled(s):
    c = s.client()
    c.send(b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n')
    b = s.blue.ready()
    b.head()
    for _ in range(8):
        c.send(b'x')
        same(b.read(1), b'x')
        s.relay.expect_calm(0.1)
    b.answer(b'ok')
    same(c.response().body, b'ok')


@story(env={'RELAY_STALL_TIMEOUT_USEC': '500000'})
def a_client_that_stops_reading_is_cut(s):
    size = 64 << 20
    c = s.client(receive_buffer=4096)
    c.get('/big')
    b, _ = s.blue.take()
    b.send(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % size)
    try:
        assert b.push(size) < size
    except OSError:
        pass
    b.expect_end()
    s.control.wait_counters(blue_inflight=0, connections=0)


@story(env={'RELAY_STALL_TIMEOUT_USEC': '1500000', 'RELAY_RESPONSE_TIMEOUT_USEC': '1500000'})
def a_client_that_reads_slowly_but_steadily_is_not_cut(s):
    size, step = 40 << 20, 2 << 20  # much more than the kernel's buffers take
    c = s.client(receive_buffer=65536)
    c.get('/big')
    b, _ = s.blue.take()
    s.background(lambda: b.answer(bytes(size)))
    c.head()
    for _ in range(size // step):
        time.sleep(0.1)
        c.swallow(step)
    s.control.wait_counters(blue_inflight=0, connections=1)


@story(env={'RELAY_STALL_TIMEOUT_USEC': '60000000', 'RELAY_RESPONSE_TIMEOUT_USEC': '2000000'})
def a_backend_that_stops_reading_an_upload_is_a_504(s):
    c = s.client()
    c.send(b'POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n')
    b = s.blue.ready()
    b.head()
    c.push(1 << 30, stalled=0.1)
    same(c.response().status, 504)
    c.reset()
    b.read_rest()
    s.control.wait_counters(blue_failed=1, blue_inflight=0, connections=0)


@story(env={'RELAY_STALL_TIMEOUT_USEC': '1500000', 'RELAY_RESPONSE_TIMEOUT_USEC': '1500000'})
def a_backend_that_reads_an_upload_slowly_but_steadily_is_waited_for(s):
    size, step = 40 << 20, 2 << 20
    c = s.client()
    s.background(lambda: c.post('/big', bytes(size)))
    b = s.blue.ready()
    b.head()
    for _ in range(size // step):
        time.sleep(0.1)
        b.swallow(step)
    b.answer(b'thanks')
    same(c.response().body, b'thanks')


@story(workers=1, env={'RELAY_POOL_TIMEOUT_USEC': '300000'})
def a_pooled_connection_is_not_kept_for_ever(s):
    c = s.client()
    c.get()
    b, _ = s.blue.take()
    b.answer(b'ok')
    c.response()
    timed(b.expect_end, 0.2)


@story(env={'RELAY_RESPONSE_TIMEOUT_USEC': '400000'})
def an_answer_that_stops_in_the_middle_cuts_the_client(s):
    c = s.client()
    c.get()
    b, _ = s.blue.take()
    b.send(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf')
    c.head()
    same(timed(c.read_rest, 0.35), b'half')
    b.expect_end()
    s.control.wait_counters(blue_failed=1)


@story(env={'RELAY_CONNECTIONS': '10'})
def more_clients_than_allowed_get_a_503(s):
    s.blue.serve()
    clients = [s.client() for _ in range(10)]
    for c in clients:
        s.works(c)
    for _ in range(3):
        c = s.client()
        c.get('/too-many')
        same(c.response().status, 503)
        c.expect_end()
    for c in clients:
        s.works(c)
    clients[0].close()
    s.control.wait_counters(connections=9)
    s.works()
    assert '/too-many' not in s.blue.targets()


def leave(s, clients):
    """They close. What is still shed at that moment may hit a newcomer; once that one was served,
    and so everybody before it in the queue, and all have gone, then no more."""
    for c in clients:
        c.close()

    def works():
        newcomer = s.client()
        try:
            s.works(newcomer)
            return True
        except (AssertionError, OSError):
            return False
        finally:
            newcomer.close()
    wait_until(works, 'it recovered')
    s.control.wait_counters(connections=0)
    for _ in range(20):
        c = s.client()
        s.works(c)
        c.close()


# Who waits in the queue of the listener may be accepted, and its request sent on, after the
# story has ended; nobody answers it then.
@story(nofile=64, env={'RELAY_SHUTDOWN_TIMEOUT_USEC': '500000'})
def too_few_descriptors_shed_load_and_do_not_spin(s):
    s.blue.serve()
    s.green.serve()
    clients = [s.client() for _ in range(120)]
    for c in clients:
        c.get('/')
    answered = 0

    def count():
        nonlocal answered
        answered = sum(1 for c in clients if c.readable())
        return answered >= 10
    wait_until(count, 'some were answered')
    s.relay.expect_calm()
    leave(s, clients)
    s.control.wait_counters(holding=0, blue_inflight=0)


def take_all_descriptors(s):
    """Clients that cannot be shed; returns what lets them have their answers."""
    gate = threading.Event()

    def answer(request, wire):
        gate.wait()
        return s.blue.tell(request, wire)
    s.blue.serve(answer)
    for c in [s.client() for _ in range(120)]:
        c.get('/')
    s.relay.expect_calm()
    wait_until(lambda: s.relay.descriptors() == s.relay.nofile, 'the descriptors were taken')
    return gate


@story(workers=1, nofile=64,
       env={'RELAY_SHUTDOWN_TIMEOUT_USEC': '4000000', 'RELAY_CONNECTIONS': '1000'})
def too_few_descriptors_at_sigterm_do_not_make_it_spin(s):
    gate = take_all_descriptors(s)
    s.relay.signal(signal.SIGTERM)
    s.relay.expect_calm()
    same(s.relay.wait(0), None)
    gate.set()


@story(workers=1, nofile=64,
       env={'RELAY_SHUTDOWN_TIMEOUT_USEC': '500000', 'RELAY_CONNECTIONS': '1000'})
def a_supervisor_for_whom_there_is_no_descriptor_does_not_make_it_spin(s):
    gate = take_all_descriptors(s)
    others = [s.another_control() for _ in range(3)]  # one may still have come in time
    s.relay.expect_calm()
    gate.set()
    s.clear()
    for other in others:
        other.counters()


def not_the_colors_fault(s):
    """No `refused`, and nothing for the standby: it was us who could not connect."""
    gate = threading.Event()

    def answer(request, wire):
        gate.wait()
        return s.blue.tell(request, wire)
    s.blue.serve(answer)
    s.green.serve()
    s.control.counters()
    clients = []
    while s.relay.descriptors() + 2 <= s.relay.nofile:
        clients.append(s.client())
        clients[-1].get('/')
        wait_until(lambda: len(s.blue.seen) == len(clients), 'it came to blue')
    clients += [s.client() for _ in range(10)]  # one descriptor, or none, is left for them
    for c in clients[-10:]:
        c.get('/')
    s.relay.expect_calm()
    s.control.expect_no_event('refused')
    gate.set()
    leave(s, clients)
    s.control.expect_no_event('refused')
    same(s.green.targets(), [])


# An even and an odd number: a connection of a client that is the last one possible, and none.
for number in (40, 41):
    tell(f'running out of {number} descriptors is not the color\'s fault', not_the_colors_fault,
         nofile=number)


@story(nofile=64)
def too_few_descriptors_do_not_lose_the_supervisor(s):
    s.blue.serve()
    s.green.serve()
    clients = [s.client() for _ in range(120)]
    s.relay.expect_calm(0.3)
    s.control.route('reads=blue:100 writes=hold')
    leave(s, clients)
    s.another_control().route('reads=blue:100 writes=blue:100')


@story(nofile=64)
def a_backend_connection_for_which_there_is_no_descriptor_costs_nothing_but_time(s):
    """Clients may take every descriptor; then requests must be refused or wait, and never hang."""
    s.blue.serve()
    s.green.serve()
    clients = [s.client() for _ in range(100)]
    s.relay.expect_calm(0.2)
    for c in clients:
        c.post('/', b'x')
    closed = 0
    for c in clients[:40]:
        if not c.readable(0.2):
            continue
        if not c.peek():
            closed += 1
            continue
        assert c.response().status in (200, 503)
    leave(s, clients)
    assert closed < 40


def accepts(s, seconds):
    """How many calls it makes to accept connections in so many seconds."""
    with tempfile.NamedTemporaryFile('r', encoding='ascii') as calls:
        tracer = subprocess.Popen(['strace', '-f', '-q', '-e', 'trace=accept4', '-o', calls.name,
                                   '-p', str(s.relay.pid)], stderr=subprocess.DEVNULL)
        wait_until(lambda: traced(s), 'strace attached')
        time.sleep(seconds)
        tracer.terminate()
        tracer.wait(10)
        return calls.read().count('accept4(')


def traced(s):
    with open(f'/proc/{s.relay.pid}/status', encoding='ascii') as status:
        return any(line.startswith('TracerPid:') and int(line.split()[1]) > 0 for line in status)


@story(workers=2, nofile=64,
       env={'RELAY_SHUTDOWN_TIMEOUT_USEC': '500000', 'RELAY_CONNECTIONS': '1000'})
def a_listener_whose_connections_cannot_be_accepted_is_asked_now_and_then_and_recovers(s):
    gate = take_all_descriptors(s)
    asked = accepts(s, 1.0)
    assert asked <= 200, f'{asked} times in a second'
    gate.set()
    s.clear()
    s.control.wait_counters(connections=0)
    before = s.blue.accepted
    leave(s, [])
    assert s.blue.accepted >= before


@story(workers=1, nofile=64, env={'RELAY_CONNECTIONS': '1000'})
def where_descriptors_run_out_pooled_connections_go_before_clients(s):
    s.blue.serve(lambda request, wire: gate.wait() and s.blue.tell(request, wire))
    gate = threading.Event()
    first = [s.client() for _ in range(20)]
    for c in first:
        c.get('/')
    wait_until(lambda: len(s.blue.seen) == 20, 'all of them are with blue')
    gate.set()
    for c in first:
        same(c.response().status, 200)
        c.close()
    s.control.wait_counters(connections=0)
    clients = []
    for _ in range(40):  # as many as there are descriptors for, if no backend's is kept
        clients.append(s.client())
        s.control.wait_counters(connections=len(clients))
    for c in clients:
        s.works(c)


@story(workers=1, nofile=64, env={'RELAY_CONNECTIONS': '1000'})
def a_long_body_needs_no_descriptor_that_is_not_there(s):
    size = 8 << 20
    block = bytes(range(256)) * 4096
    c = s.client()
    c.get('/big')
    b, _ = s.blue.take()
    busy = []  # with half a head each, so that they are not closed in favour of others
    while s.relay.descriptors() < s.relay.nofile - 1:  # a pipe takes two
        busy.append(s.client())
        busy[-1].send(b'G')
        s.control.wait_counters(connections=len(busy) + 1)
    b.send(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % size)
    s.background(lambda: b.send(block * 8))
    same(c.response().body == block * 8, True)
    up = s.background(lambda: c.post('/up', block * 8))
    b, request = s.blue.take()
    same(request.body == block * 8, True)
    b.answer(b'thanks')
    same(c.response().body, b'thanks')
    up[0].join()


@story(workers=1)
def the_number_of_pooled_connections_follows_the_load_not_the_clients(s):
    s.blue.serve()
    for _ in range(100):
        c = s.client()
        s.works(c)
        c.close()
    assert s.blue.accepted <= 2, f'{s.blue.accepted} backend connections for one client at a time'
