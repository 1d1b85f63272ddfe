# SPDX-License-Identifier: MIT
"""The control protocol: what is wrong is said to be wrong, and changes nothing."""

from stage.story import BLUE, GREEN, HELD, LIMITS, story, tell
from stage.wire import same, wait_until

KEY = 32 * '7'
WRONG = [
    'nonsense', 'ROUTE reads=hold writes=hold', 'routes', 'route', 'route reads=hold',
    'route writes=blue:100', 'route reads=red:100 writes=hold', 'route reads=blue:101 writes=hold',
    'route reads=blue:-1 writes=hold', 'route reads=blue writes=hold', 'route reads=blue: writes=hold',
    'route reads=blue:1,blue:2 writes=hold', 'route reads= writes=hold',
    'route reads=hold writes=hold more', 'route writes=hold writes=hold', 'route reads=blue:1; writes=hold',
    'backends', 'backends blue=127.0.0.1', 'backends blue=127.0.0.1:0 green=127.0.0.1:9001',
    'backends blue=127.0.0.1:99999 green=127.0.0.1:9001', 'backends blue=nowhere:80 green=127.0.0.1:9001',
    'backends red=127.0.0.1:9000', 'backends blue=127.0.0.1:9x green=127.0.0.1:9001',
    'limits', 'limits hold-usec=soon hold-requests=512 hold-bytes=1', 'limits hold-usec=-1 hold-requests=1',
    'limits hold-usec=1 hold-requests=99999999999999999999 hold-bytes=1', 'limits what=1',
    'drain', 'drain red scope=all requests-usec=1 streams-usec=1',
    'drain blue scope=some requests-usec=1 streams-usec=1', 'drain blue scope=all requests-usec=x',
    'ok route', 'error', 'show me',
    'release', 'release blue=1', 'release green=1 blue=1', 'release blue=1 green=2 red=3', 'release blue=1 green=a/b',
    'release blue=1 green=' + 64 * 'x', 'release blue=1,2 green=1', 'release blue=1 green=2 ',
    'numbers', 'numbers red', 'numbers blue green', 'numbers blue earlier=0', 'numbers blue earlier=5',
    'numbers blue earlier=11', 'numbers blue earlier=', 'numbers relay earlier=1', 'numbers blue earlier=1 more',
    'affinity', 'affinity some', 'affinity none now', 'affinity address', 'affinity address fresh=green',
    'affinity address fresh=red key=' + KEY, 'affinity address fresh=green key=' + KEY[1:],
    'affinity address fresh=green key=' + KEY + '00', 'affinity address fresh=green key=g' + KEY[1:],
    'affinity address fresh=green key=' + KEY + ' life-usec=1',
    'affinity cookie fresh=green key=' + KEY, 'affinity cookie fresh=green key=' + KEY + ' life-usec=1',
    'affinity cookie fresh=green key=' + KEY + ' life-usec=-1 blue= green=',
    'affinity cookie fresh=green key=' + KEY + ' life-usec=1 blue=a;b green=',
    'affinity cookie fresh=green key=' + KEY + ' life-usec=1 blue= green=' + 64 * 'x',
    'affinity cookie fresh=green key=' + KEY + ' life-usec=1 green= blue=',
    'affinity cookie fresh=green key=' + KEY + ' life-usec=1 blue= green= name=',
    'affinity cookie fresh=green key=' + KEY + ' life-usec=1 blue= green= name=a=b',
    'affinity cookie fresh=green key=' + KEY + ' life-usec=1 blue= green= name=a more',
]


def wrong(line):
    def told(s):
        s.blue.serve()
        answer = s.control.ask(line)
        words = answer.split()
        assert len(words) >= 3, f'{answer!r} gives no reason'
        assert words[0] == 'error' and words[1] in (line.split()[0], '-'), answer
        c = s.client()
        for method in ('GET', 'POST'):
            c.get('/', method=method)
            same(c.response().body, f'blue {method} /'.encode())
    return told


for text in WRONG:
    tell(f'control: {text!r} is an error and changes nothing', wrong(text))


@story
def a_message_that_is_too_long_is_an_error(s):
    s.blue.serve()
    for size in (1025, 5000, 60000):
        answer = s.control.ask(b'route reads=hold writes=hold'.ljust(size))
        assert answer.startswith('error '), answer
    s.works()


@story
def a_message_with_odd_bytes_is_an_error(s):
    s.blue.serve()
    for text in (b'route reads=hold writes=hold\n', b'route\0reads=hold writes=hold', b'\xff\xfe', b' ', b'\n',
                 b'route reads=hold writes=hold\0'):
        answer = s.control.ask(text)
        assert answer.startswith('error'), f'{text!r}: {answer}'
        assert answer.isprintable(), f'{answer!r} repeats what nobody can print'
    s.works()


@story
def requests_are_answered_in_their_order(s):
    lines = ['limits ' + LIMITS, 'route ' + HELD, 'nonsense', 'counters', 'route ' + GREEN, 'route ' + BLUE]
    for line in lines * 5:
        s.control.sock.send(line.encode())
    answers = [s.control.receive().split()[:2] for _ in lines * 5]
    answers = [['error', '-'] if words[0] == 'error' else words for words in answers]
    same(answers, [['ok', 'limits'], ['ok', 'route'], ['error', '-'], ['ok', 'counters'],
                   ['ok', 'route'], ['ok', 'route']] * 5)


@story(control=False)
def before_anybody_spoke_there_is_nothing_to_show(s):
    s.control = s.another_control()
    same(s.control.ask('show'), 'ok show nothing')
    s.control.ok(f'backends blue={s.blue.address} green={s.green.address}')
    s.control.ok('limits ' + LIMITS)
    same(s.another_control().ask('show'), 'ok show nothing')
    s.control.route(HELD)
    same(s.another_control().ask('show'), 'ok show ' + HELD)


@story
def a_new_supervisor_is_shown_what_the_workers_follow(s):
    same(s.control.ask('show'), 'ok show ' + BLUE)
    s.control.route(GREEN)
    s.control.close()
    same(s.another_control().ask('show'), 'ok show ' + GREEN)


@story
def what_is_shown_is_followed_already(s):
    """Asked by another while a route is on its way to the workers."""
    s.blue.serve()
    s.green.serve()
    c = s.client()
    other = s.another_control()
    for turn in range(200):
        route, color = ((BLUE, b'blue'), (GREEN, b'green'))[turn % 2]
        s.control.sock.send(f'route {route}'.encode())
        shown = other.ask('show')
        c.get('/')
        if shown == 'ok show ' + route:
            same(c.response().body.split()[0], color)
        else:
            c.response()
        same(s.control.receive(), f'ok route {route}')


@story
def the_same_route_again_is_ok_again(s):
    for _ in range(3):
        s.control.route(BLUE)


@story
def the_route_stays_when_the_supervisor_goes(s):
    s.blue.serve()
    c = s.client()
    s.works(c)
    s.control.close()
    s.works(c)
    s.works()
    s.control = s.another_control()
    counters = s.control.counters()
    same(counters['blue.reads'], 3)
    s.works(c)
    s.control.route(HELD)
    c.get('/held')
    s.control.wait_counters(holding=1)


@story
def limits_and_backends_stay_when_the_supervisor_goes(s):
    s.control.ok('limits hold-usec=30000000 hold-requests=1 hold-bytes=1000000')
    s.control.route(HELD)
    s.control.close()
    first, second = s.client(), s.client()
    first.get('/1')
    s.control = s.another_control()
    s.control.wait_counters(holding=1)
    second.get('/2')
    same(second.response().status, 503)
    s.blue.serve()
    s.control.route(BLUE)
    same(first.response().body, b'blue GET /1')


@story
def a_supervisor_that_vanished_with_a_question_does_no_harm(s):
    s.blue.serve()
    for _ in range(20):
        other = s.another_control()
        try:
            for line in ('counters', 'route ' + BLUE, 'drain green scope=all requests-usec=1 streams-usec=1'):
                other.sock.send(line.encode())
        except ConnectionError:
            pass  # those before it are not all forgotten yet: there is room for eight
        other.close()
    s.works()

    def heard():
        try:
            s.another_control().counters()
            return True
        except (AssertionError, ConnectionError):
            return False
    wait_until(heard, 'a new supervisor is heard')


@story
def a_new_supervisor_is_heard_while_the_old_connection_is_still_open(s):
    """Its predecessor may hang; a route must get through all the same."""
    s.green.serve()
    other = s.another_control()
    other.route(GREEN)
    s.works()


@story
def a_supervisor_that_never_reads_stops_nothing(s):
    s.blue.serve()
    deaf = s.another_control()
    deaf.sock.setblocking(False)
    try:
        for _ in range(100000):
            deaf.sock.send(b'counters')
    except OSError:
        pass  # it was not waited for, or dropped
    s.relay.expect_calm(0.3)
    s.works()
    s.another_control().route(BLUE)


@story
def counters_tell_the_truth(s):
    s.blue.serve()
    s.green.serve()
    s.control.route('reads=green:100 writes=blue:100')
    c = s.client()
    for i in range(7):
        c.get('/')
        c.response()
        if i % 2:
            c.post('/', b'x')
            c.response()
    c.get('/', method='HEAD')
    c.response(to='HEAD')
    wanted = {'blue.reads': 0, 'green.reads': 8, 'blue.writes': 3, 'green.writes': 0, 'blue.failed': 0,
              'green.failed': 0, 'blue.inflight': 0, 'green.inflight': 0, 'blue.streams': 0,
              'green.streams': 0, 'held': 0, 'holding': 0, 'hold_expired': 0, 'cut': 0, 'connections': 1}
    # The client has its answer a moment before the relay has put its books in order.
    s.control.wait_counters(**{name.replace('.', '_'): value for name, value in wanted.items()})


@story
def counters_know_what_is_in_flight_and_what_failed(s):
    get, post, stream = s.client(), s.client(), s.client()
    get.get()
    b1, _ = s.blue.take()
    post.post()
    b2, _ = s.blue.take()
    stream.get()
    b3, _ = s.blue.take()
    s.control.wait_counters(blue_inflight=3, blue_streams=0, connections=3)
    b3.send(b'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n')
    stream.head()
    s.control.wait_counters(blue_inflight=3, blue_streams=1)
    b1.answer(b'ok')
    same(get.response().body, b'ok')
    b2.reset()
    same(post.response().status, 502)
    s.control.wait_counters(blue_inflight=1, blue_reads=1, blue_failed=1)
    b3.close()
    s.control.wait_counters(blue_inflight=0, blue_streams=0)


@story
def a_502_of_the_application_is_its_answer_not_our_failure(s):
    c = s.client()
    c.get()
    b, _ = s.blue.take()
    b.answer(b'mine', '502 Bad Gateway')
    same(c.response().body, b'mine')
    s.control.wait_counters(blue_reads=1, blue_failed=0)
