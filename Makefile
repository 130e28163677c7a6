# SPDX-License-Identifier: GPL-2.0-or-later
# For people; the kernel's build reads Kbuild. `make help` lists the targets.
BUILD ?= build
CC ?= gcc
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
V ?= 0
ifeq ($(V),0)
Q := @
say = @printf '  %-8s %s\n' $(1) $(2)
else
Q :=
say = @:
endif

all: programs sounds module-note

-include $(BUILD)/config.mk
$(BUILD)/config.mk: scripts/configure
	@sh scripts/configure $@

WARN := -Wall -Wextra -Wno-unused-parameter
CPPFLAGS += -Iinclude -Ictl -I$(BUILD) -D_GNU_SOURCE \
	$(CFLAGS_BPF) $(CFLAGS_SOFIA) $(CFLAGS_NL) $(CFLAGS_JANSSON) $(CFLAGS_YAML) $(CFLAGS_OPUS) \
	$(CFLAGS_XML) $(CFLAGS_CURL) $(CFLAGS_MICROHTTPD)
CFLAGS ?= -O2 -g
CFLAGS += -std=gnu11 $(WARN) -fno-strict-aliasing -MMD -MP -pthread
SAN := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
LIBS := $(LIBS_BPF) $(LIBS_SOFIA) $(LIBS_NLROUTE) $(LIBS_NLGENL) $(LIBS_NL) \
	$(LIBS_JANSSON) $(LIBS_YAML) $(LIBS_SNDFILE) $(LIBS_SAMPLERATE) $(LIBS_SPANDSP) $(LIBS_OPUS) $(LIBS_SQLITE) \
	$(LIBS_XML) $(LIBS_CURL) $(LIBS_MICROHTTPD) -lm -pthread

# A room is a folder of ctl/; each becomes one archive. Who may see whom is
# checked by scripts/check-rooms. In the order of linking:
ROOMS := cli capture mediad daemon http api hooks sip store records database push presence park events media audio sdp config base
src_of = $(sort $(wildcard ctl/$(1)/*.c))
lib = $(BUILD)/lib/hf_$(1).a
sanlib = $(BUILD)/san/lib/hf_$(1).a

DAEMON_ROOMS := daemon http api hooks sip store records database push presence park events media audio sdp config base
CTL_ROOMS := cli capture media config base
MEDIAD_ROOMS := mediad media sdp config base

PROGRAMS := $(BUILD)/holdfastd $(BUILD)/holdfastctl $(BUILD)/holdfast-mediad
BPF_OBJECTS := $(patsubst bpf/%.bpf.c,$(BUILD)/bpf/%.bpf.o,$(wildcard bpf/*.bpf.c))
SKELETONS := $(BPF_OBJECTS:.bpf.o=.skel.h)

ifeq ($(HAVE_CTL),yes)
programs: $(PROGRAMS) bpf
else
programs:
	@echo "nothing to build: install the packages named above"
endif

bpf: $(BPF_OBJECTS) $(SKELETONS)

# What callers hear if nothing else is configured.
PROMPTS := $(patsubst prompts/%.txt,$(BUILD)/audio/prompts/%/tone.wav,$(wildcard prompts/*.txt))
SOUNDS := $(BUILD)/audio/default.wav $(PROMPTS)
sounds: $(SOUNDS)
$(BUILD)/audio/default.wav: scripts/make-hold-audio
	$(call say,AUDIO,$@)
	@mkdir -p $(@D)
	$(Q)if command -v python3 >/dev/null; then python3 $< $@.tmp && mv $@.tmp $@; \
	else echo "left out: $@ (hold music); python3 would compose it"; fi
# The tone is written last: then all of the language is there.
$(BUILD)/audio/prompts/%/tone.wav: prompts/%.txt scripts/make-prompts
	$(call say,SPEAK,$(@D))
	@mkdir -p $(@D)
	$(Q)if command -v python3 >/dev/null && command -v espeak-ng >/dev/null; \
	then python3 scripts/make-prompts $< $(@D); \
	else echo "left out: $(@D) (spoken prompts); python3 and espeak-ng would speak them"; fi

ifeq ($(HAVE_KMOD),yes)
module-note:
	@:
else
module-note:
	@echo "left out: holdfast.ko (optional accelerator); linux-headers-$$(uname -r) would add it: make module"
endif

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h) $(wildcard include/holdfast/*.h)
	$(call say,BPF,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) -target bpf -mcpu=v3 -O2 -g $(WARN) -Iinclude -Ibpf \
		-isystem /usr/include/$(MULTIARCH) -c $< -o $@

$(BUILD)/bpf/%.skel.h: $(BUILD)/bpf/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name hf_$*_bpf > $@.tmp && mv $@.tmp $@

# Objects, plain and with sanitizers.
$(BUILD)/obj/%.o: %.c $(BUILD)/config.mk | $(SKELETONS)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@
$(BUILD)/san/obj/%.o: %.c $(BUILD)/config.mk | $(SKELETONS)
	$(call say,CC-SAN,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(SAN) -c $< -o $@

# Files that are built into the controller.
$(BUILD)/obj/ctl/http/page.o $(BUILD)/san/obj/ctl/http/page.o: \
	ctl/http/board.html Documentation/openapi.json

define room_rules
$(call lib,$(1)): $(patsubst %.c,$(BUILD)/obj/%.o,$(call src_of,$(1)))
$(call sanlib,$(1)): $(patsubst %.c,$(BUILD)/san/obj/%.o,$(call src_of,$(1)))
endef
$(foreach r,$(ROOMS),$(eval $(call room_rules,$(r))))
# Two rules: make takes one pattern rule with two targets to make both at once,
# and `make all san` would leave the second archive as it was.
archive = $(Q)mkdir -p $(@D) && rm -f $@ && ar rcs $@ $^
$(BUILD)/lib/%.a:
	$(archive)
$(BUILD)/san/lib/%.a:
	$(archive)

link = $(Q)$(CC) $(CFLAGS) $(LDFLAGS) -Wl,--as-needed -o $@ $(filter %.o,$^) \
	-Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS)

$(BUILD)/holdfastd: $(BUILD)/obj/ctl/holdfastd.o $(foreach r,$(DAEMON_ROOMS),$(call lib,$(r)))
	$(call say,LD,$@)
	$(link)
$(BUILD)/holdfastctl: $(foreach r,$(CTL_ROOMS),$(call lib,$(r))) $(BUILD)/obj/ctl/holdfastctl.o
	$(call say,LD,$@)
	$(link)
$(BUILD)/holdfast-mediad: $(foreach r,$(MEDIAD_ROOMS),$(call lib,$(r))) $(BUILD)/obj/ctl/holdfast-mediad.o
	$(call say,LD,$@)
	$(link)

# The same programs with sanitizers, for end-to-end tests: make san
san: $(BUILD)/san/holdfastd $(BUILD)/san/holdfastctl $(BUILD)/san/holdfast-mediad
$(BUILD)/san/holdfastd: $(BUILD)/san/obj/ctl/holdfastd.o $(foreach r,$(DAEMON_ROOMS),$(call sanlib,$(r)))
	$(call say,LD-SAN,$@)
	$(link) $(SAN)
$(BUILD)/san/holdfastctl: $(BUILD)/san/obj/ctl/holdfastctl.o $(foreach r,$(CTL_ROOMS),$(call sanlib,$(r)))
	$(call say,LD-SAN,$@)
	$(link) $(SAN)
$(BUILD)/san/holdfast-mediad: $(BUILD)/san/obj/ctl/holdfast-mediad.o $(foreach r,$(MEDIAD_ROOMS),$(call sanlib,$(r)))
	$(call say,LD-SAN,$@)
	$(link) $(SAN)

# Unit tests: tests/unit/test_X.c, with sanitizers. The rooms a test needs stand
# in its first lines as "rooms: sdp base".
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/san/%,$(wildcard tests/unit/test_*.c))
define unit_rule
$(BUILD)/san/$(1): $(BUILD)/san/obj/tests/unit/$(1).o \
	$(foreach r,$(shell sed -n 's/.*rooms: *\([a-z ]*\).*/\1/p' tests/unit/$(1).c | head -1),$(call sanlib,$(r)))
	$(call say,LD-SAN,$$@)
	$$(link) $(SAN)
endef
$(foreach t,$(notdir $(UNIT_TESTS)),$(eval $(call unit_rule,$(t))))
unit: $(UNIT_TESTS)

# Packet tests: run the XDP programs on made-up packets (root).
PACKET_TESTS := $(patsubst tests/bpf/%.c,$(BUILD)/san/%,$(wildcard tests/bpf/test_*.c))
define packet_rule
$(BUILD)/san/$(1): $(BUILD)/san/obj/tests/bpf/$(1).o \
	$(patsubst %.c,$(BUILD)/san/obj/%.o,$(filter-out tests/bpf/test_%,$(wildcard tests/bpf/*.c))) \
	$(foreach r,$(shell sed -n 's/.*rooms: *\([a-z ]*\).*/\1/p' tests/bpf/$(1).c | head -1),$(call sanlib,$(r)))
	$(call say,LD-SAN,$$@)
	$$(link) $(SAN)
endef
$(foreach t,$(notdir $(PACKET_TESTS)),$(eval $(call packet_rule,$(t))))
packet: $(PACKET_TESTS)

# The module's own tests; they run inside scripts/vm.
$(BUILD)/vm/test_kmod $(BUILD)/vm/test_netlink $(BUILD)/vm/bench_kmod: $(BUILD)/vm/%: \
	$(BUILD)/obj/tests/vm/%.o $(BUILD)/obj/tests/vm/rig.o $(BUILD)/obj/tests/vm/stage.o
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(link)
$(BUILD)/vm/test_scribble: $(BUILD)/obj/tests/vm/test_scribble.o $(BUILD)/obj/tests/vm/rig.o
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(link)
$(BUILD)/vm/ear: $(BUILD)/obj/tests/vm/ear.o
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(link)
$(BUILD)/vm/follow: Documentation/examples/follow.c include/uapi/holdfast.h
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -Iinclude $(CFLAGS_NL) $(WARN) -o $@ $< $(LIBS_NLGENL) $(LIBS_NL)
# What else runs there: the packet tests without sanitizers, for kernels of a few
# hundred MiB, and what the scenarios need that a VM cannot make.
define vm_packet_rule
$(BUILD)/vm/$(1): $(BUILD)/obj/tests/bpf/$(1).o \
	$(patsubst %.c,$(BUILD)/obj/%.o,$(filter-out tests/bpf/test_%,$(wildcard tests/bpf/*.c))) \
	$(foreach r,$(shell sed -n 's/.*rooms: *\([a-z ]*\).*/\1/p' tests/bpf/$(1).c | head -1),$(call lib,$(r)))
	$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(link)
endef
$(foreach t,$(notdir $(PACKET_TESTS)),$(eval $(call vm_packet_rule,$(t))))
$(BUILD)/tools/pass.bpf.o: tests/tools/pass.bpf.c
	$(call say,BPF,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) -target bpf -O2 -g -isystem /usr/include/$(MULTIARCH) -c $< -o $@
$(BUILD)/tools/weather.bpf.o: tests/tools/weather.bpf.c tests/tools/weather.h $(wildcard include/holdfast/*.h)
	$(call say,BPF,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) -target bpf -mcpu=v3 -O2 -g $(WARN) -Iinclude \
		-isystem /usr/include/$(MULTIARCH) -c $< -o $@
$(BUILD)/tools/weather.skel.h: $(BUILD)/tools/weather.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name weather_bpf > $@.tmp && mv $@.tmp $@
$(BUILD)/obj/tests/bpf/test_soak.o $(BUILD)/san/obj/tests/bpf/test_soak.o: $(BUILD)/tools/weather.skel.h
$(BUILD)/vm/hold.wav: scripts/make-hold-audio
	@mkdir -p $(@D)
	$(Q)/usr/bin/python3 $< --short $@
vm-tests: programs $(BUILD)/vm/test_kmod $(BUILD)/vm/bench_kmod $(BUILD)/vm/test_netlink $(BUILD)/vm/test_scribble $(BUILD)/vm/ear $(BUILD)/vm/follow \
	$(BUILD)/tools/pass.bpf.o $(BUILD)/vm/hold.wav \
	$(patsubst %,$(BUILD)/vm/%,$(notdir $(PACKET_TESTS)))

# Benchmarks and tools: tests/bench/X.c -> build/bench-X, with the programs of
# tests/bench/X.bpf.c if there are any.
BENCHES := $(patsubst tests/bench/%.c,$(BUILD)/bench-%,$(filter-out %.bpf.c,$(wildcard tests/bench/*.c)))
$(BUILD)/bench/%.bpf.o: tests/bench/%.bpf.c tests/bench/%.h $(wildcard bpf/*.h) $(wildcard include/holdfast/*.h)
	$(call say,BPF,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) -target bpf -mcpu=v3 -O2 -g $(WARN) -Iinclude -Ibpf \
		-isystem /usr/include/$(MULTIARCH) -c $< -o $@
$(BUILD)/bench/%.skel.h: $(BUILD)/bench/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name bench_$*_bpf > $@.tmp && mv $@.tmp $@
$(BUILD)/obj/tests/bench/dataplane.o: $(BUILD)/bench/dataplane.skel.h
$(BUILD)/obj/tests/bench/lib/anchor.o $(BUILD)/obj/tests/bench/lib/talk.o: $(BUILD)/bench/ears.skel.h
# Calls: with the programs that they run.
$(BUILD)/bench-restart $(BUILD)/bench-sip: $(BUILD)/obj/tests/bench/lib/sipload.o \
	$(BUILD)/obj/tests/bench/lib/anchor.o $(BUILD)/holdfastd \
	$(BUILD)/holdfastctl $(BUILD)/holdfast-mediad
$(BUILD)/bench-restart: $(BUILD)/obj/tests/bench/lib/talk.o
$(BUILD)/bench-sip: $(BUILD)/bench-uas
$(BUILD)/bench-uas: $(BUILD)/obj/tests/bench/lib/uas.o $(BUILD)/obj/ctl/sip/clock.o
	$(call say,LD,$@)
	$(link)
$(BUILD)/bench-dataplane: $(BUILD)/obj/tests/bench/dataplane.o $(BUILD)/obj/tests/bpf/packet.o \
	$(call lib,mediad)
	$(call say,LD,$@)
	$(link)
# Its other half (scripts/bench).
$(BUILD)/obj/tests/bench/lib/calls.o: $(BUILD)/bench/calls.skel.h
$(BUILD)/bench-calls: $(BUILD)/obj/tests/bench/lib/calls.o $(BUILD)/obj/tests/bench/lib/rtpengine.o \
	$(foreach r,mediad media audio sdp config base,$(call lib,$(r)))
	$(call say,LD,$@)
	$(link)
$(BUILD)/bench-%: $(BUILD)/obj/tests/bench/%.o $(foreach r,media base,$(call lib,$(r)))
	$(call say,LD,$@)
	$(link)
$(BUILD)/bench-lamps: $(BUILD)/holdfastd # is run by it
benches: $(BENCHES) $(BUILD)/bench-calls

# Fuzzers (libFuzzer): tests/fuzz/fuzz_X.c, rooms as for unit tests.
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
# An object is compiled once for all of them.
FUZZ_SAN := -fsanitize=address,undefined
$(BUILD)/fuzz/obj/%.o: %.c $(BUILD)/config.mk | $(SKELETONS)
	$(call say,CC-FUZZ,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(CPPFLAGS) -std=gnu11 -fno-strict-aliasing -MMD -MP -O1 -g \
		$(FUZZ_SAN) -fsanitize=fuzzer-no-link -c $< -o $@
define fuzz_rule
$(BUILD)/fuzz/$(1): $(patsubst %.c,$(BUILD)/fuzz/obj/%.o,tests/fuzz/$(1).c \
	$(foreach r,$(shell sed -n 's/.*rooms: *\([a-z ]*\).*/\1/p' tests/fuzz/$(1).c | head -1),$(call src_of,$(r))))
	$(call say,LD-FUZZ,$$@)
	@mkdir -p $$(@D)
	$(Q)$(CLANG) $(FUZZ_SAN) -fsanitize=fuzzer -o $$@ $$^ -Wl,--as-needed \
		$(LIBS_NLGENL) $(LIBS_NL) $(LIBS_JANSSON) $(LIBS_YAML) -lm
endef
$(foreach t,$(notdir $(FUZZERS)),$(eval $(call fuzz_rule,$(t))))
fuzzers: $(FUZZERS)

KDIR ?= /lib/modules/$(shell uname -r)/build
module:
	$(MAKE) -C $(KDIR) M=$(CURDIR) W=1 modules
module-clean:
	$(MAKE) -C $(KDIR) M=$(CURDIR) clean

# Where things go; DESTDIR is put in front. Installing starts nothing and changes
# no running service.
PREFIX ?= /usr
SBINDIR ?= $(PREFIX)/sbin
UNITDIR ?= /lib/systemd/system
MAN8 := $(wildcard Documentation/man/*.8)
MAN5 := $(wildcard Documentation/man/*.5)
SHAREDIR := $(PREFIX)/share/holdfast
INSTALLED := $(addprefix $(SBINDIR)/,holdfastd holdfastctl holdfast-mediad) \
	$(addprefix $(UNITDIR)/,holdfastd.service holdfast-mediad.service) \
	$(PREFIX)/lib/sysusers.d/holdfast.conf \
	$(PREFIX)/share/bash-completion/completions/holdfastctl \
	$(addprefix $(PREFIX)/share/man/man8/,$(notdir $(MAN8))) \
	$(addprefix $(PREFIX)/share/man/man5/,$(notdir $(MAN5))) \
	$(PREFIX)/share/doc/holdfast/holdfast.yaml.example
put = install -D -m $(1) $(2) $(DESTDIR)$(3)
install: all
	$(Q)$(foreach p,$(PROGRAMS),$(call put,755,$(p),$(SBINDIR)/$(notdir $(p))) &&) :
	$(Q)$(foreach u,holdfastd holdfast-mediad,$(call put,644,scripts/systemd/$(u).service,$(UNITDIR)/$(u).service) &&) :
	$(Q)$(call put,644,scripts/systemd/sysusers.conf,$(PREFIX)/lib/sysusers.d/holdfast.conf)
	$(Q)$(call put,644,scripts/completion/holdfastctl.bash,$(PREFIX)/share/bash-completion/completions/holdfastctl)
	$(Q)$(foreach m,$(MAN8),$(call put,644,$(m),$(PREFIX)/share/man/man8/$(notdir $(m))) &&) :
	$(Q)$(foreach m,$(MAN5),$(call put,644,$(m),$(PREFIX)/share/man/man5/$(notdir $(m))) &&) :
	$(Q)$(call put,644,Documentation/holdfast.yaml.example,$(PREFIX)/share/doc/holdfast/holdfast.yaml.example)
	$(Q)cd $(BUILD)/audio && find . -maxdepth 1 -name '*.wav' -exec install -D -m 644 {} $(abspath $(DESTDIR)/)$(SHAREDIR)/audio/{} \;
	$(Q)cd $(BUILD)/audio && find prompts -name '*.wav' -exec install -D -m 644 {} $(abspath $(DESTDIR)/)$(SHAREDIR)/{} \;
# What was installed, and nothing else: configuration, calls and history stay.
uninstall:
	$(Q)rm -f $(addprefix $(DESTDIR),$(INSTALLED))
	$(Q)rm -rf $(DESTDIR)$(SHAREDIR)/audio $(DESTDIR)$(SHAREDIR)/prompts
	$(Q)-rmdir $(DESTDIR)$(SHAREDIR) $(DESTDIR)$(PREFIX)/share/doc/holdfast 2>/dev/null

style:
	@sh scripts/check-style

clean:
	rm -rf $(BUILD)

help:
	@echo "make            build all that this machine can build, into $(BUILD)/"
	@echo "make module     build holdfast.ko against KDIR=$(KDIR)"
	@echo "make unit       unit tests with sanitizers   make packet   packet tests"
	@echo "make san        the programs with sanitizers make fuzzers  libFuzzer targets"
	@echo "make install    into DESTDIR=$(DESTDIR)/, PREFIX=$(PREFIX); make uninstall"
	@echo "make vm-tests   the module's tests, for scripts/vm"
	@echo "make style      formatting, shellcheck, rooms"
	@echo "sudo scripts/demo | scripts/check | scripts/bench"

-include $(shell find $(BUILD) -name '*.d' -type f 2>/dev/null)
.PHONY: all install uninstall programs sounds bpf unit packet san benches fuzzers vm-tests module module-clean module-note style clean help
.SECONDARY:
