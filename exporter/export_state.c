/*
 * The mapped state file. See export_state.h.
 */
#include "export_state.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "exporting_process.h"

#define STATE_FILE "exporter.state"

enum { STATE_VERSION = 1, STATE_DESTINATIONS = 64, STATE_INTERFACES = 256 };
static const char state_magic[8] = {'S', 'P', 'F', 'S', 'T', 'A', 'T', 'E'};

struct state_interface {
    char name[STATE_NAME_OCTETS]; /* "" if the row is free */
    uint64_t use;
    uint32_t ifindex;
    uint32_t reserved;
};

/* The file, in the byte order of the machine. A change of anything here is a new version. */
struct state_file {
    char magic[8];
    uint32_t version;
    uint32_t octets; /* of the whole file */
    uint64_t starts; /* how often it was opened */
    uint64_t reserved[5];
    struct state_destination destinations[STATE_DESTINATIONS];
    struct state_interface interfaces[STATE_INTERFACES];
};
static_assert(sizeof(struct state_destination) == 512, "rows of version 1");
static_assert(sizeof(struct state_interface) == 64, "rows of version 1");
static_assert(sizeof(struct state_file) == 64 + 512 * 64 + 64 * 256, "the file of version 1");

struct export_state {
    int folder;              /* locked as long as it is open */
    struct state_file *file; /* mapped */
};

/* Whether FILE's strings end inside their rows. */
static bool strings_end(const struct state_file *file)
{
    for (unsigned i = 0; i < STATE_DESTINATIONS; i++)
        if (!memchr(file->destinations[i].key, 0, STATE_KEY_OCTETS))
            return false;
    for (unsigned i = 0; i < STATE_INTERFACES; i++)
        if (!memchr(file->interfaces[i].name, 0, STATE_NAME_OCTETS))
            return false;
    return true;
}

/* NULL if the file is one that this version understands, else what is wrong with it. */
static const char *find_fault(int fd, char *text, size_t size)
{
    struct state_file file;
    ssize_t octets = pread(fd, &file, sizeof file, 0);
    if (octets < 16 || memcmp(file.magic, state_magic, sizeof state_magic) != 0)
        return "it is not a state file of spanflow";
    if (file.version != STATE_VERSION) {
        snprintf(text, size, "its version %u is not known here", file.version);
        return text;
    }
    if ((size_t)octets != sizeof file || file.octets != sizeof file || !strings_end(&file))
        return "it is damaged";
    return NULL;
}

/* Renames what cannot be used, so that nothing is destroyed. */
static bool set_aside(int folder, const char *directory, const char *fault, struct error *note,
                      struct error *error)
{
    char name[64];
    snprintf(name, sizeof name, STATE_FILE ".aside.%lld", (long long)time(NULL));
    if (renameat(folder, STATE_FILE, folder, name) != 0) {
        error_set(error, "--state %.200s: cannot set " STATE_FILE " aside: %s", directory,
                  strerror(errno));
        return false;
    }
    error_set(note,
              "%.200s/" STATE_FILE ": %s: set aside as %s; sequence numbers begin anew and source "
              "ports change",
              directory, fault, name);
    return true;
}

/* Makes an empty file complete before it gets its name. -1 with errno on failure. */
static int make_file(int folder)
{
    int fd = openat(folder, STATE_FILE ".new", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return -1;
    struct state_file *empty = calloc(1, sizeof *empty);
    bool good = empty != NULL;
    if (good) {
        memcpy(empty->magic, state_magic, sizeof state_magic);
        empty->version = STATE_VERSION;
        empty->octets = sizeof *empty;
        /* Written, not only made long: a page without a block could end the process later. */
        errno = ENOSPC;
        good = write(fd, empty, sizeof *empty) == (ssize_t)sizeof *empty && fsync(fd) == 0 &&
               renameat(folder, STATE_FILE ".new", folder, STATE_FILE) == 0 && fsync(folder) == 0;
    }
    free(empty);
    if (good)
        return fd;
    int number = errno;
    close(fd);
    errno = number;
    return -1;
}

static int open_file(int folder, const char *directory, struct error *note, struct error *error)
{
    char text[64];
    int fd = openat(folder, STATE_FILE, O_RDWR | O_CLOEXEC);
    const char *fault = fd >= 0 ? find_fault(fd, text, sizeof text) : NULL;
    if (fault) {
        close(fd);
        if (!set_aside(folder, directory, fault, note, error))
            return -1;
    }
    if (fault || (fd < 0 && errno == ENOENT))
        fd = make_file(folder);
    if (fd < 0)
        error_set(error, "--state %.200s: cannot have " STATE_FILE ": %s", directory,
                  strerror(errno));
    return fd;
}

static int open_folder(const char *directory, struct error *error)
{
    if (mkdir(directory, 0755) != 0 && errno != EEXIST) {
        error_set(error, "--state %.200s: %s", directory, strerror(errno));
        return -1;
    }
    int folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        error_set(error, "--state %.200s: %s", directory, strerror(errno));
        return -1;
    }
    if (flock(folder, LOCK_EX | LOCK_NB) == 0)
        return folder;
    if (errno == EWOULDBLOCK)
        error_set(error, "--state %.200s: another spanflowd uses it; give each its own", directory);
    else
        error_set(error, "--state %.200s: cannot lock it: %s", directory, strerror(errno));
    close(folder);
    return -1;
}

struct export_state *export_state_open(const char *directory, struct error *note,
                                       struct error *error)
{
    struct export_state *state = calloc(1, sizeof *state);
    if (!state) {
        error_set(error, "not enough memory for the state");
        return NULL;
    }
    state->folder = open_folder(directory, error);
    int fd = state->folder < 0 ? -1 : open_file(state->folder, directory, note, error);
    if (fd >= 0) {
        void *mapped = mmap(NULL, sizeof *state->file, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (mapped != MAP_FAILED)
            state->file = mapped;
        else
            error_set(error, "--state %.200s: cannot map it: %s", directory, strerror(errno));
        close(fd);
    }
    if (!state->file) {
        export_state_close(state);
        return NULL;
    }
    state->file->starts++;
    return state;
}

void export_state_close(struct export_state *state)
{
    if (!state)
        return;
    if (state->file) {
        msync(state->file, sizeof *state->file, MS_SYNC);
        munmap(state->file, sizeof *state->file);
    }
    if (state->folder >= 0)
        close(state->folder);
    free(state);
}

struct state_destination *export_state_destination(struct export_state *state,
                                                   const struct destination_config *config)
{
    char key[STATE_KEY_OCTETS] = "";
    snprintf(key, sizeof key, "udp %s %u domain %u version %u from %s", config->host, config->port,
             config->domain, config->version, config->source_address);
    struct state_destination *rows = state->file->destinations, *row = &rows[0];
    for (unsigned i = 0; i < STATE_DESTINATIONS; i++) {
        if (strcmp(rows[i].key, key) == 0) {
            rows[i].use = state->file->starts;
            return &rows[i];
        }
        if (rows[i].use < row->use)
            row = &rows[i];
    }
    *row = (struct state_destination){.use = state->file->starts};
    memcpy(row->key, key, sizeof key);
    return row;
}

uint32_t export_state_interface(const struct export_state *state, const char *name)
{
    for (unsigned i = 0; i < STATE_INTERFACES; i++)
        if (strcmp(state->file->interfaces[i].name, name) == 0)
            return state->file->interfaces[i].ifindex;
    return 0;
}

void export_state_keep_interface(struct export_state *state, const char *name, uint32_t ifindex)
{
    struct state_interface *rows = state->file->interfaces, *row = &rows[0];
    for (unsigned i = 0; i < STATE_INTERFACES; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            row = &rows[i];
            break;
        }
        if (rows[i].use < row->use)
            row = &rows[i];
    }
    *row = (struct state_interface){.use = state->file->starts, .ifindex = ifindex};
    snprintf(row->name, sizeof row->name, "%s", name);
}
