/* SPDX-License-Identifier: MIT */
#include "ending.h"

#include <stddef.h>

struct ending_row {
	const char *name, *status, *sentence, *reason;
	bool blames_backend;
};

static const struct ending_row endings[ENDING_COUNT] = {
	[ENDING_DONE] = {"done", NULL, NULL,
		"The response was passed on whole, or both sides of a stream have ended.", false},
	[ENDING_BAD_REQUEST] = {"bad-request", "400 Bad Request",
		"The request is not well-formed HTTP/1.1.",
		"The request was not well-formed HTTP/1.1; it was not passed on whole.", false},
	[ENDING_TARGET_TOO_LONG] = {"target-too-long", "414 URI Too Long",
		"The request target is too long.", "The request target was too long.", false},
	[ENDING_HEAD_TOO_LARGE] = {"head-too-large", "431 Request Header Fields Too Large",
		"The request has too many or too large header fields.",
		"The request had too many or too large header fields.", false},
	[ENDING_NOT_IMPLEMENTED] = {"not-implemented", "501 Not Implemented",
		"The only transfer coding understood here is chunked.",
		"The request had a transfer coding other than chunked.", false},
	[ENDING_VERSION] = {"version", "505 HTTP Version Not Supported",
		"Only HTTP/1.0 and HTTP/1.1 are spoken here.",
		"The request was of another version than HTTP/1.0 and HTTP/1.1.", false},
	[ENDING_CONNECT_METHOD] = {"connect-method", "405 Method Not Allowed",
		"CONNECT is not offered here.",
		"The client asked for a forward proxy with CONNECT.", false},
	[ENDING_OPTIONS_HERE] = {"options-here", "200 OK",
		"Max-Forwards ended the way of the request here.",
		"Max-Forwards ended the way of an OPTIONS request here.", false},
	[ENDING_TRACE_HERE] = {"trace-here", "405 Method Not Allowed",
		"Max-Forwards ended the way of the request here, and TRACE is not answered here.",
		"Max-Forwards ended the way of a TRACE request here.", false},
	[ENDING_PROXY_HEADER] = {"proxy-header", NULL, NULL,
		"A trusted front end did not begin with a PROXY header, or with a broken one.",
		false},
	[ENDING_MISDIRECTED] = {"misdirected", "421 Misdirected Request",
		"What is asked for by https is not given on a connection that is not secured.",
		"Something was asked for by https on a connection that is not secured.", false},
	[ENDING_CLIENT_SLOW] = {"client-slow", "408 Request Timeout",
		"The request did not arrive in time.", "The request did not arrive in time.",
		false},
	[ENDING_CLIENT_GONE] = {"client-gone", NULL, NULL,
		"The client closed or reset its connection before it had the whole answer.", false},
	[ENDING_CLIENT_STALLED] = {"client-stalled", NULL, NULL,
		"The client did not read its answer for too long.", false},
	[ENDING_HOLD_EXPIRED] = {"hold-expired", "503 Service Unavailable",
		"The application is restarting and was not ready in time. Please try again.",
		"The request was held for as long as the configuration allows.", false},
	[ENDING_HOLD_FULL] = {"hold-full", "503 Service Unavailable",
		"The application is restarting and too many requests wait already. Please try "
		"again.",
		"Too many requests, or too many bytes of them, were held already.", false},
	[ENDING_HOLD_LEFT] = {"hold-left", "503 Service Unavailable",
		"The connection was closed while the request waited; it was not executed.",
		"The client closed while its request was held; it was not sent.", false},
	[ENDING_TOO_MANY_CLIENTS] = {"too-many-clients", "503 Service Unavailable",
		"Too many connections are open. Please try again.",
		"The limit of client connections was reached.", false},
	[ENDING_NO_MEMORY] = {"no-memory", "503 Service Unavailable",
		"The server is out of resources. Please try again.",
		"The relay had no memory left.", false},
	[ENDING_BACKEND_RESET] = {"backend-reset", "502 Bad Gateway",
		"The application closed the connection without an answer.",
		"The application closed or reset the connection before it answered.", true},
	[ENDING_BACKEND_BAD] = {"backend-bad", "502 Bad Gateway",
		"The application's answer is not well-formed HTTP/1.1.",
		"The application's answer was not well-formed HTTP/1.1.", true},
	[ENDING_BACKEND_TRUNCATED] = {"backend-truncated", NULL, NULL,
		"The application ended in the middle of its response; the client was cut off.",
		true},
	[ENDING_BACKEND_SLOW] = {"backend-slow", "504 Gateway Timeout",
		"The application did not answer in time.",
		"The application did not answer in time, or stopped in the middle.", true},
	[ENDING_CUT] = {"cut", "504 Gateway Timeout",
		"The application is restarting and this request took longer than is allowed then.",
		"A drain's limit had passed.", false},
	[ENDING_SHUTDOWN] = {"shutdown", "503 Service Unavailable",
		"The server is shutting down. Please try again.", "The relay was told to stop.",
		false},
	[ENDING_TUNNEL_RESET] = {"tunnel-reset", NULL, NULL,
		"The application reset a connection that is relayed as bytes.", false},
};

const char *ending_name(enum ending ending)
{
	return endings[ending].name;
}

const char *ending_status(enum ending ending)
{
	return endings[ending].status;
}

const char *ending_sentence(enum ending ending)
{
	return endings[ending].sentence;
}

const char *ending_reason(enum ending ending)
{
	return endings[ending].reason;
}

bool ending_blames_backend(enum ending ending)
{
	return endings[ending].blames_backend;
}
