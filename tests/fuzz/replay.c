/* SPDX-License-Identifier: MIT */
/*
 * Takes the place of libFuzzer where there is only a C compiler: gives the target each file named,
 * and every file that is one byte away from it: a byte less, a byte twice, a byte that is another.
 */
#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "fuzz.h"

#define FILE_MAX 4096

/* Bytes that mean something to one parser or another, or are at the edge of a class. */
static const char meaningful[] = {'\0', '\t', '\n', '\r', ' ', '!', ',', ':', ';', '/', '0', '9',
	'A', 'f', 'g', '_', '~', '\x7f', '\x80', '\xff'};

static void neighbours_replay(const char *content, size_t size)
{
	static char changed[FILE_MAX + 1];

	for (size_t i = 0; i < size; i++) {
		memcpy(changed, content, size);
		for (size_t j = 0; j < sizeof(meaningful); j++) {
			changed[i] = meaningful[j];
			LLVMFuzzerTestOneInput((const uint8_t *)changed, size);
		}
		memcpy(changed + i, content + i + 1, size - i - 1);
		LLVMFuzzerTestOneInput((const uint8_t *)changed, size - 1);
		memcpy(changed + i + 1, content + i, size - i);
		changed[i] = content[i];
		LLVMFuzzerTestOneInput((const uint8_t *)changed, size + 1);
	}
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: %s FILE...\n", argv[0]);
		return 2;
	}
	for (int i = 1; i < argc; i++) {
		_cleanup_free_ char *content = NULL;
		size_t size;
		int r = file_read(argv[i], FILE_MAX, &content, &size);

		if (r < 0) {
			fprintf(stderr, "%s: cannot be read: %s\n", argv[i], strerror(-r));
			return 1;
		}
		LLVMFuzzerTestOneInput((const uint8_t *)content, size);
		neighbours_replay(content, size);
	}
	return 0;
}
