/* SPDX-License-Identifier: MIT */
/*
 * Knows what a good answer is; knows nothing of sockets.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/fd.h"
#include "judge.h"

void judge_tell(struct judge *judge, const char *sentence)
{
	if (judge->failure_count == FAILURES_KEPT)
		return;
	if (!judge->quiet && judge->failure_count < FAILURES_TOLD)
		fprintf(stderr, "load: %s\n", sentence);
	if (!judge->quiet && judge->failure_count == FAILURES_TOLD)
		fprintf(stderr, "load: further failures are counted; --json keeps some of them\n");
	judge->failures[judge->failure_count++] = strdup(sentence);
}

static void tell_failure(
	struct judge *judge, const struct ticket *ticket, const char *outcome, const char *detail)
{
	char sentence[512];
	uint64_t now = now_usec();

	snprintf(sentence, sizeof(sentence), "+%.3f s %s %s: %s after %.3f s: %s",
		(double)(now - judge->began) / 1e6, kind_name(ticket->kind), ticket->id, outcome,
		(double)(now - ticket->intended) / 1e6, detail);
	judge_tell(judge, sentence);
}

int judge_issue(struct judge *judge, enum kind kind, uint64_t intended, struct ticket *ret_ticket)
{
	struct ticket ticket = {.kind = kind, .intended = intended};
	int r;

	r = ledger_issue(judge->ledger, kind_is_write(kind), &ticket.number);
	if (r < 0)
		return r;
	snprintf(ticket.id, sizeof(ticket.id), "%s-%08u", judge->prefix, ticket.number);
	judge->busy++;
	judge->reads_begun |= kind == KIND_GET;
	*ret_ticket = ticket;
	return 0;
}

static struct second *second_of(struct judge *judge, uint64_t now)
{
	uint64_t second = (now - judge->began) / USEC_PER_SEC;

	return &judge->seconds[second < SECONDS_MAX ? second : SECONDS_MAX - 1];
}

static void raise_to(uint32_t *longest, uint64_t waited)
{
	if (waited > *longest)
		*longest = waited > UINT32_MAX ? UINT32_MAX : (uint32_t)waited;
}

static void count_silence(struct judge *judge, uint64_t now)
{
	uint64_t before = judge->last_read ? judge->last_read : judge->began;

	if (now - before > judge->longest_silence) {
		judge->longest_silence = now - before;
		judge->longest_silence_at = before - judge->began;
	}
}

static void count_second(
	struct judge *judge, const struct ticket *ticket, enum outcome outcome, uint64_t now)
{
	struct second *second = second_of(judge, now);
	bool write = kind_is_write(ticket->kind);
	uint64_t waited = now - ticket->intended;

	if (ticket->kind != KIND_GET && ticket->kind != KIND_POST) {
		second->failed += outcome_is_failure(outcome);
		return;
	}
	if (outcome == OUTCOME_ANSWERED)
		*(write ? &second->writes : &second->reads) += 1;
	else if (outcome == OUTCOME_HELD_REFUSED)
		second->held++;
	else
		second->failed++;
	raise_to(write ? &second->longest_write : &second->longest_read, waited);
	if (ticket->kind == KIND_GET && outcome == OUTCOME_ANSWERED) {
		count_silence(judge, now);
		judge->last_read = now;
	}
}

void judge_settle(struct judge *judge, const struct ticket *ticket, enum outcome outcome,
	enum color color, const char *detail)
{
	struct cell *cell = &judge->cells[ticket->kind][color];
	uint64_t now = now_usec(), waited = now - ticket->intended;
	enum fate fate = FATE_UNANSWERED;

	judge->busy--;
	cell->outcomes[outcome]++;
	if (outcome == OUTCOME_ANSWERED)
		histogram_add(&cell->answered, waited);
	if (waited > cell->longest) {
		cell->longest = waited;
		cell->longest_at = ticket->intended - judge->began;
	}
	count_second(judge, ticket, outcome, now);
	if (outcome == OUTCOME_ANSWERED)
		fate = FATE_ACKNOWLEDGED;
	else if (outcome == OUTCOME_HELD_REFUSED)
		fate = FATE_REFUSED;
	ledger_settle(judge->ledger, ticket->number, fate, color);
	if (outcome_is_failure(outcome))
		tell_failure(judge, ticket, outcome_name(outcome), detail);
}

void judge_settle_late(
	struct judge *judge, const struct ticket *ticket, enum outcome outcome, const char *detail)
{
	judge->late[outcome]++;
	second_of(judge, now_usec())->failed++;
	tell_failure(judge, ticket, outcome_name(outcome), detail);
}

void judge_reads_over(struct judge *judge)
{
	if (judge->reads_begun)
		count_silence(judge, now_usec());
}

uint64_t judge_count(const struct judge *judge, enum outcome outcome)
{
	uint64_t count = judge->late[outcome];

	for (enum kind kind = 0; kind < KIND_COUNT; kind++)
		for (int color = 0; color <= COLOR_COUNT; color++)
			count += judge->cells[kind][color].outcomes[outcome];
	return count;
}

uint64_t judge_failures(const struct judge *judge)
{
	uint64_t failed = 0;

	for (enum outcome o = OUTCOME_REFUSED; o < OUTCOME_COUNT; o++)
		failed += judge_count(judge, o);
	return failed;
}

static const char *method_of(enum kind kind)
{
	return kind_is_write(kind) ? "POST" : "GET";
}

/* The role that the receipt names, or NULL if there is no receipt for this ticket. */
static const char *find_receipt(
	const struct ticket *ticket, enum color color, const char *body, size_t size)
{
	static const char *const roles[] = {"primary", "fallback"};

	for (size_t i = 0; i < ELEMENTS(roles); i++) {
		char receipt[128];
		int n = snprintf(receipt, sizeof(receipt), "%s %s %s %s", ticket->id,
			color_name(color), roles[i], method_of(ticket->kind));

		if (memmem(body, size, receipt, (size_t)n))
			return roles[i];
	}
	return NULL;
}

enum outcome judge_answer(const struct ticket *ticket, const struct answer *answer,
	const char *previous, const char *body, size_t body_size, const char **ret_why)
{
	const char *role;

	if (strcmp(answer->id, ticket->id) != 0) {
		bool again = *previous && strcmp(answer->id, previous) == 0;

		*ret_why = again ? "the answer before it came a second time"
				 : "the answer's X-Request-Id is not this request's";
		return again ? OUTCOME_ANSWERED_TWICE : OUTCOME_WRONG_BODY;
	}
	if (answer->color == COLOR_COUNT) {
		*ret_why = "the answer has no X-Color";
		return OUTCOME_WRONG_BODY;
	}
	role = find_receipt(ticket, answer->color, body, body_size);
	if (!role) {
		*ret_why = "the body lacks the receipt `ID COLOR ROLE METHOD` of this request";
		return OUTCOME_WRONG_BODY;
	}
	if (kind_is_write(ticket->kind) && strcmp(role, "primary") != 0) {
		*ret_why = "a fallback says that it has executed the write";
		return OUTCOME_BY_FALLBACK;
	}
	return OUTCOME_ANSWERED;
}

int judge_open(struct judge **ret_judge)
{
	_cleanup_(cleanup_judge_close) struct judge *judge = calloc(1, sizeof(*judge));
	uint32_t random;
	int r;

	if (!judge)
		return -ENOMEM;
	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -EIO;
	snprintf(judge->prefix, sizeof(judge->prefix), "%08x", random);
	r = ledger_open(judge->prefix, &judge->ledger);
	if (r < 0)
		return r;
	judge->began = now_usec();
	*ret_judge = take_ptr(judge);
	return 0;
}

struct judge *judge_close(struct judge *judge)
{
	if (!judge)
		return NULL;
	ledger_close(judge->ledger);
	for (size_t i = 0; i < judge->failure_count; i++)
		free(judge->failures[i]);
	free(judge);
	return NULL;
}
