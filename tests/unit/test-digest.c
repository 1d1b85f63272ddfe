/* SPDX-License-Identifier: MIT */
/*
 * digest.c: the examples of FIPS 180-4 and what they leave out, in one piece and in every split.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "digest.h"

static const struct example {
	const char *text;
	const char *wanted;
} examples[] = {
	{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	{"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqr"
	 "lmnopqrsmnopqrstnopqrstu",
		"cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
};

static void examples_of_the_standard(void **state)
{
	char hex[DIGEST_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++) {
		struct digest digest;

		digest_begin(&digest);
		digest_add(&digest, examples[i].text, strlen(examples[i].text));
		digest_end(&digest, hex);
		assert_string_equal(hex, examples[i].wanted);
	}
}

static void every_split_is_the_same(void **state)
{
	const struct example *example = &examples[3];
	size_t size = strlen(example->text);
	char hex[DIGEST_MAX];

	(void)state;
	for (size_t first = 0; first <= size; first++)
		for (size_t second = first; second <= size; second++) {
			struct digest digest;

			digest_begin(&digest);
			digest_add(&digest, example->text, first);
			digest_add(&digest, example->text + first, second - first);
			digest_add(&digest, example->text + second, size - second);
			digest_end(&digest, hex);
			assert_string_equal(hex, example->wanted);
		}
}

static void a_million_letters(void **state)
{
	static char letters[1000];
	struct digest digest;
	char hex[DIGEST_MAX];

	(void)state;
	memset(letters, 'a', sizeof(letters));
	digest_begin(&digest);
	for (int i = 0; i < 1000; i++)
		digest_add(&digest, letters, sizeof(letters));
	digest_end(&digest, hex);
	assert_string_equal(
		hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples_of_the_standard),
		cmocka_unit_test(every_split_is_the_same),
		cmocka_unit_test(a_million_letters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
