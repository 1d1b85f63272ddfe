# SPDX-License-Identifier: MIT
"""One relay follows another: executed anew in place, or by way of the service manager's store."""

import os
import random
import shutil
import struct
import tempfile

from stage.story import HELD, story, tell
from stage.wire import Ended, chunk, same, wait_until

from stories.streams import upgraded


def renew(s):
    pid = s.relay.pid
    answer = s.control.ok('renew')
    assert len(answer.split()) == 3, answer
    s.relay.notification('READY=1')
    s.relay.notified.clear()
    same(s.relay.pid, pid)
    assert s.relay.wait(0) is None, 'the relay ended'


def succeed(s):
    s.relay.succeed()


WAYS = {'renewed': renew, 'restarted': succeed}


def both(function):
    """Told once for each way."""
    for name, way in WAYS.items():
        tell(f'{function.__name__.replace("_", " ")} ({name})',
             lambda s, way=way: function(s, way), **getattr(function, 'stage', {}))
    return function


def staged(**stage):
    def mark(function):
        function.stage = stage
        return both(function)
    return mark


@both
def what_was_said_to_it_still_holds(s, way):
    s.control.route('reads=green:100 writes=green:100')
    way(s)
    s.green.serve()
    s.works()
    same(s.another_control().ask('show'), 'ok show reads=green:100 writes=green:100')


@both
def a_control_connection_goes_on(s, way):
    way(s)
    same(s.control.ask('show'), 'ok show reads=blue:100,green:0 writes=blue:100')
    s.control.route('reads=green:100 writes=green:100')
    s.green.serve()
    s.works()


@both
def a_kept_client_goes_on(s, way):
    s.blue.serve()
    clients = [s.client() for _ in range(50)]
    for c in clients:
        s.works(c)
    for _ in range(3):
        way(s)
        for c in clients:
            s.works(c)
    s.control.wait_counters(connections=50)


@both
def who_has_said_nothing_yet_is_served_later(s, way):
    s.blue.serve()
    c = s.client()
    s.control.wait_counters(connections=1)
    way(s)
    s.works(c)


@both
def a_request_in_flight_is_answered(s, way):
    c = s.client()
    c.post('/', b'body')
    b, request = s.blue.take()
    same(request.body, b'body')
    way(s)
    s.control.wait_counters(blue_inflight=1)
    b.answer(b'after')
    same(c.response().body, b'after')
    s.control.wait_counters(blue_inflight=0, blue_writes=1)
    s.blue.expect_silence()


@both
def a_read_in_flight_whose_color_dies_is_still_tried_again(s, way):
    c = s.client()
    c.get('/again')
    b, _ = s.blue.take()
    s.green.serve()
    way(s)
    b.close()
    same(c.response().body, b'green GET /again')


@both
def a_write_in_flight_whose_color_dies_is_not(s, way):
    c = s.client()
    c.post('/', b'x')
    b, _ = s.blue.take()
    way(s)
    b.close()
    same(c.response().status, 502)
    s.blue.expect_silence()
    s.green.expect_silence()


@staged(route=HELD)
def what_is_held_waits_on(s, way):
    early, late = s.client(), s.client()
    early.post('/early', b'one')
    late.get('/late')
    s.control.wait_counters(holding=2)
    way(s)
    s.control.wait_counters(holding=2, held=2)
    s.blue.serve()
    s.control.route('reads=blue:100 writes=blue:100')
    same(early.response().body, b'blue POST /early')
    same(late.response().body, b'blue GET /late')
    s.control.wait_counters(holding=0)


@staged(route=HELD, limits='hold-usec=1500000 hold-requests=512 hold-bytes=67108864')
def the_limit_of_what_is_held_counts_from_before(s, way):
    c = s.client()
    c.post('/', b'x')
    s.control.wait_counters(holding=1)
    way(s)
    same(c.response().status, 503)


@both
def every_piece_of_an_exchange_may_stand_before_or_behind_it(s, way):
    """A request and its response in small pieces, with a successor between any two of them."""
    c = s.client()
    body = bytes(random.Random(1).randbytes(40))
    text = (b'POST /pieces HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n' +
            chunk(body[:7]) + chunk(body[7:]) + b'0\r\n\r\n')
    for at in range(0, len(text), 17):
        c.send(text[at:at + 17])
        way(s)
    b = s.blue.ready()
    same(b.request().body, body)
    answer = (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n' + chunk(body[::-1]) +
              chunk(b'the rest') + b'0\r\nX-Sum: 1\r\n\r\n')
    for at in range(0, len(answer), 17):
        b.send(answer[at:at + 17])
        way(s)
    same(c.response().body, body[::-1] + b'the rest')
    s.blue.serve()
    s.works(c)


@both
def bytes_that_nobody_takes_yet_are_not_lost(s, way):
    """A slow reader on either side: both directions stand in buffers when it happens."""
    size = 64 << 20  # more than the kernel's own buffers take
    block = bytes(random.Random(2).randbytes(1 << 16))
    slow = s.client(receive_buffer=4096)
    slow.get('/large')
    b, _ = s.blue.take()
    b.send(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % size)
    sent = b.push(size, block)
    assert 0 < sent < size, sent
    way(s)
    s.background(lambda: b.sock.sendall((block * (size // len(block) + 1))[sent:size]))
    head = slow.head()
    same(head.status, 200)
    got = slow.read(size)
    same(got, (block * (size // len(block)))[:size])


@both
def a_truncated_response_is_still_cut(s, way):
    c = s.client()
    c.get('/')
    b, _ = s.blue.take()
    b.send(b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')
    c.head()
    same(c.read(4), b'half')
    way(s)
    b.close()
    try:
        raise AssertionError(f'not a reset but {c.sock.recv(10)}')
    except ConnectionResetError:
        pass
    s.control.wait_counters(blue_failed=1)


@both
def tunnels_go_on_both_ways(s, way):
    c, b = upgraded(s)
    c.send(b'before')
    same(b.read(6), b'before')
    for turn in range(3):
        c.send(b'up %d' % turn)
        b.send(b'down %d' % turn)
        way(s)
        same(b.read(4), b'up %d' % turn)
        same(c.read(6), b'down %d' % turn)
    s.control.wait_counters(blue_streams=1)
    c.close()
    b.expect_end()
    b.close()
    s.control.wait_counters(blue_streams=0, blue_inflight=0)


@both
def a_half_closed_tunnel_stays_half_closed(s, way):
    c, b = upgraded(s)
    c.half_close()
    same(b.read_rest(), b'')
    way(s)
    b.send(b'still')
    same(c.read(5), b'still')
    b.close()
    c.expect_end()


@both
def an_event_stream_goes_on(s, way):
    c = s.client()
    c.get('/events')
    b, _ = s.blue.take()
    b.send(b'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n')
    c.head()
    for turn in range(3):
        b.send(chunk(b'data: %d\n\n' % turn))
        same(c.read(14), chunk(b'data: %d\n\n' % turn))
        way(s)
    s.control.wait_counters(blue_streams=1)


@both
def a_connection_of_bytes_goes_on(s, way):
    s.control.ok('protocol tcp')
    c = s.client()
    b = s.blue.accept()
    b.send(b'220 hello\r\n')
    same(c.read(11), b'220 hello\r\n')
    way(s)
    c.send(b'QUIT\r\n')
    same(b.read(6), b'QUIT\r\n')
    later = s.client()
    s.blue.accept().send(b'x')
    same(later.read(1), b'x')


@both
def a_drain_under_way_goes_on(s, way):
    c = s.client()
    c.get('/')
    b, _ = s.blue.take()
    s.control.route('reads=green:100 writes=green:100')
    s.control.drain('blue')
    way(s)
    s.control.expect_no_event('drained')
    b.answer(b'done')
    same(c.response().body, b'done')
    s.control.drained('blue')


@both
def a_drain_still_has_its_limit(s, way):
    c = s.client()
    c.post('/', b'x')
    s.blue.take()
    s.control.route('reads=green:100 writes=green:100')
    s.control.drain('blue', requests=1.0)
    way(s)
    same(c.response().status, 504)
    s.control.drained('blue', cut=1)


@both
def counters_go_on(s, way):
    s.blue.serve()
    for _ in range(5):
        s.works()
    way(s)
    s.works()
    s.control.wait_counters(blue_reads=6)
    same(sum(s.control.counters()['blue.latency']), 6)


@both
def our_own_answer_is_read_to_its_end(s, way):
    c = s.client()
    c.send(b'BAD\r\n\r\n')
    s.control.wait_counters(connections=1)
    way(s)
    same(c.response().status, 400)
    c.expect_end()


@both
def ten_in_quick_succession_do_not_pile_up(s, way):
    s.blue.serve()
    c = s.client()
    s.works(c)
    before = s.relay.descriptors()
    for _ in range(10):
        way(s)
        s.works(c)
    assert s.relay.descriptors() <= before + 2, (before, s.relay.descriptors())


@both
def nobody_notices_under_load(s, way):
    """Kept clients and new ones, reads and writes, while it happens again and again."""
    s.blue.serve()
    served, failed, over = [], [], []

    def run(keeps):
        wire, turn = s.client(), 0
        while not over:
            turn += 1
            try:
                if not keeps:
                    wire = s.client()
                wire.post('/load', b'%d' % turn) if turn % 2 else wire.get('/load')
                same(wire.response().status, 200)
            except (AssertionError, OSError, Ended) as error:
                failed.append(repr(error))
                return
            served.append(1)
            if not keeps:
                wire.close()

    threads = s.background(*[lambda keeps=keeps: run(keeps) for keeps in (True, True, False)])
    for _ in range(5):
        count = len(served)
        wait_until(lambda count=count: len(served) > count + 20 or failed, 'requests are served')
        way(s)
    over.append(1)
    for thread in threads:
        thread.join()
    same(failed, [])
    counters = s.control.counters()
    same(counters['blue.reads'] + counters['blue.writes'], len(served))


@story(installed=True)
def a_program_that_does_not_run_is_not_followed(s):
    s.blue.serve()
    c = s.client()
    s.works(c)
    os.unlink(s.relay.program)
    with open(s.relay.program, 'w', encoding='ascii') as file:
        file.write('#!/bin/false\n')
    os.chmod(s.relay.program, 0o755)
    answer = s.control.ask('renew')
    assert answer.startswith('error renew the program that is installed now'), answer
    s.works(c)
    os.unlink(s.relay.program)
    answer = s.control.ask('renew')
    assert answer.startswith('error renew the program that is installed now'), answer
    s.works(c)
    s.works()


@story(installed=True)
def what_is_installed_by_rename_is_what_follows(s):
    """As dpkg does it."""
    s.blue.serve()
    c = s.client()
    s.works(c)
    with tempfile.NamedTemporaryFile(dir=s.relay.directory, delete=False) as file:
        with open(s.relay.program, 'rb') as program:
            shutil.copyfileobj(program, file)
    os.chmod(file.name, 0o755)
    before = os.stat(s.relay.program).st_ino
    os.rename(file.name, s.relay.program)
    renew(s)
    after = os.stat(f'/proc/{s.relay.pid}/exe').st_ino
    assert after != before, 'the old program still runs'
    same(after, os.stat(s.relay.program).st_ino)
    s.works(c)


@story
def a_successor_that_understands_nothing_serves_all_the_same(s):
    """Connections are lost then, and nothing else."""
    s.blue.serve()
    c = s.client()
    s.works(c)

    def change(stored):
        for fd, name in stored:
            if name == 'handover':
                os.pwrite(fd, b'bluegreen-relay handover 9', 0)
        return stored
    s.relay.succeed(change)
    c.expect_end()
    s.supervise('reads=blue:100 writes=blue:100')
    s.works()
    assert 'does not understand' in s.relay.log(), s.relay.log()


@story
def a_store_that_kept_too_little_costs_only_what_it_lost(s):
    s.blue.serve()
    clients = [s.client() for _ in range(4)]
    for c in clients:
        s.works(c)

    def change(stored):
        held = [pair for pair in stored if pair[1] == 'h']
        lost = [pair for pair in held if os.path.exists(f'/proc/self/fd/{pair[0]}')][:2]
        for fd, _ in lost:
            os.close(fd)
        return [pair for pair in stored if pair not in lost]
    s.relay.succeed(change)
    s.supervise('reads=blue:100 writes=blue:100')
    served = 0
    for c in clients:
        try:
            s.works(c)
            served += 1
        except (Ended, OSError, AssertionError):
            pass
    assert served >= 2, served
    s.works()


@story
def a_manager_that_keeps_everything_open_does_no_harm(s):
    """The kernel goes on telling epoll of a connection that was closed here and is open there."""
    tunnels = [upgraded(s) for _ in range(8)]
    s.relay.succeed(forget=False)
    for c, b in tunnels:
        b.send(b'x')
        same(c.read(1), b'x')
        b.reset()
    s.control.wait_counters(blue_streams=0, connections=0)
    for c, _ in tunnels:
        c.sock.send(b'more')
        c.reset()
    s.blue.serve()
    for _ in range(20):
        s.works()


@story(env={'NOTIFY_SOCKET': ''})
def without_a_store_what_is_in_flight_is_finished(s):
    c = s.client()
    c.get('/')
    b, _ = s.blue.take()
    s.relay.signal(12)
    wait_until(lambda: 'it is finished here first' in s.relay.log(), 'it says what it does')
    b.answer(b'done')
    same(c.response().body, b'done')
    same(s.relay.wait(), 0)


@story
def who_wants_to_renew_while_it_stops_is_refused(s):
    c = s.client()
    c.get('/')
    b, _ = s.blue.take()
    s.relay.signal(15)
    s.relay.notification('STOPPING=1')
    same(s.control.ask('renew'), 'error renew the relay is stopping')
    b.answer(b'x')
    same(c.response().body, b'x')


@story
def a_reset_in_its_midst_is_found_afterwards(s):
    c, b = upgraded(s)
    os.kill(s.relay.pid, 19)
    s.relay.wait_stopped()
    s.control.sock.send(b'renew')
    c.sock.setsockopt(1, 13, struct.pack('ii', 1, 0))
    c.sock.close()
    os.kill(s.relay.pid, 18)
    assert s.control.receive().startswith('ok renew'), 'no answer'
    try:
        b.expect_end()
    except (Ended, OSError):
        pass
    s.control.wait_counters(blue_streams=0, connections=0)
