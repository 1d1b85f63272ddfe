/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "guarded.h"
#include "siphash.h"

static struct siphash_key reference_key(void)
{
	uint8_t bytes[SIPHASH_KEY_SIZE];

	for (unsigned int i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	return siphash_key_of(bytes);
}

/* The vectors of the reference implementation (key 00..0f, message 00, 01, 02 ... of so many
 * bytes), and the example of the paper's appendix (15 bytes). */
static void the_published_vectors_come_out(void **state)
{
	static const uint64_t wanted[] = {
		UINT64_C(0x726fdb47dd0e0e31),
		UINT64_C(0x74f839c593dc67fd),
		UINT64_C(0x0d6c8009d9a94f5a),
		UINT64_C(0x85676696d7fb7e2d),
	};
	struct siphash_key key = reference_key();
	uint8_t message[15];

	(void)state;
	for (unsigned int i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)i;
	for (size_t size = 0; size < sizeof(wanted) / sizeof(wanted[0]); size++)
		assert_true(siphash(&key, message, size) == wanted[size]);
	assert_true(siphash(&key, message, 15) == UINT64_C(0xa129ca6149be45e5));
}

static void not_a_byte_behind_the_message_is_read(void **state)
{
	struct siphash_key key = reference_key();
	char message[64];

	(void)state;
	for (unsigned int i = 0; i < sizeof(message); i++)
		message[i] = (char)i;
	for (size_t size = 0; size <= sizeof(message); size++)
		assert_true(siphash(&key, guarded_copy(message, size), size) ==
			    siphash(&key, message, size));
}

static void every_bit_of_the_key_counts(void **state)
{
	uint64_t plain = siphash(&(struct siphash_key){0, 0}, "x", 1);

	(void)state;
	for (int bit = 0; bit < 64; bit++) {
		struct siphash_key low = {UINT64_C(1) << bit, 0}, high = {0, UINT64_C(1) << bit};

		assert_true(siphash(&low, "x", 1) != plain);
		assert_true(siphash(&high, "x", 1) != plain);
		assert_true(siphash(&low, "x", 1) != siphash(&high, "x", 1));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_published_vectors_come_out),
		cmocka_unit_test(not_a_byte_behind_the_message_is_read),
		cmocka_unit_test(every_bit_of_the_key_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
