/* SPDX-License-Identifier: MIT */
/*
 * Knows four fields (RFC 9110 sections 8.8 and 14.4); does not know what is asked for.
 */
#include "fetch-answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The value, if the line is this field. */
static const char *field_value(const char *line, const char *name)
{
	size_t n = strlen(name);

	if (strncasecmp(line, name, n) != 0 || line[n] != ':')
		return NULL;
	line += n + 1;
	return line + strspn(line, " \t");
}

void answer_take(struct answer *answer, char *line)
{
	const char *value;

	line[strcspn(line, "\r\n")] = '\0';
	if (strncmp(line, "HTTP/", 5) == 0) {
		*answer = (struct answer){0};
		return;
	}
	value = field_value(line, "ETag");
	if (value && strlen(value) < sizeof(answer->etag))
		strcpy(answer->etag, value);
	value = field_value(line, "Last-Modified");
	if (value && strlen(value) < sizeof(answer->modified))
		strcpy(answer->modified, value);
	value = field_value(line, "Content-Range");
	if (value)
		answer->ranged = sscanf(value, "bytes %" SCNu64 "-%*u/%" SCNu64, &answer->first,
					 &answer->whole) == 2 ||
				 sscanf(value, "bytes */%" SCNu64, &answer->whole) == 1;
}

/* Only a strong ETag says that bytes are the same (RFC 9110 §13.1.5). */
const char *answer_validator(const struct answer *answer)
{
	if (*answer->etag && strncmp(answer->etag, "W/", 2) != 0)
		return answer->etag;
	return answer->modified;
}
