/*
 * Where a mistake is. See probe_mistake.h.
 */
#include "probe_mistake.h"

#include <stdio.h>
#include <string.h>

#include "destination_place.h"

#define ROOT "/spanflow:spanflow"

void mistake_split(struct mistake *mistake)
{
    const char *path = strstr(mistake->error.text, "/spanflow");
    /* Behind the name of the input at most: files have such paths, too. */
    while (path && path != mistake->error.text && path[-1] != ' ')
        path = strstr(path + 1, "/spanflow");
    const char *end = path ? strstr(path, ": ") : NULL;
    if (!end || mistake->path[0])
        return;
    snprintf(mistake->path, sizeof mistake->path, ROOT "%.*s", (int)(end - path - 9), path + 9);
    memmove(mistake->error.text, end + 2, strlen(end + 2) + 1);
}

/* The source of CONFIG whose device the line begins with. */
static void place_source(struct mistake *mistake, const struct probe_config *config)
{
    for (uint32_t s = 0; s < config->source_count && !mistake->path[0]; s++) {
        const struct source_config *source = &config->sources[s];
        const char *device = source->interface[0] ? source->interface : source->device;
        char begin[sizeof source->device + sizeof "dpdk:: "];
        snprintf(begin, sizeof begin,
                 "%s%.*s: ", source->interface[0] ? "xdp:" : "dpdk:", (int)strcspn(device, ","),
                 device);
        if (strncmp(mistake->error.text, begin, strlen(begin)) == 0)
            snprintf(mistake->path, sizeof mistake->path, ROOT "/observationPoint[name='%s']/%s",
                     source->name, source->interface[0] ? "xdp/interface" : "device");
    }
}

void mistake_blame(struct mistake *mistake, const struct probe_config *config, const char *heaviest)
{
    mistake_split(mistake);
    if (!mistake->path[0] && config)
        config_destination_place(config, mistake->error.text, mistake->path, sizeof mistake->path);
    if (!mistake->path[0] && config)
        place_source(mistake, config);
    if (!mistake->path[0] && heaviest)
        snprintf(mistake->path, sizeof mistake->path, "%s", heaviest);
}
