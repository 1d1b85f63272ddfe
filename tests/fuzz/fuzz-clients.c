/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a list of who is trusted, and as a PROXY header: what is read is written as what
 * reads the same; a header's verdict does not depend on how its bytes come, and no byte behind it
 * is looked at.
 */
#include <string.h>

#include "base/fd.h"
#include "fuzz.h"
#include "proxy-header.h"
#include "trust.h"
#include "unit/guarded.h"

static void trust_check(const char *bytes, size_t size)
{
	char text[TRUST_TEXT_MAX], again_text[TRUST_TEXT_MAX];
	_cleanup_free_ char *copy = strndup(bytes, size);
	static struct trust trust, again;

	must(copy);
	memset(&trust, 0xff, sizeof(trust));
	if (trust_parse(copy, &trust) < 0)
		return;
	must(trust.count <= TRUST_MAX);
	for (uint8_t i = 0; i < trust.count; i++) {
		const struct trust_prefix *prefix = &trust.prefixes[i];
		struct endpoint endpoint = {.known = true};

		must(prefix->bits <= 128);
		memcpy(endpoint.address, prefix->address, sizeof(endpoint.address));
		must(trust_holds(&trust, &endpoint));
		/* One that differs in the last bit that counts is held only by another prefix. */
		if (trust.count == 1 && prefix->bits > 0) {
			endpoint.address[(prefix->bits - 1) / 8] ^= 0x80 >> (prefix->bits - 1) % 8;
			must(!trust_holds(&trust, &endpoint));
		}
	}
	must(strlen(trust_text(&trust, text)) < sizeof(text));
	must(trust_parse(text, &again) == 0 && again.count == trust.count);
	must(strcmp(trust_text(&again, again_text), text) == 0);
}

static bool same_endpoint(const struct endpoint *a, const struct endpoint *b)
{
	return a->known == b->known &&
	       (!a->known || (a->port == b->port &&
				     memcmp(a->address, b->address, sizeof(a->address)) == 0));
}

/* Written by us, it reads the same. */
static void written_check(const struct proxy_header *header, enum proxy_version version)
{
	char out[PROXY_HEADER_WRITE_MAX];
	size_t length = proxy_header_write(version, &header->source, &header->destination, out);
	struct proxy_header again;

	must(length <= sizeof(out));
	must(proxy_header_parse(out, length, &again) == PROXY_OK);
	must(again.size == length);
	must(again.relayed ==
		(header->relayed && header->source.known && header->destination.known));
	if (again.relayed)
		must(same_endpoint(&again.source, &header->source) &&
			same_endpoint(&again.destination, &header->destination));
}

static void header_check(const char *bytes, size_t size)
{
	struct proxy_header header, part;
	enum proxy_verdict verdict = proxy_header_parse(guarded_copy(bytes, size), size, &header);
	size_t step = fuzz_split_step(size);

	must(verdict == PROXY_OK || verdict == PROXY_MORE || verdict == PROXY_BAD);
	for (size_t split = fuzz_split_first(bytes, size); split < size; split += step) {
		enum proxy_verdict early =
			proxy_header_parse(guarded_copy(bytes, split), split, &part);

		must(early == PROXY_MORE || early == verdict);
		must(early != PROXY_OK || (part.size == header.size && part.size <= split));
		must(verdict != PROXY_OK || split >= header.size || early == PROXY_MORE);
		must(verdict != PROXY_MORE || early == PROXY_MORE);
	}
	if (verdict == PROXY_MORE)
		must(size < PROXY_HEADER_V2_MAX);
	if (verdict != PROXY_OK)
		return;
	must(header.size > 0 && header.size <= size && header.size <= PROXY_HEADER_V2_MAX);
	written_check(&header, PROXY_VERSION_1);
	written_check(&header, PROXY_VERSION_2);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const char *text = (const char *)bytes;

	if (size > GUARDED_MAX)
		return 0;
	trust_check(text, size);
	header_check(text, size);
	return 0;
}
