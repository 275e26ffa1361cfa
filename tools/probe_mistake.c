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

void mistake_blame(struct mistake *mistake, const struct probe_config *config, const char *heaviest)
{
    mistake_split(mistake);
    if (!mistake->path[0] && config)
        config_destination_place(config, mistake->error.text, mistake->path, sizeof mistake->path);
    if (!mistake->path[0] && heaviest)
        snprintf(mistake->path, sizeof mistake->path, "%s", heaviest);
}
