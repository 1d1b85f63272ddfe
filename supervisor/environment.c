/* SPDX-License-Identifier: MIT */
/*
 * Knows the syntax of EnvironmentFile= (systemd.exec(5)); does not know when a file is written.
 *
 * In double quotes a backslash takes the special meaning from `"`, `\`, `` ` `` and `$`, and
 * everything else stands for itself. A quote that is not closed would swallow the lines that
 * follow it, without any error; that is why no value is written without quotes.
 */
#include "environment.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/names.h"

static const char *const role_names[ROLE_COUNT] = {
	[ROLE_PRIMARY] = "primary",
	[ROLE_FALLBACK] = "fallback",
};

static const char *const own_names[] = {
	"PORT", "BLUEGREEN_COLOR", "BLUEGREEN_ROLE", "BLUEGREEN_RELEASE"};

const char *role_name(enum role role)
{
	return role_names[role];
}

/* How many bytes the UTF-8 sequence at text has, 0 if it is none (RFC 3629). */
static size_t utf8_length(const unsigned char *text)
{
	size_t length;
	uint32_t code;

	if (text[0] < 0x80)
		return 1;
	if ((text[0] & 0xe0) == 0xc0)
		length = 2;
	else if ((text[0] & 0xf0) == 0xe0)
		length = 3;
	else if ((text[0] & 0xf8) == 0xf0)
		length = 4;
	else
		return 0;
	code = text[0] & (0x7f >> length);
	for (size_t i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text[i] & 0x3f);
	}
	/* Overlong, a surrogate, or beyond Unicode. */
	if ((length == 2 && code < 0x80) || (length == 3 && code < 0x800) ||
		(length == 4 && code < 0x10000) || (code >= 0xd800 && code <= 0xdfff) ||
		code > 0x10ffff)
		return 0;
	return length;
}

static bool name_is_valid(const char *name, size_t length)
{
	if (length == 0 || isdigit((unsigned char)name[0]))
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '_')
			return false;
	return true;
}

static bool name_is_own(const char *name, size_t length)
{
	for (size_t i = 0; i < ELEMENTS(own_names); i++)
		if (strlen(own_names[i]) == length && strncmp(own_names[i], name, length) == 0)
			return true;
	return false;
}

static bool value_is_valid(const char *value)
{
	const unsigned char *text = (const unsigned char *)value;

	while (*text) {
		size_t length = utf8_length(text);

		if (length == 0 || (*text < 0x20 && *text != '\t') || *text == 0x7f)
			return false;
		text += length;
	}
	return true;
}

/* None of a tag's characters is one that quoting changes, which is what assignment_read() relies
 * on. */
static bool release_is_valid(const char *release)
{
	return !*release || release_tag_valid(release);
}

static void assignment_print(FILE *file, const char *name, size_t length, const char *value)
{
	fprintf(file, "%.*s=\"", (int)length, name);
	for (; *value; value++) {
		if (strchr("\"\\`$", *value))
			fputc('\\', file);
		fputc(*value, file);
	}
	fputs("\"\n", file);
}

static int assignment_add(FILE *file, const char *assignment, char *error)
{
	const char *equals = strchr(assignment, '=');
	size_t length = equals ? (size_t)(equals - assignment) : strlen(assignment);

	if (!equals || !name_is_valid(assignment, length)) {
		snprintf(error, ENVIRONMENT_ERROR_MAX,
			"[Fallback] Environment=: \"%.64s\" is not NAME=VALUE", assignment);
		return -EINVAL;
	}
	if (name_is_own(assignment, length)) {
		snprintf(error, ENVIRONMENT_ERROR_MAX,
			"[Fallback] Environment=: %.*s is set by app-bluegreen itself", (int)length,
			assignment);
		return -EINVAL;
	}
	if (!value_is_valid(equals + 1)) {
		snprintf(error, ENVIRONMENT_ERROR_MAX,
			"[Fallback] Environment=: the value of %.*s has a control character or is "
			"not UTF-8",
			(int)(length < 64 ? length : 64), assignment);
		return -EINVAL;
	}
	assignment_print(file, assignment, length, equals + 1);
	return 0;
}

static int environment_print(FILE *file, const struct environment *environment, char *error)
{
	char port[8];

	if (!release_is_valid(environment->release)) {
		snprintf(error, ENVIRONMENT_ERROR_MAX,
			"the release's name must be at most %d letters, digits and ._+-, and begin "
			"with a letter or a digit",
			RELEASE_TAG_MAX - 1);
		return -EINVAL;
	}
	snprintf(port, sizeof(port), "%u", environment->port);
	assignment_print(file, "PORT", 4, port);
	assignment_print(file, "BLUEGREEN_COLOR", 15, color_name(environment->color));
	assignment_print(file, "BLUEGREEN_ROLE", 14, role_name(environment->role));
	assignment_print(file, "BLUEGREEN_RELEASE", 17, environment->release);
	if (environment->role != ROLE_FALLBACK || !environment->assignments)
		return 0;
	for (char *const *one = environment->assignments; *one; one++) {
		int r = assignment_add(file, *one, error);

		if (r < 0)
			return r;
	}
	return 0;
}

int environment_format(const struct environment *environment,
	char error[static ENVIRONMENT_ERROR_MAX], char **ret_text)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *file;
	int r;

	file = open_memstream(&text, &size);
	if (!file)
		return -ENOMEM;
	r = environment_print(file, environment, error);
	if (fclose(file) != 0 && r >= 0)
		r = -ENOMEM;
	if (r < 0)
		return r;
	*ret_text = take_ptr(text);
	return 0;
}

/* In one write, so that systemd finds the one part or the other: what was longer is covered by
 * empty lines before it is cut off. */
static int file_overwrite(int fd, const char *text, size_t former)
{
	size_t length = strlen(text), size = length > former ? length : former;
	_cleanup_free_ char *whole = malloc(size + 1);
	ssize_t n;

	if (!whole)
		return -ENOMEM;
	memset(whole, '\n', size);
	memcpy(whole, text, length);
	n = pwrite(fd, whole, size, 0);
	if (n < 0)
		return -errno;
	if ((size_t)n != size)
		return -ENOSPC;
	return ftruncate(fd, (off_t)length) < 0 ? -errno : 0;
}

int environment_file_write(const char *dir, const char *name, const char *text, mode_t mode)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_fd_ int fd = -EBADF;
	struct stat st;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return -ENOMEM;
	fd = open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= ENVIRONMENT_MAX)
		return file_overwrite(fd, text, (size_t)st.st_size);
	return file_write_atomic(dir, name, text, mode);
}

static void file_name(enum color color, char name[static 32])
{
	snprintf(name, 32, "%s.env", color_name(color));
}

int environment_write(const char *dir, const struct environment *environment,
	char error[static ENVIRONMENT_ERROR_MAX])
{
	_cleanup_free_ char *text = NULL;
	char name[32];
	int r;

	r = environment_format(environment, error, &text);
	if (r < 0)
		return r;
	file_name(environment->color, name);
	/* systemd reads it as root; what is in it may be a secret of the app. */
	r = environment_file_write(dir, name, text, 0600);
	if (r < 0)
		snprintf(error, ENVIRONMENT_ERROR_MAX, "%s/%s cannot be written: %s", dir, name,
			strerror(-r));
	return r;
}

/* The value of the line NAME="VALUE" that environment_print() wrote, up to its closing quote; none
 * of the values that are read back has a character that is escaped. */
static int assignment_read(const char *text, const char *name, char *value, size_t size)
{
	size_t length = strlen(name);

	for (; text; text = strchr(text, '\n') ? strchr(text, '\n') + 1 : NULL) {
		const char *from = text + length + 2, *end;

		if (strncmp(text, name, length) != 0 || strncmp(text + length, "=\"", 2) != 0)
			continue;
		end = strchr(from, '"');
		/* A line is whole only with its end. */
		if (!end || end[1] != '\n' || (size_t)(end - from) >= size)
			return -EBADMSG;
		memcpy(value, from, (size_t)(end - from));
		value[end - from] = '\0';
		return 0;
	}
	return -EBADMSG;
}

int environment_read(const char *dir, enum color color, struct environment_part *ret_part)
{
	_cleanup_free_ char *text = NULL, *path = NULL;
	struct environment_part part;
	char name[32], word[32];
	unsigned long port;
	char *end;
	int r;

	file_name(color, name);
	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return -ENOMEM;
	r = file_read(path, ENVIRONMENT_MAX, &text, NULL);
	if (r < 0)
		return r;
	if (!*text)
		return -ENOENT;
	if (assignment_read(text, "PORT", word, sizeof(word)) < 0)
		return -EBADMSG;
	port = strtoul(word, &end, 10);
	if (!isdigit((unsigned char)*word) || *end || port == 0 || port > UINT16_MAX)
		return -EBADMSG;
	part.port = (uint16_t)port;
	if (assignment_read(text, "BLUEGREEN_ROLE", word, sizeof(word)) < 0)
		return -EBADMSG;
	r = name_lookup(role_names, ROLE_COUNT, word);
	if (r < 0)
		return -EBADMSG;
	part.role = (enum role)r;
	if (assignment_read(text, "BLUEGREEN_RELEASE", part.release, sizeof(part.release)) < 0 ||
		!release_is_valid(part.release))
		return -EBADMSG;
	*ret_part = part;
	return 0;
}
