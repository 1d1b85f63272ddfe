/* SPDX-License-Identifier: MIT */
/*
 * Knows how shares, rates, URLs and names of units are written; does not know which key they
 * belong to.
 */
#include "config-terms.h"

#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "config-value.h"

#define DIGITS	      "0123456789"
#define WHOLE_MAX     9 /* digits: more than any range here allows */
#define FRACTION_MAX  6
#define DIRECTORY_MAX 1024 /* a release's files have to fit into PATH_MAX behind it */
#define URL_MAX	      2048
#define UNIT_MAX      255 /* systemd.unit(5) */
#define DAY	      (24 * 3600 * USEC_PER_SEC)
#define TAG	      "{tag}"

/* strtod() would follow the locale, and take "inf" and "0x1". */
static int take_decimal(const char **text, double *ret_number)
{
	size_t whole = strspn(*text, DIGITS), fraction = 0;
	double number = 0, unit = 1;

	if (whole == 0)
		return -EINVAL;
	if (whole > WHOLE_MAX)
		return -ERANGE;
	for (; whole > 0; whole--)
		number = number * 10 + (*(*text)++ - '0');
	if (**text == '.') {
		(*text)++;
		fraction = strspn(*text, DIGITS);
		if (fraction == 0)
			return -EINVAL;
		if (fraction > FRACTION_MAX)
			return -ERANGE;
	}
	for (; fraction > 0; fraction--) {
		number = number * 10 + (*(*text)++ - '0');
		unit *= 10;
	}
	*ret_number = number / unit;
	return 0;
}

int config_value_decimal(const char *text, double *ret_number)
{
	double number;
	int r;

	r = take_decimal(&text, &number);
	if (r < 0)
		return r;
	if (*text)
		return -EINVAL;
	*ret_number = number;
	return 0;
}

int config_value_percent(const char *text, double *ret_rate)
{
	double number;
	int r;

	r = take_decimal(&text, &number);
	if (r < 0)
		return r;
	if (strcmp(text, "%") != 0)
		return -EINVAL;
	if (number > 100)
		return -ERANGE;
	*ret_rate = number / 100;
	return 0;
}

int config_value_ramp_step(const char *text, struct config_ramp_step *ret_step)
{
	size_t digits = strspn(text, DIGITS);
	unsigned int share = 0;
	uint64_t usec;
	int r;

	if (digits == 0 || strncmp(text + digits, "%:", 2) != 0)
		return -EINVAL;
	if (digits > 2)
		return -ERANGE;
	for (size_t i = 0; i < digits; i++)
		share = share * 10 + (unsigned int)(text[i] - '0');
	r = config_parse_usec(text + digits + 2, &usec);
	if (r < 0)
		return r;
	if (share == 0 || usec == 0 || usec > DAY)
		return -ERANGE;
	*ret_step = (struct config_ramp_step){.share = (uint8_t)share, .usec = usec};
	return 0;
}

static bool part_is_dots(const char *part, size_t length)
{
	return length > 0 && length <= 2 && strspn(part, ".") >= length;
}

bool config_value_is_directory(const char *text)
{
	size_t length = strlen(text), parts = 0;

	if (*text != '/' || length >= DIRECTORY_MAX || !config_value_is_utf8(text, length))
		return false;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return false;
	for (const char *part = text; *part;) {
		size_t n;

		part += strspn(part, "/");
		n = strcspn(part, "/");
		if (part_is_dots(part, n))
			return false;
		parts += n > 0;
		part += n;
	}
	return parts > 0;
}

static bool is_visible(const char *text)
{
	size_t length = 0;

	for (; text[length]; length++)
		if (text[length] <= ' ' || text[length] >= 0x7f)
			return false;
	return length < URL_MAX;
}

/* What is behind "http://" or "https://"; NULL if it is neither. */
static const char *behind_scheme(const char *text)
{
	if (strncmp(text, "http://", strlen("http://")) == 0)
		return text + strlen("http://");
	if (strncmp(text, "https://", strlen("https://")) == 0)
		return text + strlen("https://");
	return NULL;
}

bool config_value_is_url(const char *text)
{
	const char *host = behind_scheme(text);

	return host && is_visible(text) && !strchr("/?#:@", *host);
}

bool config_value_is_source(const char *text)
{
	const char *tag = strstr(text, TAG), *path;

	if (!tag || strstr(tag + 1, TAG) || !is_visible(text) || strchr(text, '#'))
		return false;
	if (strncmp(text, "file:///", strlen("file:///")) == 0)
		return true;
	if (!config_value_is_url(text))
		return false;
	path = behind_scheme(text);
	path += strcspn(path, "/?");
	return tag > path;
}

bool config_value_is_service(const char *text)
{
	static const char suffix[] = ".service", template[] = "@.service";
	size_t length = strlen(text), n = strlen(suffix);

	if (length <= n || length > UNIT_MAX || strcmp(text + length - n, suffix) != 0)
		return false;
	if (*text == '@' || strcmp(text + length - n - 1, template) == 0)
		return false;
	return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS
			    ":-_.\\@") == length;
}
