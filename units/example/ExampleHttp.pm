# SPDX-License-Identifier: MIT
# HTTP/1.1 requests (RFC 9112) taken off a connection's input, for the example application.
#
# It knows framing, by length and chunked, and its limits. It does no I/O: a connection is a hash
# with `in` (bytes read), `out` (bytes to write), `state` and `request`.
package ExampleHttp;
use strict;
use warnings;

use Exporter qw(import);

our @EXPORT_OK = qw(refuse request_take);

# What a stranger can grow has a limit.
use constant {
	HEAD_MAX   => 16 * 1024,    # request line and fields, 431 above
	FIELDS_MAX => 100,
	LINE_MAX   => 1024,         # of the chunked coding
	BODY_MAX   => 64 * 1024,    # 413 above
};

# Ends a request with a status and a sentence for the client.
sub refuse {
	my ($status, $text, @fields) = @_;
	die { status => $status, text => $text, fields => \@fields };
}

my %SINGLE = map { $_ => 1 } qw(host content-length transfer-encoding);
my $TOKEN  = qr/[!#\$%&'*+.^_`|~0-9A-Za-z-]+/;

sub parse_line {
	my ($line) = @_;
	my ($method, $target, $major, $minor) =
		$line =~ m{^($TOKEN) ([\x21-\x7e]+) HTTP/(\d)\.(\d)$}
		or refuse(400, 'The request line is wrong.');
	refuse(505, 'This server speaks HTTP/1.1.') if $major != 1;
	$target =~ s{^https?://[^/?]*}{}i;
	my ($path, $query) = split /\?/, $target, 2;
	return {
		method => $method, path => $path // '', query => $query // '', minor => $minor,
		body => '', left => 0, trailers => 0,
	};
}

# Framing that two parsers could read differently is refused.
sub parse_head {
	my ($head) = @_;
	refuse(400, 'A line does not end with CR LF.') if $head =~ /(?<!\r)\n|\r(?!\n)/;
	refuse(400, 'The head has a control character.')
		if $head =~ /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/;
	my ($line, @lines) = split /\r\n/, $head;
	my $request = parse_line($line);
	refuse(431, 'There are too many fields.') if @lines > FIELDS_MAX;
	my %fields;
	for (@lines) {
		my ($name, $value) = /^($TOKEN):[ \t]*(.*?)[ \t]*$/
			or refuse(400, 'A field is wrong.');
		$name = lc $name;
		if (!exists $fields{$name}) {
			$fields{$name} = $value;
			next;
		}
		refuse(400, "There are two $name fields.") if $SINGLE{$name};
		$fields{$name} .= ", $value";
	}
	refuse(400, 'There is no Host.') if $request->{minor} && !exists $fields{host};
	my ($id) = ($fields{'x-request-id'} // '') =~ /^([\x21-\x7e]{1,128})$/;
	$request->{id}     = $id // '';
	$request->{fields} = \%fields;
	$request->{close}  = !$request->{minor}
		|| ($fields{connection} // '') =~ /(?:^|,)\s*close\s*(?:,|$)/i;
	return $request;
}

# What follows the head: the connection's next state.
sub framing {
	my ($request) = @_;
	my $fields = $request->{fields};
	if (exists $fields->{'transfer-encoding'}) {
		refuse(400, 'Transfer-Encoding beside Content-Length, or in HTTP/1.0.')
			if exists $fields->{'content-length'} || !$request->{minor};
		refuse(501, 'The only transfer coding here is chunked.')
			if lc $fields->{'transfer-encoding'} ne 'chunked';
		return 'size';
	}
	my $length = $fields->{'content-length'} // 0;
	refuse(400, 'Content-Length is wrong.') if $length !~ /^\d{1,15}$/;
	refuse(413, 'The body is too long.') if $length > BODY_MAX;
	$request->{left} = $length;
	return 'length';
}

sub take_head {
	my ($c) = @_;
	$c->{in} =~ s/^(?:\r\n)+//;    # RFC 9112 section 2.2
	my $end = index $c->{in}, "\r\n\r\n";
	refuse(431, 'The head is too long.') if ($end < 0 ? length $c->{in} : $end) > HEAD_MAX;
	if ($end < 0) {
		refuse(400, 'A line does not end with CR LF.') if $c->{in} =~ /(?<!\r)\n/;
		return 0;
	}
	my $head = substr $c->{in}, 0, $end, '';
	substr $c->{in}, 0, 4, '';
	my $request = $c->{request} = parse_head($head);
	$c->{state} = framing($request);
	my $expect = lc($request->{fields}{expect} // '');
	refuse(417, 'The only expectation here is 100-continue.')
		if $expect !~ /^(?:|100-continue)$/;
	my $body_comes = $c->{in} eq '' && ($c->{state} eq 'size' || $request->{left} > 0);
	$c->{out} .= "HTTP/1.1 100 Continue\r\n\r\n"
		if $expect && $request->{minor} && $body_comes;
	return 1;
}

# Moves body bytes; true when all that were announced are there.
sub take_bytes {
	my ($c) = @_;
	my $taken = substr $c->{in}, 0, $c->{request}{left}, '';
	$c->{request}{body} .= $taken;
	$c->{request}{left} -= length $taken;
	return $c->{request}{left} == 0;
}

# A line of the chunked coding without its end, or undef if it is not there yet.
sub take_line {
	my ($c) = @_;
	my $end = index $c->{in}, "\r\n";
	refuse(400, 'A line of the chunked body is too long.')
		if ($end < 0 ? length $c->{in} : $end) > LINE_MAX;
	return undef if $end < 0;
	my $line = substr $c->{in}, 0, $end, '';
	substr $c->{in}, 0, 2, '';
	refuse(400, 'A line of the chunked body is wrong.')
		if $line =~ /[\x00-\x08\x0a-\x1f\x7f]/;
	return $line;
}

sub take_size {
	my ($c, $line) = @_;
	my ($size) = $line =~ /^([0-9A-Fa-f]{1,8})(?:[ \t]*;.*)?$/
		or refuse(400, 'A chunk size is wrong.');
	$c->{request}{left} = hex $size;
	refuse(413, 'The body is too long.')
		if length($c->{request}{body}) + $c->{request}{left} > BODY_MAX;
	$c->{state} = $c->{request}{left} ? 'data' : 'trailers';
}

# One step on; false when it needs more input. The request is complete in the state "done".
sub request_take {
	my ($c) = @_;
	return take_head($c) if $c->{state} eq 'head';
	if ($c->{state} eq 'length' || $c->{state} eq 'data') {
		return 0 if !take_bytes($c);
		$c->{state} = $c->{state} eq 'data' ? 'end' : 'done';
		return 1;
	}
	my $line = take_line($c);
	return 0 if !defined $line;
	if ($c->{state} eq 'size') {
		take_size($c, $line);
	} elsif ($c->{state} eq 'end') {
		refuse(400, 'A chunk does not end where it should.') if $line ne '';
		$c->{state} = 'size';
	} elsif ($line eq '') {
		$c->{state} = 'done';
	} else {
		refuse(431, 'There are too many trailers.')
			if ++$c->{request}{trailers} > FIELDS_MAX;
	}
	return 1;
}

1;
