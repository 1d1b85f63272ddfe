# SPDX-License-Identifier: MIT
"""Every request goes where the route says at that moment."""

import threading

from stage.story import BLUE, GREEN, story
from stage.wire import same, wait_until


@story
def a_kept_alive_client_changes_color_without_noticing(s):
    s.blue.serve()
    s.green.serve()
    c = s.client()
    for _ in range(10):
        for color, route in (('blue', BLUE), ('green', GREEN)):
            s.control.route(route)
            c.get('/')
            same(c.response().body, f'{color} GET /'.encode())
            c.post('/', b'x')
            same(c.response().body, f'{color} POST /'.encode())


@story
def reads_and_writes_may_go_to_different_colors(s):
    s.control.route('reads=green:100 writes=blue:100')
    s.blue.serve()
    s.green.serve()
    c = s.client()
    for method, color in (('GET', 'green'), ('POST', 'blue'), ('OPTIONS', 'green'), ('TRACE', 'green'),
                          ('PUT', 'blue'), ('DELETE', 'blue'), ('PATCH', 'blue'), ('QUERYX', 'blue')):
        c.get('/', method=method)
        same(c.response().body, f'{color} {method} /'.encode())
    c.get('/', method='HEAD')
    c.response(to='HEAD')
    same([request.method for _, request in s.green.seen], ['GET', 'OPTIONS', 'TRACE', 'HEAD'])


@story
def a_request_in_flight_survives_the_switch(s):
    c = s.client()
    c.get('/long')
    b, _ = s.blue.take()
    b.send(b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst')
    c.head()
    same(c.read(5), b'first')
    s.control.route(GREEN)
    b.send(b'later')
    same(c.read(5), b'later')
    c.get('/next')
    g, request = s.green.take()
    same(request.target, '/next')
    g.answer(b'next')
    same(c.response().body, b'next')


@story
def an_upload_in_flight_survives_the_switch(s):
    c = s.client()
    c.send(b'POST /long HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nfirst')
    b = s.blue.ready()
    b.head()
    same(b.read(5), b'first')
    s.control.route(GREEN)
    c.send(b'later')
    same(b.read(5), b'later')
    b.answer(b'ok')
    same(c.response().body, b'ok')
    s.green.expect_silence()


@story
def a_request_pipelined_before_the_switch_but_begun_after_goes_the_new_way(s):
    c = s.client()
    c.send(b'GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n')
    b, _ = s.blue.take()
    s.control.route(GREEN)
    b.answer(b'old')
    same(c.response().body, b'old')
    g, request = s.green.take()
    same(request.target, '/2')
    g.answer(b'new')
    same(c.response().body, b'new')


@story(workers=1)
def weights_are_kept_within_one_percent(s):
    s.control.route('reads=blue:90,green:10 writes=blue:10,green:90')
    s.blue.serve()
    s.green.serve()
    c = s.client()
    for _ in range(10):
        c.send(b'GET / HTTP/1.1\r\nHost: a\r\n\r\n' * 100)
        for _ in range(100):
            c.response()
    for _ in range(200):
        c.post('/')
        c.response()
    s.control.wait_counters(blue_inflight=0, green_inflight=0)
    counters = s.control.counters()
    assert 890 <= counters['blue.reads'] <= 910, counters
    assert 90 <= counters['green.reads'] <= 110, counters
    assert 18 <= counters['blue.writes'] <= 22, counters
    assert 178 <= counters['green.writes'] <= 182, counters


@story
def weights_hold_over_many_connections_too(s):
    s.control.route('reads=blue:75,green:25 writes=hold')
    s.blue.serve()
    s.green.serve()
    for _ in range(40):
        c = s.client()
        c.send(b'GET / HTTP/1.1\r\nHost: a\r\n\r\n' * 10)
        for _ in range(10):
            c.response()
        c.close()
    s.control.wait_counters(blue_inflight=0, green_inflight=0)
    counters = s.control.counters()
    assert 296 <= counters['blue.reads'] <= 304, counters


@story
def a_standby_gets_nothing_while_its_color_answers(s):
    s.blue.serve()
    c = s.client()
    for _ in range(200):
        s.works(c)
    s.green.expect_silence()


@story
def backends_may_move_to_other_ports(s):
    s.blue.serve()
    s.green.serve()
    c = s.client()
    c.get('/')
    same(c.response().body, b'blue GET /')
    s.control.ok(f'backends blue={s.green.address} green={s.blue.address}')
    for method in ('GET', 'POST'):
        c.get('/', method=method)
        same(c.response().body, f'green {method} /'.encode())


class Hammer:
    """Sixteen kept-alive clients that mix reads and writes while the route is turned again and
    again. A request sent after one `ok route` and answered before the next `route` was asked must
    have gone the way that was ok; others may have gone either way. None may fail."""

    def __init__(self, s):
        self.s = s
        self.settled = 0   # the number of the route that was ok
        self.asked = 0     # the number of the route asked for last
        self.judged = {}   # number -> how many requests fell wholly into it
        self.wrong = []
        self.sent = []     # ids of writes that were answered
        self.stop = False
        self.lock = threading.Lock()

    def color(self, number):
        return b'green' if number % 2 else b'blue'

    def client(self, index):
        wire = self.s.relay.connect()
        count = 0
        while not self.stop:
            before = self.settled
            count += 1
            if count % 3:
                wire.get(f'/{index}-{count}')
            else:
                wire.post(f'/{index}-{count}', b'some body')
            response = wire.response()
            with self.lock:
                if response.status != 200:
                    self.wrong.append(response.raw)
                elif before == self.settled == self.asked:
                    self.judged[before] = self.judged.get(before, 0) + 1
                    if response.body.split()[0] != self.color(before):
                        self.wrong.append((before, response.body))
                if count % 3 == 0:
                    self.sent.append(f'/{index}-{count}')

    def turn(self):
        with self.lock:
            self.asked += 1
        self.s.control.route(GREEN if self.asked % 2 else BLUE)
        with self.lock:
            self.settled = self.asked

    def run(self, turns):
        failed = []

        def watched(index):
            try:
                self.client(index)
            except BaseException as error:
                failed.append(error)
        threads = [threading.Thread(target=watched, args=(i,), daemon=True) for i in range(16)]
        for thread in threads:
            thread.start()
        for _ in range(turns):
            self.turn()
            number = self.settled
            wait_until(lambda: failed or self.judged.get(number, 0) >= 30, 'requests went through')
        self.stop = True
        for thread in threads:
            thread.join()
        same((failed, self.wrong), ([], []), 'what went wrong')


@story
def after_ok_route_no_new_request_goes_the_old_way(s):
    s.blue.serve()
    s.green.serve()
    hammer = Hammer(s)
    hammer.run(40)
    served = s.blue.seen + s.green.seen
    executed = sorted(request.target for _, request in served if request.method == 'POST')
    same(executed, sorted(hammer.sent), 'writes executed')
