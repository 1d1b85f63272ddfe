/* SPDX-License-Identifier: MIT */
/*
 * Knows which byte may stand where, and finds the first that may not. Knows nothing of messages.
 */
#include "http1-parts.h"

#define PRINT	   (HTTP1_CLASS_TARGET | HTTP1_CLASS_VALUE)
#define TOKEN	   (PRINT | HTTP1_CLASS_TOKEN)
#define HOST	   (PRINT | HTTP1_CLASS_HOST)
#define TOKEN_HOST (TOKEN | HOST)

const uint8_t http1_classes[256] = {
	['\t'] = HTTP1_CLASS_VALUE,
	[' '] = HTTP1_CLASS_VALUE,
	['!'] = TOKEN_HOST,
	['"'] = PRINT,
	['#'] = TOKEN,
	['$' ... '\''] = TOKEN_HOST,
	['(' ... ')'] = HOST,
	['*' ... '+'] = TOKEN_HOST,
	[','] = HOST,
	['-' ... '.'] = TOKEN_HOST,
	['/'] = PRINT,
	['0' ... '9'] = TOKEN_HOST,
	[':' ... ';'] = HOST,
	['<'] = PRINT,
	['='] = HOST,
	['>' ... '@'] = PRINT,
	['A' ... 'Z'] = TOKEN_HOST,
	['['] = HOST,
	['\\'] = PRINT,
	[']'] = HOST,
	['^'] = TOKEN,
	['_'] = TOKEN_HOST,
	['`'] = TOKEN,
	['a' ... 'z'] = TOKEN_HOST,
	['{'] = PRINT,
	['|'] = TOKEN,
	['}'] = PRINT,
	['~'] = TOKEN_HOST,
	[0x80 ... 0xff] = HTTP1_CLASS_VALUE,
};

/* ---- eight bytes at once: a bit in the highest of a byte says something of it ---- */

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))
#define HIGHEST	   EACH(0x80)

/* Marks the bytes below `limit` (0x80 at most): the first mark is true, a borrow may make others.
 */
static inline uint64_t below(uint64_t word, uint8_t limit)
{
	return (word - EACH(limit)) & ~word & HIGHEST;
}

/* Marks the bytes from low to high, both below 0x80, as long as none before them is above 0x7f. */
static inline uint64_t between(uint64_t word, uint8_t low, uint8_t high)
{
	return (word + EACH(0x80 - low)) & ~(word + EACH(0x7f - high)) & HIGHEST;
}

/* Each marks what is not plain; the first mark is true. Letters, digits and `-`, of which nearly
 * all tokens are. */
static inline uint64_t odd_in_token(uint64_t word)
{
	uint64_t plain = between(word | EACH(0x20), 'a', 'z') | between(word, '0', '9') |
			 between(word, '-', '-');

	return (~plain | word) & HIGHEST;
}

static inline uint64_t odd_in_target(uint64_t word)
{
	return below(word, 0x21) | ((word | (word + EACH(1))) & HIGHEST);
}

/* HTAB, which may stand there, and what may not. */
static inline uint64_t odd_in_value(uint64_t word)
{
	return below(word, 0x20) | below(word ^ EACH(0x7f), 1);
}

/* How many bytes stand before the first mark, or fewer. */
static inline size_t before_mark(uint64_t marks)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (size_t)__builtin_ctzll(marks) / 8;
#else
	(void)marks;
	return 0;
#endif
}

/* What is odd the table judges, and the last bytes. */
static inline const char *skip(
	const char *at, const char *end, uint64_t (*odd)(uint64_t word), uint8_t class)
{
	while (end - at >= 8) {
		uint64_t marks = odd(http1_load(at));

		if (marks == 0) {
			at += 8;
			continue;
		}
		at += before_mark(marks);
		if (!http1_is(*at, class))
			return at;
		at++;
	}
	while (at < end && http1_is(*at, class))
		at++;
	return at;
}

const char *http1_skip_token(const char *at, const char *end)
{
	return skip(at, end, odd_in_token, HTTP1_CLASS_TOKEN);
}

const char *http1_skip_target(const char *at, const char *end)
{
	return skip(at, end, odd_in_target, HTTP1_CLASS_TARGET);
}

const char *http1_skip_value(const char *at, const char *end)
{
	return skip(at, end, odd_in_value, HTTP1_CLASS_VALUE);
}
