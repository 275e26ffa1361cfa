/*
 * Records that wait for others to become one with. See destination_merge.h.
 */
#include "destination_merge.h"

#include "destination_encode.h"

static const uint64_t second_ns = 1000000000u;

int destination_merge_open(struct destination *d, struct error *error)
{
    struct error problem = {""};
    if (d->config->client_port_records == 0)
        return 0;
    d->client_ports = client_ports_create(d->config->client_port_records,
                                          d->config->client_port_window_s * second_ns,
                                          d->config->names != 0, &problem);
    if (!d->client_ports)
        error_set(error, "%.300s: %s", d->config->name, problem.text);
    return d->client_ports ? 0 : -1;
}

/* With capture files the packets' clock, as for everything that waits. */
static uint64_t window_clock_ns(const struct destination *d)
{
    return d->process->offline ? d->export_ns : d->monotonic_ns;
}

/* What is done next to the destination's record is done to MERGED. */
static void take_up(struct destination *d, const struct merged_record *merged)
{
    d->record_count = merged->records;
    d->record_packets = merged->packets;
    d->record_octets = merged->octets;
}

static void send_one(struct destination *d, struct client_ports *table,
                     const struct merged_record *merged)
{
    take_up(d, merged);
    destination_encode(d, &merged->record);
    client_ports_remove(table, merged);
}

bool destination_merge(struct destination *d, const struct flow_record *record)
{
    unsigned client = d->client_ports ? client_ports_side(record) : CLIENT_UNKNOWN;
    if (client == CLIENT_UNKNOWN)
        return false;
    const struct merged_record *leaving;
    while ((leaving = client_ports_add(d->client_ports, record, client, window_clock_ns(d))))
        send_one(d, d->client_ports, leaving);
    return true;
}

void destination_merge_send(struct destination *d, bool all)
{
    while (client_ports_due_ns(d->client_ports) != UINT64_MAX && destination_has_room(d)) {
        if (!all && client_ports_due_ns(d->client_ports) > window_clock_ns(d))
            break;
        send_one(d, d->client_ports, client_ports_oldest(d->client_ports));
    }
}

static void lose_all(struct destination *d, struct client_ports *table,
                     enum ledger_destination_lost reason)
{
    while (client_ports_due_ns(table) != UINT64_MAX) {
        const struct merged_record *merged = client_ports_oldest(table);
        take_up(d, merged);
        destination_lose_taken(d, reason);
        client_ports_remove(table, merged);
    }
}

void destination_merge_empty(struct destination *d, struct client_ports *table, bool late)
{
    while (client_ports_due_ns(table) != UINT64_MAX && !d->broken && destination_has_room(d))
        send_one(d, table, client_ports_oldest(table));
    if (late)
        lose_all(d, table, d->broken ? d->loss_reason : DESTINATION_LOST_QUEUE_FULL);
}

void destination_merge_lose(struct destination *d, enum ledger_destination_lost reason)
{
    lose_all(d, d->client_ports, reason);
    if (d->shell)
        lose_all(d, d->shell->client_ports, reason);
}
