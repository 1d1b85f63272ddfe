/* SPDX-License-Identifier: MIT */
/*
 * The configuration file, app-bluegreen.conf(5): systemd's syntax and units. Every key has a
 * working default; an unknown section or key, a bad value or a key given twice in one file is an
 * error that names file and line. Keys of a later file (app.conf.d, sorted by name) replace those
 * of an earlier one; an empty value restores the default.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "color.h"
#include "gate.h"
#include "hours.h"
#include "proxy-header.h"
#include "route.h"
#include "trust.h"

#define CONFIG_APP_MAX	 64    /* bytes of an app's name, NUL included */
#define CONFIG_LIST_MAX	 16    /* warm-up paths, environment assignments */
#define CONFIG_FILE_MAX	 65536 /* bytes of one file */
#define CONFIG_FILES_MAX 64    /* APP.conf and its drop-ins */
#define CONFIG_ERROR_MAX 1024

#define CONFIG_RAMP_MAX 16 /* steps of a ramp */

enum strategy {
	STRATEGY_FALLBACK, /* the primary restarts while the read-only fallback serves */
	STRATEGY_SWAP,	   /* the idle color starts on the new release and becomes the primary */
	STRATEGY_COUNT,
};

enum protocol {
	PROTOCOL_HTTP,
	PROTOCOL_TCP,  /* relayed as bytes, by connection; a probe connects */
	PROTOCOL_NONE, /* no listener and no route; a color is healthy as long as its unit is active
			*/
	PROTOCOL_COUNT,
};

/* "fallback", "swap"; and back: the enum's value, or -EINVAL. */
const char *strategy_name(enum strategy strategy);
int strategy_from_name(const char *name);
/* "http", "tcp", "none". */
const char *protocol_name(enum protocol protocol);

enum fallback_writes {
	FALLBACK_WRITES_HOLD, /* writes wait for the primary, within [Hold] */
	FALLBACK_WRITES_PASS, /* writes go to the fallback, whose read-only mode answers */
	FALLBACK_WRITES_COUNT,
};

struct config_probe {
	char *path;
	uint16_t status_min, status_max;
	char *body;			    /* a substring the answer must have; NULL: any */
	char *host;			    /* Host field; NULL: 127.0.0.1:PORT */
	uint64_t interval_usec;		    /* steady state: at most every 5 intervals is needed */
	uint64_t timeout_usec;		    /* of one probe */
	uint64_t start_timeout_usec;	    /* from the start of the unit to healthy */
	uint32_t rise, fall;		    /* answers in a row to become healthy, sick */
	uint64_t soak_usec;		    /* it has run so long before traffic returns */
	char *warm_up[CONFIG_LIST_MAX + 1]; /* paths, NULL-terminated */
};

struct config_ramp_step {
	uint8_t share; /* per cent of the requests that go to the new release, 1..99 */
	uint64_t usec; /* so long */
};

struct config {
	char app[CONFIG_APP_MAX];
	uint16_t ports[COLOR_COUNT];		       /* [App] BluePort= GreenPort= */
	enum strategy strategy;			       /* [App] Strategy= */
	enum protocol protocol;			       /* [App] Protocol= */
	enum affinity affinity;			       /* [Route] Affinity= */
	struct config_ramp_step ramp[CONFIG_RAMP_MAX]; /* [Route] Ramp=, shares ascending */
	size_t ramp_count;			       /* 0: at once */
	uint64_t slow_start_usec;		       /* [Route] SlowStart=; 0: none */
	struct trust trusted_proxies;		       /* [Route] TrustedProxies= */
	bool accept_proxy;			       /* [Route] AcceptProxyProtocol= */
	enum proxy_version send_proxy;		       /* [Route] SendProxyProtocol= */
	char *release_directory; /* [Release] Directory=, absolute; NULL: code in place */
	uint32_t release_keep;	 /* [Release] Keep= */
	uint64_t window_usec;	 /* [Release] Window= */
	char *release_source;	 /* [Release] Source=, a URL with {tag}; NULL: none */
	/* [Release] Snapshot=: directories, NULL-terminated; none: code is brought as releases */
	char *release_snapshot[CONFIG_LIST_MAX + 1];
	bool upgrade_restart;			/* [Upgrade] Restart= */
	char *watch_paths[CONFIG_LIST_MAX + 1]; /* [Upgrade] WatchPath=, NULL-terminated */
	struct hours maintenance;		/* [Upgrade] MaintenanceWindow= */
	struct gate_limits gate; /* [Gate] MaxErrorRate= MaxLatencyRatio= MinRequests= */
	uint64_t probation_usec; /* [Gate] Probation= */
	char *hook_before;	 /* [Hooks] BeforeRestart=, "APP-NAME.service"; NULL: none */
	char *hook_after;	 /* [Hooks] AfterDeploy= */
	char *notify_url;	 /* [Notify] Url=; NULL: none */
	struct config_probe probe;
	uint64_t hold_usec, hold_bytes;			 /* [Hold] Limit= Bytes= */
	uint32_t hold_requests;				 /* [Hold] Requests= */
	uint64_t drain_requests_usec;			 /* [Drain] Requests= */
	uint64_t drain_streams_usec;			 /* [Drain] Streams= */
	char *fallback_environment[CONFIG_LIST_MAX + 1]; /* "NAME=VALUE", NULL-terminated */
	enum fallback_writes fallback_writes;
};

/* True for what may name an app: [a-z][a-z0-9_]*, shorter than CONFIG_APP_MAX (it is part of a
 * D-Bus name, a unit name and a path), and none of the names that are ours. */
bool config_app_valid(const char *app);

/*
 * Reads DIR/APP.conf and DIR/APP.conf.d/ *.conf (DIR is /etc/app-bluegreen); missing files are
 * defaults. On error returns -errno and writes one sentence ("FILE:LINE: …, …") into error.
 */
int config_load(const char *dir, const char *app, char error[static CONFIG_ERROR_MAX],
	struct config **ret_config);

/* A file that was read already. */
struct config_text {
	const char *name; /* for messages */
	char *content;	  /* changed while it is read; NUL behind it */
	size_t size;
};

/* What config_load() does with what it has read, the main file first. No I/O. */
int config_build(const char *app, const struct config_text *texts, size_t count,
	char error[static CONFIG_ERROR_MAX], struct config **ret_config);

struct config *config_free(struct config *config);
DEFINE_CLEANUP(struct config, config_free);

/* Pure pieces, for tests and for others who read units: "1min 30s", "500ms", "infinity"; bare
 * numbers are seconds. "64M", bare numbers are bytes, factors of 1024. -EINVAL, -ERANGE. */
int config_parse_usec(const char *text, uint64_t *ret_usec);
int config_parse_bytes(const char *text, uint64_t *ret_bytes);
