/* Uniflows out of JSON lines, and out of records. */
#include "json_records.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static uint64_t number(const json_t *line, const char *name, bool *good)
{
    const json_t *value = json_object_get(line, name);
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        *good = false;
    return (uint64_t)json_integer_value(value);
}

static void address(const json_t *line, const char *name, int family, void *bytes, bool *good)
{
    const char *text = json_string_value(json_object_get(line, name));
    if (!text || inet_pton(family, text, bytes) != 1)
        *good = false;
}

static bool read_line(const json_t *line, struct plain_record *row)
{
    bool good = true;
    struct plain_side *side = &row->side[0];
    struct flow_key_head *head = &row->key.head;
    memset(row, 0, sizeof *row);
    if (json_object_get(line, "sourceIPv6Address")) {
        row->key.family = 6;
        address(line, "sourceIPv6Address", AF_INET6, row->key.address6_a, &good);
        address(line, "destinationIPv6Address", AF_INET6, row->key.address6_b, &good);
    } else {
        row->key.family = 4;
        address(line, "sourceIPv4Address", AF_INET, &head->address_a, &good);
        address(line, "destinationIPv4Address", AF_INET, &head->address_b, &good);
    }
    head->port_a = htons((uint16_t)number(line, "sourceTransportPort", &good));
    head->port_b = htons((uint16_t)number(line, "destinationTransportPort", &good));
    head->protocol = (uint8_t)number(line, "protocolIdentifier", &good);
    flow_key_set_vlan(head, (unsigned)number(line, "vlanId", &good),
                      (unsigned)number(line, "dot1qCustomerVlanId", &good));
    side->packets = number(line, "packetDeltaCount", &good);
    side->octets = number(line, "octetDeltaCount", &good);
    side->first_ns = number(line, "flowStartMilliseconds", &good);
    side->last_ns = number(line, "flowEndMilliseconds", &good);
    side->tcp_flags = (uint16_t)number(line, "tcpControlBits", &good);
    side->tos = (uint8_t)number(line, "ipClassOfService", &good);
    side->port = (uint16_t)number(line, "ingressInterface", &good);
    row->end_reason = (uint8_t)number(line, "flowEndReason", &good);
    return good;
}

bool json_records_read(struct plain_list *list, const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file) {
        fprintf(stderr, "%s cannot be read\n", path);
        return false;
    }
    char text[4096];
    bool good = true;
    while (good && fgets(text, sizeof text, file)) {
        struct plain_record row;
        json_t *line = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        good = line && read_line(line, &row);
        if (good)
            plain_list_add(list, &row);
        else
            fprintf(stderr, "%s: malformed line: %s", path, text);
        json_decref(line);
    }
    fclose(file);
    return good;
}

static void add_uniflow(struct plain_list *list, const struct plain_record *record, unsigned side)
{
    struct plain_record row;
    const struct plain_side *from = &record->side[side];
    struct plain_side *to = &row.side[0];
    memset(&row, 0, sizeof row);
    row.key = record->key;
    if (side) {
        row.key.head.port_a = record->key.head.port_b;
        row.key.head.port_b = record->key.head.port_a;
        row.key.head.address_a = record->key.head.address_b;
        row.key.head.address_b = record->key.head.address_a;
        memcpy(row.key.address6_a, record->key.address6_b, 16);
        memcpy(row.key.address6_b, record->key.address6_a, 16);
    }
    if (row.key.family == 6) /* folded addresses are not told */
        row.key.head.address_a = row.key.head.address_b = 0;
    row.end_reason = record->end_reason;
    to->packets = from->packets;
    to->octets = from->octets;
    to->first_ns = from->first_ns / 1000000;
    to->last_ns = from->last_ns / 1000000;
    to->tcp_flags = from->tcp_flags & 0xff;
    to->tos = from->tos;
    to->port = (uint16_t)(from->port + 1); /* the simulator's interfaces are numbered so */
    plain_list_add(list, &row);
}

void json_records_expected(struct plain_list *list, const struct plain_list *records)
{
    for (size_t i = 0; i < records->count; i++)
        for (unsigned side = 0; side < 2; side++)
            if (records->rows[i].side[side].packets > 0)
                add_uniflow(list, &records->rows[i], side);
}
