/* SPDX-License-Identifier: MIT */
/*
 * What an instance is told of its part: /run/app-bluegreen/APP/{blue,green}.env, which app@.service
 * reads with EnvironmentFile= at each start. PORT, BLUEGREEN_COLOR, BLUEGREEN_ROLE,
 * BLUEGREEN_RELEASE ("" for code deployed in place) and, for a fallback, what [Fallback]
 * Environment= says.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "color.h"
#include "release.h"

#define ENVIRONMENT_MAX	      65536 /* bytes of a file */
#define ENVIRONMENT_ERROR_MAX 256

enum role {
	ROLE_PRIMARY,
	ROLE_FALLBACK,
	ROLE_COUNT,
};

/* "primary", "fallback". */
const char *role_name(enum role role);

struct environment {
	enum color color;
	enum role role;
	uint16_t port;
	const char *release; /* "" if in place */
	char *const
		*assignments; /* "NAME=VALUE", NULL-terminated; for a fallback only; may be NULL */
};

/*
 * The file's text, every value quoted so that systemd reads exactly it back; the caller frees. A
 * name that is none, one of our own four, or a value with a newline, another control character but
 * tab, or bytes that are not UTF-8 (systemd would pass over the whole file) is refused: -EINVAL,
 * and one sentence in error.
 */
int environment_format(const struct environment *environment,
	char error[static ENVIRONMENT_ERROR_MAX], char **ret_text);

/*
 * What systemd reads as root (EnvironmentFile=): tmpfiles.d makes the file, as root's in a
 * directory in which only its owner may put another one in its place. Else whoever has taken the
 * supervisor's user could have systemd read any file of root's, or wait at a pipe for ever. So it
 * is written where it is; one that is not there is made, with this mode.
 */
int environment_file_write(const char *dir, const char *name, const char *text, mode_t mode);

/* The same as environment_format(), written to DIR/COLOR.env. */
int environment_write(const char *dir, const struct environment *environment,
	char error[static ENVIRONMENT_ERROR_MAX]);

/* What the file last written tells: the part of a running instance. */
struct environment_part {
	uint16_t port;
	enum role role;
	char release[RELEASE_TAG_MAX];
};

/* -ENOENT without a file or with an empty one, -EBADMSG if it is not one of ours. */
int environment_read(const char *dir, enum color color, struct environment_part *ret_part);
