/* SPDX-License-Identifier: MIT */
/*
 * HTTP/1.x messages (RFC 9112), read strictly: a message that two parsers could frame
 * differently is refused, not repaired. Pure: no I/O, no allocation; it looks at bytes that the
 * caller keeps contiguous and never writes into them.
 *
 * A message is a head, then a body. http1_request_parse() or http1_response_parse() reads a
 * whole head; it says how the body is framed; http1_body_feed() then finds where it ends.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each nomination is looked for among all fields: 32 KiB of `a,a,a` must not cost a million
 * comparisons. */
#define HTTP1_NOMINATIONS_MAX 16    /* fields that Connection names */
#define HTTP1_HEADERS_MAX     100   /* fields in a head, as in Apache's LimitRequestFields */
#define HTTP1_HEAD_MAX	      32768 /* bytes of a head, its empty line included */
#define HTTP1_TRAILER_MAX     8192  /* bytes of a trailer section */
#define HTTP1_CHUNK_LINE_MAX  256   /* bytes of a chunk-size line, its extensions included */

/* What became of a parse. Everything above HTTP1_MORE is final for the connection. */
enum http1_verdict {
	HTTP1_OK,
	HTTP1_MORE,	       /* not whole yet */
	HTTP1_BAD,	       /* 400: not HTTP/1.x, or of doubtful framing */
	HTTP1_TOO_LARGE,       /* 431: HTTP1_HEAD_MAX, _HEADERS_MAX or _NOMINATIONS_MAX */
	HTTP1_TARGET_TOO_LONG, /* 414: the request line alone is over the limit */
	HTTP1_NOT_IMPLEMENTED, /* 501: a transfer coding other than chunked (section 6.1) */
	HTTP1_VERSION,	       /* 505: HTTP/2 and up, or a version we do not know */
	HTTP1_VERDICT_COUNT,
};

/* The header fields that a proxy must look at; everything else is HTTP1_OTHER. */
enum http1_field {
	HTTP1_OTHER,
	HTTP1_CONNECTION,
	HTTP1_CONTENT_LENGTH,
	HTTP1_CONTENT_TYPE,
	HTTP1_DATE,
	HTTP1_EXPECT,
	HTTP1_FORWARDED,
	HTTP1_HOST,
	HTTP1_KEEP_ALIVE,
	HTTP1_MAX_FORWARDS,
	HTTP1_PROXY_CONNECTION,
	HTTP1_TE,
	HTTP1_TRAILER,
	HTTP1_TRANSFER_ENCODING,
	HTTP1_UPGRADE,
	HTTP1_X_FORWARDED_FOR,
	HTTP1_X_FORWARDED_PROTO,
	HTTP1_X_FORWARDED_HOST,
	HTTP1_X_REAL_IP,
	HTTP1_X_FORWARDED, /* any other name that begins so */
	HTTP1_FIELD_COUNT,
};

/* A piece of the head, by offset, so that it stays true when the buffer moves. */
struct http1_span {
	uint32_t offset;
	uint32_t length;
};

struct http1_header {
	enum http1_field field;
	bool hop_by_hop;	/* not to be forwarded as it is: of this connection only (named in
				 * RFC 9110 section 7.6.1, or by Connection, which cannot name what
				 * is meant for the application); X_Forwarded_For and the like, which
				 * WSGI takes for X-Forwarded-For; Content-Length and
				 * Transfer-Encoding in a 1xx or 204; Host where the target itself
				 * names one; Expect in HTTP/1.0. Transfer-Encoding is otherwise
				 * forwarded, because the chunks are, as they came */
	struct http1_span line; /* the whole line, CRLF included */
	struct http1_span name;
	struct http1_span value; /* without the white space around it */
};

enum http1_framing {
	HTTP1_NO_BODY,	   /* the message ends with its head */
	HTTP1_LENGTH,	   /* Content-Length bytes */
	HTTP1_CHUNKED,	   /* chunks, then trailers */
	HTTP1_UNTIL_CLOSE, /* a response without either: ends with the connection */
	HTTP1_TUNNEL,	   /* 101, or 2xx to CONNECT: no message any more, bytes both ways */
	HTTP1_FRAMING_COUNT,
};

enum http1_method {
	HTTP1_METHOD_OTHER, /* not safe */
	HTTP1_GET,
	HTTP1_HEAD,
	HTTP1_OPTIONS,
	HTTP1_TRACE,
	HTTP1_POST,
	HTTP1_PUT,
	HTTP1_DELETE,
	HTTP1_PATCH,
	HTTP1_CONNECT,
	HTTP1_METHOD_COUNT,
};

/* One head, of either kind. About 3.3 KiB: keep one a worker, not one a connection. */
struct http1_head {
	uint32_t size;	       /* bytes, the empty line included */
	uint32_t first_header; /* offset behind the request or status line */
	uint8_t minor;	       /* HTTP/1.minor: 0 or 1 */
	bool keep_alive;       /* by version and Connection (RFC 9112 section 9.3) */
	bool upgrade;	       /* Connection: upgrade, and an Upgrade field, in HTTP/1.1 */
	bool nominates;	       /* Connection names fields that end here */
	enum http1_framing framing;
	uint64_t content_length; /* if framing is HTTP1_LENGTH; also what a response to HEAD or a
				  * 304 says (0 if nothing) */
	uint32_t fields;	 /* 1 << enum http1_field for each that is there */
	uint32_t header_count;
	struct http1_header headers[HTTP1_HEADERS_MAX];

	/* Requests */
	enum http1_method method;
	bool absolute; /* the target was `http://HOST/...`: host is that HOST, and target what
			* stands behind it; it may be empty or begin with `?` */
	bool secured;  /* and it was `https://` */
	struct http1_span method_name, target;
	struct http1_span host; /* value of Host; length 0 if there is none (HTTP/1.0) */
	bool expect_continue;	/* Expect: 100-continue */

	/* Responses */
	uint16_t status;   /* 100..599 */
	bool event_stream; /* Content-Type: text/event-stream: a stream, not a plain response */
	bool dated;	   /* there is a Date */
};

/* Safe methods: RFC 9110 section 9.2.1. */
bool http1_method_is_safe(enum http1_method method);

/* 400, 414, 431, 501, 505 for a verdict that refuses a request; the reason is one short
 * sentence for the body of the answer and the log. Only for verdicts above HTTP1_MORE. */
unsigned int http1_verdict_status(enum http1_verdict verdict);
const char *http1_verdict_reason(enum http1_verdict verdict);

/*
 * Reads the request head at the start of bytes[0..size). Empty lines before the request line
 * are not part of it: skip them first with http1_skip_empty_lines(). On HTTP1_MORE call again
 * with more bytes; `seen` (0 at first) remembers how far the end was searched, so that bytes
 * that come one by one are not searched again and again. What is wrong in a head that is not
 * whole may be refused at once or when it is whole. *ret_head is written while it is read: it
 * means something only with HTTP1_OK.
 *
 * Refused, among others: both Content-Length and Transfer-Encoding; Content-Length repeated, even
 * with the same value, a list, signed, or over 2^63-1; a Transfer-Encoding that is not exactly one
 * `chunked`, or in HTTP/1.0; a tab behind the value of either; bare LF or bare CR; obs-fold; white
 * space before the colon or before the first field; control characters (HTAB in values excepted)
 * and NUL; empty field names, names with non-token characters; no Host or several in HTTP/1.1; a
 * target with white space, control characters or bytes above 0x7e, or that is neither a path, an
 * absolute URI, `*` of OPTIONS nor what CONNECT names; an absolute URI of a scheme other than http
 * and https, without a host, with user information or a fragment; a Host that is no host and port;
 * several spaces in the request line; content of CONNECT. A method is a token of up to 32 bytes.
 */
enum http1_verdict http1_request_parse(
	const char *bytes, size_t size, uint32_t *seen, struct http1_head *ret_head);

/*
 * The same for a response; `request` is the method it answers (HEAD has no body; 2xx to CONNECT
 * is a tunnel). 1xx other than 101 are HTTP1_NO_BODY and the final response is still to come.
 * 101 is HTTP1_TUNNEL. 204 and 304 have no body whatever they say.
 */
enum http1_verdict http1_response_parse(const char *bytes, size_t size, uint32_t *seen,
	enum http1_method request, struct http1_head *ret_head);

/*
 * What HTTP/2 begins with where both sides know beforehand that it is spoken (RFC 9113 section
 * 3.4): `PRI * HTTP/2.0`, an empty line, `SM`, an empty line. HTTP1_OK: the bytes begin with it;
 * HTTP1_MORE: so far; HTTP1_BAD: they begin with something else.
 */
enum http1_verdict http1_preface_match(const char *bytes, size_t size);

/* How many bytes of CRLF stand before a request line (RFC 9112 section 2.2); a lone CR at the end
 * is not counted. */
size_t http1_skip_empty_lines(const char *bytes, size_t size);

/* Where the end of a body is. */
struct http1_body {
	enum http1_framing framing;
	uint8_t state;	    /* private to http1-body.c */
	bool no_trailers;   /* Connection names fields that end here, perhaps one of those */
	uint16_t line;	    /* bytes of the current chunk-size or trailer section */
	uint64_t remaining; /* bytes of the body (HTTP1_LENGTH) or of the current chunk's data */
};

struct http1_body http1_body_begin(const struct http1_head *head);

/* True if this is a body that these functions may have made, or one that never began (zeros): to be
 * asked of what came from elsewhere before it is fed. */
bool http1_body_is_sound(const struct http1_body *body);

/* True if the message has ended: at once for HTTP1_NO_BODY and for a length of 0. */
bool http1_body_ended(const struct http1_body *body);

/*
 * Takes bytes of the body, framing included, as they are on the wire: *ret_taken of them belong
 * to this message and may be forwarded as they are; what is behind belongs to the next one.
 * Chunk extensions are accepted if made of printable ASCII and HTAB; trailers if they are
 * well-formed fields other than those that frame or route (Content-Length, Transfer-Encoding, Host,
 * Trailer, Connection, TE, Upgrade …: RFC 9110 section 6.5.1) and if Connection takes no field
 * away: it takes trailers too (section 7.6.1), and these are on their way before their name is
 * whole. HTTP1_OK: the message has ended. HTTP1_MORE: all was taken and more is to come. HTTP1_BAD:
 * doubtful framing; *ret_taken is what was good before it. HTTP1_TUNNEL and HTTP1_UNTIL_CLOSE take
 * everything and never end here.
 */
enum http1_verdict http1_body_feed(
	struct http1_body *body, const char *bytes, size_t size, size_t *ret_taken);

/*
 * The same, one span at a time, for a receiver that does not speak chunked (HTTP/1.0): each call
 * takes either only payload (*ret_payload true: forward it) or only framing (false: drop it).
 */
enum http1_verdict http1_body_feed_span(struct http1_body *body, const char *bytes, size_t size,
	size_t *ret_taken, bool *ret_payload);

/*
 * Bytes that the kernel may move without our looking at them (splice): the rest of a length, of
 * a chunk's data, or UINT64_MAX for what ends with the connection. 0 if the next byte is framing.
 */
uint64_t http1_body_opaque(const struct http1_body *body);
/* n of them were moved; n is at most what http1_body_opaque() said. */
void http1_body_moved(struct http1_body *body, uint64_t n);
