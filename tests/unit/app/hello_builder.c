/* Builds ClientHellos. See hello_builder.h. */
#include "hello_builder.h"

#include <string.h>

static const uint16_t example_ciphers[] = {0x0a0a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f,
                                           0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014,
                                           0x009c, 0x009d, 0x002f, 0x0035, 0};
static const uint16_t example_extensions[] = {0x5a5a, 0x001b, 0x0033, 0x0010, 0x4469, 0x0017,
                                              0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b,
                                              0xff01, 0x000b, 0x000a, 0x0015, 0xfafa, 0};
static const uint16_t example_versions[] = {0x3a3a, 0x0304, 0x0303, 0};
static const uint16_t example_signatures[] = {0x0403, 0x0804, 0x0401, 0x0503, 0x0805,
                                              0x0501, 0x0806, 0x0601, 0};
const struct hello_parts hello_example = {.version = 0x0303,
                                          .ciphers = example_ciphers,
                                          .extensions = example_extensions,
                                          .versions = example_versions,
                                          .signatures = example_signatures,
                                          .server_name = "www.example.org",
                                          .protocols = "h2,http/1.1",
                                          .filling = 7,
                                          .server_name_first = true};

struct writer {
    uint8_t *out;
    uint32_t at;
};

static void put(struct writer *writer, uint32_t value, unsigned octets)
{
    while (octets-- > 0)
        writer->out[writer->at++] = (uint8_t)(value >> 8 * octets);
}

/* Leaves room for a length; its place. */
static uint32_t open_vector(struct writer *writer, unsigned octets)
{
    writer->at += octets;
    return writer->at;
}

static void close_vector(struct writer *writer, uint32_t from, unsigned octets)
{
    struct writer length = {.out = writer->out, .at = from - octets};
    put(&length, writer->at - from, octets);
}

static void put_list(struct writer *writer, const uint16_t *list, unsigned length_octets)
{
    uint32_t from = open_vector(writer, length_octets);
    for (; list && *list; list++)
        put(writer, *list, 2);
    close_vector(writer, from, length_octets);
}

static void put_text(struct writer *writer, const char *text, size_t octets, unsigned length_octets)
{
    put(writer, (uint32_t)octets, length_octets);
    memcpy(writer->out + writer->at, text, octets);
    writer->at += (uint32_t)octets;
}

static void put_protocols(struct writer *writer, const char *protocols)
{
    uint32_t from = open_vector(writer, 2);
    while (*protocols) {
        size_t octets = strcspn(protocols, ",");
        put_text(writer, protocols, octets, 1);
        protocols += octets + (protocols[octets] == ',');
    }
    close_vector(writer, from, 2);
}

static void put_extension(struct writer *writer, const struct hello_parts *parts, uint16_t type)
{
    put(writer, type, 2);
    uint32_t from = open_vector(writer, 2);
    if (type == 0 && parts->server_name) {
        uint32_t list = open_vector(writer, 2);
        put(writer, 0, 1);
        put_text(writer, parts->server_name, strlen(parts->server_name), 2);
        close_vector(writer, list, 2);
    } else if (type == 16 && parts->protocols) {
        put_protocols(writer, parts->protocols);
    } else if (type == 13) {
        put_list(writer, parts->signatures, 2);
    } else if (type == 43) {
        put_list(writer, parts->versions, 1);
    } else if (type == 21) {
        for (uint32_t i = 0; i < parts->filling; i++)
            put(writer, 0, 1);
    } else {
        put(writer, 0x1234, 2);
    }
    close_vector(writer, from, 2);
}

uint32_t hello_body(const struct hello_parts *parts, uint8_t *out)
{
    struct writer writer = {.out = out};
    put(&writer, parts->version, 2);
    for (uint32_t i = 0; i < 32; i++)
        put(&writer, i, 1);
    put(&writer, 0, 1);
    if (parts->cookie)
        put(&writer, 0, 1);
    put_list(&writer, parts->ciphers, 2);
    put(&writer, 0x0100, 2);
    if (!parts->extensions && !parts->server_name_first)
        return writer.at;
    uint32_t from = open_vector(&writer, 2);
    if (parts->server_name_first)
        put_extension(&writer, parts, 0);
    for (const uint16_t *type = parts->extensions; type && *type; type++)
        put_extension(&writer, parts, *type);
    close_vector(&writer, from, 2);
    return writer.at;
}

uint32_t hello_message(const struct hello_parts *parts, uint8_t *out)
{
    struct writer writer = {.out = out};
    uint32_t octets = hello_body(parts, out + 4);
    put(&writer, 1, 1);
    put(&writer, octets, 3);
    return octets + 4;
}

uint32_t hello_record(const struct hello_parts *parts, uint8_t *out)
{
    struct writer writer = {.out = out};
    uint32_t octets = hello_message(parts, out + 5);
    put(&writer, 0x160301, 3);
    put(&writer, octets, 2);
    return octets + 5;
}

/* ---- hearing ---- */

static void note(struct name_sink *sink, enum name_type type, const uint8_t *text, uint32_t octets)
{
    struct heard *heard = (struct heard *)sink;
    if (octets >= HEARD_MAX)
        octets = HEARD_MAX - 1;
    if (heard->count[type]++ == 0)
        memcpy(heard->text[type], text, octets);
}

void heard_start(struct heard *heard)
{
    memset(heard, 0, sizeof *heard);
    heard->sink.wanted = UINT32_MAX;
    heard->sink.found = note;
}

bool heard_any(const struct heard *heard)
{
    return heard->count[NAME_TLS_SERVER_NAME] || heard->count[NAME_TLS_ALPN] ||
           heard->count[NAME_TLS_JA4];
}
