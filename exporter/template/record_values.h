/*
 * The scratch line: every value that a template may carry of one direction of one flow record,
 * computed once and already in the form of the wire. The members stand in the order of the plain
 * profile without gaps, so that a template is a few block copies out of this line.
 *
 * Owned by a destination, used on the exporter's thread only.
 */
#ifndef SPANFLOW_EXPORTER_TEMPLATE_RECORD_VALUES_H
#define SPANFLOW_EXPORTER_TEMPLATE_RECORD_VALUES_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exporting_process.h"
#include "flow/flow_record.h"

/* Blocks are copied in units of this size, past their end: the line and the message buffers have
 * that much slack behind them. */
enum { VALUES_COPY_UNIT = 16 };

struct record_values {
    uint64_t reverse_octets;
    uint64_t reverse_packets;
    uint8_t address[32]; /* IPv6 source, destination; IPv4 ones are the last 8 bytes */
    uint16_t source_port;
    uint16_t destination_port;
    uint8_t protocol;
    uint8_t tcp_flags;
    uint8_t tos;
    uint32_t ingress;
    uint32_t egress;
    uint16_t vlan;
    uint8_t direction;
    uint8_t end_reason;
    uint64_t octets;
    uint64_t packets;
    uint64_t start;
    uint64_t end;
    uint16_t icmp;
    uint8_t source_mac[6];
    uint8_t destination_mac[6];
    uint8_t ttl_min;
    uint8_t ttl_max;
    uint16_t vlan_outer;
    uint16_t vlan_inner;
    uint8_t label[3][3];
    uint32_t application;
    uint8_t biflow_direction;
    uint8_t reverse_tos;
    uint8_t reverse_tcp_flags;
    uint64_t reverse_start;
    uint64_t reverse_end;
    uint32_t start_uptime;
    uint32_t end_uptime;
    uint8_t ip_version;
    uint64_t flow_id;
    uint8_t initial_flags;
    uint8_t later_flags;
    uint16_t app_label;
    uint16_t attributes;
    uint32_t reverse_ingress;
    uint32_t reverse_egress;
    uint8_t reverse_direction;
    uint8_t reverse_ttl_min;
    uint8_t reverse_ttl_max;
    uint16_t reverse_vlan;
    uint32_t reverse_delta;
    uint8_t reverse_initial_flags;
    uint8_t reverse_later_flags;
    uint16_t reverse_attributes;
    uint8_t source_prefix_length; /* of an aggregate */
    uint8_t destination_prefix_length;
    char application_name[EXPORT_APPLICATION_NAME];
    char application_confidence[8];
    uint64_t flow_count;
    uint32_t list;
    uint32_t brand;
    char list_label[EXPORT_LIST_TEXT];
    char list_severity[9];
    char brand_name[EXPORT_BRAND_NAME];
    uint16_t http_status;
    uint8_t name_octets[NAME_TYPE_COUNT]; /* of the flow's names; 0: it has none of the type */
    const uint8_t *name_text[NAME_TYPE_COUNT];
    uint8_t zeros[8]; /* fields of NetFlow v5 that stay empty */
    uint8_t slack[VALUES_COPY_UNIT];
} __attribute__((packed));
static_assert(offsetof(struct record_values, source_port) ==
                  offsetof(struct record_values, address) + 32,
              "IPv4 and IPv6 addresses both end where the ports begin");

struct crypto_pan;

/* How a time is written. */
enum time_code {
    TIME_CODE_MILLISECONDS,     /* since 1970, rounded down */
    TIME_CODE_NTP_MICROSECONDS, /* RFC 7011 section 6.1.9 */
    TIME_CODE_NTP_NANOSECONDS,  /* RFC 7011 section 6.1.10 */
    TIME_CODE_MICROSECONDS,     /* since 1970; JSON */
    TIME_CODE_NANOSECONDS
};

/* What the values of one destination depend on besides the record. */
struct values_context {
    enum time_code time_code;
    uint32_t groups;  /* enum value_group */
    bool vlan_outer;  /* element 58 is the outer tag, because 245 stands beside it */
    bool biflow;      /* a record that tells both directions counts the flows of both */
    uint32_t names;   /* set of 1 << enum name_type: those that may be told */
    bool continued;   /* 136 tells by FLOW_END_CONTINUED that an active cut came before */
    uint32_t scale;   /* counters are multiplied by it */
    uint64_t boot_ms; /* second of sysUptime 0, for VALUES_UPTIME */
    const struct export_applications *applications; /* NULL: none are looked for */
    const struct export_marks *marks;               /* NULL: no lists and no brands */
    struct crypto_pan *anonymiser; /* NULL: addresses are told as they are. Not owned */
    uint32_t port_count;
    /* 10 and 14 by flow_cold.port, network order; the row behind the last is all zero */
    struct {
        uint32_t ingress;
        uint32_t egress;
    } ports[EXPORT_INTERFACES_MAX + 1];
};

/* Sets CONTEXT up for DESTINATION, whose templates need GROUPS; without an anonymiser. */
void values_context_init(struct values_context *context,
                         const struct exporting_process_config *process,
                         const struct destination_config *destination, uint32_t groups,
                         bool vlan_outer);

/* Bit of element 136 in profile silk. */
enum { FLOW_END_CONTINUED = 0x80 };

/* Computes the values of RECORD with the sender of SIDE as source. Exporter's thread. */
void record_values_fill(struct record_values *values, const struct values_context *context,
                        const struct flow_record *record, unsigned side);

/* The number of data records that each tell less than 2^32 octets and packets of SIDE; 0 if there
 * are too few packets for so many, or more than RECORD_PIECES_MAX would be needed. */
enum { RECORD_PIECES_MAX = 1024 };
uint32_t record_pieces(const struct values_context *context, const struct flow_record *record,
                       unsigned side);
/* The values of piece PIECE of PIECES: counters and time are shared out without rest, every piece
 * but the last ends by the active timeout and every one but the first continues. */
void record_values_fill_piece(struct record_values *values, const struct values_context *context,
                              const struct flow_record *record, unsigned side, uint32_t piece,
                              uint32_t pieces);

/* TIME_NS since 1970 in CODE, host order. */
uint64_t time_encode(uint64_t time_ns, enum time_code code);

#endif
