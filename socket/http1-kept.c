/* SPDX-License-Identifier: MIT */
/*
 * Knows which fields stay whatever Connection says of them.
 */
#include "http1-parts.h"

#include <string.h>

#include "base/cleanup.h"

/*
 * Beginnings of names that Connection must not take away, though a client may write them there:
 * they are meant for the application (RFC 9110 section 7.6.1: "intended for all recipients"),
 * and a request that arrives without them is another request. What frames and routes would let
 * its body be read as the next request; credentials, origins and addresses are what a proxy or
 * browser put in and the application trusts; a write without its If-Match overwrites.
 */
static const char *const kept_beginnings[] = {
	"authorization",
	"cache-control",
	"content-",
	"cookie",
	"date",
	"expect",
	"forwarded",
	"host",
	"if-",
	"max-forwards",
	"origin",
	"range",
	"referer",
	"sec-",
	"set-cookie",
	"trailer",
	"transfer-encoding",
	"via",
	"x-forwarded-",
	"x-real-ip",
};

bool http1_begins_with(const char *bytes, size_t length, const char *beginning)
{
	size_t n = strlen(beginning);

	if (length < n)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((bytes[i] | 0x20) != beginning[i])
			return false;
	return true;
}

bool http1_is_kept(const char *name, size_t length)
{
	for (size_t i = 0; i < ELEMENTS(kept_beginnings); i++)
		if (http1_begins_with(name, length, kept_beginnings[i]))
			return true;
	return false;
}
