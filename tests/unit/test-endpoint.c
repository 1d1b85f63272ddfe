/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "endpoint.h"

static const char *text_of(const struct endpoint *endpoint)
{
	static char text[ENDPOINT_TEXT_MAX];
	size_t length = endpoint_text(endpoint, text);

	assert_int_equal(length, strlen(text));
	return text;
}

static void an_ipv4_address_reads_and_writes_itself(void **state)
{
	static const char *const texts[] = {
		"0.0.0.0", "1.2.3.4", "127.0.0.1", "10.99.100.9", "255.255.255.255"};
	struct endpoint endpoint;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(texts); i++) {
		assert_int_equal(endpoint_parse(texts[i], strlen(texts[i]), &endpoint), 0);
		assert_true(endpoint.known && endpoint_is_ipv4(&endpoint));
		assert_string_equal(text_of(&endpoint), texts[i]);
	}
}

/* RFC 5952: lower case, no zeros in front, the first longest run of zeros as `::`, and no single
 * zero. */
static void an_ipv6_address_is_written_in_its_one_form(void **state)
{
	static const struct {
		const char *read, *written;
	} rows[] = {
		{"::", "::"},
		{"::1", "::1"},
		{"1::", "1::"},
		{"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
		{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
		{"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
		{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
		{"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
		{"0:0:3:4:5:6:7:8", "::3:4:5:6:7:8"},
		{"0:2:3:4:5:6:7:0", "0:2:3:4:5:6:7:0"},
		{"fe80::a0:b:c00:d000", "fe80::a0:b:c00:d000"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
			"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
		{"::ffff:192.0.2.7", "192.0.2.7"},
		{"::ffff:c000:207", "192.0.2.7"},
	};
	struct endpoint endpoint;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		assert_int_equal(endpoint_parse(rows[i].read, strlen(rows[i].read), &endpoint), 0);
		assert_string_equal(text_of(&endpoint), rows[i].written);
	}
}

/* Each group zero or not, in all ways: as the C library writes it. */
static void each_run_of_zeros_is_written_as_the_library_does(void **state)
{
	char wanted[INET6_ADDRSTRLEN];

	(void)state;
	for (unsigned int zeros = 0; zeros < 256; zeros++) {
		struct endpoint endpoint = {.known = true};

		for (unsigned int i = 0; i < 8; i++)
			endpoint.address[2 * i + 1] = (uint8_t)(zeros >> i & 1 ? 0 : i + 1);
		/* ::1.2.3.4 is how it writes what only its last 32 bits have. */
		if ((zeros & 0x3f) == 0x3f)
			continue;
		assert_non_null(inet_ntop(AF_INET6, endpoint.address, wanted, sizeof(wanted)));
		assert_string_equal(text_of(&endpoint), wanted);
	}
}

static void the_mapped_form_is_written_where_it_is_asked_for(void **state)
{
	struct endpoint endpoint;
	char text[ENDPOINT_TEXT_MAX];

	(void)state;
	assert_int_equal(endpoint_parse("192.0.2.7", 9, &endpoint), 0);
	assert_int_equal(endpoint_text_ipv6(&endpoint, text), 16);
	assert_string_equal(text, "::ffff:192.0.2.7");
	assert_int_equal(endpoint_parse("::1", 3, &endpoint), 0);
	assert_int_equal(endpoint_text_ipv6(&endpoint, text), 3);
	assert_string_equal(text, "::1");
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const bad[] = {"", " ", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4",
		"1.2.3.4 ", "0x1.2.3.4", "localhost", ":", ":::", "1:2:3:4:5:6:7", "fe80::1%lo",
		"[::1]", "1.2.3.4:80", "12345::1",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb"};
	struct endpoint endpoint = {.port = 7};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(bad); i++)
		assert_int_equal(endpoint_parse(bad[i], strlen(bad[i]), &endpoint), -EINVAL);
	assert_int_equal(endpoint_parse("1.2.3.4\0x", 9, &endpoint), -EINVAL);
	assert_int_equal(endpoint.port, 7);
	assert_int_equal(endpoint_parse("1.2.3.45", 7, &endpoint), 0);
	assert_string_equal(text_of(&endpoint), "1.2.3.4");
}

static void a_socket_of_either_family_gives_one_form(void **state)
{
	struct sockaddr_storage storage = {.ss_family = AF_INET};
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&storage;
	struct sockaddr_in *in = (struct sockaddr_in *)&storage;
	struct endpoint four, six;

	(void)state;
	in->sin_port = htons(80);
	in->sin_addr.s_addr = htonl(0xc0000207);
	four = endpoint_of(&storage);
	assert_string_equal(text_of(&four), "192.0.2.7");
	assert_int_equal(four.port, 80);
	memset(&storage, 0, sizeof(storage));
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(80);
	assert_int_equal(inet_pton(AF_INET6, "::ffff:192.0.2.7", &in6->sin6_addr), 1);
	six = endpoint_of(&storage);
	assert_memory_equal(&four, &six, sizeof(four));
	assert_int_equal(inet_pton(AF_INET6, "2001:db8::1", &in6->sin6_addr), 1);
	six = endpoint_of(&storage);
	assert_string_equal(text_of(&six), "2001:db8::1");
}

static void who_comes_over_a_unix_socket_has_no_address(void **state)
{
	struct sockaddr_storage storage = {.ss_family = AF_UNIX};
	struct endpoint endpoint = endpoint_of(&storage);

	(void)state;
	assert_false(endpoint.known);
	assert_string_equal(text_of(&endpoint), "");
}

static void numbers_are_decimal(void **state)
{
	static const uint32_t numbers[] = {0, 9, 10, 99, 100, 65535, UINT32_MAX};
	char out[ENDPOINT_NUMBER_MAX], wanted[16];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(numbers); i++) {
		size_t length = endpoint_number(numbers[i], out);

		snprintf(wanted, sizeof(wanted), "%u", numbers[i]);
		assert_int_equal(length, strlen(wanted));
		assert_memory_equal(out, wanted, length);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ipv4_address_reads_and_writes_itself),
		cmocka_unit_test(an_ipv6_address_is_written_in_its_one_form),
		cmocka_unit_test(each_run_of_zeros_is_written_as_the_library_does),
		cmocka_unit_test(the_mapped_form_is_written_where_it_is_asked_for),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(a_socket_of_either_family_gives_one_form),
		cmocka_unit_test(who_comes_over_a_unix_socket_has_no_address),
		cmocka_unit_test(numbers_are_decimal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
