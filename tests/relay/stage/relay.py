# SPDX-License-Identifier: MIT
"""The relay as a process, started as systemd would, and its control protocol.

Knows what socket/README.md says and what the kernel shows of a process; nothing of the inside."""

import ctypes
import fcntl
import os
import resource
import select
import shutil
import signal
import socket
import tempfile
import time

from .wire import WAIT, Wire, same, wait_until

PROGRAM = os.path.abspath(os.environ.get('RELAY', 'build/relay'))
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


def sanitized():
    """True for a build whose memory and time say nothing about the relay."""
    with open(PROGRAM, 'rb') as program:
        text = program.read()
    return b'__asan_init' in text or b'__tsan_init' in text


class Control:
    """A supervisor: one message a line; events that come between answers are kept."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(WAIT)
        self.sock.connect(path)
        self.events = []

    def receive(self):
        try:
            message = self.sock.recv(65536)
        except socket.timeout:
            raise AssertionError(f'the relay said nothing within {WAIT:g} s') from None
        assert message, 'the relay closed the control connection'
        text = message.decode('latin-1')
        assert text.isascii() and text.isprintable(), f'not one line of ASCII text: {text!r}'
        return text

    def ask(self, line):
        """Sends a request and waits for its answer."""
        self.sock.send(line if isinstance(line, bytes) else line.encode())
        while True:
            text = self.receive()
            if text.split()[0] in ('ok', 'error'):
                return text
            self.events.append(text)

    def ok(self, line):
        answer = self.ask(line)
        verb = line.split()[0]
        assert answer.split()[:2] == ['ok', verb], f'{line!r} was answered {answer!r}'
        return answer

    def route(self, route):
        answer = self.ok(f'route {route}')
        assert answer == f'ok route {route}', answer

    def drain(self, color, scope='all', requests=30.0, streams=300.0):
        """Limits in seconds."""
        self.ok(f'drain {color} scope={scope} requests-usec={int(requests * 1e6)} '
                f'streams-usec={int(streams * 1e6)}')

    def counters(self):
        words = [word.split('=') for word in self.ok('counters').split()[2:]]
        return {name.replace('-', '_'): [int(n) for n in (value + ',0' * 64).split(',')[:64]]
                if name.endswith('.latency') else int(value) for name, value in words}

    def numbers(self, of):
        """What the relay tells of `blue`, `green`, `relay` or `blue earlier=N`; None if nothing."""
        words = self.ok(f'numbers {of}').split()[2:]
        if words[-1] == 'none':
            return None
        numbers = {}
        for word in words:
            name, equals, value = word.partition('=')
            if name == 'release':
                numbers[name] = value
            elif name == 'endings':
                numbers[name] = {e: int(n) for e, n in (pair.split(':') for pair in value.split(',') if pair)}
            elif name in ('status', 'latency'):
                numbers[name] = [int(n) for n in value.split(',')]
            elif equals:
                numbers[name] = int(value)
        return numbers

    def wait_counters(self, **wanted):
        """Until the counters are so; a `.` in a name is written `_`."""
        shown = {}

        def true():
            shown.update({n.replace('.', '_'): v for n, v in self.counters().items()})
            missing = set(wanted) - set(shown)
            assert not missing, f'no counter {missing} in {shown}'
            return all(shown[name] == value for name, value in wanted.items())
        try:
            wait_until(true, f'counters {wanted}')
        except AssertionError as error:
            raise AssertionError(f'{error}; they are {shown}') from None

    def event(self, start):
        """The next event that begins so; waits for it."""
        while True:
            for event in self.events:
                if event.startswith(start):
                    self.events.remove(event)
                    return event
            text = self.receive()
            assert text.split()[0] not in ('ok', 'error'), f'unasked answer {text!r}'
            self.events.append(text)

    def drained(self, color, scope='all', cut=0, streams=0):
        """cut: what was ended by the limits; streams: how many of these were streams."""
        wanted = f'drained {color} scope={scope} cut={cut} streams={streams}'
        event = self.event('drained')
        assert event == wanted, f'event {event!r}, not {wanted!r}'

    def expect_no_event(self, start):
        """None came before this moment: the answer to a question is behind it in the queue."""
        self.counters()
        found = [event for event in self.events if event.startswith(start)]
        assert not found, f'unexpected {found}'

    def close(self):
        self.sock.close()


class Relay:
    """publics: `tcp`, `tcp6`, `unix`, `any` (0.0.0.0), `only6` (:: without IPv4), `dual` (:: with it).
    control_first: where the control listener
    stands among the descriptors. nofile: how many of those it may have. installed: the program is a
    copy that the story may replace."""

    def __init__(self, publics=('tcp',), env=None, nofile=None, control_first=True,
                 installed=False):
        self.directory = tempfile.mkdtemp(prefix='relay-test-')
        self.program = PROGRAM
        if installed:
            self.program = os.path.join(self.directory, 'relay')
            shutil.copy(PROGRAM, self.program)
        self.listeners = [self.bind(kind) for kind in publics]
        self.addresses = [listener.getsockname() for listener in self.listeners]
        self.control_path = os.path.join(self.directory, 'relay.sock')
        control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        control.bind(self.control_path)
        control.listen(4096)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(os.path.join(self.directory, 'notify.sock'))
        self.notify.settimeout(WAIT)
        self.notified = []
        named = [(listener, 'public') for listener in self.listeners]
        named.insert(0 if control_first else len(named), (control, 'control'))
        self.control_listener = control
        self.nofile = nofile
        self.stderr = os.open(os.path.join(self.directory, 'stderr'),
                              os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)
        self.start(named, env or {}, nofile)

    def bind(self, kind):
        if kind == 'unix':
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(os.path.join(self.directory, 'public.sock'))
        else:
            address = {'tcp': '127.0.0.1', 'tcp6': '::1', 'any': '0.0.0.0', 'only6': '::', 'dual': '::'}[kind]
            listener = socket.socket(socket.AF_INET6 if ':' in address else socket.AF_INET)
            if ':' in address:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, kind != 'dual')
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address, 0))
        listener.listen(4096)
        return listener

    def start(self, named, env, nofile, stored=()):
        """What systemd does between fork and exec: the fds from 3 on, the environment, limits.
        stored: what is in its store, which comes behind the listeners."""
        self.restart = lambda: self.start(named, env, nofile)
        self.follow = lambda stored: self.start(named, env, nofile, stored)
        self.status = None
        given = [(listener.fileno(), name) for listener, name in named] + list(stored)
        above = resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, above)
                for fd in [self.stderr] + [fd for fd, _ in given]]
        environment = {
            'PATH': os.environ.get('PATH', ''), 'LISTEN_FDS': str(len(given)),
            'LISTEN_FDNAMES': ':'.join(name for _, name in given),
            'NOTIFY_SOCKET': self.notify.getsockname(),
            **{n: v for n, v in os.environ.items() if n.endswith('SAN_OPTIONS')}, **env,
        }
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            try:
                LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
                if os.getppid() != parent:
                    os._exit(1)
                os.dup2(high[0], 2)
                for number, fd in enumerate(high[1:], 3):
                    os.dup2(fd, number)
                    os.set_inheritable(number, True)
                os.closerange(3 + len(given), 4096)  # what we were given ourselves
                if nofile:
                    resource.setrlimit(resource.RLIMIT_NOFILE, (nofile, nofile))
                environment['LISTEN_PID'] = str(os.getpid())
                os.execve(self.program, [self.program], environment)
            finally:
                os._exit(127)
        for fd in high:
            os.close(fd)
        self.pid = pid

    # -- clients

    def connect(self, index=0, receive_buffer=None, source=None, host=None):
        """host: an address of this machine, of either family, that the listener has beside its own."""
        listener = self.listeners[index]
        family = listener.family
        if host:
            family = socket.AF_INET6 if ':' in host else socket.AF_INET
        sock = socket.socket(family)
        sock.settimeout(WAIT)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            sock.bind((source, 0))
            sock.connect((source, self.addresses[index][1]))
        elif host:
            sock.connect((host, self.addresses[index][1]))
        else:
            sock.connect(self.addresses[index])
        return Wire(sock, 'client')

    # -- what the kernel knows of it

    def memory(self):
        """Resident KiB."""
        with open(f'/proc/{self.pid}/status', encoding='ascii') as status:
            for line in status:
                if line.startswith('VmRSS:'):
                    return int(line.split()[1])
        raise AssertionError('the relay is gone')

    def cpu(self):
        """Seconds of processor time, used so far."""
        with open(f'/proc/{self.pid}/stat', encoding='ascii') as stat:
            fields = stat.read().rpartition(')')[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def expect_calm(self, seconds=0.5):
        """It must not spin: at most a fifth of a processor while nothing happens. What still moves
        at first may come to rest; what spins never does."""
        for _ in range(5):
            before = self.cpu()
            time.sleep(seconds)
            used = self.cpu() - before
            if used <= seconds / 5:
                return
        raise AssertionError(f'the relay used {used:.2f} s of processor in {seconds} s of silence')

    def descriptors(self):
        return len(os.listdir(f'/proc/{self.pid}/fd'))

    def log(self):
        size = os.fstat(self.stderr).st_size
        return os.pread(self.stderr, size, 0).decode('utf-8', 'replace')

    def notification(self, wanted):
        """Waits until the service manager was told a line that begins so."""
        while True:
            for line in self.notified:
                if line.startswith(wanted):
                    return line
            try:
                message = self.notify.recv(4096)
            except socket.timeout:
                raise AssertionError(f'the relay did not notify {wanted}') from None
            self.notified += message.decode().split('\n')

    def said_so_far(self):
        """What the service manager was told up to now."""
        while select.select([self.notify], [], [], 0)[0]:
            self.notified += self.notify.recv(4096).decode().split('\n')
        return self.notified

    # -- the next one

    def stored(self):
        """What it gives to the service manager, as systemd keeps it (sd_notify(3)), until it wants
        to know that all was taken: pairs of a descriptor and its name, the newest first."""
        kept = []
        while True:
            message, fds, _, _ = socket.recv_fds(self.notify, 4096, 253)
            words = dict(line.split('=', 1) for line in message.decode().split('\n'))
            if 'BARRIER' in words:
                os.close(fds[0])
                return kept
            if 'FDSTORE' in words:
                same((words['FDSTORE'], words['FDPOLL']), ('1', '0'))
                kept[:0] = [(fd, words['FDNAME']) for fd in reversed(fds)]
            else:
                assert not fds, f'descriptors with {words}'

    def succeed(self, change=lambda stored: stored, forget=True):
        """As `systemctl restart` does with RestartKillSignal=SIGUSR2; the successor must not leave
        anything in the store. forget: the manager does as it is told with what is in it."""
        os.kill(self.pid, signal.SIGUSR2)
        kept = change(self.stored())
        same(self.wait(), 0)
        self.follow(kept)
        removed = set()
        while True:
            message, fds, _, _ = socket.recv_fds(self.notify, 4096, 253)
            words = dict(line.split('=', 1) for line in message.decode().split('\n'))
            if 'BARRIER' in words:
                os.close(fds[0])
                break
            if 'FDSTOREREMOVE' in words:
                removed.add(words['FDNAME'])
        same(removed, {'h', 'handover'})
        for fd, _ in kept if forget else ():
            os.close(fd)
        self.notification('READY=1')
        self.notified.clear()

    # -- end

    def signal(self, number):
        os.kill(self.pid, number)

    def wait_stopped(self):
        """Until SIGSTOP has reached every thread."""
        os.waitid(os.P_PID, self.pid, os.WSTOPPED)

    def wait(self, seconds=None):
        """Its wait status as a shell would say it; None if it still runs."""
        if self.status is None:
            pidfd = os.pidfd_open(self.pid)
            poll = select.poll()
            poll.register(pidfd, select.POLLIN)
            ready = poll.poll(1000 * (WAIT if seconds is None else seconds))
            os.close(pidfd)
            if ready:
                _, status = os.waitpid(self.pid, 0)
                self.status = os.waitstatus_to_exitcode(status)
        return self.status

    def stop(self):
        """SIGTERM with nothing to do must end it, cleanly; that is part of every story."""
        early = self.wait(0)
        if early is None:
            self.signal(signal.SIGTERM)
            early = self.wait()
        if early is None:
            self.signal(signal.SIGKILL)
            self.wait()
            raise AssertionError(f'the relay did not end within {WAIT:g} s of SIGTERM')
        assert early == 0, f'the relay ended with {early}'

    def remove(self):
        if self.wait(0) is None:
            self.signal(signal.SIGKILL)
            self.wait()
        for listener in self.listeners + [self.control_listener, self.notify]:
            listener.close()
        os.close(self.stderr)
        shutil.rmtree(self.directory)
