/*
 * Fuzz target: the input is one packet's payload behind two octets that say ports, transport and
 * direction. Whatever is in it, the parser of DNS ends and stays inside the octets, tells no type
 * twice, and tells words, names and answers that fit, without blanks and line ends.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "app/name_dns.h"
#include "app/name_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAD = 2, LENGTH_MAX = 65535, NAME_TEXT_MAX = 1016, ANSWER_MAX = 160, WORD_MAX = 10 };

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
    uint32_t max = type == NAME_DNS_QUERY_NAME ? NAME_TEXT_MAX
                   : type == NAME_DNS_ANSWER   ? ANSWER_MAX
                                               : WORD_MAX;
    require(!(watch->told >> type & 1u) && octets > 0 && octets <= max);
    watch->told |= 1u << type;
    bool small = type == NAME_DNS_QUERY_NAME || type == NAME_DNS_ANSWER;
    for (uint32_t i = 0; i < octets; i++)
        require(text[i] > ' ' && text[i] != 0x7f && !(small && text[i] >= 'A' && text[i] <= 'Z'));
    uint32_t clean = name_text_clean(type, text, octets, once);
    require(clean > 0 && name_text_clean(type, once, clean, again) == clean &&
            memcmp(once, again, clean) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t ports[] = {53, 5353, 5355, 4000};
    if (size < HEAD || size > LENGTH_MAX)
        return 0;
    struct application_packet packet = {.data = data + HEAD,
                                        .length = (uint32_t)(size - HEAD),
                                        .whole_length = (uint32_t)(size - HEAD) + data[1],
                                        .source_port = 40000,
                                        .destination_port = ports[data[0] & 3],
                                        .tcp = data[0] & 4,
                                        .from_client = data[0] & 8,
                                        .client_known = data[0] & 16};
    struct watch watch = {.sink = {.wanted = UINT32_MAX, .found = found}};
    name_dns(&packet, &watch.sink, NULL);
    require(!watch.told || ports[data[0] & 3] == 4000 || name_is_dns(&packet));
    return 0;
}
