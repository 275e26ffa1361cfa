/* Sources compared by their devices. See source_match.h. */
#include "source_match.h"

#include <string.h>

static const char packet_driver[] = "net_af_packet";

const char *source_device_words(const struct source_config *source)
{
    bool packet = strncmp(source->device, packet_driver, sizeof packet_driver - 1) == 0;
    const char *words = packet ? strchr(source->device, ',') : NULL;
    return words ? words : source->device;
}

/* What is the same for the same device, up to the next comma: of af_packet the interface, which may
 * stand behind other words. */
static const char *name_of(const struct source_config *source)
{
    const char *words = source_device_words(source);
    const char *interface = words[0] == ',' ? strstr(words, ",iface=") : NULL;
    return interface ? interface + 1 : words[0] == ',' ? words + 1 : words;
}

bool source_is_same_device(const struct source_config *a, const struct source_config *b)
{
    if (a->interface[0] || b->interface[0])
        return strcmp(a->interface, b->interface) == 0;
    const char *name = name_of(a), *other = name_of(b);
    size_t length = strcspn(name, ",");
    return strncmp(name, other, length) == 0 && (other[length] == ',' || other[length] == '\0');
}

static bool same_xdp(const struct source_xdp_options *a, const struct source_xdp_options *b)
{
    return a->attach == b->attach && a->frames == b->frames && a->pass_host == b->pass_host &&
           a->busy_poll_us == b->busy_poll_us && a->receive_descriptors == b->receive_descriptors;
}

bool source_has_same_settings(const struct source_config *a, const struct source_config *b)
{
    return strcmp(source_device_words(a), source_device_words(b)) == 0 &&
           strcmp(a->interface, b->interface) == 0 && same_xdp(&a->xdp, &b->xdp) &&
           a->receive_descriptors == b->receive_descriptors && a->device_time == b->device_time;
}

int source_place_before(const struct probe_config *before, const struct source_config *source)
{
    for (uint32_t b = 0; b < before->source_count; b++)
        if (source_is_same_device(&before->sources[b], source))
            return (int)b;
    return -1;
}
