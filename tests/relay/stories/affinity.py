# SPDX-License-Identifier: MIT
"""While the traffic is shared a client keeps its color: by a cookie of the relay's, or its address."""

import re
import struct

from stage.story import BLUE, GREEN, story
from stage.wire import same, wait_until

KEY = '000102030405060708090a0b0c0d0e0f'
OTHER_KEY = 'ff' * 16
MASK = (1 << 64) - 1
HOUR = 3600
COOKIE = re.compile(r'([a-z-]+)=((?:[A-Za-z0-9._+-]+)\.([0-9]{1,2})\.[0-9a-f]{16}); Path=/; '
                    r'Max-Age=([0-9]+); HttpOnly; SameSite=Lax')


def shares(green):
    return f'reads=blue:{100 - green},green:{green} writes=blue:{100 - green},green:{green}'


def by_cookie(s, key=KEY, life=HOUR, blue='v1', green='v2', name=''):
    answer = s.control.ok(f'affinity cookie fresh=green key={key} life-usec={int(life * 1e6)} '
                          f'blue={blue} green={green}{name and " name=" + name}')
    same(answer, 'ok affinity')


def siphash(key, message):
    """SipHash-2-4, written from the paper; the key in hex."""
    def rotate(value, bits):
        return (value << bits | value >> (64 - bits)) & MASK

    def rounds(count):
        for _ in range(count):
            v[0] = (v[0] + v[1]) & MASK
            v[1] = rotate(v[1], 13) ^ v[0]
            v[0] = rotate(v[0], 32)
            v[2] = (v[2] + v[3]) & MASK
            v[3] = rotate(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & MASK
            v[3] = rotate(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & MASK
            v[1] = rotate(v[1], 17) ^ v[2]
            v[2] = rotate(v[2], 32)
    low, high = struct.unpack('<QQ', bytes.fromhex(key))
    v = [low ^ 0x736f6d6570736575, high ^ 0x646f72616e646f6d,
         low ^ 0x6c7967656e657261, high ^ 0x7465646279746573]
    padded = message + bytes(7 - len(message) % 8) + bytes([len(message) & 255])
    for (word,) in struct.iter_unpack('<Q', padded):
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xff
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def sealed(tag, place, key=KEY):
    text = f'{tag}.{place}'
    return f'{text}.{siphash(key, text.encode()):016x}'


class Person:
    """A client with a cookie jar, as a browser."""

    def __init__(self, wire, name='bluegreen'):
        self.wire = wire
        self.name = name
        self.jar = None
        self.told = None  # the last Set-Cookie of ours

    def ask(self, method='GET', fields=()):
        """The color that answered."""
        jar = [('Cookie', f'{self.name}={self.jar}')] if self.jar else []
        if method == 'POST':
            self.wire.post('/', b'x', fields=list(fields) + jar)
        else:
            self.wire.get('/', fields=list(fields) + jar, method=method)
        response = self.wire.response(to=method)
        same(response.status, 200)
        self.told = self.take(response)
        return response.body.split()[0].decode() if response.body else None

    def take(self, response):
        told = None
        for line in response.all('Set-Cookie'):
            if line.startswith(f'{self.name}='):
                assert told is None, f'told twice: {response.raw}'
                told = line
        if told is not None and 'Max-Age=0' in told:
            self.jar = None
        elif told is not None:
            match = COOKIE.fullmatch(told)
            assert match and match[1] == self.name, told
            self.jar = match[2]
        return told

    @property
    def place(self):
        return int(self.jar.split('.')[-2])


def strangers(s, count, fields=()):
    """So many first visits; the colors that answered."""
    wires = [s.client() for _ in range(10)]
    colors = []
    for start in range(0, count, 100):
        wire = wires[start // 100 % len(wires)]
        request = b'GET / HTTP/1.1\r\nHost: a\r\n' + b''.join(
            f'{n}: {v}\r\n'.encode() for n, v in fields) + b'\r\n'
        wire.send(request * 100)
        for _ in range(100):
            response = wire.response()
            assert COOKIE.fullmatch(response.get('Set-Cookie')), response.raw
            colors.append(response.body.split()[0].decode())
    return colors


@story
def first_visits_are_split_as_the_route_says(s):
    s.blue.serve()
    s.green.serve()
    by_cookie(s)
    for share in (10, 50):
        s.control.route(shares(share))
        colors = strangers(s, 3000)
        part = 100 * colors.count('green') / len(colors)
        assert abs(part - share) < 3, f'{part} % of 3000 clients went to green, not {share} %'


@story
def a_client_stays_and_never_moves_back_while_the_shares_grow(s):
    s.blue.serve()
    s.green.serve()
    by_cookie(s)
    people = [Person(s.client()) for _ in range(200)]
    before = {}
    for share in (10, 25, 50, 75, 99):
        s.control.route(shares(share))
        for person in people:
            for method in ('GET', 'POST', 'HEAD', 'GET'):
                color = person.ask(method)
                if color is None:
                    continue
                same(color, 'green' if person.place < share else 'blue')
                assert not (before.get(person) == 'green' and color == 'blue'), 'it moved back'
                # Told when it has none, and when its color changes; otherwise left alone.
                same(person.told is not None, before.get(person) != color, 'told')
                before[person] = color
                same(person.jar, sealed('v2' if color == 'green' else 'v1', person.place))
    same({before[person] for person in people if person.place < 99}, {'green'})


@story
def the_cookie_lives_as_long_as_the_ramp(s):
    s.blue.serve()
    s.green.serve()
    by_cookie(s, life=120)
    s.control.route(shares(50))
    person = Person(s.client())
    person.ask()
    assert 118 <= int(COOKIE.fullmatch(person.told)[4]) <= 121, person.told


@story
def without_a_release_the_cookie_names_the_color(s):
    s.blue.serve()
    s.green.serve()
    by_cookie(s, blue='', green='')
    s.control.route(shares(50))
    for _ in range(20):
        person = Person(s.client())
        color = person.ask()
        same(person.jar, sealed(color, person.place))


@story
def each_application_has_its_own_cookie(s):
    s.blue.serve()
    s.green.serve()
    by_cookie(s, name='shop-bluegreen')
    s.control.route(shares(50))
    person = Person(s.client(), 'shop-bluegreen')
    color = person.ask()
    other = ('Cookie', 'bluegreen=' + sealed('v2', 0 if color == 'blue' else 99))
    for _ in range(10):
        same(person.ask(fields=[other]), color)
        same(person.told, None)


def forgeries():
    good = sealed('v2', 0)
    tag, place, mac = good.split('.')
    flipped = '0' if mac[0] != '0' else '1'
    yield from (f'{tag}.{place}.{flipped}{mac[1:]}', f'{tag}.{place}.{mac[:-1]}',
                f'{tag}.{place}.{mac}0', f'{tag}.1.{mac}', f'v3.{place}.{mac}', f'{place}.{mac}',
                f'{tag}.00.{mac}', f'{tag}.+0.{mac}', f'{tag}.-1.{mac}', f'{tag}.0.0.{mac}',
                f'.{place}.{mac}', f'{tag}..{mac}', f'{tag}.{place}.', tag, '', '.', '..', '...',
                '.' * 83, f'{tag} .{place}.{mac}', f'"{good}"', f'{good}.{mac}', f'{good}=',
                f'{"x" * 64}.0.{mac}', f'{"x" * 5000}.0.{mac}', 'green', 'v2', '0', '%00')
    yield sealed('v2', 0, OTHER_KEY)  # of an earlier ramp
    yield sealed('v2', 100)           # sealed, but no place
    yield sealed('v2', '00')
    if mac != mac.upper():
        yield f'{tag}.{place}.{mac.upper()}'


@story
def a_forged_cookie_is_as_none(s):
    s.blue.serve()
    s.green.serve()
    by_cookie(s)
    s.control.route(shares(1))
    person = Person(s.client())
    person.jar = sealed('v2', 0)  # what they claim to be
    same((person.ask(), person.told), ('green', None))
    green = count = 0
    for forged in forgeries():
        for _ in range(3):
            person.jar = forged
            green += person.ask() == 'green'
            count += 1
            assert person.told is not None, f'{forged!r} was taken for ours'
    # Two workers deal one place below the share in a hundred visits each.
    assert green <= 2 * (1 + count // 100), f'{green} of {count} forged cookies came to green'
    colors = strangers(s, 2000, [('Cookie', 'bluegreen=' + sealed('v2', 0, OTHER_KEY))])
    assert colors.count('green') < 60, colors.count('green')


@story
def many_cookies_of_our_name_are_not_all_looked_at(s):
    s.blue.serve()
    s.green.serve()
    by_cookie(s)
    s.control.route(shares(50))
    forged = 'bluegreen=' + sealed('v2', 0, OTHER_KEY)
    good = 'bluegreen=' + sealed('v2', 0)
    c = s.client()
    for cookies, taken in (([good, forged], True), ([forged, good], True), ([forged] * 300 + [good], False)):
        c.get('/', [('Cookie', '; '.join(cookies))])
        response = c.response()
        same('Set-Cookie' not in response.names(), taken)
    same([request.all('Cookie') for _, request in s.blue.seen + s.green.seen], [[], [], []])


@story
def the_applications_own_cookies_stay(s):
    answers = {
        '/plain': b'HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nX-A: 1\r\nset-cookie: bluegreens=2\r\nDate: x\r\n'
                  b'Content-Length: 2\r\n\r\nok',
        '/chunked': b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nSet-Cookie: a=1; Path=/\r\n'
                    b'set-cookie: bluegreens=2\r\nDate: x\r\n\r\n2\r\nok\r\n0\r\n\r\n',
        '/empty': b'HTTP/1.1 204 No Content\r\nSet-Cookie: a=1; Path=/\r\nset-cookie: bluegreens=2\r\nDate: x\r\n\r\n',
        '/same': b'HTTP/1.1 304 Not Modified\r\nSet-Cookie: a=1; Path=/\r\nset-cookie: bluegreens=2\r\nDate: x\r\n\r\n',
    }
    for backend in (s.blue, s.green):
        backend.serve(lambda request, wire: answers[request.target])
    by_cookie(s)
    s.control.route(shares(50))
    c = s.client()
    for target, sent in answers.items():
        for _ in range(4):
            c.get(target)
            response = c.response()
            cookies = response.all('Set-Cookie')
            same(cookies[:2], ['a=1; Path=/', 'bluegreens=2'])
            same(len(cookies), 3)
            assert COOKIE.fullmatch(cookies[2]), cookies
            # Nothing but our line was added, in front of the empty one.
            ours = f'Set-Cookie: {cookies[2]}\r\n'.encode()
            same(response.raw.replace(ours, b''), sent[:sent.index(b'\r\n\r\n') + 4])


@story
def the_application_is_not_shown_our_cookie(s):
    s.blue.serve()
    s.green.serve()
    by_cookie(s)
    s.control.route(shares(50))
    ours = 'bluegreen=' + sealed('v1', 99)
    rows = (([ours], []), ([f'a=1; {ours}; b=2'], ['a=1; b=2']), ([f'{ours};c=3'], ['c=3']),
            (['x=1;y=2;; z', f' {ours} ;  q="a b"; q'], ['x=1;y=2;; z', 'q="a b"; q']),
            ([f'notbluegreen=1; bluegreen2=2; {ours}'], ['notbluegreen=1; bluegreen2=2']),
            (['bluegreen=stale; a=1'], ['a=1']), ([ours, ours], []), ([f'{ours}; {ours}', 'b'], ['b']),
            (['a=1'], ['a=1']), (['bluegreen'], ['bluegreen']), ([';;'], [';;']), ([], []))
    c = s.client()
    for sent, seen in rows:
        fields = [('A', '1')] + [('Cookie', one) for one in sent] + [('B', '2')]
        for method in ('GET', 'POST'):
            c.get('/', fields, method) if method == 'GET' else c.post('/', b'body', fields)
            color = c.response().body.split()[0]
            request = (s.blue if color == b'blue' else s.green).seen[-1][1]
            same(sorted(request.all('Cookie')), sorted(seen), f'{sent}: Cookie')
            same((request.method, request.get('A'), request.get('B')), (method, '1', '2'))
            same(request.body, b'body' if method == 'POST' else b'')


@story
def an_interim_answer_carries_no_cookie(s):
    by_cookie(s)
    s.control.route(shares(50))
    c = s.client()
    c.post('/', b'x', [('Cookie', 'bluegreen=' + sealed('v2', 99))])
    b, _ = s.blue.take()
    b.send(b'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n')
    same(c.response().all('Set-Cookie'), [])
    b.answer(b'ok')
    same(len(c.response().all('Set-Cookie')), 1)


@story
def an_upgraded_connection_is_kept_too(s):
    by_cookie(s)
    s.control.route(shares(50))
    c = s.client()
    c.get('/', [('Connection', 'Upgrade'), ('Upgrade', 'websocket'),
                ('Cookie', 'bluegreen=' + sealed('v1', 10))])
    g, request = s.green.take()
    same(request.all('Cookie'), [])
    g.send(b'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello')
    answer = c.response()
    same(answer.get('Set-Cookie').split(';')[0], 'bluegreen=' + sealed('v2', 10))
    same(c.read(5), b'hello')


@story
def where_nothing_is_shared_nobody_is_marked(s):
    s.blue.serve()
    s.green.serve()
    by_cookie(s)
    for route, color in ((BLUE, b'blue'), (GREEN, b'green'),
                         ('reads=blue:0,green:100 writes=green:100', b'green')):
        s.control.route(route)
        c = s.client()
        for _ in range(10):
            for method in ('GET', 'POST'):
                c.get('/', method=method, fields=[('Cookie', 'bluegreen=' + sealed('v1', 50))])
                response = c.response()
                same(response.body.split()[0], color)
                same(response.all('Set-Cookie'), [])


@story
def a_class_that_is_not_shared_goes_its_own_way(s):
    s.blue.serve()
    s.green.serve()
    by_cookie(s)
    s.control.route('reads=blue:50,green:50 writes=blue:100')
    person = Person(s.client())
    person.jar = sealed('v2', 10)
    for _ in range(5):
        same((person.ask(), person.ask('POST')), ('green', 'blue'))
        same(person.told, None)


@story(refusing=('green',))
def a_read_whose_color_refuses_is_served_by_the_other_and_its_cookie_stays(s):
    s.blue.serve()
    by_cookie(s)
    s.control.route(shares(50))
    person = Person(s.client())
    person.jar = sealed('v2', 10)
    for _ in range(5):
        same((person.ask(), person.told), ('blue', None))
    # A first visit whose place is on green is told so, though blue answers it.
    for _ in range(100):
        stranger = Person(s.client())
        same(stranger.ask(), 'blue')
        same(stranger.jar, sealed('v2' if stranger.place < 50 else 'v1', stranger.place))
    s.green.listen()
    s.green.serve()
    same(s.control.event('refused'), 'refused green')
    # The relay forgets in a moment that it refused.
    for _ in range(1000):
        if person.ask() == 'green':
            break
    same((person.ask(), person.told), ('green', None))


@story(refusing=('green',))
def a_write_waits_for_its_own_color(s):
    s.blue.serve()
    by_cookie(s)
    s.control.route(shares(50))
    green, blue = s.client(), s.client()
    green.post('/1', b'x', [('Cookie', 'bluegreen=' + sealed('v2', 10))])
    s.control.wait_counters(holding=1)
    for _ in range(20):
        blue.post('/2', b'x', [('Cookie', 'bluegreen=' + sealed('v1', 90))])
        same(blue.response().body, b'blue POST /2')
    again = s.client()
    again.post('/3', b'x', [('Cookie', 'bluegreen=' + sealed('v2', 10))])
    s.control.wait_counters(holding=2)
    s.green.listen()
    s.green.serve()
    same(green.response().body, b'green POST /1')
    same(again.response().body, b'green POST /3')
    same([target for target in s.blue.targets() if target != '/2'], [])


@story
def a_held_request_goes_where_its_cookie_says(s):
    s.blue.serve()
    s.green.serve()
    by_cookie(s)
    s.control.route('reads=hold writes=hold')
    first, second = s.client(), s.client()
    first.get('/', [('Cookie', 'bluegreen=' + sealed('v1', 30))])
    second.post('/', b'x', [('Cookie', 'bluegreen=' + sealed('v1', 70))])
    s.control.wait_counters(holding=2)
    s.control.route(shares(50))
    same(first.response().body, b'green GET /')
    same(second.response().body, b'blue POST /')


@story
def after_the_end_the_cookie_is_taken_back(s):
    s.blue.serve()
    s.green.serve()
    by_cookie(s)
    s.control.route(shares(50))
    people = [Person(s.client()) for _ in range(30)]
    for person in people:
        person.ask()
    same(s.control.ask('affinity none'), 'ok affinity')
    s.control.route(GREEN)
    for person in people:
        same(person.ask(), 'green')
        same(person.told, 'bluegreen=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax')
        same(person.jar, None)
        person.ask()
        same(person.told, None)
    same([request.all('Cookie') for _, request in s.green.seen if request.all('Cookie')], [])
    # What was made with an earlier key goes too; what is not of our form is not ours to delete.
    person = people[0]
    person.jar = sealed('v0', 5, OTHER_KEY)
    person.ask()
    assert 'Max-Age=0' in person.told, person.told
    person.jar = 'something-else'
    person.ask()
    same(person.told, None)


@story
def a_cookie_that_has_outlived_its_ramp_is_no_longer_looked_for(s):
    s.blue.serve()
    by_cookie(s, life=0.2)
    s.control.ok('affinity none')
    person = Person(s.client())

    def outlived():
        person.jar = sealed('v1', 5)
        person.ask()
        return person.told is None
    wait_until(outlived, 'the cookie has outlived its ramp')
    other = Person(s.client())
    for one in (person, other) * 3:
        one.jar = sealed('v1', 5)
        one.ask()
        same(one.told, None)
    same(s.blue.seen[-1][1].get('Cookie'), f'bluegreen={other.jar}')


@story
def without_affinity_a_cookie_means_nothing(s):
    s.blue.serve()
    s.green.serve()
    s.control.route(shares(50))
    c = s.client()
    for _ in range(20):
        c.get('/', [('Cookie', 'bluegreen=' + sealed('v2', 0))])
        same(c.response().all('Set-Cookie'), [])
    seen = s.blue.seen + s.green.seen
    same(len([r for _, r in seen if r.get('Cookie') == 'bluegreen=' + sealed('v2', 0)]), 20)
    s.control.ok('affinity none')
    c.get('/', [('Cookie', 'bluegreen=' + sealed('v2', 0))])
    same(c.response().all('Set-Cookie'), [])


@story
def a_new_ramp_has_a_new_key(s):
    s.blue.serve()
    s.green.serve()
    by_cookie(s)
    s.control.route(shares(50))
    person = Person(s.client())
    person.ask()
    old = person.jar
    by_cookie(s, key=OTHER_KEY, blue='v2', green='v3')
    color = person.ask()
    assert person.told is not None and person.jar != old, (old, person.told)
    same(person.jar, sealed('v3' if color == 'green' else 'v2', person.place, OTHER_KEY))


# -- by address


def place_of(address):
    return siphash(KEY, bytes(int(part) for part in address.split('.'))) % 100


def visit(s, address):
    wire = s.client(source=None if address is None else address)
    wire.get('/')
    response = wire.response()
    same(response.all('Set-Cookie'), [])
    wire.reset()
    s.wires.remove(wire)
    return response.body.split()[0].decode()


@story(publics=('any',))
def ten_thousand_addresses_are_split_and_stay(s):
    s.blue.serve()
    s.green.serve()
    same(s.control.ask(f'affinity address fresh=green key={KEY}'), 'ok affinity')
    s.control.route(shares(50))
    addresses = [f'127.{1 + i % 7}.{i // 250}.{1 + i % 250}' for i in range(10000)]
    colors = {address: visit(s, address) for address in addresses}
    same(len(colors), 10000)
    part = sum(color == 'green' for color in colors.values()) / 100
    assert abs(part - 50) < 3, f'{part} % of 10000 addresses went to green'
    for address in addresses[:300]:
        same(colors[address], 'green' if place_of(address) < 50 else 'blue', address)
    for share in (50, 60, 90):
        s.control.route(shares(share))
        for address in addresses[::25]:
            color = visit(s, address)
            same(color, 'green' if place_of(address) < share else 'blue')
            assert not (colors[address] == 'green' and color == 'blue'), f'{address} moved back'
            colors[address] = color


@story(publics=('tcp6', 'unix'))
def an_ipv6_address_keeps_its_color_and_who_has_none_goes_by_weight(s):
    s.blue.serve()
    s.green.serve()
    s.control.ok(f'affinity address fresh=green key={KEY}')
    place = siphash(KEY, bytes(15) + b'\1') % 100
    for share in (10, 50, 90):
        s.control.route(shares(share))
        for _ in range(5):
            c = s.client(0)
            c.get('/')
            same(c.response().body.split()[0], b'green' if place < share else b'blue')
    s.control.route(shares(50))
    u = s.client(1)
    colors = []
    for _ in range(20):
        # What a front end says of its client does not choose.
        u.get('/', [('X-Forwarded-For', '203.0.113.9')])
        colors.append(u.response().body.split()[0])
    same(colors.count(b'green'), 10)


@story(publics=('any',))
def a_connection_without_http_is_placed_by_its_address(s):
    s.control.ok('protocol tcp')
    s.control.ok(f'affinity address fresh=green key={KEY}')
    s.control.route(shares(50))
    for i in range(1, 21):
        address = f'127.0.1.{i}'
        c = s.client(source=address)
        b = (s.green if place_of(address) < 50 else s.blue).accept()
        c.send(b'hello')
        same(b.read(5), b'hello')


@story(workers=1)
def a_connection_without_http_goes_by_weight_where_others_have_cookies(s):
    s.control.ok('protocol tcp')
    by_cookie(s)
    s.control.route(shares(50))
    for _ in range(5):
        s.client(), s.client()
        s.blue.accept()
        s.green.accept()


@story(publics=('any',))
def a_connection_without_http_goes_to_the_other_color_if_its_own_refuses(s):
    address = next(f'127.0.2.{i}' for i in range(1, 255) if place_of(f'127.0.2.{i}') < 50)
    s.green.refuse()
    s.control.ok('protocol tcp')
    s.control.ok(f'affinity address fresh=green key={KEY}')
    s.control.route(shares(50))
    c = s.client(source=address)
    b = s.blue.accept()
    c.send(b'hello')
    same(b.read(5), b'hello')
