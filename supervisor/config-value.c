/* SPDX-License-Identifier: MIT */
/*
 * Knows how values are written; does not know which key they belong to.
 */
#include "config-value.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "config.h"

#define BLANKS	 " \t"
#define HOST_MAX 255  /* RFC 1035 section 2.3.4 */
#define PATH_LEN 2048 /* what servers commonly take for a request line is 8000 */

struct unit {
	const char *name;
	uint64_t factor;
};

/* systemd.time(7). A month is 30.44 days and a year 365.25, as there. */
static const struct unit time_units[] = {
	{"seconds", USEC_PER_SEC},
	{"second", USEC_PER_SEC},
	{"sec", USEC_PER_SEC},
	{"s", USEC_PER_SEC},
	{"minutes", 60 * USEC_PER_SEC},
	{"minute", 60 * USEC_PER_SEC},
	{"min", 60 * USEC_PER_SEC},
	{"months", 2629800 * USEC_PER_SEC},
	{"month", 2629800 * USEC_PER_SEC},
	{"M", 2629800 * USEC_PER_SEC},
	{"msec", USEC_PER_MSEC},
	{"ms", USEC_PER_MSEC},
	{"m", 60 * USEC_PER_SEC},
	{"hours", 3600 * USEC_PER_SEC},
	{"hour", 3600 * USEC_PER_SEC},
	{"hr", 3600 * USEC_PER_SEC},
	{"h", 3600 * USEC_PER_SEC},
	{"days", 86400 * USEC_PER_SEC},
	{"day", 86400 * USEC_PER_SEC},
	{"d", 86400 * USEC_PER_SEC},
	{"weeks", 604800 * USEC_PER_SEC},
	{"week", 604800 * USEC_PER_SEC},
	{"w", 604800 * USEC_PER_SEC},
	{"years", 31557600 * USEC_PER_SEC},
	{"year", 31557600 * USEC_PER_SEC},
	{"y", 31557600 * USEC_PER_SEC},
	{"usec", 1},
	{"us", 1},
	{"\xc2\xb5s", 1}, /* U+00B5, the micro sign */
	{"\xce\xbcs", 1}, /* U+03BC, the letter mu */
	{"", USEC_PER_SEC},
};

static const struct unit size_units[] = {
	{"K", UINT64_C(1) << 10},
	{"M", UINT64_C(1) << 20},
	{"G", UINT64_C(1) << 30},
	{"T", UINT64_C(1) << 40},
	{"P", UINT64_C(1) << 50},
	{"E", UINT64_C(1) << 60},
	{"B", 1},
	{"", 1},
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_visible(char c)
{
	return c > ' ' && c < 0x7f;
}

/* Takes the digits at *text. */
static int take_number(const char **text, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (!is_digit(**text))
		return -EINVAL;
	for (; is_digit(**text); (*text)++)
		if (__builtin_mul_overflow(number, 10, &number) ||
			__builtin_add_overflow(number, (uint64_t)(**text - '0'), &number))
			return -ERANGE;
	*ret_number = number;
	return 0;
}

/* Takes ".5" at *text: how many digits there are behind the point. */
static size_t take_fraction(const char **text, const char **ret_digits)
{
	size_t n;

	if (**text != '.')
		return 0;
	*ret_digits = *text + 1;
	n = strspn(*ret_digits, "0123456789");
	*text += 1 + n;
	return n;
}

static uint64_t fraction_of(uint64_t factor, const char *digits, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n && factor > 0; i++) {
		/* In two parts, because the product could run over. */
		sum += factor / 10 * (uint64_t)(digits[i] - '0') +
		       factor % 10 * (uint64_t)(digits[i] - '0') / 10;
		factor /= 10;
	}
	return sum;
}

/* The longest name that stands at *text and is not the beginning of another word. */
static const struct unit *take_unit(const char **text, const struct unit *units, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t n = strlen(units[i].name);

		if (strncmp(*text, units[i].name, n) != 0)
			continue;
		if (n == 0 && **text && !strchr(BLANKS, **text) && !is_digit(**text))
			return NULL;
		*text += n;
		return &units[i];
	}
	return NULL;
}

/* One number with its unit: "1.5 h". */
static int take_term(const char **text, const struct unit *units, size_t count, uint64_t *ret_term)
{
	const char *digits = NULL;
	const struct unit *unit;
	uint64_t whole, term;
	size_t n;
	int r;

	/* ".5s" is one too. */
	whole = 0;
	r = **text == '.' ? 0 : take_number(text, &whole);
	if (r < 0)
		return r;
	n = take_fraction(text, &digits);
	if (digits && n == 0)
		return -EINVAL;
	*text += strspn(*text, BLANKS);
	unit = take_unit(text, units, count);
	if (!unit)
		return -EINVAL;
	if (__builtin_mul_overflow(whole, unit->factor, &term) ||
		__builtin_add_overflow(term, fraction_of(unit->factor, digits, n), &term))
		return -ERANGE;
	*ret_term = term;
	return 0;
}

/* A sum of terms: "1min 30s", "2h30min". */
static int parse_terms(const char *text, const struct unit *units, size_t count, uint64_t *ret_sum)
{
	uint64_t sum = 0, term;
	int r;

	text += strspn(text, BLANKS);
	do {
		r = take_term(&text, units, count, &term);
		if (r < 0)
			return r;
		if (__builtin_add_overflow(sum, term, &sum))
			return -ERANGE;
		text += strspn(text, BLANKS);
	} while (*text);
	*ret_sum = sum;
	return 0;
}

int config_parse_usec(const char *text, uint64_t *ret_usec)
{
	const char *start = text + strspn(text, BLANKS);
	uint64_t usec;
	int r;

	if (strncmp(start, "infinity", strlen("infinity")) == 0) {
		start += strlen("infinity");
		if (start[strspn(start, BLANKS)])
			return -EINVAL;
		*ret_usec = USEC_INFINITY;
		return 0;
	}
	r = parse_terms(text, time_units, ELEMENTS(time_units), &usec);
	if (r < 0)
		return r;
	if (usec == USEC_INFINITY)
		return -ERANGE;
	*ret_usec = usec;
	return 0;
}

int config_parse_bytes(const char *text, uint64_t *ret_bytes)
{
	return parse_terms(text, size_units, ELEMENTS(size_units), ret_bytes);
}

int config_value_number(const char *text, uint64_t *ret_number)
{
	uint64_t number;
	int r;

	r = take_number(&text, &number);
	if (r < 0)
		return r;
	if (*text)
		return -EINVAL;
	*ret_number = number;
	return 0;
}

int config_value_range(const char *text, uint64_t *ret_min, uint64_t *ret_max)
{
	uint64_t min, max;
	int r;

	r = take_number(&text, &min);
	if (r < 0)
		return r;
	max = min;
	if (*text == '-') {
		text++;
		r = take_number(&text, &max);
		if (r < 0)
			return r;
	}
	if (*text || min > max)
		return -EINVAL;
	*ret_min = min;
	*ret_max = max;
	return 0;
}

bool config_value_is_utf8(const char *text, size_t length)
{
	static const uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
	const unsigned char *p = (const unsigned char *)text, *end = p + length;

	while (p < end) {
		size_t more = *p < 0x80 ? 0 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : 3;
		uint32_t code = more ? *p & (0x3fu >> more) : *p;

		if ((*p >= 0x80 && *p < 0xc0) || *p > 0xf4 || (size_t)(end - p) <= more)
			return false;
		for (size_t i = 1; i <= more; i++) {
			if ((p[i] & 0xc0) != 0x80)
				return false;
			code = code << 6 | (p[i] & 0x3fu);
		}
		if (code < smallest[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
			return false;
		p += more + 1;
	}
	return true;
}

bool config_value_is_path(const char *text)
{
	size_t length = 0;

	if (*text != '/')
		return false;
	/* What is behind a `#` is never sent (RFC 9110 section 4.2.5). */
	for (; text[length]; length++)
		if (!is_visible(text[length]) || text[length] == '#')
			return false;
	return length < PATH_LEN;
}

bool config_value_is_host(const char *text)
{
	size_t length = 0;

	for (; text[length]; length++)
		if (!is_letter(text[length]) && !is_digit(text[length]) &&
			!strchr("-._:[]", text[length]))
			return false;
	return length > 0 && length <= HOST_MAX;
}

bool config_value_is_assignment(const char *text)
{
	if (!is_letter(*text) && *text != '_')
		return false;
	while (is_letter(*text) || is_digit(*text) || *text == '_')
		text++;
	if (*text != '=')
		return false;
	for (text++; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}
