/*
 * Fuzz target: the input is a file of a flow history, IPFIX messages that somebody else wrote.
 * Whatever its octets, reading ends with records or with a line about the damage, and each record
 * becomes a flow record that can be put on a record ring and encoded again.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "history/history_reader.h"
#include "history/history_record.h"
#include "template/record_values.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the values of a replay depend on. */
static void prepare(struct values_context *context, const struct history_interfaces *interfaces)
{
    static struct exporting_process_config config;
    static struct destination_config destination;
    config.interface_count = interfaces->count;
    memcpy(config.interfaces, interfaces->rows, sizeof config.interfaces);
    destination.biflow = true;
    values_context_init(context, &config, &destination, UINT32_MAX, true);
}

/* The values of RECORD as a replay would send them: from one side its addresses are told again. */
static void encode_again(const struct history_record *record, const struct values_context *context,
                         const struct history_lines *lines)
{
    unsigned state = flow_state(&lines->hot), octets = record->ipv6 ? 32 : 8, found = 0;
    check(!(state & FLOW_STATE_IPV6) == !record->ipv6);
    const struct flow_record flow = {.hot = &lines->hot,
                                     .hot6 = record->ipv6 ? &lines->hot6 : NULL,
                                     .cold = &lines->cold,
                                     .extra = state & FLOW_STATE_EXTRA ? &lines->extra : NULL};
    for (unsigned side = 0; side < 2; side++) {
        struct record_values values = {0};
        const size_t from = sizeof values.address - octets;
        record_values_fill(&values, context, &flow, side);
        found += memcmp(values.address + from, record->values.address + from, octets) == 0;
    }
    check(found > 0);
}

/* Reads the file at PATH of SIZE octets to its end, as one turn of a replay does; CONTEXT is NULL
 * in the first, which notes INTERFACES. Returns the number of records. */
static uint64_t read_file(const char *path, size_t size, struct history_interfaces *interfaces,
                          const struct values_context *context)
{
    static struct history_record record;
    static struct history_lines lines;
    struct error error = {""};
    uint64_t records = 0;
    enum history_next next;
    struct history_reader *reader = history_reader_open(path, &error);
    check(reader);
    while ((next = history_reader_next(reader, &record, &error)) == HISTORY_RECORD) {
        check(++records <= size);
        if (context) {
            history_restore(&record, interfaces, &lines);
            encode_again(&record, context, &lines);
        } else {
            history_note_interfaces(interfaces, &record);
        }
    }
    check(next == HISTORY_END || (next == HISTORY_DAMAGED && error.text[0]));
    check(history_reader_next(reader, &record, &error) == next);
    check(history_reader_octets(reader) <= size);
    history_reader_close(reader);
    return records;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct history_interfaces interfaces;
    static struct values_context context;
    char path[64];
    int file = memfd_create("history", MFD_CLOEXEC);
    check(file >= 0 && write(file, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    interfaces.count = 0;
    uint64_t found = read_file(path, size, &interfaces, NULL);
    prepare(&context, &interfaces);
    check(read_file(path, size, &interfaces, &context) == found);
    close(file);
    return 0;
}
