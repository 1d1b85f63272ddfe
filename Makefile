# SPDX-License-Identifier: MIT
# `make help` says what there is. Everything that is built lies under build/.

VERSION := $(shell sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog 2>/dev/null)
BUILD ?= build
prefix ?= /usr
bindir = $(prefix)/bin
libexecdir = $(prefix)/libexec/app-bluegreen
unitdir = $(prefix)/lib/systemd/system

CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wswitch-enum -Wmissing-prototypes -Wstrict-prototypes \
	-Wpointer-arith -Wundef -Wformat=2 -Wvla
WERROR ?= -Werror
PACKAGES := libsystemd libcurl libnl-3.0 jansson nettle
override CPPFLAGS += -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -Isocket -Isupervisor
override CFLAGS += -std=gnu11 -pthread $(WARNINGS) $(WERROR)
PACKAGE_CFLAGS := $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
LIBS_relay :=
LIBS_supervisor := $(shell pkg-config --libs libsystemd libcurl libnl-3.0 jansson nettle 2>/dev/null)
LIBS_recheck := $(shell pkg-config --libs libsystemd jansson nettle 2>/dev/null)
LIBS_bluegreenctl := $(shell pkg-config --libs libsystemd jansson 2>/dev/null)

# Who is linked into what: the relay takes no room but socket/; the supervisor takes from it only
# what both speak of (color, route) and the steer.
BASE := $(wildcard socket/base/*.c) socket/color.c socket/route.c
SRC_relay := $(filter-out $(wildcard socket/steer-*.c),$(wildcard socket/*.c)) $(wildcard socket/base/*.c)
SRC_supervisor := $(filter-out $(wildcard supervisor/ctl*.c supervisor/generator*.c \
	supervisor/recheck*.c),$(wildcard supervisor/*.c)) \
	$(BASE) socket/latency.c socket/ending.c socket/endpoint.c socket/trust.c socket/proxy-header.c \
	$(wildcard socket/steer-relay*.c)
# Which ports the other applications have is in their configuration.
SRC_config := $(wildcard supervisor/config*.c) supervisor/hours.c socket/trust.c socket/endpoint.c \
	socket/proxy-header.c
SRC_bluegreenctl := $(wildcard supervisor/ctl*.c) $(BASE) $(SRC_config) \
	$(addprefix supervisor/,generator-unit.c listener-process.c cgroup.c release-tree.c text.c)
SRC_recheck := $(wildcard supervisor/recheck*.c) $(BASE) $(SRC_config) \
	$(addprefix supervisor/,cgroup.c text.c digest.c snapshot-compare.c snapshot-manifest.c \
	snapshot-tree.c snapshot-file.c release.c release-tree.c)
# No foreign library, and nothing of the configuration but what may be a name: it runs at every boot.
SRC_generator := $(wildcard supervisor/generator*.c) supervisor/config-app.c socket/base/fd.c
PROGRAMS := relay supervisor recheck bluegreenctl generator

# Every module but the mains, for unit tests to take what they need from.
MODULES := $(filter-out %main.c supervisor/ctl.c supervisor/generator.c supervisor/recheck.c,\
	$(sort $(foreach p,$(PROGRAMS),$(SRC_$(p)))))
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test-*.c))

# The load client, and the bench's two ends, which count and fill bodies as it does.
SRC_tests/load/load := $(wildcard tests/load/*.c) socket/base/fd.c socket/color.c
SRC_tests/bench/client := $(addprefix tests/bench/,client.c loop.c connection.c) \
	tests/load/histogram.c tests/load/pattern.c socket/base/fd.c
SRC_tests/bench/backend := tests/bench/backend.c tests/load/pattern.c
LIBS_tests/bench/client := -lm
TEST_TOOLS := $(addprefix $(BUILD)/,tests/load/load tests/bench/client tests/bench/backend)

# Under obj/, because build/supervisor is a program.
object = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

all: $(PROGRAMS:%=$(BUILD)/%) $(TEST_TOOLS)

define program_rule
$(BUILD)/$(1): $(call object,$(SRC_$(1)))
	$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(LIBS_$(1))
endef
$(foreach p,$(PROGRAMS),$(eval $(call program_rule,$(p))))

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(PACKAGE_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/modules.a: $(call object,$(MODULES))
	@rm -f $@
	$(AR) rcs $@ $^

# A unit test that runs above fakes names them here; the linker takes them instead of the seam's
# real side, because they come before the archive.
FAKES_app := event world stand manager probe sockdiag listener record environment release fetch \
	snapshot steer report
FAKES_test-cut := $(FAKES_app) judge
FAKES_test-deploy := $(FAKES_app) judge
FAKES_test-explore := $(FAKES_app) judge
FAKES_test-first-copy := $(FAKES_app)
FAKES_test-swap := $(FAKES_app)
FAKES_test-watch := $(FAKES_app)
FAKES_test-comeback := $(FAKES_app)
FAKES_test-heritage := $(FAKES_app)
FAKES_test-drain := event
FAKES_test-instance := event
FAKES_test-instance-protocol := event
.SECONDEXPANSION:
$(BUILD)/tests/unit/%: $(BUILD)/obj/tests/unit/%.o $$(addsuffix .o,$$(addprefix $(BUILD)/obj/tests/fake/fake-,$$(FAKES_$$*))) $(BUILD)/modules.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_supervisor) -lcmocka

$(TEST_TOOLS): $(BUILD)/%: $$(call object,$$(SRC_%))
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_$*)

unit-tests: $(UNIT_TESTS)

# Installs what building and testing need, then runs every test: unit, relay, lint, and those
# on a booted throw-away host.
check:
	tests/install-packages
	tests/check

# Debian 13 alone, which check does too on Debian 12.
check-trixie:
	tests/install-packages
	tests/check-trixie

# What takes longer than a coffee; tests/README.md keeps its figures.
check-long:
	tests/install-packages
	tests/check-long

# Every fault in every phase of a cycle, both strategies: tests/system/MATRIX.md.
check-faults:
	tests/install-packages
	tests/check-faults

asan:
	$(MAKE) BUILD=build/asan CFLAGS="-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all" all unit-tests

tsan:
	$(MAKE) BUILD=build/tsan CFLAGS="-O1 -g -fsanitize=thread" all

lint:
	tests/lint/run

# libFuzzer, so long for each target; `make check` only replays the corpora.
FUZZ_SECONDS ?= 60
fuzz:
	tests/fuzz/run $(FUZZ_SECONDS)

deb:
	tests/build-deb

install: all
	DESTDIR="$(DESTDIR)" BUILD="$(BUILD)" prefix="$(prefix)" units/install

demo:
	tests/install-packages
	tests/demo

bench: all
	tests/bench/run

clean:
	rm -rf build

help:
	@echo "all      build relay, supervisor and bluegreenctl under build/"
	@echo "check    install what is needed, run every test (root; under 25 minutes)"
	@echo "check-trixie  what check does on Debian 13, built and told there"
	@echo "check-long  the long runs, whose figures are in tests/README.md"
	@echo "check-faults  every fault in every phase; writes tests/system/MATRIX.md"
	@echo "asan     build everything with address and undefined-behaviour sanitizers"
	@echo "tsan     build everything with the thread sanitizer"
	@echo "lint     formatting, include floors, shellcheck, static analysis"
	@echo "fuzz     libFuzzer with the sanitizers, FUZZ_SECONDS=60 for each parser"
	@echo "deb      build/app-bluegreen_VERSION_ARCH.deb"
	@echo "install  into DESTDIR"
	@echo "demo     a throw-away host, load, three reloads and a receipt (root)"
	@echo "bench    the relay beside nginx and haproxy"
	@echo "clean    remove build/"

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

.PHONY: all unit-tests check check-trixie check-long check-faults asan tsan lint fuzz deb install demo bench clean help
