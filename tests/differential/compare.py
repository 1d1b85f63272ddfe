# SPDX-License-Identifier: MIT
"""Two readings of the same bytes: which messages there are, and whether both can be true for whoever
stands behind one another. Knows the lines that frames.c and frames.js print; starts neither."""

from collections import namedtuple

Message = namedtuple('Message', 'whole end minor keep upgrade first fields body passed')
Reading = namedtuple('Reading', 'messages last status at')
Difference = namedtuple('Difference', 'what before ours theirs')


def text_of(word):
    return b'' if word == '-' else bytes.fromhex(word)


def message_of(words):
    fields = [] if words[6] == '-' else words[6].rstrip(',').split(',')
    fields = [tuple(bytes.fromhex(part) for part in field.split('=')) for field in fields]
    return Message(words[0] == 'whole', int(words[1]), words[2], words[3] == '1', words[4] == '1', text_of(words[5]), fields,
                   text_of(words[7]), text_of(words[8]) if len(words) > 8 else b'')


def readings(text):
    """One for each sequence."""
    messages = []
    for line in text.splitlines():
        words = line.split(' ')
        if words[0] in ('whole', 'part'):
            messages.append(message_of(words))
        else:
            yield Reading(messages, words[0], words[1], int(words[2]))
            messages = []


def cuts(reading):
    """Where the other parser's bytes are cut: so that the byte that should end a message comes
    alone, and the other parser says exactly where it found the end."""
    ends = [message.end for message in reading.messages if message.whole]
    return ','.join(str(cut) for end in ends for cut in (end - 1, end))


def unlike(mine, other, responses):
    """What is not the same of a message; None if all is."""
    for what in ('first', 'minor', 'fields', 'body', 'end'):
        if getattr(mine, what) != getattr(other, what):
            return what
    # That we end the connection first does no harm. Of a response to HEAD node's parser does not know
    # yet that it has no body.
    if not responses and mine.keep and not other.keep:
        return 'keep'
    if not responses and mine.upgrade != other.upgrade:
        return 'upgrade'
    return None


def compare(ours, theirs, responses):
    """The first difference that matters, or None: none does where the message is one that we refuse,
    or behind what ends the connection for us."""
    for index, mine in enumerate(ours.messages):
        before = ours.messages[:index]
        other = theirs.messages[index] if index < len(theirs.messages) else None
        if not mine.whole:
            if ours.last == 'refused':
                return None
            # We wait for more of it: then nobody may think that it has ended.
            if other and other.whole:
                return Difference('ends early', before, mine, other)
            if other and (mine.first, mine.fields) != (other.first, other.fields):
                return Difference('begins otherwise', before, mine, other)
            return None
        if not other or not other.whole:
            what = f'refused {theirs.status}' if theirs.last == 'refused' else 'does not end'
            return Difference(what, before, mine, other)
        what = unlike(mine, other, responses)
        if what:
            return Difference(what, before, mine, other)
    if ours.last == 'more' and not (ours.messages and not ours.messages[-1].whole):
        index = len(ours.messages)
        if index < len(theirs.messages):
            return Difference('has a head already', ours.messages, None, theirs.messages[index])
    return None
