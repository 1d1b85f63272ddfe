/* SPDX-License-Identifier: MIT */
/*
 * ctl-new-listen.c: addresses as people write them, and which exclude each other.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ctl-new.h"

static struct listen_address parse(const char *text)
{
	struct listen_address address;

	if (listen_parse(text, strlen(text), &address) < 0)
		fail_msg("%s is not understood", text);
	return address;
}

static bool clash(const char *a, const char *b)
{
	struct listen_address left = parse(a), right = parse(b);

	assert_int_equal(listen_clash(&left, &right), listen_clash(&right, &left));
	return listen_clash(&left, &right);
}

static void what_systemd_takes_is_taken(void **state)
{
	static const struct {
		const char *text, *as_systemd_says;
	} addresses[] = {
		{"8081", "[::]:8081"},
		{"127.0.0.1:8081", "127.0.0.1:8081"},
		{"0.0.0.0:1", "0.0.0.0:1"},
		{"[::1]:65535", "[::1]:65535"},
		{"[::]:80", "[::]:80"},
		{"/run/shop.sock", "/run/shop.sock"},
	};
	char text[LISTEN_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		struct listen_address address = parse(addresses[i].text);

		listen_format(&address, text);
		assert_string_equal(text, addresses[i].as_systemd_says);
	}
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const words[] = {"", "0", "65536", "http", "8081x", "-1", "1.2.3:80",
		"localhost:80", "::1:80", "[::1]", "[127.0.0.1", "127.0.0.1:", ":80", "/", "@name",
		"/run/a b", "/run/%i", "vsock:2:1234", "+80", " 80"};
	struct listen_address address;
	char path[LISTEN_TEXT_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (listen_parse(words[i], strlen(words[i]), &address) == 0)
			fail_msg("`%s' is taken for an address", words[i]);
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	assert_true(listen_parse(path, LISTEN_TEXT_MAX, &address) < 0);
	assert_int_equal(listen_parse(path, LISTEN_TEXT_MAX - 1, &address), 0);
}

static void all_addresses_clash_with_each_on_their_port(void **state)
{
	(void)state;
	assert_true(clash("8081", "8081"));
	assert_true(clash("8081", "127.0.0.1:8081"));
	assert_true(clash("8081", "[::1]:8081"));
	assert_true(clash("8081", "0.0.0.0:8081"));
	assert_true(clash("0.0.0.0:8081", "127.0.0.1:8081"));
	assert_false(clash("8081", "8082"));
	assert_false(clash("8081", "127.0.0.1:8082"));
}

static void different_addresses_share_a_port(void **state)
{
	(void)state;
	assert_false(clash("127.0.0.1:8081", "127.0.0.2:8081"));
	assert_false(clash("127.0.0.1:8081", "[::1]:8081"));
	assert_false(clash("0.0.0.0:8081", "[::1]:8081"));
	assert_true(clash("127.0.0.1:8081", "127.0.0.1:8081"));
}

static void paths_clash_with_themselves_alone(void **state)
{
	(void)state;
	assert_true(clash("/run/a", "/run/a"));
	assert_false(clash("/run/a", "/run/b"));
	assert_false(clash("/run/a", "8081"));
}

static void a_colors_port_is_local(void **state)
{
	struct listen_address local = listen_local(9010), wide = parse("9010"),
			      other = parse("127.0.0.2:9010");

	(void)state;
	assert_true(listen_clash(&local, &wide));
	assert_false(listen_clash(&local, &other));
}

static void lists_are_taken_apart(void **state)
{
	struct new_app app = {0};
	const char *word;

	(void)state;
	assert_int_equal(listen_list_parse("8081,[::1]:80,/run/a", &app, &word), 0);
	assert_int_equal(app.listens_count, 3);
	assert_string_equal(app.listens[2].path, "/run/a");
	app = (struct new_app){0};
	assert_true(listen_list_parse("8081,,80", &app, &word) < 0);
	assert_string_equal(word, ",80");
	app = (struct new_app){0};
	assert_true(listen_list_parse("8081,", &app, &word) < 0);
	app = (struct new_app){0};
	assert_int_equal(
		listen_list_parse("1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", &app, &word),
		-E2BIG);
}

static void ports_come_in_pairs(void **state)
{
	static const char *const words[] = {
		"", "9010", "9010,", ",9011", "9010,9011,9012", "0,1", "9010,70000", "9010 9011"};
	struct new_app app = {0};

	(void)state;
	assert_int_equal(listen_ports_parse("9010,9011", &app), 0);
	assert_int_equal(app.ports[COLOR_BLUE], 9010);
	assert_int_equal(app.ports[COLOR_GREEN], 9011);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (listen_ports_parse(words[i], &app) == 0)
			fail_msg("`%s' is taken for two ports", words[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_systemd_takes_is_taken),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(all_addresses_clash_with_each_on_their_port),
		cmocka_unit_test(different_addresses_share_a_port),
		cmocka_unit_test(paths_clash_with_themselves_alone),
		cmocka_unit_test(a_colors_port_is_local),
		cmocka_unit_test(lists_are_taken_apart),
		cmocka_unit_test(ports_come_in_pairs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
