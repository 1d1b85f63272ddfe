/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as requests on the control socket, a line each: every one is answered once; what is
 * refused has changed nothing; what was carried out is a plan within its ranges, which the
 * supervisor's own words say again, and which a successor makes of what holds.
 *
 * In the place of the workers and the socket are the few functions that serving a request calls.
 */
#include <string.h>

#include "base/fd.h"
#include "fuzz.h"
#include "relay-control-parts.h"
#include "relay-words.h"
#include "steer-relay-words.h"

static struct control control, successor;
static struct control_client client;
static struct relay_totals totals;
static struct {
	unsigned int said, owed, published;
	char answer[CONTROL_ANSWER_MAX];
} seen;

void control_say(struct control_client *to, const char *format, ...)
{
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(seen.answer, sizeof(seen.answer), format, arguments);
	va_end(arguments);
	must(n > 0 && (size_t)n < sizeof(seen.answer));
	for (const char *at = seen.answer; *at; at++)
		must(*at >= ' ' && *at <= '~');
	seen.said += to == &client;
}

void control_owe(struct control_client *to, enum owed owed)
{
	must(owed != OWED_NOTHING && owed < OWED_COUNT);
	to->owed = owed;
	seen.owed += to == &client;
}

void control_publish(struct control *of)
{
	of->plan.serial++;
	seen.published++;
}

struct relay_totals relay_count(const struct relay *relay)
{
	(void)relay;
	return totals;
}

static void name_check(const char *name, size_t size)
{
	size_t length = strnlen(name, size);

	must(length < size);
	must(strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-") ==
		length);
}

static void plan_check(const struct plan *plan)
{
	must(plan->protocol < PROTOCOL_COUNT);
	must(plan->clients.send_proxy < PROXY_VERSION_COUNT);
	must(plan->clients.trust.count <= TRUST_MAX);
	must(plan->affinity.kind < AFFINITY_COUNT && plan->affinity.fresh < COLOR_COUNT);
	name_check(plan->affinity.name, sizeof(plan->affinity.name));
	must(plan->affinity.kind != AFFINITY_COOKIE || *plan->affinity.name);
	for (int color = 0; color < COLOR_COUNT; color++) {
		const struct plan_drain *drain = &plan->drain[color];

		name_check(plan->affinity.release[color], sizeof(plan->affinity.release[color]));
		must(!plan->backend_known[color] || (plan->backend[color].sin_family == AF_INET &&
							    plan->backend[color].sin_port != 0));
		must(drain->extent <= DRAIN_OF_ALL && drain->serial <= plan->serial);
		must(drain->requests_usec >= drain->begun_usec);
		must(drain->streams_usec >= drain->begun_usec);
		for (int class = 0; class < ROUTE_CLASS_COUNT; class ++)
			must(plan->route.weight[class][color] >= ROUTE_NEVER &&
				plan->route.weight[class][color] <= ROUTE_WEIGHT_MAX);
	}
}

static void affinity_equal(const struct affinity_plan *a, const struct affinity_plan *b)
{
	must(a->kind == b->kind && a->fresh == b->fresh);
	must(a->key.low == b->key.low && a->key.high == b->key.high);
	must(strcmp(a->name, b->name) == 0 && a->life_usec == b->life_usec);
	for (int color = 0; color < COLOR_COUNT; color++)
		must(strcmp(a->release[color], b->release[color]) == 0);
}

static void clients_equal(const struct plan_clients *a, const struct plan_clients *b)
{
	char text_a[TRUST_TEXT_MAX], text_b[TRUST_TEXT_MAX];

	must(a->said == b->said && a->accept_proxy == b->accept_proxy);
	must(a->send_proxy == b->send_proxy);
	must(strcmp(trust_text(&a->trust, text_a), trust_text(&b->trust, text_b)) == 0);
}

/* Serials apart: a successor counts its own. */
static void plan_equal(const struct plan *a, const struct plan *b)
{
	must(a->protocol == b->protocol && route_equal(&a->route, &b->route));
	must(a->hold_usec == b->hold_usec && a->hold_bytes == b->hold_bytes);
	must(a->hold_requests == b->hold_requests);
	clients_equal(&a->clients, &b->clients);
	affinity_equal(&a->affinity, &b->affinity);
	for (int color = 0; color < COLOR_COUNT; color++) {
		const struct plan_drain *one = &a->drain[color], *other = &b->drain[color];

		must(a->backend_known[color] == b->backend_known[color]);
		must(memcmp(&a->backend[color], &b->backend[color], sizeof(a->backend[color])) ==
			0);
		must(one->extent == other->extent);
		must(one->extent == DRAIN_NONE ||
			(one->begun_usec == other->begun_usec &&
				one->requests_usec == other->requests_usec &&
				one->streams_usec == other->streams_usec));
	}
}

/* What the supervisor would say to have this plan makes this plan. */
static void words_check(const struct plan *plan)
{
	struct steer_clients clients = {
		plan->clients.trust, plan->clients.accept_proxy, plan->clients.send_proxy};
	struct steer_affinity wish = {.kind = plan->affinity.kind, .fresh = plan->affinity.fresh};
	char clients_words[STEER_WORDS_CLIENTS_MAX], affinity_words[STEER_WORDS_AFFINITY_MAX];
	struct affinity_plan affinity = plan->affinity;
	struct plan again = *plan;

	for (int i = 0; i < STEER_KEY_SIZE; i++)
		wish.key[i] =
			(uint8_t)((i < 8 ? plan->affinity.key.low : plan->affinity.key.high) >>
				  8 * (i % 8));
	for (int color = 0; color < COLOR_COUNT; color++)
		strcpy(wish.release[color], plan->affinity.release[color]);
	if (plan->clients.said) {
		steer_words_clients(&clients, clients_words);
		must(strlen(clients_words) + strlen("clients ") <= CONTROL_MESSAGE_MAX);
		must(words_clients(clients_words, &again) == 0);
		clients_equal(&again.clients, &plan->clients);
	}
	if (strlen(plan->affinity.name) >= sizeof(wish.cookie))
		return;
	strcpy(wish.cookie, plan->affinity.name);
	wish.life_usec = plan->affinity.life_usec;
	must(steer_affinity_is_sayable(&wish));
	steer_words_affinity(&wish, affinity_words);
	must(words_affinity(affinity_words, 0, &affinity) == 0);
	affinity_equal(&affinity, &plan->affinity);
}

/* The supervisor reads of the counters what the workers counted. */
static void counters_check(char *answer)
{
	char *words[STEER_WORDS_MAX + 1];
	struct steer_counters read;

	steer_words_split(answer, words);
	must(strcmp(words[0], "ok") == 0 && strcmp(words[1], "counters") == 0);
	steer_words_counters(words + 2, &read);
	must(read.held == totals.held_ever && read.holding == totals.holding);
	must(read.cut.exchanges == totals.cut_ever);
	must(read.cut.streams == totals.cut_streams_ever && read.connections == totals.clients);
	for (int color = 0; color < COLOR_COUNT; color++) {
		must(read.reads[color] == totals.answered[ROUTE_READS][color]);
		must(read.writes[color] == totals.answered[ROUTE_WRITES][color]);
		must(read.failed[color] == totals.failed[color]);
		must(read.errors[color] == totals.errors[color]);
		must(read.streams[color] == totals.streams[color]);
		must(memcmp(read.latency[color], totals.latency[color],
			     sizeof(read.latency[color])) == 0);
	}
}

/* `ok VERB ...` or `error VERB REASON`, of the verb that was asked. */
static void answer_check(const char *verb, bool refused)
{
	const char *said = seen.answer + (refused ? strlen("error ") : strlen("ok "));
	size_t length = strcspn(said, " ");

	must(strncmp(seen.answer, refused ? "error " : "ok ", refused ? 6 : 3) == 0);
	must((length == strlen(verb) && memcmp(said, verb, length) == 0) ||
		(refused && length == 1 && *said == '-'));
	if (!refused && strcmp(verb, "counters") == 0)
		counters_check(seen.answer);
}

/* What was not touched is the same to the last byte of its padding. */
static bool same_bytes(const void *a, const void *b, size_t size)
{
	return memcmp(a, b, size) == 0;
}

static void request_check(char *message)
{
	static struct control before;
	char verb[CONTROL_MESSAGE_MAX + 1] = "";
	bool refused;

	(void)memcpy(verb, message, strcspn(message, " "));
	memcpy(&before, &control, sizeof(before));
	memset(&seen, 0, sizeof(seen));
	client.owed = OWED_NOTHING;
	control_serve(&client, message);
	before.now = control.now;
	must(seen.said + seen.owed == 1 && seen.published <= 1);
	refused = seen.said && strncmp(seen.answer, "error ", 6) == 0;
	if (refused)
		must(same_bytes(&before, &control, sizeof(before)));
	if (seen.published == 0)
		must(same_bytes(&before.plan, &control.plan, sizeof(before.plan)));
	if (seen.said)
		answer_check(verb, refused);
	plan_check(&control.plan);
	words_check(&control.plan);
}

static void control_begin(struct control *of)
{
	memset(of, 0, sizeof(*of));
	of->plan.route = route_held();
	of->plan.clients.trust = trust_localhost();
}

/* As control_write() and handover_read() pass it on: a line each, in this order. */
static void successor_check(void)
{
	control_begin(&successor);
	for (size_t i = 0; i < CONTROL_SAID_MAX; i++) {
		struct control_said said = control.said[i];
		char *message = said.message;

		if (!*message)
			continue;
		for (const char *at = message; *at; at++)
			must(*at >= ' ' && *at <= '~');
		must(control_said(&successor, said.at, message) == 0);
	}
	plan_equal(&control.plan, &successor.plan);
	must(control.routed == successor.routed);
}

static void totals_fill(const uint8_t *bytes, size_t size)
{
	uint64_t *values = (uint64_t *)&totals;
	uint64_t value = size;

	for (size_t i = 0; i < sizeof(totals) / sizeof(*values); i++) {
		value = value * 6364136223846793005U + (size > 0 ? bytes[i % size] : 1);
		/* Of every size, and never so large that two of them are more than a number. */
		values[i] = value >> 1 >> (value & 62);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char message[CONTROL_MESSAGE_MAX + 1];
	size_t begin = 0;

	log_set_level(LOG_ERR);
	control_begin(&control);
	client = (struct control_client){.control = &control, .fd = -EBADF};
	totals_fill(bytes, size);
	while (begin < size) {
		const uint8_t *end = memchr(bytes + begin, '\n', size - begin);
		size_t length = (end ? (size_t)(end - bytes) : size) - begin;

		/* relay-control.c refuses these before it looks at them. */
		if (length <= CONTROL_MESSAGE_MAX && !memchr(bytes + begin, '\0', length)) {
			memcpy(message, bytes + begin, length);
			message[length] = '\0';
			request_check(message);
		}
		begin += length + 1;
	}
	successor_check();
	return 0;
}
