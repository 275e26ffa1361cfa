/*
 * Application rules as a person writes them: text to tables. A rule file is a row of
 *
 *     application NAME NUMBER "TITLE"
 *       label N                          silkAppLabel, by convention the well-known port
 *       port tcp|udp N ...               where it is guessed if the payload tells nothing
 *       severity WORD [freeze]           of the alert that a flow raises whose content it is
 *                                        (base/severity.h; none: no more); freeze: its packets are
 *                                        kept in the snapshot ring
 *       match tcp|udp|any client|server|either [OPTION ...] /EXPRESSION/[i]
 *
 * with # for comments on lines of their own. An expression (Hyperscan's PCRE dialect, a dot is any
 * octet) is looked for in the payload of one packet; a match with both a port and a check may do
 * without. Options of a match, all of which must hold:
 *     priority=N     of several applications in one packet the highest wins (0..99, default 50)
 *     check=NAME     a bounded check of our own has the last word (application_check.h)
 *     port=N,...     one of the packet's ports is one of these
 *     length=A..B    octets of payload, as captured
 *     hits=N         so many packets of the flow must match (1..4, default 1)
 *     both           packets of both directions must match
 *
 * Control thread only. Rules are read-only once read.
 */
#ifndef SPANFLOW_APP_APPLICATION_RULES_H
#define SPANFLOW_APP_APPLICATION_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/application_check.h"
#include "base/error.h"
#include "base/severity.h"

enum {
    APPLICATION_NUMBER_MAX = 0x3fff,
    APPLICATION_NAME_OCTETS = 24, /* with the closing NUL: what nfdump shows */
    APPLICATION_TITLE_OCTETS = 56,
    APPLICATION_PORTS_MAX = 8,
    APPLICATION_MATCH_PORTS_MAX = 8,
    APPLICATIONS_MAX = 4096,
    APPLICATION_MATCHES_MAX = 16384,
    APPLICATION_HITS_MAX = 4
};

enum application_transport { APPLICATION_TCP = 1, APPLICATION_UDP = 2 }; /* a set */
enum application_side { APPLICATION_CLIENT = 1, APPLICATION_SERVER = 2 };

struct application_port {
    uint8_t transports; /* set of enum application_transport */
    uint16_t number;
};

struct application {
    char name[APPLICATION_NAME_OCTETS];
    char title[APPLICATION_TITLE_OCTETS];
    uint16_t number;  /* 1..APPLICATION_NUMBER_MAX; selector of applicationId, never changed */
    uint16_t label;   /* silkAppLabel, 0: none */
    uint8_t severity; /* enum severity; SEVERITY_NONE: no alert */
    bool freeze;      /* the alert freezes the snapshot ring around it */
    uint8_t port_count;
    struct application_port ports[APPLICATION_PORTS_MAX];
    uint32_t line;
};

struct application_match {
    char *expression; /* owned; NULL: the ports propose it */
    bool caseless;
    bool both;
    uint8_t transports; /* set of enum application_transport */
    uint8_t sides;      /* set of enum application_side: who sends it */
    uint8_t hits;
    uint8_t priority;
    uint8_t port_count;
    uint16_t ports[APPLICATION_MATCH_PORTS_MAX];
    uint16_t length_min, length_max;
    application_check *confirm; /* NULL: none */
    uint16_t application;       /* index */
    uint16_t file;              /* index of what it was read from, for errors */
    uint32_t line;
};

struct application_rules {
    struct application *applications; /* owned */
    uint32_t application_count;
    struct application_match *matches; /* owned */
    uint32_t match_count;
    char **files; /* what was read, as in errors; owned, as its texts */
    uint32_t file_count;
};

/*
 * Adds what TEXT (OCTETS long) says to RULES, which starts zeroed; WHERE names it in errors. A file
 * that comes later may add applications and, by naming a known one without number, matches to it.
 * False and ERROR (file, line, reason): RULES must be given up with application_rules_free().
 */
bool application_rules_read(struct application_rules *rules, const char *text, size_t octets,
                            const char *where, struct error *error);

/* Frees what RULES owns and zeroes it. */
void application_rules_free(struct application_rules *rules);

/* The rules that come with the probe, for application_rules_read(). */
extern const char application_rules_shipped[];

#endif
