# SPDX-License-Identifier: MIT
# A small HTTP/1.1 server for the example application: one process, one select(2) loop, kept-alive
# and pipelined connections, everything bounded.
#
# It knows connections, their time limits and a graceful end at SIGTERM. It does not know how a
# request is framed (ExampleHttp.pm), nor what is asked and answered: that is left to the function
# given to serve().
package ExampleServer;
use strict;
use warnings;

use Errno qw(EAGAIN ECONNABORTED EINTR EWOULDBLOCK);
use ExampleHttp qw(request_take);
use Exporter qw(import);
use Fcntl qw(F_GETFL F_SETFL O_NONBLOCK);
use POSIX ();
use Socket qw(INADDR_LOOPBACK IPPROTO_TCP PF_INET SHUT_WR SOCK_STREAM SOL_SOCKET SO_REUSEADDR
	TCP_NODELAY pack_sockaddr_in);

our @EXPORT_OK = qw(now say_error say_info);

# What a stranger can grow has a limit.
use constant {
	CONNECTIONS_MAX => 500,           # of the 1024 descriptors that a process has by default
	BACKLOG         => 1024,
	READ_SIZE       => 16 * 1024,
	OUT_MAX         => 512 * 1024,    # answers that a pipelining client did not take yet
	IDLE_SECONDS    => 75,
	REQUEST_SECONDS => 20,            # from its first byte to its last; also for an answer
	LINGER_SECONDS  => 2,             # so that an answer is not lost to a reset
	STOP_SECONDS    => 20,            # below TimeoutStopSec= of app@.service
};

my %REASON = (
	200 => 'OK', 201 => 'Created', 303 => 'See Other', 400 => 'Bad Request', 404 => 'Not Found',
	405 => 'Method Not Allowed', 408 => 'Request Timeout', 413 => 'Content Too Large',
	415 => 'Unsupported Media Type', 417 => 'Expectation Failed',
	431 => 'Request Header Fields Too Large', 500 => 'Internal Server Error',
	501 => 'Not Implemented', 503 => 'Service Unavailable', 505 => 'HTTP Version Not Supported',
	507 => 'Insufficient Storage',
);

my %connections;    # by descriptor
my $answer;         # serve()'s function
my @fields_always;
my $stopping = 0;
my ($wake, $waker);

sub say_error { print STDERR "<3>$_[0]\n" }
sub say_info  { print STDERR "<6>$_[0]\n" }

# Seconds that only go forward, in hundredths.
my $ticks = POSIX::sysconf(POSIX::_SC_CLK_TCK());
sub now { return (POSIX::times())[0] / $ticks }

sub http_date {
	my @t = gmtime;
	my $day   = (qw(Sun Mon Tue Wed Thu Fri Sat))[ $t[6] ];
	my $month = (qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec))[ $t[4] ];
	return sprintf '%s, %02d %s %d %02d:%02d:%02d GMT', $day, $t[3], $month, $t[5] + 1900,
		@t[ 2, 1, 0 ];
}

# ---- an answer -----------------------------------------------------------------------------------

sub respond {
	my ($c, $status, $fields, $body) = @_;
	my $request = $c->{request};
	$c->{closing} = 1 if $stopping || !$request || $request->{close};
	my @fields = (
		Date => http_date(), @$fields, 'Content-Length' => length $body,
		'Cache-Control' => 'no-store', 'X-Content-Type-Options' => 'nosniff',
		@fields_always,
	);
	push @fields, 'X-Request-Id' => $request->{id} if $request && $request->{id} ne '';
	push @fields, Connection => 'close' if $c->{closing};
	$c->{out} .= "HTTP/1.1 $status $REASON{$status}\r\n";
	while (my ($name, $value) = splice @fields, 0, 2) {
		$c->{out} .= "$name: $value\r\n";
	}
	$c->{out} .= "\r\n";
	$c->{out} .= $body if !$request || $request->{method} ne 'HEAD';
	($c->{state}, $c->{request}, $c->{since}) = ('head', undef, undef);
}

sub respond_refusal {
	my ($c, $why) = @_;
	if (!ref $why) {
		chomp $why;
		say_error("A mistake of the example: $why");
		$why = { status => 500, text => 'A mistake of the example.', fields => [] };
	}
	my @fields = ('Content-Type' => 'text/plain', @{ $why->{fields} });
	respond($c, $why->{status}, \@fields, "$why->{text}\n");
}

# Answers every request that is complete, in order.
sub advance {
	my ($c) = @_;
	while (!$c->{closing} && length $c->{out} < OUT_MAX) {
		my $more = eval { request_take($c) };
		if (!defined $more) {
			# Nobody knows where the next request would begin: the connection ends.
			$c->{closing} = 1;
			return respond_refusal($c, $@);
		}
		return if !$more;
		next   if $c->{state} ne 'done';
		my @answer = eval { $answer->($c->{request}) };
		@answer ? respond($c, @answer) : respond_refusal($c, $@);
	}
}

# ---- a connection --------------------------------------------------------------------------------

sub connection_add {
	my ($socket) = @_;
	set_nonblocking($socket);
	setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;
	$connections{ fileno $socket } = {
		socket  => $socket, in => '', out => '', deadline => now() + IDLE_SECONDS,
		state => 'head',    # what comes next: head, length, size, data, end, trailers; done
		request => undef,   # once its head is read
		since => undef,     # when its first byte came
		closing => 0,       # the answer under way is the last
		lingering => 0,     # it was said, and the client's end is awaited
	};
}

sub connection_close {
	my ($c) = @_;
	delete $connections{ fileno $c->{socket} };
	close $c->{socket};
}

sub connection_is_idle {
	my ($c) = @_;
	return $c->{state} eq 'head' && $c->{in} eq '' && $c->{out} eq '' && !$c->{lingering};
}

# The deadline that the connection's state asks for.
sub connection_arm {
	my ($c) = @_;
	return if $c->{lingering};
	my $asking = $c->{state} ne 'head' || $c->{in} ne '';
	$c->{since} //= now() if $asking;
	$c->{deadline} =
		  $c->{out} ne '' ? now() + REQUEST_SECONDS
		: $asking         ? $c->{since} + REQUEST_SECONDS
		:                   now() + IDLE_SECONDS;
}

# Everything is said; but the client's bytes may still come (RFC 9112 section 9.6).
sub connection_linger {
	my ($c) = @_;
	shutdown $c->{socket}, SHUT_WR;
	$c->{lingering} = 1;
	$c->{deadline}  = now() + LINGER_SECONDS;
}

sub try_again { return $! == EAGAIN || $! == EWOULDBLOCK || $! == EINTR }

sub connection_write {
	my ($c) = @_;
	my $count = syswrite $c->{socket}, $c->{out};
	if (!defined $count) {
		connection_close($c) if !try_again();
		return;
	}
	substr $c->{out}, 0, $count, '';
	advance($c) if $c->{in} ne '';
	connection_arm($c);
	connection_linger($c) if $c->{out} eq '' && $c->{closing};
}

sub connection_read {
	my ($c) = @_;
	my $count = sysread $c->{socket}, my $bytes, READ_SIZE;
	if (!defined $count) {
		connection_close($c) if !try_again();
		return;
	}
	if ($count == 0) {
		return connection_close($c) if $c->{lingering} || $c->{out} eq '';
		$c->{closing} = 1;
		return;
	}
	return if $c->{lingering};
	$c->{in} .= $bytes;
	advance($c);
	connection_arm($c);
	connection_write($c) if $c->{out} ne '';
}

sub connection_expire {
	my ($c) = @_;
	return connection_close($c)
		if $c->{out} ne '' || $c->{lingering} || $c->{state} eq 'head' && $c->{in} eq '';
	$c->{closing} = 1;
	respond_refusal($c, { status => 408, text => 'The request took too long.', fields => [] });
	connection_arm($c);
	connection_write($c);
}

# ---- the loop ------------------------------------------------------------------------------------

sub set_nonblocking {
	my ($file) = @_;
	my $flags = fcntl $file, F_GETFL, 0 or die "fcntl: $!\n";
	fcntl $file, F_SETFL, $flags | O_NONBLOCK or die "fcntl: $!\n";
}

# SIGTERM and SIGINT end serve() and pause().
sub catch_signals {
	pipe $wake, $waker or die "pipe: $!\n";
	set_nonblocking($_) for $wake, $waker;
	$SIG{PIPE} = 'IGNORE';
	$SIG{TERM} = $SIG{INT} = sub { $stopping = 1; syswrite $waker, '.' };
}

# True if nobody ended it.
sub pause {
	my ($seconds) = @_;
	my $end = now() + $seconds;
	while (!$stopping && (my $left = $end - now()) > 0) {
		my $read = '';
		vec($read, fileno $wake, 1) = 1;
		select $read, undef, undef, $left;
	}
	return !$stopping;
}

sub listen_on {
	my ($port) = @_;
	socket my $listener, PF_INET, SOCK_STREAM, IPPROTO_TCP or die "socket: $!\n";
	setsockopt $listener, SOL_SOCKET, SO_REUSEADDR, 1 or die "SO_REUSEADDR: $!\n";
	bind $listener, pack_sockaddr_in($port, INADDR_LOOPBACK)
		or die "Cannot listen on 127.0.0.1:$port: $!; see ss -ltnp 'sport = :$port'\n";
	listen $listener, BACKLOG or die "listen: $!\n";
	set_nonblocking($listener);
	return $listener;
}

sub accept_all {
	my ($listener) = @_;
	while (keys %connections < CONNECTIONS_MAX) {
		if (accept my $socket, $listener) {
			connection_add($socket);
		} elsif ($! != EINTR && $! != ECONNABORTED) {
			return;
		}
	}
}

# Waits for what may be done; returns two bit vectors, readable and writable.
sub await {
	my ($listener) = @_;
	my ($read, $write, $next) = ('', '', now() + IDLE_SECONDS);
	vec($read, fileno $wake,     1) = 1;
	vec($read, fileno $listener, 1) = 1 if $listener && keys %connections < CONNECTIONS_MAX;
	for my $c (values %connections) {
		my $fd = fileno $c->{socket};
		vec($write, $fd, 1) = 1 if $c->{out} ne '';
		vec($read,  $fd, 1) = 1
			if $c->{lingering} || !$c->{closing} && length $c->{out} < OUT_MAX;
		$next = $c->{deadline} if $c->{deadline} < $next;
	}
	my $left = $next - now();
	my $count = select $read, $write, undef, $left > 0 ? $left + 0.01 : 0;
	return $count > 0 ? ($read, $write) : ('', '');
}

sub handle_connections {
	my ($read, $write) = @_;
	for my $fd (keys %connections) {
		my $c = $connections{$fd};
		connection_write($c) if vec $write, $fd, 1;
		connection_read($c) if $connections{$fd} && vec $read, $fd, 1;
		connection_expire($c) if $connections{$fd} && $c->{deadline} <= now();
	}
}

# Who is in the queue already is still answered; who only kept a connection is let go.
sub stop_listening {
	my ($listener) = @_;
	accept_all($listener);
	close $listener;
	for my $c (values %connections) {
		connection_read($c) if connection_is_idle($c);
	}
}

# Answers until SIGTERM, then ends what is under way. The function gets a request (method, path,
# query, fields, body, id) and returns status, fields, body, or calls refuse().
sub serve {
	my ($listener, $function, $fields) = @_;
	my $give_up;
	$answer        = $function;
	@fields_always = @$fields;
	while (1) {
		my ($read, $write) = await($listener);
		sysread $wake, my $ignored, 16 if vec $read, fileno $wake, 1;
		accept_all($listener) if $listener && vec $read, fileno $listener, 1;
		handle_connections($read, $write);
		next if !$stopping;
		if ($listener) {
			stop_listening($listener);
			undef $listener;
			$give_up = now() + STOP_SECONDS;
		}
		connection_close($_) for grep { connection_is_idle($_) } values %connections;
		last if !%connections || now() >= $give_up;
	}
}

1;
