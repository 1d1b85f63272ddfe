/* SPDX-License-Identifier: MIT */
/*
 * Knows the keys in which the relay's numbers are shown, and what is read from its buckets; does
 * not know who asks.
 */
#include "base/fd.h"
#include "control-show.h"

static json_t *integer(uint64_t value)
{
	return json_integer((json_int_t)(value > INT64_MAX ? INT64_MAX : value));
}

static double seconds(uint64_t usec)
{
	return (double)usec / USEC_PER_SEC;
}

static uint64_t sum_of(const uint64_t *counts, size_t size)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < size; i++)
		sum += counts[i];
	return sum;
}

double show_percentile(const uint64_t counts[static STEER_LATENCY_BUCKETS], unsigned int permille)
{
	double wanted = (double)sum_of(counts, STEER_LATENCY_BUCKETS) * permille / 1000;
	double reached = 0;

	if (wanted <= 0)
		return 0;
	for (unsigned int bucket = 0; bucket < STEER_LATENCY_BUCKETS - 1; bucket++) {
		reached += (double)counts[bucket];
		if (reached >= wanted)
			return seconds(steer_latency_bound(bucket));
	}
	return seconds(steer_latency_bound(STEER_LATENCY_BUCKETS - 2));
}

struct named {
	const char *name;
	uint64_t value;
};

static void add_named(json_t *object, const struct named *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		(void)json_object_set_new(object, rows[i].name, integer(rows[i].value));
}

static json_t *show_endings(const struct steer_endings *endings)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < endings->count; i++)
		(void)json_array_append_new(
			array, json_pack("{s:s, s:o, s:s}", "ending", endings->of[i].name, "count",
				       integer(endings->of[i].count), "why",
				       steer_ending_reason(endings->of[i].name)));
	return array;
}

static json_t *show_status_classes(const uint64_t status[static STEER_STATUS_CLASSES])
{
	static const char *const names[STEER_STATUS_CLASSES] = {"1xx", "2xx", "3xx", "4xx", "5xx"};
	json_t *object = json_object();

	for (int class = 0; class < STEER_STATUS_CLASSES; class ++)
		(void)json_object_set_new(object, names[class], integer(status[class]));
	return object;
}

/* The buckets that are not empty; the one without an end has no `le`. */
static json_t *show_buckets(const uint64_t counts[static STEER_LATENCY_BUCKETS])
{
	json_t *array = json_array();

	for (unsigned int bucket = 0; array && bucket < STEER_LATENCY_BUCKETS; bucket++) {
		json_t *object;

		if (counts[bucket] == 0)
			continue;
		object = json_pack("{s:o}", "count", integer(counts[bucket]));
		if (object && bucket < STEER_LATENCY_BUCKETS - 1)
			(void)json_object_set_new(
				object, "le", json_real(seconds(steer_latency_bound(bucket))));
		(void)json_array_append_new(array, object);
	}
	return array;
}

static json_t *show_latency(const struct steer_sum *sum)
{
	uint64_t count = sum_of(sum->latency, STEER_LATENCY_BUCKETS);

	return json_pack("{s:o, s:f, s:f, s:f, s:f, s:o}", "count", integer(count), "seconds",
		seconds(sum->latency_usec), "p50", show_percentile(sum->latency, 500), "p90",
		show_percentile(sum->latency, 900), "p99", show_percentile(sum->latency, 990),
		"buckets", show_buckets(sum->latency));
}

/* Of the requests that came to an end: those that the color answered with 5xx, and those that it
 * failed so that we had to say so. */
static double error_share(const struct steer_sum *sum)
{
	double ended = (double)sum->reads + (double)sum->writes + (double)sum->failed;
	double share = ended > 0 ? ((double)sum->errors + (double)sum->failed) / ended : 0;

	/* An error is counted with its head, the request with its last byte. */
	return share < 1 ? share : 1;
}

static json_t *show_sum(const struct steer_sum *sum)
{
	const struct named rows[] = {
		{"reads", sum->reads},
		{"writes", sum->writes},
		{"errors", sum->errors},
		{"failed", sum->failed},
		{"held", sum->held},
		{"sent_again", sum->again},
		{"refused", sum->refused},
		{"reset", sum->reset},
		{"bytes_to_app", sum->bytes_to_app},
		{"bytes_to_clients", sum->bytes_to_clients},
		{"connects", sum->connects},
		{"streams_ever", sum->streams_ever},
	};
	json_t *object = json_pack("{s:s, s:f, s:f, s:o, s:o, s:o}", "release", sum->release,
		"seconds", seconds(sum->for_usec), "error_share", error_share(sum), "status",
		show_status_classes(sum->status), "latency", show_latency(sum), "endings",
		show_endings(&sum->endings));

	if (object)
		add_named(object, rows, ELEMENTS(rows));
	return object;
}

static json_t *show_color(const struct steer_color_numbers *color)
{
	const struct named rows[] = {
		{"inflight", color->inflight},
		{"streams", color->streams},
		{"connections", color->connections},
		{"pooled", color->pooled},
	};
	json_t *object = show_sum(&color->sum), *earlier = json_array();

	for (size_t i = 0; i < color->earlier_count; i++) {
		json_t *sum = show_sum(&color->earlier[i]);

		(void)json_object_set_new(
			sum, "ended_ago", json_real(seconds(color->earlier[i].ago_usec)));
		(void)json_array_append_new(earlier, sum);
	}
	if (!object) {
		json_decref(earlier);
		return NULL;
	}
	add_named(object, rows, ELEMENTS(rows));
	(void)json_object_set_new(object, "earlier", earlier);
	return object;
}

static json_t *show_relay(const struct steer_numbers *numbers)
{
	const struct named rows[] = {
		{"clients", numbers->clients},
		{"clients_ever", numbers->clients_ever},
		{"clients_refused", numbers->clients_refused},
		{"idle_closed", numbers->idle_closed},
		{"shed", numbers->shed},
		{"begun", numbers->begun},
		{"held", numbers->held},
		{"holding", numbers->holding},
		{"hold_expired", numbers->hold_expired},
		{"cut", numbers->cut},
	};
	json_t *object = json_pack("{s:f, s:o}", "hold_longest",
		seconds(numbers->hold_longest_usec), "endings", show_endings(&numbers->endings));

	if (object)
		add_named(object, rows, ELEMENTS(rows));
	return object;
}

json_t *show_numbers(const char *app, const struct steer_numbers *numbers)
{
	json_t *colors = json_object();

	for (enum color color = 0; color < COLOR_COUNT; color++)
		(void)json_object_set_new(
			colors, color_name(color), show_color(&numbers->colors[color]));
	return json_pack(
		"{s:s, s:o, s:o}", "app", app, "colors", colors, "relay", show_relay(numbers));
}
