/*
 * The one table of information elements: templates, JSON names, type records, documents and tests
 * come from it. The rows are in element_list.h. Constant data, any thread.
 *
 * Rules that are not plain from the names:
 * - VLAN tags: a record's key holds the two outermost ids. Where a template carries 245, element
 *   58 (and 243) is the outer tag and 245 the inner one, 0 if there is but one tag. Where 58 stands
 *   alone it is the innermost of the two, that is the customer's. JSON of the profiles always has
 *   245 beside 58.
 * - 6 is one octet (the low eight flags); collectors show a two-octet one as 0.
 * - 139 has no v9 type: type*256+code of ICMPv6 goes out as 32 there.
 * - 29305/1 and 29305/2 are 23 and 24 in v9, the form that v9 collectors read as answers.
 * - Reverse elements of enterprise 6871 have the id of the forward one + 16384.
 * - applicationConfidence, listLabel, listSeverity and brand are no elements of a registry (id 0)
 *   and stand in JSON only.
 * - 239 is told only if a handshake showed who opened the connection: 1 where the record's source
 *   did, 2 where its destination did, else 0.
 */
#ifndef SPANFLOW_EXPORTER_ELEMENT_ELEMENT_H
#define SPANFLOW_EXPORTER_ELEMENT_ELEMENT_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "element/element_list.h"
#include "flow/flow_names.h"

/* IANA has given no number to spanflow yet: elements of its own stand under the one that RFC 5612
 * sets aside for examples. */
enum { PEN_IANA = 0, PEN_CERT = 6871, PEN_REVERSE = 29305, PEN_OWN = 32473 };
enum { ELEMENT_VARIABLE = 65535, CERT_REVERSE_BIT = 0x4000 };

/* Abstract data types of RFC 7012; each has one JSON rendering. */
enum element_type {
    TYPE_UNSIGNED,    /* number */
    TYPE_IPV4,        /* dotted text */
    TYPE_IPV6,        /* RFC 5952 text */
    TYPE_MAC,         /* aa:bb:cc:dd:ee:ff */
    TYPE_OCTETS,      /* 0x and hexadecimal digits */
    TYPE_TIME,        /* number in the unit of the name; NTP 64-bit on the wire for us and ns */
    TYPE_APPLICATION, /* number */
    TYPE_STRING       /* text; of fixed length with NULs behind it */
};

/* Groups of values: what a record_values_fill() must compute. */
enum value_group {
    VALUES_BASE = 0,
    VALUES_LINK = 1 << 0,    /* MAC addresses, tags, labels */
    VALUES_DETAIL = 1 << 1,  /* TTL, application, single flags, biflow direction, flowId */
    VALUES_REVERSE = 1 << 2, /* the other direction's counters */
    VALUES_ANSWER = 1 << 3,  /* its flags and times, and everything else */
    VALUES_PREFIX = 1 << 4,  /* prefix lengths of an aggregate */
    VALUES_NAMES = 1 << 6,   /* of the application, as text */
    VALUES_UPTIME = 1 << 5,  /* times since the boot second: NetFlow v5 and v9 only */
    VALUES_TEXT = 1 << 7,    /* names inside flows (record_names.h) */
    VALUES_MARKS = 1 << 8    /* of lists and brands */
};

/* RFC 5610 section 3.6; KEY and VLAN are identifiers. Text has none (section 3.10). */
enum element_semantics {
    SEMANTICS_DEFAULT = 0,
    SEMANTICS_QUANTITY = 1,
    SEMANTICS_TOTAL = 2,
    SEMANTICS_DELTA = 3,
    SEMANTICS_IDENTIFIER = 4,
    SEMANTICS_FLAGS = 5,
    SEMANTICS_KEY = 6,
    SEMANTICS_VLAN = 7
};

/* RFC 5610 section 3.7. */
enum element_units {
    UNITS_NONE = 0,
    UNITS_OCTETS = 2,
    UNITS_PACKETS = 3,
    UNITS_FLOWS = 4,
    UNITS_SECONDS = 5,
    UNITS_MILLISECONDS = 6,
    UNITS_MICROSECONDS = 7,
    UNITS_NANOSECONDS = 8,
    UNITS_MESSAGES = 10,
    UNITS_HOPS = 11
};

#define ELEMENT_ENUM(symbol, ...) ELEMENT_##symbol,
enum element { INFORMATION_ELEMENTS(ELEMENT_ENUM) OPTIONS_ELEMENTS(ELEMENT_ENUM) ELEMENT_COUNT };

enum { ELEMENT_NO_VALUE = 0xffff };

struct element_info {
    const char *name;
    const char *help;
    uint32_t pen;
    uint16_t id;
    uint16_t octets;
    uint16_t v9_type; /* 0: cannot be told in v9 */
    uint16_t value;   /* offset in struct record_values, or ELEMENT_NO_VALUE */
    uint16_t group;   /* enum value_group */
    uint8_t type;     /* enum element_type */
    uint8_t semantics;
    uint8_t units;
};

/* The type of name that ELEMENT tells, NAME_TYPE_COUNT if it tells none. Rows of names stand in the
 * order of their types. */
static inline enum name_type element_name_type(enum element element)
{
    if (element < ELEMENT_TLS_SERVER_NAME || element > ELEMENT_POP_GREETING)
        return NAME_TYPE_COUNT;
    return (enum name_type)(element - ELEMENT_TLS_SERVER_NAME);
}
#define ELEMENT_CHECK_NAME(symbol, ...)                                                            \
    static_assert(ELEMENT_##symbol == ELEMENT_TLS_SERVER_NAME + (int)NAME_##symbol, "in order");
NAME_TYPES(ELEMENT_CHECK_NAME)

/* Indexed by enum element. */
extern const struct element_info element_table[ELEMENT_COUNT];

/* The element of flow records called NAME, or ELEMENT_COUNT. */
enum element element_find(const char *name);
/* The name of the flow element most like NAME. */
const char *element_nearest(const char *name);

/* Whether ELEMENT tells of the direction against the record's: RFC 5103, or the way of 6871. */
bool element_is_reverse(enum element element);
/* Number of the abstract data type and of the semantics in RFC 5610's registries. */
unsigned element_type_number(enum element element);
unsigned element_semantics_number(enum element element);

#endif
