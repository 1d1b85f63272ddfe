/* SPDX-License-Identifier: MIT */
/*
 * Knows how the relay's numbers are written in Prometheus' text format (version 0.0.4): one family
 * of samples after the other, each with its HELP and TYPE.
 */
#include <string.h>

#include "base/cleanup.h"
#include "ctl-screen.h"

/* Of the relay's buckets every fourth is told, an octave each: 0.5 ms to 16.4 s. */
#define OCTAVES	    16
#define FIRST_BOUND 0.0005
#define ROUNDING    1.000001

static const char *const colors[] = {"blue", "green"};
static const char *const classes[] = {"1xx", "2xx", "3xx", "4xx", "5xx"};

/* What stands under one key of a color. Two rows of one name are one family: the label tells them
 * apart. */
static const struct family {
	const char *name, *type, *help, *key, *label;
} families[] = {
	{"requests_total", "counter", "Requests answered.", "reads", ",class=\"read\""},
	{"requests_total", "counter", "", "writes", ",class=\"write\""},
	{"errors_total", "counter", "5xx responses of the application, but for 501 and 505.",
		"errors", ""},
	{"failures_total", "counter",
		"Requests that the relay had to answer or cut because of the application.",
		"failed", ""},
	{"held_total", "counter", "Requests that had been held before.", "held", ""},
	{"sent_again_total", "counter", "Requests that were sent again.", "sent_again", ""},
	{"connects_total", "counter", "Connections that were tried.", "connects", ""},
	{"connects_refused_total", "counter", "Connections that were refused.", "refused", ""},
	{"resets_total", "counter", "Connections that ended before or in the middle of a response.",
		"reset", ""},
	{"sent_bytes_total", "counter", "Bytes sent, heads included.", "bytes_to_app",
		",to=\"app\""},
	{"sent_bytes_total", "counter", "", "bytes_to_clients", ",to=\"clients\""},
	{"streams_total", "counter", "Event streams, upgraded and raw connections.", "streams_ever",
		""},
	{"exchanges", "gauge", "Exchanges under way.", "inflight", ""},
	{"streams", "gauge", "Streams under way.", "streams", ""},
	{"connections", "gauge", "Open connections to the application.", "connections", ""},
	{"connections_pooled", "gauge", "Of these, without an exchange.", "pooled", ""},
};

/* The same of the relay as a whole. */
static const struct family relay_families[] = {
	{"relay_clients", "gauge", "Open client connections.", "clients", ""},
	{"relay_clients_total", "counter", "Client connections.", "clients_ever", ""},
	{"relay_clients_refused_total", "counter", "Client connections beyond a limit.",
		"clients_refused", ""},
	{"relay_idle_closed_total", "counter", "Client connections closed as idle.", "idle_closed",
		""},
	{"relay_shed_total", "counter", "Idle client connections closed for want of descriptors.",
		"shed", ""},
	{"relay_exchanges_total", "counter", "Exchanges begun.", "begun", ""},
	{"relay_holding", "gauge", "Requests that are held.", "holding", ""},
	{"relay_held_total", "counter", "Requests that were held.", "held", ""},
	{"relay_hold_expired_total", "counter", "Requests that were held too long, or too many.",
		"hold_expired", ""},
};

struct scope {
	const char *app, *color, *release; /* color NULL: the relay */
};

static void family_begin(const char *name, const char *type, const char *help)
{
	printf("# HELP bluegreen_%s %s\n# TYPE bluegreen_%s %s\n", name, help, name, type);
}

/* No letter of a name of ours, nor of a release, needs to be escaped. */
static void sample(const char *name, const struct scope *scope, const char *label, double value)
{
	printf("bluegreen_%s{app=\"%s\"", name, scope->app);
	if (scope->color)
		printf(",color=\"%s\",release=\"%s\"", scope->color, scope->release);
	printf("%s} %.17g\n", label, value);
}

static struct scope scope_of(const json_t *numbers, const char *color)
{
	const json_t *object = json_object_get(json_object_get(numbers, "colors"), color);

	return (struct scope){json_word(numbers, "app"), color, json_word(object, "release")};
}

static const json_t *color_of(const json_t *numbers, const char *color)
{
	return json_object_get(json_object_get(numbers, "colors"), color);
}

static void write_families(const json_t *numbers)
{
	for (size_t i = 0; i < ELEMENTS(families); i++) {
		const struct family *family = &families[i];

		if (*family->help)
			family_begin(family->name, family->type, family->help);
		for (size_t color = 0; color < ELEMENTS(colors); color++) {
			struct scope scope = scope_of(numbers, colors[color]);

			sample(family->name, &scope, family->label,
				json_figure(color_of(numbers, colors[color]), family->key));
		}
	}
}

static void write_responses(const json_t *numbers)
{
	family_begin("responses_total", "counter", "Responses of the application by status.");
	for (size_t color = 0; color < ELEMENTS(colors); color++) {
		struct scope scope = scope_of(numbers, colors[color]);
		const json_t *status = json_object_get(color_of(numbers, colors[color]), "status");

		for (size_t i = 0; i < ELEMENTS(classes); i++) {
			char label[32];

			snprintf(label, sizeof(label), ",status=\"%s\"", classes[i]);
			sample("responses_total", &scope, label, json_figure(status, classes[i]));
		}
	}
}

static void write_endings(const char *name, const struct scope *scope, const json_t *endings)
{
	const json_t *row;
	size_t i;

	json_array_foreach(endings, i, row)
	{
		char label[64];

		snprintf(label, sizeof(label), ",ending=\"%s\"", json_word(row, "ending"));
		sample(name, scope, label, json_figure(row, "count"));
	}
}

static double count_up_to(const json_t *buckets, double bound)
{
	const json_t *bucket;
	double count = 0;
	size_t i;

	json_array_foreach(buckets, i,
		bucket) if (json_object_get(bucket, "le") && json_figure(bucket, "le") <= bound)
		count += json_figure(bucket, "count");
	return count;
}

static void write_histogram(const struct scope *scope, const json_t *latency)
{
	const json_t *buckets = json_object_get(latency, "buckets");
	double bound = FIRST_BOUND;

	for (int octave = 0; octave < OCTAVES; octave++, bound *= 2) {
		char label[48];

		snprintf(label, sizeof(label), ",le=\"%g\"", bound);
		sample("response_seconds_bucket", scope, label,
			count_up_to(buckets, bound * ROUNDING));
	}
	sample("response_seconds_bucket", scope, ",le=\"+Inf\"", json_figure(latency, "count"));
	sample("response_seconds_sum", scope, "", json_figure(latency, "seconds"));
	sample("response_seconds_count", scope, "", json_figure(latency, "count"));
}

static void write_relay(const json_t *numbers)
{
	const struct scope scope = {.app = json_word(numbers, "app")};
	const json_t *relay = json_object_get(numbers, "relay");

	for (size_t i = 0; i < ELEMENTS(relay_families); i++) {
		const struct family *family = &relay_families[i];

		family_begin(family->name, family->type, family->help);
		sample(family->name, &scope, family->label, json_figure(relay, family->key));
	}
	family_begin("relay_endings_total", "counter", "Why exchanges without a color ended.");
	write_endings("relay_endings_total", &scope, json_object_get(relay, "endings"));
}

void prometheus_numbers(const struct ctl *ctl, const json_t *numbers)
{
	(void)ctl;
	write_families(numbers);
	write_responses(numbers);
	family_begin("endings_total", "counter", "Why exchanges with the application ended.");
	for (size_t color = 0; color < ELEMENTS(colors); color++) {
		struct scope scope = scope_of(numbers, colors[color]);

		write_endings("endings_total", &scope,
			json_object_get(color_of(numbers, colors[color]), "endings"));
	}
	family_begin("response_seconds", "histogram",
		"From the first byte sent to the application to the first byte back.");
	for (size_t color = 0; color < ELEMENTS(colors); color++) {
		struct scope scope = scope_of(numbers, colors[color]);

		write_histogram(
			&scope, json_object_get(color_of(numbers, colors[color]), "latency"));
	}
	write_relay(numbers);
}
