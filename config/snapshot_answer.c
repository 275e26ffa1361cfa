/* Answers of the operations on the ring, as JSON (RFC 7951). See snapshot_request.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "snapshot_request.h"

void snapshot_job_fill(struct state_json *json, json_t *object,
                       const struct snapshot_job_facts *facts)
{
    const struct snapshot_query_counts *counts = facts->counts;
    state_set_large(json, object, "job", facts->id);
    state_set_text(json, object, "kind", facts->verifies ? "verify" : "extract");
    state_set_text(json, object, "user", facts->user);
    state_set_text(json, object, "state", facts->state);
    state_set_number(json, object, "progress", facts->percent);
    state_set_large(json, object, "packets", facts->packets);
    state_set_large(json, object, "octets", facts->octets);
    if (counts) {
        state_set_large(json, object, "blocks", counts->blocks_read);
        state_set_large(json, object, "blocksSkipped", counts->blocks_skipped);
        state_set_large(json, object, "blocksDamaged", counts->blocks_damaged);
        state_set_large(json, object, "segmentsDamaged",
                        counts->segments_bad + counts->segments_cut);
        state_set_large(json, object, "blocksGone", counts->blocks_gone);
        state_set_large(json, object, "packetsCut", facts->packets_cut);
    }
    if (facts->file[0])
        state_set_text(json, object, "file", facts->file);
    if (facts->sha256[0])
        state_set_text(json, object, "sha256", facts->sha256);
    if (facts->text[0])
        state_set_text(json, object, "text", facts->text);
}

json_t *snapshot_segment_object(struct state_json *json, const struct snapshot_listed *listed)
{
    const struct snapshot_segment_facts *facts = &listed->facts;
    json_t *object = json_object();
    state_set_large(json, object, "number", facts->number);
    if (listed->name[0])
        state_set_text(json, object, "name", listed->name);
    if (facts->packets) {
        state_set_time(json, object, "from", facts->first_ns);
        state_set_time(json, object, "to", facts->last_ns);
    }
    state_set_large(json, object, "packets", facts->packets);
    state_set_large(json, object, "octets", facts->octets);
    state_set_number(json, object, "blocks", facts->blocks);
    state_set_number(json, object, "blocksDamaged", facts->damaged);
    state_set_truth(json, object, "payload", facts->payload);
    state_set_truth(json, object, "frozen", listed->frozen);
    state_set_truth(json, object, "writing", facts->closed_ns == 0);
    return object;
}

json_t *snapshot_freeze_object(struct state_json *json, const struct snapshot_freeze *freeze)
{
    json_t *object = json_object();
    state_set_text(json, object, "name", freeze->name);
    state_set_time(json, object, "from", freeze->from_ns);
    state_set_time(json, object, "to", freeze->to_ns);
    state_set_time(json, object, "expires", freeze->expires_ns);
    state_set_large(json, object, "octets", freeze->octets);
    state_set_truth(json, object, "partly", freeze->partly);
    return object;
}

char *snapshot_verification_text(const struct snapshot_verification *found)
{
    char *text = NULL, where[128] = "";
    if (found->number)
        snprintf(where, sizeof where,
                 " at segment %" PRIu64 " (%s), line %" PRIu64 " of the manifest", found->number,
                 found->name, found->line);
    else if (found->line)
        snprintf(where, sizeof where, " at line %" PRIu64 " of the manifest", found->line);
    int length =
        asprintf(&text,
                 "%s%s: %" PRIu64 " segments are as they were written; by the probe "
                 "itself %" PRIu64 " were overwritten and %" PRIu64 " deleted; %" PRIu64
                 " missing, %" PRIu64 " changed, %" PRIu64 " unknown",
                 snapshot_verdict_name(found->verdict), where, found->good, found->overwritten,
                 found->expired, found->missing, found->changed, found->unknown);
    return length < 0 ? NULL : text;
}

char *snapshot_base64(const uint8_t *data, size_t octets)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = malloc((octets + 2) / 3 * 4 + 1);
    char *out = text;
    for (size_t i = 0; text && i < octets; i += 3) {
        size_t left = octets - i;
        uint32_t word = (uint32_t)data[i] << 16 | (left > 1 ? (uint32_t)data[i + 1] << 8 : 0) |
                        (left > 2 ? (uint32_t)data[i + 2] : 0);
        *out++ = letters[word >> 18];
        *out++ = letters[word >> 12 & 63];
        *out++ = left > 1 ? letters[word >> 6 & 63] : '=';
        *out++ = left > 2 ? letters[word & 63] : '=';
    }
    if (text)
        *out = 0;
    return text;
}
