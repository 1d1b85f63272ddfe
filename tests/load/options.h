/* SPDX-License-Identifier: MIT */
/*
 * The command line: what is asked of whom, how fast, and what counts as a failure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct options {
	const char *url;
	char host[264]; /* as in the Host field: name or address, and the port */
	struct sockaddr_storage address;
	socklen_t address_size;

	unsigned int keepalive; /* connections that are kept */
	unsigned int close;	/* clients that open one for every request */
	unsigned int spare;	/* kept ones, for what is due while all others wait */
	unsigned int websocket, sse;
	unsigned int writes; /* percent */
	uint64_t think_usec; /* mean of a random pause; 0: none */
	double rate;	     /* requests a second, due by the clock; 0: as answers come */
	uint64_t duration_usec;
	uint64_t timeout_usec;
	uint64_t download, upload; /* bytes, once each; 0: not */
	const char *read_path, *write_path;
	const char *log, *json;
	bool hold_ok, cut_ok, no_receipt, quiet;
};

/* 0; 1: --help was asked and answered; or -EINVAL after one sentence on stderr. */
int options_read(int argc, char **argv, struct options *ret_options);
