/* SPDX-License-Identifier: MIT */
/*
 * drain.c: first the relay, then the socket table, and always an end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "../fake/fake-event.h"
#include "drain.h"

#define MSEC UINT64_C(1000)
#define SEC  UINT64_C(1000000)

/* The two seams, as this test has them. */
static struct sockdiag_port table;
static int table_error, watch_fd;
static unsigned table_read, watch_ended;
static struct steer_drain said;
static enum color said_color;
static int said_error;

int sockdiag_read_port(struct sockdiag *sockdiag, uint16_t port, struct sockdiag_port *ret_port)
{
	(void)sockdiag;
	assert_int_equal(port, 9000);
	table_read++;
	if (table_error < 0)
		return table_error;
	*ret_port = table;
	return 0;
}

int sockdiag_watch_fd(struct sockdiag *sockdiag)
{
	(void)sockdiag;
	return watch_fd;
}

void sockdiag_watch_end(struct sockdiag *asked)
{
	(void)asked;
	watch_ended++;
}

bool sockdiag_watch_read(struct sockdiag *sockdiag, uint16_t port)
{
	(void)sockdiag;
	(void)port;
	return true;
}

int steer_drain(struct steer *steer, enum color color, const struct steer_drain *drain)
{
	(void)steer;
	said_color = color;
	said = *drain;
	return said_error;
}

static sd_event *event;
static struct drain *drain;
static unsigned over;

static void on_over(void *owner)
{
	assert_ptr_equal(owner, &over);
	over++;
}

static struct drain_order order(enum drain_scope scope)
{
	return (struct drain_order){.color = COLOR_BLUE,
		.port = 9000,
		.limits = {.scope = scope, .requests_usec = 2 * SEC, .streams_usec = 4 * SEC},
		.table_usec = 3 * SEC};
}

static int begin(void **state)
{
	(void)state;
	memset(&table, 0, sizeof(table));
	table_error = said_error = 0;
	watch_fd = -EPERM;
	table_read = over = watch_ended = 0;
	event = fake_event_new();
	return 0;
}

static int end(void **state)
{
	(void)state;
	drain = drain_end(drain);
	event = sd_event_unref(event);
	return 0;
}

static void drain_it(enum drain_scope scope)
{
	struct drain_order what = order(scope);

	assert_int_equal(drain_begin(event, NULL, NULL, &what, on_over, &over, &drain), 0);
}

static const char *words(void)
{
	static char text[256];

	drain_describe(drain, text, sizeof(text));
	return text;
}

static void relay_done(
	enum color color, enum drain_scope scope, uint64_t exchanges, uint64_t streams)
{
	drain_relay_done(drain, color, scope,
		&(struct steer_cut){.exchanges = exchanges, .streams = streams});
}

static void reads_are_drained_when_the_relay_says_so(void **state)
{
	(void)state;
	drain_it(DRAIN_READS);
	assert_int_equal(said_color, COLOR_BLUE);
	assert_int_equal(said.scope, DRAIN_READS);
	fake_event_run(event, SEC);
	assert_int_equal(over, 0);
	relay_done(COLOR_BLUE, DRAIN_READS, 3, 2);
	assert_int_equal(over, 1);
	assert_true(drain_is_over(drain));
	assert_int_equal(drain_outcome(drain)->cut.exchanges, 3);
	assert_int_equal(drain_outcome(drain)->cut.streams, 2);
	/* The writes go on, and so do their connections: nobody looks at the table. */
	assert_int_equal(table_read, 0);
}

static void the_end_of_another_drain_is_not_ours(void **state)
{
	(void)state;
	drain_it(DRAIN_ALL);
	relay_done(COLOR_GREEN, DRAIN_ALL, 0, 0);
	relay_done(COLOR_BLUE, DRAIN_READS, 0, 0);
	fake_event_run(event, SEC);
	assert_int_equal(over, 0);
	assert_int_equal(table_read, 0);
}

static void everything_is_drained_when_the_table_is_empty_too(void **state)
{
	(void)state;
	table.connections = 2;
	table.accept_queue = 1;
	drain_it(DRAIN_ALL);
	relay_done(COLOR_BLUE, DRAIN_ALL, 0, 0);
	fake_event_run(event, 100 * MSEC);
	assert_int_equal(over, 0);
	assert_non_null(strstr(words(), "3 connections to port 9000"));
	table.connections = 0;
	fake_event_run(event, 100 * MSEC);
	assert_int_equal(over, 0);
	table.accept_queue = 0;
	fake_event_run(event, 100 * MSEC);
	assert_int_equal(over, 1);
	assert_string_equal(words(), "");
	/* Nobody is woken any more by sockets that go. */
	drain = drain_end(drain);
	assert_int_equal(watch_ended, 1);
}

static void the_table_is_asked_seldom_where_the_kernel_tells(void **state)
{
	unsigned often;

	(void)state;
	table.connections = 1;
	drain_it(DRAIN_ALL);
	relay_done(COLOR_BLUE, DRAIN_ALL, 0, 0);
	fake_event_run(event, SEC);
	often = table_read;
	drain = drain_end(drain);
	table_read = 0;
	watch_fd = 0;
	drain_it(DRAIN_ALL);
	relay_done(COLOR_BLUE, DRAIN_ALL, 0, 0);
	fake_event_run(event, SEC);
	assert_true(often > 40);
	assert_true(table_read < 8);
}

static void what_is_left_at_the_deadline_is_told(void **state)
{
	(void)state;
	table.connections = 5;
	drain_it(DRAIN_ALL);
	relay_done(COLOR_BLUE, DRAIN_ALL, 2, 1);
	fake_event_run(event, 2900 * MSEC);
	assert_int_equal(over, 0);
	fake_event_run(event, 200 * MSEC);
	assert_int_equal(over, 1);
	assert_int_equal(drain_outcome(drain)->left, 5);
	assert_non_null(strstr(words(), "5 connections"));
	assert_non_null(strstr(words(), "2 exchanges were cut, 1 of them streams"));
}

static void a_relay_that_says_nothing_is_not_waited_for_for_ever(void **state)
{
	(void)state;
	drain_it(DRAIN_ALL);
	fake_event_run(event, 4 * SEC + DRAIN_GRACE_USEC - 100 * MSEC);
	assert_int_equal(over, 0);
	fake_event_run(event, 200 * MSEC);
	assert_int_equal(over, 1);
	assert_true(drain_outcome(drain)->relay_silent);
	assert_non_null(strstr(words(), "the relay did not say"));
}

static void a_table_that_cannot_be_read_ends_at_the_deadline(void **state)
{
	(void)state;
	table_error = -EAGAIN;
	drain_it(DRAIN_ALL);
	relay_done(COLOR_BLUE, DRAIN_ALL, 0, 0);
	fake_event_run(event, 2900 * MSEC);
	assert_int_equal(over, 0);
	fake_event_run(event, 200 * MSEC);
	assert_int_equal(over, 1);
}

static void a_limit_without_end_is_a_deadline_too(void **state)
{
	struct drain_order what = order(DRAIN_ALL);

	(void)state;
	what.limits.requests_usec = UINT64_MAX;
	assert_true(drain_longest_usec(&what) < UINT64_MAX / 2);
	assert_int_equal(drain_begin(event, NULL, NULL, &what, on_over, &over, &drain), 0);
	relay_done(COLOR_BLUE, DRAIN_ALL, 0, 0);
	fake_event_run(event, 100 * MSEC);
	assert_int_equal(over, 1);
}

static void a_drain_that_cannot_be_said_is_none(void **state)
{
	struct drain_order what = order(DRAIN_ALL);

	(void)state;
	said_error = -ENOMEM;
	assert_int_equal(drain_begin(event, NULL, NULL, &what, on_over, &over, &drain), -ENOMEM);
	assert_null(drain);
}

int main(void)
{
#define story(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		story(reads_are_drained_when_the_relay_says_so),
		story(the_end_of_another_drain_is_not_ours),
		story(everything_is_drained_when_the_table_is_empty_too),
		story(the_table_is_asked_seldom_where_the_kernel_tells),
		story(what_is_left_at_the_deadline_is_told),
		story(a_relay_that_says_nothing_is_not_waited_for_for_ever),
		story(a_table_that_cannot_be_read_ends_at_the_deadline),
		story(a_limit_without_end_is_a_deadline_too),
		story(a_drain_that_cannot_be_said_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
