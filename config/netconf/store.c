/*
 * The store's folder and its files. Called by the datastores; see store.h for what survives what.
 */
#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_file.h"

static const char running_name[] = "running.json", unconfirmed_name[] = "unconfirmed.json";

struct store {
    int folder;   /* DIR, with the lock of this process */
    int versions; /* DIR/versions */
    uint32_t newest;
    char path[512]; /* for messages */
};

/* The number in a name like 00000042.json; 0 if it is none. */
static uint32_t version_of(const char *name)
{
    char *end = NULL;
    unsigned long number = strspn(name, "0123456789") == 8 ? strtoul(name, &end, 10) : 0;
    return end && strcmp(end, ".json") == 0 ? (uint32_t)number : 0;
}

static void version_name(uint32_t number, char name[32])
{
    snprintf(name, 32, "%08u.json", number);
}

/* The numbers of the stored versions, sorted, in *NUMBERS, to be freed. */
static size_t list_versions(const struct store *store, uint32_t **numbers)
{
    size_t count = 0;
    *numbers = NULL;
    int copy = openat(store->versions, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = copy >= 0 ? fdopendir(copy) : NULL;
    if (!folder)
        return 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        uint32_t number = version_of(entry->d_name);
        uint32_t *more = number ? realloc(*numbers, (count + 1) * sizeof *more) : NULL;
        if (!more)
            continue;
        size_t place = count++;
        for (*numbers = more; place && more[place - 1] > number; place--)
            more[place] = more[place - 1];
        more[place] = number;
    }
    closedir(folder);
    return count;
}

/* Files that a death left half written have names with a point in front. */
static void remove_leftovers(int folder)
{
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = copy >= 0 ? fdopendir(copy) : NULL;
    if (!entries)
        return;
    for (struct dirent *entry; (entry = readdir(entries));)
        if (entry->d_name[0] == '.' && strstr(entry->d_name, ".json"))
            unlinkat(folder, entry->d_name, 0);
    closedir(entries);
}

/* Whether version NUMBER has the configuration RUNNING. */
static bool is_version(const struct store *store, uint32_t number, const json_t *running)
{
    struct store_version version;
    char name[32], *whole = NULL, *text = NULL;
    version_name(number, name);
    if (store_file_read(store->versions, name, &whole))
        store_version_read(whole, &version, &text);
    json_t *configuration = text ? json_loads(text, 0, NULL) : NULL;
    bool same = json_equal(running, configuration) == 1;
    json_decref(configuration);
    free(text);
    free(whole);
    return same;
}

/* A death between the two files of a commit leaves a version that never was running, where the one
 * before it still is. It goes, so that the highest number is what is stored. What others have
 * written into running.json is like neither, and then all stay. */
static void forget_unused(struct store *store, const uint32_t *numbers, size_t count)
{
    char name[32], *text = NULL;
    if (count < 2 || !store_file_read(store->folder, running_name, &text))
        return;
    json_t *running = json_loads(text, 0, NULL);
    free(text);
    if (running && !is_version(store, numbers[count - 1], running) &&
        is_version(store, numbers[count - 2], running)) {
        version_name(numbers[count - 1], name);
        unlinkat(store->versions, name, 0);
        store->newest = numbers[count - 2];
    }
    json_decref(running);
}

/* Opens NAME below AT, made if it is missing. */
static int open_folder(int at, const char *name, const char *shown, struct error *error)
{
    int folder = mkdirat(at, name, 0750) == 0 || errno == EEXIST
                     ? openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                     : -1;
    if (folder < 0)
        error_set(error, "%s: %s; make the folder, or name another one with --store", shown,
                  strerror(errno));
    return folder;
}

struct store *store_open(const char *path, struct error *error)
{
    struct store *store = calloc(1, sizeof *store);
    if (!store) {
        error_set(error, "out of memory");
        return NULL;
    }
    snprintf(store->path, sizeof store->path, "%s", path);
    store->versions = -1;
    store->folder = open_folder(AT_FDCWD, path, path, error);
    if (store->folder >= 0 && flock(store->folder, LOCK_EX | LOCK_NB) != 0) {
        error_set(error, "%s: another process uses this store; end it, or name another --store",
                  path);
    } else if (store->folder >= 0) {
        store->versions = open_folder(store->folder, "versions", path, error);
        if (store->versions >= 0) {
            uint32_t *numbers = NULL;
            size_t count = list_versions(store, &numbers);
            store->newest = count ? numbers[count - 1] : 0;
            forget_unused(store, numbers, count);
            free(numbers);
            remove_leftovers(store->folder);
            remove_leftovers(store->versions);
            return store;
        }
    }
    store_close(store);
    return NULL;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    if (store->versions >= 0)
        close(store->versions);
    if (store->folder >= 0)
        close(store->folder);
    free(store);
}

bool store_read(struct store *store, char **text, struct error *error)
{
    *text = NULL;
    if (store_file_read(store->folder, running_name, text))
        return true;
    if (errno == ENOENT)
        return true;
    error_set(error, "%s/%s: %s", store->path, running_name, strerror(errno));
    return false;
}

/* Removes all but the newest versions; what cannot be removed is tried again the next time. */
static void forget_old(struct store *store)
{
    uint32_t *numbers = NULL;
    char name[32];
    size_t count = list_versions(store, &numbers);
    for (size_t i = 0; i + STORE_VERSIONS < count; i++) {
        version_name(numbers[i], name);
        unlinkat(store->versions, name, 0);
    }
    free(numbers);
}

bool store_write(struct store *store, const char *text, struct store_version *version,
                 struct error *error)
{
    char name[32];
    version->number = store->newest + 1;
    version_name(version->number, name);
    char *whole = store_version_text(version, text), *old = NULL;
    store_file_read(store->folder, running_name, &old);
    /* The version comes first; one that running.json never became is known by that later. */
    bool written = whole && store_file_write(store->versions, name, whole) &&
                   store_file_write(store->folder, running_name, text);
    int failure = errno;
    free(whole);
    if (!written) {
        /* The new file may have its name already when only the folder could not be synchronised. */
        if (whole && old)
            store_file_write(store->folder, running_name, old);
        unlinkat(store->versions, name, 0);
        error_set(error, "%s: the configuration cannot be stored: %s", store->path,
                  strerror(failure));
    }
    free(old);
    if (!written)
        return false;
    store->newest = version->number;
    store_forget_unconfirmed(store, NULL);
    forget_old(store);
    return true;
}

bool store_write_unconfirmed(struct store *store, const char *text,
                             const struct store_version *version, struct error *error)
{
    struct store_version noted = *version;
    noted.number = store->newest;
    char *whole = store_version_text(&noted, text);
    bool written = whole && store_file_write(store->folder, unconfirmed_name, whole);
    if (!written)
        error_set(error, "%s: the unconfirmed configuration cannot be noted: %s", store->path,
                  strerror(errno));
    free(whole);
    return written;
}

bool store_forget_unconfirmed(struct store *store, struct error *error)
{
    if (unlinkat(store->folder, unconfirmed_name, 0) == 0) {
        fsync(store->folder);
        return true;
    }
    if (errno == ENOENT)
        return true;
    error_set(error, "%s/%s: %s", store->path, unconfirmed_name, strerror(errno));
    return false;
}

bool store_unconfirmed(struct store *store, struct store_version *version)
{
    char *text = NULL;
    *version = (struct store_version){0};
    if (!store_file_read(store->folder, unconfirmed_name, &text))
        return false;
    store_version_read(text, version, NULL);
    free(text);
    return true;
}

size_t store_list(struct store *store, struct store_version versions[STORE_VERSIONS])
{
    uint32_t *numbers = NULL;
    size_t known = list_versions(store, &numbers), count = 0;
    while (known && count < STORE_VERSIONS) {
        char name[32], *text = NULL;
        uint32_t number = numbers[--known];
        version_name(number, name);
        if (store_file_read(store->versions, name, &text) &&
            store_version_read(text, &versions[count], NULL))
            versions[count++].number = number;
        free(text);
    }
    free(numbers);
    return count;
}

bool store_read_version(struct store *store, uint32_t number, char **text, struct error *error)
{
    char name[32], *whole = NULL;
    struct store_version version;
    version_name(number, name);
    *text = NULL;
    if (store_file_read(store->versions, name, &whole))
        store_version_read(whole, &version, text);
    free(whole);
    if (!*text)
        error_set(error, "%s/versions/%s: there is no such version, or it cannot be read",
                  store->path, name);
    return *text != NULL;
}
