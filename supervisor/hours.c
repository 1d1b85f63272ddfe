/* SPDX-License-Identifier: MIT */
/*
 * Knows days, minutes and spans of them over midnight. Which day and minute it is now, and how
 * clocks are put forward and back, the C library knows.
 */
#include "hours.h"

#include <errno.h>
#include <string.h>

#include "base/fd.h"

#define DAY_MINUTES (24 * 60)
#define EVERY_DAY   0x7f
#define SEPARATORS  " \t"

static const char *const day_names[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

static int parse_day(const char **text)
{
	for (int day = 0; day < (int)ELEMENTS(day_names); day++)
		if (strncmp(*text, day_names[day], 3) == 0) {
			*text += 3;
			return day;
		}
	return -EINVAL;
}

/* "Mon..Fri,Sun": from the one to the other, over the end of the week too. */
static int parse_days(const char *text, uint8_t *ret_days)
{
	uint8_t days = 0;

	do {
		int first = parse_day(&text), last = first;

		if (first >= 0 && strncmp(text, "..", 2) == 0) {
			text += 2;
			last = parse_day(&text);
		}
		if (first < 0 || last < 0)
			return -EINVAL;
		for (int day = first;; day = (day + 1) % 7) {
			days |= (uint8_t)(1 << day);
			if (day == last)
				break;
		}
	} while (*text++ == ',');
	if (text[-1])
		return -EINVAL;
	*ret_days = days;
	return 0;
}

static int parse_digits(const char **text)
{
	const char *digits = *text;

	if (digits[0] < '0' || digits[0] > '9' || digits[1] < '0' || digits[1] > '9')
		return -EINVAL;
	*text += 2;
	return (digits[0] - '0') * 10 + digits[1] - '0';
}

/* "02:00": two digits each, as clocks show it. */
static int parse_minute(const char **text)
{
	int hour, minute;

	hour = parse_digits(text);
	if (hour < 0 || *(*text)++ != ':')
		return -EINVAL;
	minute = parse_digits(text);
	if (minute < 0 || minute > 59)
		return -EINVAL;
	return hour * 60 + minute;
}

static int parse_span(const char *text, uint8_t days, struct hours_span *ret_span)
{
	int from, to;

	from = parse_minute(&text);
	if (from < 0 || from >= DAY_MINUTES || *text++ != '-')
		return -EINVAL;
	to = parse_minute(&text);
	if (to < 0 || to > DAY_MINUTES || *text)
		return -EINVAL;
	*ret_span = (struct hours_span){.days = days, .from = (uint16_t)from, .to = (uint16_t)to};
	return 0;
}

int hours_parse(const char *text, struct hours *ret_hours)
{
	struct hours hours = {0};
	uint8_t days = EVERY_DAY;
	bool named = false; /* days that no span has followed yet */
	char word[64];
	int r;

	for (text += strspn(text, SEPARATORS); *text; text += strspn(text, SEPARATORS)) {
		size_t length = strcspn(text, SEPARATORS);

		if (length >= sizeof(word))
			return -EINVAL;
		memcpy(word, text, length);
		word[length] = '\0';
		text += length;
		if (word[0] < '0' || word[0] > '9') {
			r = named ? -EINVAL : parse_days(word, &days);
			named = true;
		} else if (hours.count == HOURS_MAX) {
			r = -E2BIG;
		} else {
			r = parse_span(word, days, &hours.spans[hours.count++]);
			named = false;
		}
		if (r < 0)
			return r;
	}
	if (named)
		return -EINVAL;
	*ret_hours = hours;
	return 0;
}

static bool has_day(const struct hours_span *span, int day)
{
	return span->days & 1 << day;
}

static bool span_open(const struct hours_span *span, int day, int minute)
{
	if (span->to > span->from)
		return has_day(span, day) && minute >= span->from && minute < span->to;
	return (has_day(span, day) && minute >= span->from) ||
	       (has_day(span, (day + 6) % 7) && minute < span->to);
}

bool hours_open(const struct hours *hours, time_t now)
{
	struct tm local;

	/* A year that struct tm cannot hold: the hours of no clock. */
	if (hours->count == 0 || !localtime_r(&now, &local))
		return true;
	for (size_t i = 0; i < hours->count; i++)
		if (span_open(&hours->spans[i], local.tm_wday, local.tm_hour * 60 + local.tm_min))
			return true;
	return false;
}

/*
 * Minute for minute, because clocks are put forward and back, in some places by half an hour: a
 * week has ten thousand of them. More than a week (with an hour of that night) there is to wait
 * only if the one span of it was skipped; then the week after has it.
 */
time_t hours_next(const struct hours *hours, time_t now)
{
	time_t minute = now;

	for (int i = 0; i < 15 * DAY_MINUTES; i++) {
		if (hours_open(hours, minute))
			return minute;
		minute += 60 - minute % 60;
	}
	return now;
}
