/*
 * The encoding half of a destination, split from destination.c for length: messages, templates,
 * options. Used by destination.c only, on the exporter's thread.
 */
#ifndef SPANFLOW_EXPORTER_DESTINATION_ENCODE_H
#define SPANFLOW_EXPORTER_DESTINATION_ENCODE_H

#include "destination.h"

/* A collector that refused may be back and have lost its templates: they are sent again, but not
 * for every refusal of a burst. */
enum { REFUSED_REFRESH_NS = 1000000000 };

/* Whether templates or options are told again and again, as who listens may not have heard them. */
static inline bool destination_repeats(const struct destination *destination)
{
    return destination_is_datagram(destination->config->kind) || destination->kafka.partitioned;
}

/* With capture files, records wait until it is known which partitions there are. */
static inline bool destination_awaits_partitions(const struct destination *destination)
{
    return destination->kafka.partitioned && !destination->kafka.known &&
           destination->process->offline;
}

/* Whether MESSAGE is the first of the two that tell one record, which counts with the second: of a
 * record with two directions in JSON in Kafka. */
static inline bool destination_is_first_half(const struct destination *destination,
                                             const struct queued_message *message)
{
    return destination->config->kind == DESTINATION_KAFKA && destination->json && !message->records;
}

/* Closes the message under construction, if any, and puts it into the queue. */
void destination_close_message(struct destination *destination);
/* Makes the open message's open Set be ID with room for OCTETS, in a new message if need be. */
void destination_make_room(struct destination *destination, uint16_t id, uint32_t octets,
                           bool new_set);
/* NetFlow v5 and v9, before the export time becomes EXPORT_NS: if the clock went back before the
 * second of sysUptime 0 or sysUptime would pass 2^32 ms, it begins anew with the next message. */
void destination_follow_clock(struct destination *destination, uint64_t export_ns);
/* Second of sysUptime 0 of the messages to come, kept for the next run. */
void destination_put_boot(struct destination *destination, uint32_t boot_s);
/* Sends templates and, if OPTIONS, options templates with their data, in messages of their own. Of
 * a later refresh of a live run or session, what does not fit into the first message is sent by and
 * by. */
void destination_refresh(struct destination *destination, bool options);
/* Sends statistics records with their templates. */
void destination_send_statistics(struct destination *destination);
/* Sends the next message of options records that wait. */
void destination_send_options(struct destination *destination);
/* Bound of the messages of MESSAGE_OCTETS that one record may begin. */
uint32_t destination_record_messages(const struct destination *destination,
                                     uint32_t message_octets);
/* Bound of the messages of MESSAGE_OCTETS that one refresh or statistics record takes. */
uint32_t destination_refresh_messages(const struct destination *destination,
                                      uint32_t message_octets);
/* Encodes RECORD, which has been counted and of which record_count, record_packets and
 * record_octets of the destination tell; there must be room for one record. */
void destination_encode(struct destination *destination, const struct flow_record *record);
/* Counts that record as lost, which has been counted as taken. */
void destination_lose_taken(struct destination *destination, enum ledger_destination_lost reason);
/* Keeps what options records tell of losses, beside the ledger's count of records. */
void destination_note_loss(struct destination *destination, uint64_t records, uint64_t packets,
                           uint64_t octets);

#endif
