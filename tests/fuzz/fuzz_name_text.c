/*
 * Fuzz target: the input is one packet's payload behind eight octets that say ports, transport,
 * direction and how much of the packet was not captured. Whatever is in it, the parsers of HTTP,
 * SSH and mail end and stay inside the octets, no type is told twice, a host is a host and nothing
 * of what stands around it, and what is told can be cleaned.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "app/name_banner.h"
#include "app/name_http.h"
#include "app/name_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAD = 8, LENGTH_MAX = 65535 };

struct watch {
    struct name_sink sink; /* first: the parser's pointer is ours */
    uint32_t told;
};

static void require(bool truth)
{
    if (!truth)
        abort();
}

static void found(struct name_sink *sink, enum name_type type, const uint8_t *text, uint32_t octets)
{
    struct watch *watch = (struct watch *)sink;
    uint8_t once[NAME_OCTETS_MAX], again[NAME_OCTETS_MAX];
    require(!(watch->told >> type & 1u) && octets > 0);
    watch->told |= 1u << type;
    for (uint32_t i = 0; i < octets && type == NAME_HTTP_HOST; i++)
        require(text[i] > ' ' && !strchr("/?#@\\", text[i]));
    uint32_t clean = name_text_clean(type, text, octets, once);
    require(clean <= NAME_OCTETS_MAX && name_text_host(once, clean) <= clean);
    require(name_text_clean(type, once, clean, again) == clean && memcmp(once, again, clean) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD || size > LENGTH_MAX)
        return 0;
    struct application_packet packet = {.data = data + HEAD,
                                        .length = (uint32_t)(size - HEAD),
                                        .whole_length = (uint32_t)(size - HEAD) +
                                                        (data[0] & 2 ? data[3] * 8u : 0),
                                        .source_port = (uint16_t)(data[4] << 8 | data[5]),
                                        .destination_port = (uint16_t)(data[6] << 8 | data[7]),
                                        .tcp = data[0] & 4,
                                        .from_client = data[0] & 8,
                                        .client_known = data[0] & 16};
    struct watch watch = {.sink = {.wanted = UINT32_MAX, .found = found}};
    name_http(&packet, &watch.sink, NULL);
    name_ssh(&packet, &watch.sink, NULL);
    name_smtp(&packet, &watch.sink, NULL);
    name_imap(&packet, &watch.sink, NULL);
    name_pop(&packet, &watch.sink, NULL);
    uint32_t told = watch.told;
    require(!name_is_http(&packet) || told >> NAME_HTTP_METHOD & 1u || packet.data[0] == 'H' ||
            packet.data[0] < ' ');
    require(!name_is_smtp(&packet) || told >> NAME_SMTP_GREETING & 1u);
    require(name_is_imap(&packet) == (told >> NAME_IMAP_GREETING & 1u));
    require(name_is_pop(&packet) == (told >> NAME_POP_GREETING & 1u));
    require(!name_is_ssh(&packet) ||
            told & (1u << NAME_SSH_CLIENT_BANNER | 1u << NAME_SSH_SERVER_BANNER));
    for (unsigned type = 0; type < NAME_TYPE_COUNT; type++) {
        watch.told = 0;
        if (packet.length > 0)
            found(&watch.sink, type == NAME_HTTP_HOST ? NAME_DNS_QUERY_NAME : (enum name_type)type,
                  packet.data, packet.length);
    }
    return 0;
}
