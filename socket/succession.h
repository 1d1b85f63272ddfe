/* SPDX-License-Identifier: MIT */
/*
 * How one relay follows another: in the same process (`renew`: execve(2) of the program that is
 * installed now), or in the next one (SIGUSR2, the RestartKillSignal= of the unit: through the
 * service manager's store). What is handed over, handover.h knows.
 */
#pragma once

#include "handover.h"

/* Names in the manager's store. Short, because LISTEN_FDNAMES is one string for all (128 KiB:
 * MAX_ARG_STRLEN in execve(2)). */
#define SUCCESSION_STATE_NAME "handover"
#define SUCCESSION_FD_NAME    "h"

/* As FileDescriptorStoreMax= in the unit: one more would be thrown away by the manager. */
#define SUCCESSION_FDS_MAX 32768

struct succession {
	const struct service *service;
	struct relay *relay;
	struct control *control;
	const char *program; /* absolute */
	int listener_count;  /* the first descriptors, which are always handed on */
};

/*
 * Executes the program anew. Returns only where that failed, with the relay running on as if
 * nothing had been: *ret_failure is a sentence. Before anything is stopped, the new program is
 * asked whether it runs here at all and understands what we write.
 */
void succession_renew(const struct succession *succession, const char **ret_failure);

/* Stores everything for the next process; 0: this one has nothing left and may end. Otherwise the
 * relay runs on. */
int succession_store(const struct succession *succession);

/* At the start: takes what was handed over, if anything was. Before the relay runs. */
void succession_take(const struct succession *succession);

/* `relay --takes VERSION`: the exit status says whether we understand it. */
int succession_takes(const char *version);

/* `relay --renew PATH`: asks the relay whose control socket this is, and waits. Exit status. */
int succession_ask(const char *path);
