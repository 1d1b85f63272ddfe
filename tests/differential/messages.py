# SPDX-License-Identifier: MIT
"""Sequences of HTTP/1.x messages from a grammar: sound ones, slightly broken ones, and the nasty ones
of which request smuggling is made. The same seed makes the same sequences. Knows what parsers
differ about; knows no parser."""

import random

SMUGGLED = b'GET /smuggled HTTP/1.1\r\nHost: evil\r\n\r\n'
ODD = (b'\r', b'\n', b'\r\n', b'\0', b' ', b'\t', b':', b',', b';', b'0', b'-', b'+', b'x', b'\x0b', b'\x0c',
       b'\x7f', b'\x80', b'\xa0', b'\xff', b'"', b'_', b'\r\n\r\n', b'\n\n', b'\r\r\n', b'\r\n ', b'\r\n\t',
       b'chunked', b'Content-Length: 5\r\n', b'Transfer-Encoding: chunked\r\n', b'Host: b\r\n', b'0\r\n\r\n', SMUGGLED)

METHODS = (b'GET', b'GET', b'GET', b'HEAD', b'POST', b'POST', b'POST', b'PUT', b'DELETE', b'OPTIONS', b'PATCH')
ODD_METHODS = (b'CONNECT', b'TRACE', b'PROPFIND', b'M-SEARCH', b'get', b'Get', b'FOO', b'PRI', b'G\x00T', b'', b' GET',
               b'GET\t', b'A' * 40, b'SOURCE', b'G=T', b'"GET"', b'PURGE')
TARGETS = (b'/', b'/a', b'/a/b?c=d&e=%20', b'//x', b'/a?b?c', b'/%00', b'/\xc3\xa9'.replace(b'\xc3\xa9', b'%C3%A9'))
ODD_TARGETS = (b'http://app.example/', b'http://app.example', b'HTTP://a/b?c', b'https://a:443/', b'h2://a/', b'a+b://c/',
               b'http:///a', b'http:/a', b'http://', b'*', b'a:443', b'a', b'@a/', b'/a b', b'/a\tb', b'/\x00', b'/\x7f',
               b'/\xff', b'/\xc3\xa9', b'/a#b', b'/"<>\\^`{|}', b'', b'?a', b'/' + b'a' * 3000, b'/a\r', b'/a\n', b'[::1]')
VERSIONS = (b'HTTP/1.1',) * 12 + (b'HTTP/1.0',)
ODD_VERSIONS = (b'HTTP/1.2', b'HTTP/0.9', b'HTTP/2.0', b'HTTP/1.10', b'HTTP/01.1', b'HTTP/1', b'HTTP/1.', b'http/1.1', b'HTTP /1.1',
                b'HTTP/1.1 ', b' HTTP/1.1', b'HTTP/1.1\t', b'', b'HTTP/1,1', b'HTTP/-1.1', b'RTSP/1.0', b'ICE/1.0', b'HTTP/3.0',
                b'HTTP/1.1\x00', b'HTTPS/1.1', b'HTTP/ 1.1', b'HTTP/1 .1')
HOSTS = (b'Host: app.example', b'Host: a', b'Host: a:8080', b'host:a', b'HOST: [::1]:80', b'Host:\ta ')
ODD_HOSTS = (b'', b'Host:', b'Host: a\r\nHost: b', b'Host: a\r\nHost: a', b'Host: a b', b'Host: a/b', b'Host: a@b', b'Host : a',
             b' Host: a', b'Host: \x00', b'Host: \xff', b'Host: a,b', b'Host: http://a', b'Host;a')
EXTRAS = (b'Accept: */*', b'X: y', b'X:y', b'X:', b'X:   \t', b'Cookie: a=b; c="d e"', b'X-Long: ' + b'v' * 700, b'X: \xe9t\xe9',
          b'X:\ty\t', b'X: a:b', b"X-!#$%&'*+.^_`|~9: y", b'Expect: 100-continue', b'Connection: keep-alive',
          b'Connection: X-Gone\r\nX-Gone: 1', b'TE: trailers', b'Trailer: X-Sum', b'Accept: a, b ,c', b'Via: 1.1 x',
          b'X-Forwarded-For: 1.2.3.4', b'Keep-Alive: timeout=5', b'Proxy-Connection: keep-alive', b'Content-Type: text/plain')
ODD_EXTRAS = (b'Connection: close', b'Connection: close, keep-alive', b'Connection: Keep-Alive, Upgrade\r\nUpgrade: websocket',
              b'Connection: Upgrade\r\nUpgrade: h2c', b'Upgrade: x', b'Connection: upgrade', b'X : y', b'X\t: y', b' X: y', b'\tX: y',
              b'X: y\r\n z', b'X: y\r\n\tz', b'X: y\r\n ', b'X', b': y', b'X: y\x00z', b'X\x00: y', b'X: y\x7f', b'X: \x01',
              b'X: y\rZ: z', b'X: y\nZ: z', b'X: y\r\rZ: z', b'X: y\n', b'X: y\r', b'X: y\r\r', b'X(y): z', b'X\xe9: y', b'"X": y',
              b'X: y\x0bz', b'X: y\x0c', b'X\x0b: y', b'\r\nX: y', b'\nX: y', b'Connection: Content-Length',
              b'Connection: close\r\nConnection: keep-alive', b'Connection: Host', b'Connection: Transfer-Encoding',
              b'Connection: close\x0b', b'Connection: "close"', b'Connection: close;x', b'Connection:\tclose',
              b'Connection: xclose', b'Connection: close keep-alive', b'X: \r\n\r\n', b'X:\r\n \r\n', b'Connection: upgrade\r\nUpgrade:')
NUMBERS = (b'%d', b'%d', b'0%d', b'00000000000000000000%d', b'+%d', b'-%d', b'-0%d', b'0x%x', b'%d.0', b'%d,', b'%d;', b'%d_', b'1%d',
           b'%d, %d', b'%d,%d', b'%d %d', b'%d\t', b' %d', b'%d\x00', b'%d\x0b', b'\x0b%d', b'"%d"', b'%de0', b'%d\xa0', b'%d\x85', b'0o%o',
           b'1844674407370955161%d', b'922337203685477580%d', b'1844674407370955162%d', b'4294967296%d', b'%x', b'', b' ', b'abc')
LENGTH_NAMES = (b'Content-Length:', b'Content-Length: ', b'content-length:\t', b'CONTENT-LENGTH:  ')
ODD_LENGTH_NAMES = (b'Content-Length : ', b'Content_Length: ', b' Content-Length: ', b'Content-Length\t: ', b'Content-Length\x00: ', b'Content-Lengt: ',
                    b'Content-Length\r\n : ', b'Content-Length:\r\n ', b'X: y\r\n Content-Length: ', b'Content-Length=', b'\xc2\xadContent-Length: ')
CODINGS = (b'chunked', b'Chunked', b'CHUNKED', b'chunked ', b'\tchunked')
ODD_CODINGS = (b'chunked, chunked', b'gzip, chunked', b'gzip,chunked', b'chunked, gzip', b'identity', b'identity, chunked', b'chunked, identity',
               b'xchunked', b'chunkedx', b'chunked;q=1', b'\x0bchunked', b'chunked\x0b', b'\x0cchunked', b'chunked\x00', b',chunked', b'chunked,',
               b', chunked', b'"chunked"', b'cow', b'', b'chunked\xa0', b'\xa0chunked', b'c hunked', b'chunked chunked', b'chunke', b'deflate',
               b'chunked\r\nTransfer-Encoding: chunked', b'gzip\r\nTransfer-Encoding: chunked', b'chunked\r\nTransfer-Encoding: identity',
               b'\r\n chunked', b'chunked\r\n x', b'chunked\r', b'chunked\n', b"chunked'", b'chunked, ', b'trailers', b'GZIP, Chunked', b'\x00',
               b'chun\x6bed', b'chunked\t', b'\xef\xbb\xbfchunked')
CODING_NAMES = (b'Transfer-Encoding: ', b'transfer-encoding:', b'TRANSFER-ENCODING:\t')
ODD_CODING_NAMES = (b'Transfer-Encoding : ', b'Transfer_Encoding: ', b' Transfer-Encoding: ', b'Transfer-Encoding\t: ', b'Transfer-Encoding\x0b: ',
                    b'X: y\r\n Transfer-Encoding: ', b'X: y\nTransfer-Encoding: ', b'X: y\rTransfer-Encoding: ', b'Transfer-Encoding\x00: ',
                    b'Transfer-Encodin: ', b'Transfer Encoding: ', b'Transfer\xadEncoding: ', b'X: \x00\r\nTransfer-Encoding: ')
SIZES = (b'%x', b'%X', b'%x', b'0%x', b'0000000%x')
ODD_SIZES = (b'+%x', b'-%x', b'0x%x', b' %x', b'%x ', b'%x\t', b'\t%x', b'%x_', b'%x,', b'%x\x00', b'%x\x0b', b'%xg', b'%x.0', b'', b'ffffffffffffffff',
             b'1000000000000000%x', b'ffffffff%x', b'8000000000000000', b'7fffffffffffffff', b'%d', b'"%x"', b'%x\r', b'\r%x', b'\n%x', b'0' * 300 + b'%x', b'%x\xa0',
             b'0' * 40 + b'%x')
EXTENSIONS = (b';a', b';a=b', b';a="b c"', b'; a=b', b';a ;b', b';', b';a="\xe9"'[:4] + b'"', b';a=b;c=d')
ODD_EXTENSIONS = (b' ;a', b'\t;a', b';a\x00', b';a\x7f', b';a\x80', b';a\n', b';\n', b';a="\r\n"', b';a\r', b';\r', b';a="\\"', b';' + b'a' * 300, b';"', b';=',
                  b' a', b';a\nb', b';a=\r\n')
ENDS = (b'\n', b'\r', b'', b'\r\r\n', b'\n\r', b' \r\n', b'\r\n\r\n', b'\r\n ', b'\x00\r\n', b'\n\n', b'\r\n\n', b'\r ')
TRAILERS = (b'X-Sum: 1', b'X-Sum: 1\r\nX-Two: 2', b'x:')
ODD_TRAILERS = (b'Content-Length: 5', b'Transfer-Encoding: chunked', b'Host: evil', b'X', b' X: y', b'X : y', b'X: y\r\n z', b'X: y\x00', b': x', b'X: y\nZ: z',
                b'Trailer: x', b'X: y\r', b'GET /smuggled HTTP/1.1', b'X\x00: y', b'X: ' + b'y' * 9000, b'Content_Length: 5')
STATUSES = (b'200 OK',) * 6 + (b'404 Not Found', b'500 ', b'301', b'206 Partial', b'200 \xe9')
BARE_STATUSES = (b'204 No Content', b'304 Not Modified', b'100 Continue', b'103 Early Hints', b'101 Switching Protocols', b'205 Reset', b'199 X')
ODD_STATUSES = (b'99 X', b'600 X', b'999 X', b'20 OK', b'2000 OK', b'+200 OK', b'0200 OK', b'200OK', b'200\tOK', b' 200 OK', b'200 O\x00K', b'200 O\rK',
                b'200 O\nK', b'2 0 0', b'', b'abc OK', b'000 X', b'200 O\x7fK', b'200 \x0b', b'200  OK', b'20\xb2 OK', b'-1 X', b'200\r', b'200-OK')


class Grammar:
    """odd: how often, in percent, a choice falls on what is wrong or rare."""

    def __init__(self, seed, odd=3):
        self.rng = random.Random(seed)
        self.odd = odd

    def chance(self, percent):
        return self.rng.random() * 100 < percent

    def pick(self, sound, odd, percent=None):
        return self.rng.choice(odd if self.chance(self.odd if percent is None else percent) else sound)

    def end(self):
        """Of a line."""
        return self.rng.choice(ENDS) if self.chance(self.odd / 4) else b'\r\n'

    def number(self, form, size):
        return form.replace(b'%d', b'%d' % size).replace(b'%x', b'%x' % size).replace(b'%X', b'%X' % size).replace(b'%o', b'%o' % size)

    def content(self):
        kind = self.rng.randrange(8)
        if kind == 0:
            return b''
        if kind == 1:
            return SMUGGLED
        if kind == 2:
            return b'0\r\n\r\n' + SMUGGLED
        if kind == 3:
            return self.rng.randbytes(self.rng.randrange(1, 40))
        return (b'hello', b'x', b'a=b&c=d', b'\r\n', b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', b'0')[self.rng.randrange(6)]

    def chunks(self, content):
        text = b''
        while content:
            size = self.rng.randrange(1, len(content) + 1)
            told = size + (self.rng.choice((-1, 1, 2, 256)) if self.chance(self.odd / 2) else 0)
            text += self.number(self.pick(SIZES, ODD_SIZES), told)
            if self.chance(20):
                text += self.pick(EXTENSIONS, ODD_EXTENSIONS, 4 * self.odd)
            text += self.end() + content[:size] + self.end()
            content = content[size:]
        if self.chance(self.odd):
            return text
        text += self.pick((b'0',), (b'00', b'000', b' 0', b'0 ', b'-0', b'0x0', b'+0', b'', b'0;a', b'0' * 20))
        if self.chance(5):
            text += self.pick(EXTENSIONS, ODD_EXTENSIONS, 4 * self.odd)
        text += self.end()
        if self.chance(15):
            text += self.pick(TRAILERS, ODD_TRAILERS, 25) + self.end()
        return text + self.end()

    def length_line(self, size):
        if self.chance(self.odd):
            size += self.rng.choice((-1, 1, 5))
        form = self.pick((b'%d',), NUMBERS, 3 * self.odd)
        return self.pick(LENGTH_NAMES, ODD_LENGTH_NAMES) + self.number(form, max(size, 0))

    def framing(self, content):
        """Field lines, and the content as they (may) announce it."""
        kind = self.rng.randrange(100)
        length = self.length_line(len(content))
        coding = self.pick(CODING_NAMES, ODD_CODING_NAMES) + self.pick(CODINGS, ODD_CODINGS, 3 * self.odd)
        if kind < 45:
            return [length], content
        if kind < 88:
            return [coding], self.chunks(content)
        if kind < 88 + self.odd:
            lines = [length, coding]
            self.rng.shuffle(lines)
            return lines, self.rng.choice((content, self.chunks(content)))
        if kind < 88 + 2 * self.odd:
            return [length, self.length_line(len(content))], content
        return [], content

    def head(self, first, lines):
        extras = [self.pick(EXTRAS, ODD_EXTRAS) for _ in range(self.rng.choice((0, 0, 1, 1, 2, 5)))]
        lines = [line for line in lines + extras if line]
        self.rng.shuffle(lines)
        if self.chance(self.odd / 6):
            lines += [b'X-%d: y' % i for i in range(self.rng.choice((40, 99, 101)))]
        return first + self.end() + b''.join(line + self.end() for line in lines) + self.end()

    def request(self):
        method = self.pick(METHODS, ODD_METHODS)
        first = method + self.pick((b' ',), (b'  ', b'\t', b'', b'\x0b'), self.odd / 3)
        first += self.pick(TARGETS, ODD_TARGETS) + self.pick((b' ',), (b'  ', b'\t', b'\xa0'), self.odd / 3)
        first += self.pick(VERSIONS, ODD_VERSIONS)
        lines, body = [], b''
        if method not in (b'GET', b'HEAD', b'OPTIONS', b'DELETE') or self.chance(10):
            lines, body = self.framing(self.content())
        lines = [self.pick(HOSTS, ODD_HOSTS)] + lines
        before = self.pick((b'',), (b'\r\n', b'\r\n\r\n', b'\n', b'\r', b' ', b'\r\n ', b'\x00', b'\r\r\n'), self.odd / 2)
        return before + self.head(first, lines) + body

    def response(self):
        """Its bytes, and the letter of the request that it answers; an interim one has none."""
        letter = self.pick(('G',), ('H', 'C'), 8)
        status = self.pick(STATUSES, BARE_STATUSES, 15) if not self.chance(self.odd) else self.rng.choice(ODD_STATUSES)
        first = self.pick(VERSIONS, ODD_VERSIONS) + b' ' + status
        bare = status in BARE_STATUSES[:5] + BARE_STATUSES[6:]
        lines, body = ([], b'') if bare and not self.chance(15) else self.framing(self.content())
        if letter != 'G' and not self.chance(10):
            body = b''
        before = self.pick((b'',), (b'\r\n', b'\n', b' ', b'\x00'), self.odd / 4)
        return before + self.head(first, lines) + body, '' if status[:1] == b'1' and status[:3] != b'101' else letter

    def break_bytes(self, text):
        """One to three bytes are others."""
        text = bytearray(text)
        for _ in range(self.rng.randint(1, 3)):
            at, odd = self.rng.randrange(len(text)), self.rng.choice(ODD)
            kind = self.rng.randrange(4)
            if kind == 0:
                text[at:at] = odd
            elif kind == 1 and len(text) > 1:
                del text[at]
            elif kind == 2:
                text[at:at + 1] = odd
            else:
                other = self.rng.randrange(len(text))
                text[at], text[other] = text[other], text[at]
        return bytes(text)

    def finish(self, text):
        if self.chance(2 * self.odd):
            text = self.break_bytes(text)
        if self.chance(self.odd):
            text = text[:self.rng.randrange(1, len(text) + 1)]
        return text

    def requests(self):
        """A sequence on one connection, as a line of frames.c."""
        text = b''.join(self.request() for _ in range(self.rng.choice((1, 1, 2, 2, 3))))
        return f'Q {self.finish(text).hex()}'

    def responses(self):
        text, letters = b'', ''
        for _ in range(self.rng.choice((1, 1, 2, 2, 3))):
            one, letter = self.response()
            text += one
            letters += letter
        return f'R {letters or "G"} {self.finish(text).hex()}'


def sequences(seed, count):
    """Lines for frames.c: of each kind about half, from nearly sound to mostly broken."""
    found = []
    for index in range(count):
        grammar = Grammar(f'{seed}/{index}', odd=(1, 3, 6, 12)[index % 4])
        found.append(grammar.requests() if index // 4 % 2 == 0 else grammar.responses())
    return found
