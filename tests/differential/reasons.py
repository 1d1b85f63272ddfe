# SPDX-License-Identifier: MIT
"""Why the relay takes a message that node's parser refuses or reads in another way: each was held
against the RFCs, and each says what keeps the two apart from doing harm. A difference that is not
in this table is a fault of the relay's parser."""

import re
from collections import namedtuple

# kind: Q, R or both; what: a regular expression for that of a compare.Difference; true: what else
# must hold of that difference.
Reason = namedtuple('Reason', 'name kind what true why')

# What node takes for a method in HTTP/1.x.
METHODS = set(b'''DELETE GET HEAD POST PUT CONNECT OPTIONS TRACE COPY LOCK MKCOL MOVE PROPFIND PROPPATCH
SEARCH UNLOCK BIND REBIND UNBIND ACL REPORT MKACTIVITY CHECKOUT MERGE M-SEARCH NOTIFY SUBSCRIBE
UNSUBSCRIBE PATCH PURGE MKCALENDAR LINK UNLINK'''.split())
EXTENSION = re.compile(rb'(?:\n|^)[0-9A-Fa-f]+;[\t\x20-\x7e]*\r\n')
FRAMING = re.compile(rb'(?:content-length|transfer-encoding)\Z', re.I)


def is_strange_method(found):
    return found.ours.first.split(b' ')[0] not in METHODS


def has_extension(found):
    return EXTENSION.search(found.ours.passed) is not None


def is_upgrade_of_old(found):
    return found.ours.minor == '0' and not found.ours.upgrade


def is_behind_old_interim(found):
    return found.theirs is None and any(before.minor == '0' and before.first[:1] == b'1' for before in found.before)


def is_behind_interim_with_length(found):
    return any(before.first[:1] == b'1' and any(FRAMING.match(name) for name, _ in before.fields) for before in found.before)


def is_204_that_frames(found):
    return found.ours.first == b'204' and any(FRAMING.match(name) for name, _ in found.ours.fields)


REASONS = (
    Reason('a method that node does not know', 'Q', r'refused HPE_INVALID_(METHOD|VERSION|CONSTANT)', is_strange_method,
           'RFC 9110 section 9.1: any token is a method, and what the application does not know it answers by itself'),
    Reason('a chunk extension of a form that node does not read', 'QR', r'refused (HPE_STRICT|HPE_INVALID_CHUNK_SIZE|STUCK)', has_extension,
           'RFC 9112 section 7.1.1: a recipient ignores what it does not know; printable to the CRLF, it moves no end'),
    Reason('Upgrade in HTTP/1.0', 'Q', r'upgrade', is_upgrade_of_old,
           'RFC 9110 section 7.8: a server ignores it; it is not passed on'),
    Reason('an interim response of HTTP/1.0, and what comes behind it', 'R', r'refused HPE_CLOSED_CONNECTION|does not end',
           is_behind_old_interim,
           'RFC 9110 section 15.2: a client reads on to the final response; node takes the interim one for the last'),
    Reason('a response behind an interim one with a length', 'R', r'does not end|body|ends early', is_behind_interim_with_length,
           'RFC 9112 section 6.3: an interim response has no body. Node before version 20 adds the length to the next one; it is '
           'not passed on'),
    Reason('a 204 that says how long its body is', 'R', r'body|does not end|ends early|first|refused .*', is_204_that_frames,
           'RFC 9112 section 6.3: it has none, whatever it says. Old parsers of node believe the field; it is not passed on, '
           'and the connection carries no further response'),
)


def reason_of(difference, kind):
    """The one that explains it, or None."""
    for reason in REASONS:
        if kind in reason.kind and re.fullmatch(reason.what, difference.what) and difference.ours \
                and reason.true(difference):
            return reason
    return None
