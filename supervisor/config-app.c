/* SPDX-License-Identifier: MIT */
/*
 * Knows what may be an app's name; a file of its own, because programs ask that do not read
 * configuration files.
 */
#include "config.h"

#include <string.h>

bool config_app_valid(const char *app)
{
	size_t length = strspn(app, "abcdefghijklmnopqrstuvwxyz0123456789_");

	return app[0] >= 'a' && app[0] <= 'z' && !app[length] && length < CONFIG_APP_MAX;
}
