/*
 * One capture file being read: the state that source_file.c merges and that the two format
 * readers (pcap_reader.c, pcapng_reader.c) fill. Owned by the file source, used by its worker.
 */
#ifndef SPANFLOW_PACKET_CAPTURE_FILE_H
#define SPANFLOW_PACKET_CAPTURE_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "packet/byte_input.h"
#include "packet/packet_batch.h"

/* More captured bytes than any writer makes (libpcap's and Wireshark's bound, too). */
#define CAPTURED_LENGTH_LIMIT 262144u
/* A pcapng block that must be seen whole may not be larger; others are skipped at any length. */
#define BLOCK_LENGTH_LIMIT (16u * 1024 * 1024)

/* What a look at the cursor found. */
enum capture_step {
    CAPTURE_PACKET, /* the next packet is whole in the buffer; head_ns is its time */
    CAPTURE_MORE,   /* capture_file.need bytes must be in the buffer to go on */
    CAPTURE_DAMAGED /* capture_file.damage says what is wrong at the cursor */
};

/* What became of a file after it was given bytes. */
enum capture_state {
    CAPTURE_READY,   /* its next packet is known */
    CAPTURE_WAITING, /* a pipe that has nothing now */
    CAPTURE_ENDED,   /* read to its end */
    CAPTURE_BROKEN   /* damaged: every packet before the damage was delivered */
};

struct capture_record {
    const uint8_t *data;
    uint64_t timestamp_ns;
    uint32_t captured_length;
    uint32_t wire_length;
    size_t size;        /* bytes the record takes in the file */
    uint16_t interface; /* number in the file; 0 where there is one only */
    uint8_t link;
};

/* Classic pcap: how every record of the file is laid out. */
struct pcap_layout {
    bool swapped;            /* written in the other byte order */
    bool lengths_may_swap;   /* versions up to 2.3 wrote the two lengths in either order */
    uint8_t link;            /* enum link_layer */
    uint8_t fcs_octets;      /* frame check sequence at the end of each frame */
    uint32_t header_octets;  /* of a record: 16, or 24 in the modified format */
    uint32_t fraction_in_ns; /* 1 or 1000 */
};

/* How the time stamps of a pcapng interface become nanoseconds. */
enum time_scale { TIME_MULTIPLY, TIME_DIVIDE, TIME_BINARY };

struct pcapng_interface {
    uint64_t factor; /* multiplier, divisor, or number of binary digits */
    int64_t offset_seconds;
    uint32_t snap_length; /* 0 = none */
    uint8_t scale;        /* enum time_scale */
    uint8_t link;         /* enum link_layer */
    uint8_t fcs_octets;
};

/* pcapng: the section being read. */
struct pcapng_section {
    bool swapped;
    bool inside;                         /* in the middle of a block that is skipped */
    uint32_t trailer;                    /* length that must be repeated behind it */
    uint64_t skip;                       /* its bytes still to be skipped */
    uint64_t last_ns;                    /* time of the last packet, for blocks without a time */
    struct pcapng_interface *interfaces; /* owned */
    uint32_t interface_count;
    uint32_t interface_capacity;
};

struct capture_file {
    struct byte_input input;
    char *path; /* owned */
    /* Set by the format reader once the file header was read. peek() looks at the cursor. run()
     * appends packets not later than LIMIT_NS to BATCH until it is full, then looks, too. */
    enum capture_step (*peek)(struct capture_file *file);
    enum capture_step (*run)(struct capture_file *file, struct packet_batch *batch,
                             uint64_t limit_ns);
    uint64_t head_ns;
    size_t need;
    char damage[128];
    bool not_a_capture; /* the first bytes belong to no capture format */
    struct pcap_layout pcap;
    struct pcapng_section section;
};

/* Opens PATH; the file header is not read yet. FILE is freed by capture_file_close(). */
bool capture_file_open(struct capture_file *file, const char *path, struct error *error);
/* Reads until the next packet is whole in the buffer. No batch may point into the file. */
enum capture_state capture_file_prepare(struct capture_file *file);
/* One line about the damage that made capture_file_prepare() say CAPTURE_BROKEN. */
void capture_file_describe(const struct capture_file *file, struct error *line);
/* Frees what FILE holds and closes its input. */
void capture_file_close(struct capture_file *file);

/* The format readers: look at the file header and set peek and run. */
enum capture_step pcap_reader_start(struct capture_file *file);
enum capture_step pcapng_reader_start(struct capture_file *file);
/* True if the four bytes at START open a file of that format. */
bool pcap_reader_knows(const uint8_t *start);
bool pcapng_reader_knows(const uint8_t *start);
/* Frees what the section holds. */
void pcapng_reader_close(struct capture_file *file);

/* Notes what is wrong at the cursor. */
enum capture_step capture_file_damaged(struct capture_file *file, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Says how many bytes from the cursor must be in the buffer before the reader can go on. */
static inline enum capture_step capture_file_needs(struct capture_file *file, size_t need)
{
    file->need = need;
    return CAPTURE_MORE;
}

/* A number of the file in its byte order. */
static inline uint32_t capture_u32(const uint8_t *bytes, bool swapped)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return swapped ? __builtin_bswap32(value) : value;
}

/* A number of the file in its byte order. */
static inline uint16_t capture_u16(const uint8_t *bytes, bool swapped)
{
    uint16_t value;
    memcpy(&value, bytes, sizeof value);
    return swapped ? __builtin_bswap16(value) : value;
}

/* Takes the frame check sequence off and makes captured <= wire hold: bytes that are there were
 * on the wire. */
static inline void capture_trim(struct capture_record *record, uint32_t fcs_octets)
{
    if (__builtin_expect(record->wire_length < record->captured_length, 0))
        record->wire_length = record->captured_length;
    if (__builtin_expect(fcs_octets > 0, 0)) {
        uint32_t fcs = fcs_octets < record->wire_length ? fcs_octets : record->wire_length;
        record->wire_length -= fcs;
        if (record->captured_length > record->wire_length)
            record->captured_length = record->wire_length;
    }
}

/* Puts RECORD at the end of BATCH, which has room. */
static inline void capture_append(struct packet_batch *batch, uint32_t index,
                                  const struct capture_record *record)
{
    batch->data[index] = record->data;
    batch->captured_length[index] = record->captured_length;
    batch->wire_length[index] = record->wire_length;
    batch->timestamp_ns[index] = record->timestamp_ns;
    batch->link[index] = record->link;
    batch->capture[index] = record->interface;
}

#endif
