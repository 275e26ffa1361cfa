/* The notice, and the mark by which a terminal session remembers that it was shown. */
#include "notice.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data.h"

/* A number that differs when the text or the terminal session does. */
static uint64_t mark_of(const char *notice)
{
    uint64_t mark = 0xcbf29ce484222325u ^ (uint64_t)getsid(0);
    for (; *notice; notice++)
        mark = (mark ^ (uint8_t)*notice) * 0x100000001b3u;
    return mark;
}

/* Whether this terminal session has seen NOTICE; it has from now on. The mark lies in the user's
 * own folder, which ends with the login; without one every verb shows the notice. */
static bool was_seen(const char *notice)
{
    const char *folder = getenv("XDG_RUNTIME_DIR");
    char path[512], text[40], before[40] = "";
    if (!folder || folder[0] != '/')
        return false;
    snprintf(path, sizeof path, "%.400s/spanflow-notice-%ld", folder, (long)getsid(0));
    snprintf(text, sizeof text, "%016llx\n", (unsigned long long)mark_of(notice));
    int file = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    struct stat status;
    if (file < 0)
        return false;
    bool seen = fstat(file, &status) == 0 && status.st_uid == geteuid() &&
                read(file, before, sizeof before - 1) == (ssize_t)strlen(text) &&
                strcmp(before, text) == 0;
    if (!seen && ftruncate(file, 0) == 0 &&
        pwrite(file, text, strlen(text), 0) != (ssize_t)strlen(text))
        unlink(path);
    close(file);
    return seen;
}

void notice_show(struct verb_call *call)
{
    bool packets = strncmp(call->verb->name, "snapshot ", 9) == 0;
    struct error ignored = {""};
    struct lyd_node *data = NULL;
    if (!packets && !isatty(STDERR_FILENO))
        return;
    if (!client_get(&call->client, CLIENT_RUNNING, "/sf:spanflow/sf:snapshot/sf:notice", false,
                    &data, &ignored))
        return;
    const char *notice = data_text(data_child(data, "snapshot"), "notice");
    if (notice[0] && (packets || !was_seen(notice)))
        fprintf(stderr, "%s\n", notice);
    lyd_free_all(data);
}
