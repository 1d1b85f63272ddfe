/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "guarded.h"
#include "proxy-header.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

#define TEXT(literal) (literal), sizeof(literal) - 1

static struct proxy_header header;

/* Byte by byte, each time with nothing behind: more until the last byte, then the verdict, which
 * does not change with what follows. */
static enum proxy_verdict parse(const char *bytes, size_t size)
{
	struct proxy_header untouched = {.size = 12345};
	enum proxy_verdict verdict = PROXY_MORE;
	size_t split = 0;
	char more[8192];

	for (; split <= size && verdict == PROXY_MORE; split++) {
		header = untouched;
		verdict = proxy_header_parse(guarded_copy(bytes, split), split, &header);
		if (verdict != PROXY_OK)
			assert_memory_equal(&header, &untouched, sizeof(header));
	}
	if (verdict == PROXY_OK)
		assert_int_equal(header.size, split - 1);
	if (verdict == PROXY_MORE || size + 8 > sizeof(more))
		return verdict;
	memcpy(more, bytes, size);
	memcpy(more + size, "GET /\r\n\n", 8);
	assert_int_equal(proxy_header_parse(more, size + 8, &untouched), verdict);
	if (verdict == PROXY_OK)
		assert_memory_equal(&header, &untouched, sizeof(header));
	return verdict;
}

static void ends_are(const char *source, unsigned int port, const char *destination,
	unsigned int destination_port)
{
	char text[ENDPOINT_TEXT_MAX];

	assert_true(header.relayed);
	assert_true(header.source.known && header.destination.known);
	(void)endpoint_text(&header.source, text);
	assert_string_equal(text, source);
	(void)endpoint_text(&header.destination, text);
	assert_string_equal(text, destination);
	assert_int_equal(header.source.port, port);
	assert_int_equal(header.destination.port, destination_port);
}

static void a_line_names_both_ends(void **state)
{
	(void)state;
	assert_int_equal(parse(TEXT("PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n")), PROXY_OK);
	ends_are("192.0.2.7", 56324, "198.51.100.1", 443);
	assert_int_equal(parse(TEXT("PROXY TCP6 2001:db8::1 ::1 0 65535\r\n")), PROXY_OK);
	ends_are("2001:db8::1", 0, "::1", 65535);
	assert_int_equal(
		parse(TEXT("PROXY TCP6 ::ffff:192.0.2.7 ::ffff:198.51.100.1 1 2\r\n")), PROXY_OK);
	ends_are("192.0.2.7", 1, "198.51.100.1", 2);
}

static void unknown_leaves_the_connection_its_own_ends(void **state)
{
	(void)state;
	assert_int_equal(parse(TEXT("PROXY UNKNOWN\r\n")), PROXY_OK);
	assert_false(header.relayed);
	assert_int_equal(parse(TEXT("PROXY UNKNOWN ffff:f...f:ffff 1 \t x\r\n")), PROXY_OK);
	assert_false(header.relayed);
}

static void the_longest_line_fits_and_no_longer_one(void **state)
{
	/* The specification's own worst case. */
	static const char worst[] = "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
				    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n";
	char longer[PROXY_HEADER_V1_MAX + 2];

	(void)state;
	assert_int_equal(sizeof(worst) - 1, PROXY_HEADER_V1_MAX);
	assert_int_equal(parse(TEXT(worst)), PROXY_OK);
	memset(longer, 'x', sizeof(longer));
	memcpy(longer, "PROXY UNKNOWN ", 14);
	memcpy(longer + sizeof(longer) - 3, "\r\n", 2);
	assert_int_equal(parse(longer, sizeof(longer) - 1), PROXY_BAD);
	assert_int_equal(parse(longer, PROXY_HEADER_V1_MAX - 1), PROXY_MORE);
	assert_int_equal(parse(longer, PROXY_HEADER_V1_MAX), PROXY_BAD);
}

static void a_line_that_is_not_exactly_one_is_refused(void **state)
{
	static const char *const bad[] = {
		"GET / HTTP/1.1\r\n",
		"proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
		"PROXY\r\n",
		"PROXY \r\n",
		"PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
		"PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n",
		"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
		"PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n",
		"PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n",
		"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
		"PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n",
		"PROXY TCP4 1.2.3.4\t1.2.3.4 1 2\r\n",
		"PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n",
		"PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n",
		"PROXY TCP4 1.2.3.4 1.2.3.4 1 123456\r\n",
		"PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n",
		"PROXY TCP4 1.2.3.4 1.2.3.4  2\r\n",
		"PROXY TCP4 1.2.3.4 01.2.3.4 1 2\r\n",
		"PROXY TCP4 ::1 ::1 1 2\r\n",
		"PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
		"PROXY TCP6 ::1 1.2.3.4 1 2\r\n",
		"PROXY TCP4\r\n",
		"PROXY UNKNOWNS\r\n",
		"PROXY UNKNOWN\n",
		"PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n",
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(bad); i++)
		assert_int_equal(parse(bad[i], strlen(bad[i])), PROXY_BAD);
	assert_int_equal(parse(TEXT("PROXY TCP4 1.2.3.4\0 1.2.3.4 1 2\r\n")), PROXY_BAD);
}

static void binary_headers_name_both_ends(void **state)
{
	(void)state;
	assert_int_equal(
		parse(TEXT(SIGNATURE "\x21\x11\0\x0c\xc0\0\2\7\xc6\x33\x64\1\x12\x34\1\xbb")),
		PROXY_OK);
	ends_are("192.0.2.7", 0x1234, "198.51.100.1", 443);
	assert_int_equal(parse(TEXT(SIGNATURE "\x21\x21\0\x24\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
					      "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\1\0\2")),
		PROXY_OK);
	ends_are("2001:db8::1", 1, "::1", 2);
	/* A datagram's ends are addresses like any. */
	assert_int_equal(
		parse(TEXT(SIGNATURE "\x21\x12\0\x0c\xc0\0\2\7\xc6\x33\x64\1\0\1\0\2")), PROXY_OK);
	ends_are("192.0.2.7", 1, "198.51.100.1", 2);
}

static void what_follows_the_addresses_is_passed_over(void **state)
{
	(void)state;
	assert_int_equal(parse(TEXT(SIGNATURE "\x21\x11\0\x13\xc0\0\2\7\xc6\x33\x64\1\0\1\0\2"
					      "\3\0\4\xde\xad\xbe\xef")),
		PROXY_OK);
	ends_are("192.0.2.7", 1, "198.51.100.1", 2);
	/* Not even a whole vector. */
	assert_int_equal(parse(TEXT(SIGNATURE "\x21\x11\0\x0d\xc0\0\2\7\xc6\x33\x64\1\0\1\0\2\4")),
		PROXY_OK);
	assert_int_equal(header.size, 29);
}

static void local_leaves_the_connection_its_own_ends(void **state)
{
	(void)state;
	assert_int_equal(parse(TEXT(SIGNATURE "\x20\0\0\0")), PROXY_OK);
	assert_false(header.relayed);
	assert_int_equal(
		parse(TEXT(SIGNATURE "\x20\x11\0\x0c\xc0\0\2\7\xc6\x33\x64\1\0\1\0\2")), PROXY_OK);
	assert_false(header.relayed);
	/* Whatever it says of a family and addresses. */
	assert_int_equal(parse(TEXT(SIGNATURE "\x20\xf1\0\1x")), PROXY_OK);
	assert_false(header.relayed);
	assert_int_equal(parse(TEXT(SIGNATURE "\x21\0\0\3abc")), PROXY_OK);
	assert_false(header.relayed);
}

static void a_client_of_a_unix_socket_has_no_address(void **state)
{
	char bytes[16 + 216] = SIGNATURE "\x21\x31\0\xd8/run/x";

	(void)state;
	assert_int_equal(parse(bytes, sizeof(bytes)), PROXY_OK);
	assert_true(header.relayed);
	assert_false(header.source.known || header.destination.known);
}

static void a_binary_header_of_another_form_is_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} bad[] = {
		{TEXT("\r\n\r\n\0\r\nQUIT\r\x21\x11\0\x0c")},
		{TEXT("\r\nGET / HTTP/1.1\r\n")},
		{TEXT(SIGNATURE "\x11\x11\0\x0c")},
		{TEXT(SIGNATURE "\x31\x11\0\x0c")},
		{TEXT(SIGNATURE "\x22\x11\0\x0c")},
		{TEXT(SIGNATURE "\x21\x13\0\x0c")},
		{TEXT(SIGNATURE "\x21\x41\0\x01x")},
		{TEXT(SIGNATURE "\x21\x11\0\x0b\xc0\0\2\7\xc6\x33\x64\1\0\1\0")},
		{TEXT(SIGNATURE "\x21\x21\0\x0c\xc0\0\2\7\xc6\x33\x64\1\0\1\0\2")},
		{TEXT(SIGNATURE "\x21\x31\0\x0c\xc0\0\2\7\xc6\x33\x64\1\0\1\0\2")},
		{TEXT(SIGNATURE "\x21\x11\xff\xff")},
		{TEXT(SIGNATURE "\x20\0\x0f\xf1")},
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(bad); i++)
		assert_int_equal(parse(bad[i].bytes, bad[i].size), PROXY_BAD);
}

static void the_largest_binary_header_is_taken(void **state)
{
	static char bytes[PROXY_HEADER_V2_MAX] = SIGNATURE "\x20\0\x0f\xf0";

	(void)state;
	assert_int_equal(parse(bytes, sizeof(bytes)), PROXY_OK);
	assert_int_equal(header.size, PROXY_HEADER_V2_MAX);
}

/* ---- writing ---- */

static struct endpoint end_of(const char *text, uint16_t port)
{
	struct endpoint endpoint;

	assert_int_equal(endpoint_parse(text, strlen(text), &endpoint), 0);
	endpoint.port = port;
	return endpoint;
}

static void written(enum proxy_version version, const char *source, const char *destination,
	const char *wanted, size_t size)
{
	struct endpoint from = end_of(source, 56324), to = end_of(destination, 443);
	char out[PROXY_HEADER_WRITE_MAX];

	assert_int_equal(proxy_header_write(version, &from, &to, out), size);
	assert_memory_equal(out, wanted, size);
	assert_int_equal(parse(out, size), PROXY_OK);
	assert_memory_equal(&header.source, &from, sizeof(from));
	assert_memory_equal(&header.destination, &to, sizeof(to));
}

static void what_is_written_is_as_specified_and_reads_back(void **state)
{
	(void)state;
	written(PROXY_VERSION_1, "192.0.2.7", "198.51.100.1",
		TEXT("PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n"));
	written(PROXY_VERSION_1, "2001:db8::1", "::1",
		TEXT("PROXY TCP6 2001:db8::1 ::1 56324 443\r\n"));
	written(PROXY_VERSION_2, "192.0.2.7", "198.51.100.1",
		TEXT(SIGNATURE "\x21\x11\0\x0c\xc0\0\2\7\xc6\x33\x64\1\xdc\4\1\xbb"));
	written(PROXY_VERSION_2, "2001:db8::1", "::1",
		TEXT(SIGNATURE "\x21\x21\0\x24\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
			       "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\xdc\4\1\xbb"));
}

static void of_two_families_the_wider_one_is_written(void **state)
{
	(void)state;
	written(PROXY_VERSION_1, "192.0.2.7", "2001:db8::1",
		TEXT("PROXY TCP6 ::ffff:192.0.2.7 2001:db8::1 56324 443\r\n"));
	written(PROXY_VERSION_2, "2001:db8::1", "192.0.2.7",
		TEXT(SIGNATURE "\x21\x21\0\x24\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
			       "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\7\xdc\4\1\xbb"));
}

static void the_longest_addresses_fit(void **state)
{
	static const char longest[] = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
	struct endpoint end = end_of(longest, 65535);
	char out[PROXY_HEADER_WRITE_MAX];

	(void)state;
	assert_int_equal(proxy_header_write(PROXY_VERSION_1, &end, &end, out), 104);
	assert_int_equal(parse(out, 104), PROXY_OK);
	ends_are(longest, 65535, longest, 65535);
}

static void who_has_no_address_is_said_to_be_unknown(void **state)
{
	struct endpoint known = end_of("192.0.2.7", 1), unknown = {0};
	char out[PROXY_HEADER_WRITE_MAX];

	(void)state;
	assert_int_equal(proxy_header_write(PROXY_VERSION_1, &unknown, &known, out), 15);
	assert_memory_equal(out, "PROXY UNKNOWN\r\n", 15);
	assert_int_equal(proxy_header_write(PROXY_VERSION_2, &known, &unknown, out), 16);
	assert_memory_equal(out, SIGNATURE "\x20\0\0\0", 16);
}

static void versions_have_names(void **state)
{
	(void)state;
	assert_int_equal(proxy_version_from_name("no"), PROXY_VERSION_NONE);
	assert_int_equal(proxy_version_from_name("v1"), PROXY_VERSION_1);
	assert_int_equal(proxy_version_from_name("v2"), PROXY_VERSION_2);
	assert_int_equal(proxy_version_from_name("v3"), -EINVAL);
	assert_int_equal(proxy_version_from_name("yes"), -EINVAL);
	assert_string_equal(proxy_version_name(PROXY_VERSION_2), "v2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_names_both_ends),
		cmocka_unit_test(unknown_leaves_the_connection_its_own_ends),
		cmocka_unit_test(the_longest_line_fits_and_no_longer_one),
		cmocka_unit_test(a_line_that_is_not_exactly_one_is_refused),
		cmocka_unit_test(binary_headers_name_both_ends),
		cmocka_unit_test(what_follows_the_addresses_is_passed_over),
		cmocka_unit_test(local_leaves_the_connection_its_own_ends),
		cmocka_unit_test(a_client_of_a_unix_socket_has_no_address),
		cmocka_unit_test(a_binary_header_of_another_form_is_refused),
		cmocka_unit_test(the_largest_binary_header_is_taken),
		cmocka_unit_test(what_is_written_is_as_specified_and_reads_back),
		cmocka_unit_test(of_two_families_the_wider_one_is_written),
		cmocka_unit_test(the_longest_addresses_fit),
		cmocka_unit_test(who_has_no_address_is_said_to_be_unknown),
		cmocka_unit_test(versions_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
