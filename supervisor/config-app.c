/* SPDX-License-Identifier: MIT */
/*
 * Knows what may be an app's name; a file of its own, because programs ask that do not read
 * configuration files.
 */
#include "config.h"

#include <string.h>

bool config_app_valid(const char *app)
{
	/* Ours: directories beside those of the apps, and the middle of their units' names. */
	static const char *const reserved[] = {"bluegreen", "example", "recheck"};
	size_t length = strspn(app, "abcdefghijklmnopqrstuvwxyz0123456789_");

	for (size_t i = 0; i < ELEMENTS(reserved); i++)
		if (strcmp(app, reserved[i]) == 0)
			return false;
	return app[0] >= 'a' && app[0] <= 'z' && !app[length] && length < CONFIG_APP_MAX;
}
