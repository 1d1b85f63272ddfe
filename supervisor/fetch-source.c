/* SPDX-License-Identifier: MIT */
/*
 * Knows how a source's pattern becomes addresses, and how an archive comes from this machine's own
 * disk; does not know HTTP.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/fd.h"
#include "fetch-inside.h"

#define TAG_WORD  "{tag}"
#define SUMS_NAME "SHA256SUMS"

static int expand(const char *source, const char *tag, char ret_url[static FETCH_URL_MAX])
{
	size_t used = 0;
	const char *word;
	int n;

	if (!strstr(source, TAG_WORD))
		return -EINVAL;
	while ((word = strstr(source, TAG_WORD))) {
		n = snprintf(ret_url + used, FETCH_URL_MAX - used, "%.*s%s", (int)(word - source),
			source, tag);
		if (n < 0 || (size_t)n >= FETCH_URL_MAX - used)
			return -EINVAL;
		used += (size_t)n;
		source = word + strlen(TAG_WORD);
	}
	n = snprintf(ret_url + used, FETCH_URL_MAX - used, "%s", source);
	return n < 0 || (size_t)n >= FETCH_URL_MAX - used ? -EINVAL : 0;
}

static int part_copy(CURLU *parts, CURLUPart part, unsigned int flags, char *buffer, size_t size)
{
	char *text = NULL;
	int n = -1;

	if (curl_url_get(parts, part, &text, flags) == CURLUE_OK)
		n = snprintf(buffer, size, "%s", text);
	curl_free(text);
	return n < 0 || (size_t)n >= size ? -EINVAL : 0;
}

/* The same address with SHA256SUMS in the place of its last name. */
static int sums_beside(CURLU *parts, const char *path, char ret_url[static FETCH_URL_MAX])
{
	char beside[FETCH_URL_MAX + sizeof(SUMS_NAME)];
	const char *slash = strrchr(path, '/');

	if (!slash || !slash[1])
		return -EINVAL;
	snprintf(beside, sizeof(beside), "%.*s/" SUMS_NAME, (int)(slash - path), path);
	if (curl_url_set(parts, CURLUPART_PATH, beside, 0) != CURLUE_OK)
		return -EINVAL;
	return part_copy(parts, CURLUPART_URL, 0, ret_url, FETCH_URL_MAX);
}

static int source_parse(struct fetch *fetch, CURLU *parts)
{
	char scheme[16], path[FETCH_URL_MAX], plain[PATH_MAX];
	int r;

	if (curl_url_set(parts, CURLUPART_URL, fetch->url, 0) != CURLUE_OK)
		return -EINVAL;
	r = part_copy(parts, CURLUPART_SCHEME, 0, scheme, sizeof(scheme));
	if (r >= 0)
		r = part_copy(parts, CURLUPART_PATH, 0, path, sizeof(path));
	if (r >= 0)
		r = part_copy(parts, CURLUPART_PATH, CURLU_URLDECODE, plain, sizeof(plain));
	if (r < 0)
		return r;
	if (strcasecmp(scheme, "file") == 0)
		strcpy(fetch->local, plain);
	else if (strcasecmp(scheme, "http") != 0 && strcasecmp(scheme, "https") != 0)
		return -EINVAL;
	strcpy(fetch->archive, strrchr(plain, '/') ? strrchr(plain, '/') + 1 : plain);
	return sums_beside(parts, path, fetch->sums_url);
}

int fetch_source_set(struct fetch *fetch, const char *source)
{
	CURLU *parts;
	int r;

	r = expand(source, fetch->tag, fetch->url);
	if (r < 0)
		return r;
	parts = curl_url();
	if (!parts)
		return -ENOMEM;
	r = source_parse(fetch, parts);
	curl_url_cleanup(parts);
	download_url_shown(fetch->url, fetch->shown, sizeof(fetch->shown));
	return r;
}

static int copy_bytes(int from, int to)
{
	static char bytes[1 << 20];
	uint64_t size = 0;
	ssize_t n, written;

	while ((n = read(from, bytes, sizeof(bytes))) > 0) {
		size += (uint64_t)n;
		if (size > FETCH_ARCHIVE_MAX)
			return -EFBIG;
		for (ssize_t done = 0; done < n; done += written) {
			written = write(to, bytes + done, (size_t)(n - done));
			if (written < 0)
				return -errno;
		}
	}
	return n < 0 ? -errno : 0;
}

int fetch_source_copy(const void *owner)
{
	const struct fetch *fetch = owner;
	_cleanup_fd_ int from = -EBADF, to = -EBADF;
	char path[2 * PATH_MAX];
	int r;

	from = open(fetch->local, O_RDONLY | O_CLOEXEC);
	if (from < 0) {
		fprintf(stderr, "%s: %s\n", fetch->local, strerror(errno));
		return -1;
	}
	snprintf(path, sizeof(path), "%s/%s", fetch->directory, fetch->part);
	to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	r = to < 0 ? -errno : copy_bytes(from, to);
	if (r >= 0)
		return 0;
	fprintf(stderr, "%s cannot be written: %s\n", path, strerror(-r));
	/* The disk is not ours alone. */
	(void)unlink(path);
	return -1;
}
