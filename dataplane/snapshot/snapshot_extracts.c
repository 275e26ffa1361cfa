/* The folder of results. See snapshot_extracts.h. */
#include "snapshot/snapshot_extracts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "snapshot/snapshot_extract.h"

enum { RESULTS_MAX = 4096 }; /* that are looked at in one go */

struct result {
    char name[SNAPSHOT_EXTRACT_NAME_MAX];
    uint64_t octets;
    uint64_t changed_ns;
};

static bool ends_as_result(const char *name)
{
    size_t length = strlen(name);
    return length > 7 && length < SNAPSHOT_EXTRACT_NAME_MAX &&
           strcmp(name + length - 7, ".pcapng") == 0;
}

bool snapshot_extracts_prepare(const char *folder, struct error *error)
{
    /* The bit that hands the group on comes from the folder above. */
    if (mkdir(folder, 0750) != 0 && errno != EEXIST) {
        error_set(error, "%s: cannot be made: %s", folder, strerror(errno));
        return false;
    }
    DIR *listing = opendir(folder);
    if (!listing) {
        error_set(error, "%s: %s", folder, strerror(errno));
        return false;
    }
    for (const struct dirent *entry = readdir(listing); entry; entry = readdir(listing))
        if (entry->d_name[0] == '.' && ends_as_result(entry->d_name))
            unlinkat(dirfd(listing), entry->d_name, 0);
    closedir(listing);
    return true;
}

static int by_age(const void *one, const void *other)
{
    const struct result *a = one, *b = other;
    if (a->changed_ns != b->changed_ns)
        return a->changed_ns < b->changed_ns ? -1 : 1;
    return strcmp(a->name, b->name);
}

/* All results of the folder into LIST of RESULTS_MAX; returns how many. */
static uint32_t list_results(DIR *listing, struct result *list)
{
    uint32_t count = 0;
    for (const struct dirent *entry = readdir(listing); entry && count < RESULTS_MAX;
         entry = readdir(listing)) {
        struct stat status;
        if (entry->d_name[0] == '.' || !ends_as_result(entry->d_name) ||
            fstatat(dirfd(listing), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(status.st_mode))
            continue;
        struct result *result = &list[count++];
        snprintf(result->name, sizeof result->name, "%s", entry->d_name);
        result->octets = (uint64_t)status.st_size;
        result->changed_ns =
            (uint64_t)status.st_mtim.tv_sec * 1000000000u + (uint64_t)status.st_mtim.tv_nsec;
    }
    return count;
}

void snapshot_extracts_bound(const char *folder, uint32_t files_max, uint64_t octets_max,
                             uint64_t age_max_ns, uint64_t now_ns,
                             void (*deleted)(void *context, const char *name), void *context)
{
    DIR *listing = opendir(folder);
    struct result *list = listing ? calloc(RESULTS_MAX, sizeof *list) : NULL;
    uint32_t count = list ? list_results(listing, list) : 0;
    uint64_t octets = 0;
    for (uint32_t i = 0; i < count; i++)
        octets += list[i].octets;
    if (count > 1)
        qsort(list, count, sizeof *list, by_age);
    for (uint32_t i = 0; i < count; i++) {
        bool old = age_max_ns != 0 && list[i].changed_ns + age_max_ns < now_ns;
        if (!old && (files_max == 0 || count - i <= files_max) &&
            (octets_max == 0 || octets <= octets_max))
            break;
        if (unlinkat(dirfd(listing), list[i].name, 0) == 0 && deleted)
            deleted(context, list[i].name);
        octets -= list[i].octets;
    }
    free(list);
    if (listing)
        closedir(listing);
}
