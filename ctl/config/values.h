/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How single values are read; inside ctl/config only. Each fills the field it
 * is given or complains through the reader (hf_parse_fn). */
#ifndef HOLDFAST_CONFIG_VALUES_H
#define HOLDFAST_CONFIG_VALUES_H

#include "reader.h"

hf_parse_fn hf_parse_name;	/* char *: of a lot or clip */
hf_parse_fn hf_parse_dial;	/* char *: what a phone dials, "*68" */
hf_parse_fn hf_parse_text;	/* char *: for people */
hf_parse_fn hf_parse_secret;	/* char *: of digest: user, password, realm */
hf_parse_fn hf_parse_path;	/* char *: absolute */
hf_parse_fn hf_parse_user;	/* uint32_t: uid, by name or number */
hf_parse_fn hf_parse_file;	/* char *: made absolute or relative to the file */
hf_parse_fn hf_parse_voice;	/* char *: of the speech engine */
hf_parse_fn hf_parse_domain;	/* char * */
hf_parse_fn hf_parse_uri;	/* char *: sip:user@host */
hf_parse_fn hf_parse_proxy;	/* char *: sip:host */
hf_parse_fn hf_parse_pattern;	/* char *: user@host with ? and * */
hf_parse_fn hf_parse_header;	/* char *: name of a header, X-... */
hf_parse_fn hf_parse_right;	/* char *: internal, any or a pattern */
hf_parse_fn hf_parse_display;	/* char *: text with one %s at most */
hf_parse_fn hf_parse_match;	/* char *: "X-Account: gold*" */
hf_parse_fn hf_parse_push_url; /* char *: http:, https: or tcp: */
hf_parse_fn hf_parse_ip4;	/* struct in_addr of a host */
hf_parse_fn hf_parse_ip;	/* struct hf_ip of a host */
hf_parse_fn hf_parse_interface; /* char[IFNAMSIZ] */
hf_parse_fn hf_parse_listen;	/* struct hf_config_listen */
hf_parse_fn hf_parse_prefix;	/* struct hf_config_prefix */
hf_parse_fn hf_parse_ports;	/* &config->media.port_min, and port_max */
hf_parse_fn hf_parse_slots;	/* &lot->slot_prefix, and the range */
hf_parse_fn hf_parse_on_full;	/* &lot->on_full, and on_full_uri */
hf_parse_fn hf_parse_finally;	/* &lot->recall.finally, and finally_uri */

#endif
