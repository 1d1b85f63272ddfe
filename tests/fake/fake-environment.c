/* SPDX-License-Identifier: MIT */
/*
 * environment.h over the world's disk.
 */
#include "environment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "world.h"

enum write_fate {
	FATE_WELL,
	FATE_FAILS, /* this once */
	FATE_KILL_BEFORE,
	FATE_KILL_AFTER,
	FATE_COUNT,
};

int environment_write(const char *dir, const struct environment *environment,
	char error[static ENVIRONMENT_ERROR_MAX])
{
	struct environment_part *part = &world.parts[environment->color];
	enum write_fate fate;

	(void)dir;
	if (world.dead)
		return -EIO;
	fate = (enum write_fate)world_choose("environment", FATE_COUNT);
	world.writes_failed += fate == FATE_FAILS;
	if (fate == FATE_KILL_BEFORE)
		world_kill();
	if (fate == FATE_FAILS || world.dead) {
		snprintf(error, ENVIRONMENT_ERROR_MAX, "there is no space for %s.env",
			color_name(environment->color));
		return -ENOSPC;
	}
	world.told[environment->color] = true;
	*part = (struct environment_part){.port = environment->port, .role = environment->role};
	snprintf(part->release, sizeof(part->release), "%s", environment->release);
	if (fate == FATE_KILL_AFTER)
		world_kill();
	return 0;
}

int environment_read(const char *dir, enum color color, struct environment_part *ret_part)
{
	(void)dir;
	if (!world.told[color])
		return -ENOENT;
	*ret_part = world.parts[color];
	return 0;
}

/* What can be written is the business of test-environment. */
int environment_format(const struct environment *environment,
	char error[static ENVIRONMENT_ERROR_MAX], char **ret_text)
{
	(void)environment;
	(void)error;
	*ret_text = strdup("");
	return *ret_text ? 0 : -ENOMEM;
}

const char *role_name(enum role role)
{
	return role == ROLE_PRIMARY ? "primary" : "fallback";
}

int environment_file_write(const char *dir, const char *name, const char *text, mode_t mode)
{
	return file_write_atomic(dir, name, text, mode);
}
