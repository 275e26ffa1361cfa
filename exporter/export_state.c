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

enum { STATE_VERSION = 2, STATE_DESTINATIONS = 64, STATE_INTERFACES = 256 };
static const char state_magic[8] = {'S', 'P', 'F', 'S', 'T', 'A', 'T', 'E'};

struct state_interface {
    char name[STATE_NAME_OCTETS];
    uint32_t name_check; /* over the name */
    uint32_t reserved;
    state_word ifindex;
    state_word use; /* all zero: the row is free */
};

/* The file, in the byte order of the machine. A change of anything here is a new version. */
struct state_file {
    char magic[8];
    uint32_t version;
    uint32_t octets;   /* of the whole file */
    state_word starts; /* how often it was opened */
    uint64_t reserved[5];
    struct state_destination destinations[STATE_DESTINATIONS];
    struct state_interface interfaces[STATE_INTERFACES];
};
static_assert(sizeof(struct state_destination) == 512, "rows of version 2");
static_assert(sizeof(struct state_interface) == 72, "rows of version 2");
static_assert(sizeof(struct state_file) == 64 + 512 * 64 + 72 * 256, "the file of version 2");

struct export_state {
    int folder;              /* locked as long as it is open */
    struct state_file *file; /* mapped */
    bool prepared;           /* the file has not got its name yet */
    char *made;              /* the folder, if it was made for a prepared one; owned */
};

/* FNV-1a: it is against damage, not against an adversary. */
static uint32_t check_of(const char *text, size_t octets)
{
    uint32_t sum = 2166136261u;
    for (size_t i = 0; i < octets; i++)
        sum = (sum ^ (uint8_t)text[i]) * 16777619u;
    return sum;
}

static bool is_whole(state_word word)
{
    return word == state_word_of(state_value(word));
}

/* The process may have been killed while it filled a free row: what lies in one means nothing. */
static bool destination_is_whole(const struct state_destination *row)
{
    return row->use == 0 ||
           (is_whole(row->use) && is_whole(row->sequence) && is_whole(row->boot_s) &&
            is_whole(row->source_port) && !row->reserved && memchr(row->key, 0, sizeof row->key) &&
            row->key_check == check_of(row->key, sizeof row->key));
}

static bool interface_is_whole(const struct state_interface *row)
{
    return row->use == 0 || (is_whole(row->use) && is_whole(row->ifindex) && !row->reserved &&
                             memchr(row->name, 0, sizeof row->name) &&
                             row->name_check == check_of(row->name, sizeof row->name));
}

static bool file_is_whole(const struct state_file *file)
{
    bool whole = file->octets == sizeof *file && is_whole(file->starts);
    for (size_t i = 0; i < sizeof file->reserved / sizeof file->reserved[0]; i++)
        whole = whole && file->reserved[i] == 0;
    for (unsigned i = 0; i < STATE_DESTINATIONS; i++)
        whole = whole && destination_is_whole(&file->destinations[i]);
    for (unsigned i = 0; i < STATE_INTERFACES; i++)
        whole = whole && interface_is_whole(&file->interfaces[i]);
    return whole;
}

/* NULL if the file is one that this version understands, else what is wrong with it. */
static const char *find_fault(int fd, char *text, size_t size)
{
    struct state_file file;
    struct stat status;
    ssize_t octets = pread(fd, &file, sizeof file, 0);
    if (octets < 16 || memcmp(file.magic, state_magic, sizeof state_magic) != 0)
        return "it is not a state file of spanflow";
    if (file.version != STATE_VERSION) {
        snprintf(text, size, "its version %u is not known here", file.version);
        return text;
    }
    if (fstat(fd, &status) != 0 || status.st_size != sizeof file || (size_t)octets != sizeof file ||
        !file_is_whole(&file))
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

static void make_empty(struct state_file *file)
{
    memset(file, 0, sizeof *file);
    memcpy(file->magic, state_magic, sizeof state_magic);
    file->version = STATE_VERSION;
    file->octets = sizeof *file;
    file->starts = state_word_of(0);
}

/* Writes CONTENT to the file that has no name yet. -1 with errno on failure. */
static int write_new(int folder, const struct state_file *content)
{
    int fd = openat(folder, STATE_FILE ".new", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return -1;
    /* Written, not only made long: a page without a block could end the process later. */
    errno = ENOSPC;
    if (write(fd, content, sizeof *content) == (ssize_t)sizeof *content && fsync(fd) == 0)
        return fd;
    int number = errno;
    close(fd);
    errno = number;
    return -1;
}

/* The complete new file gets its name. 0, or -1 with errno. */
static int give_name(int folder)
{
    if (renameat(folder, STATE_FILE ".new", folder, STATE_FILE) != 0)
        return -1;
    return fsync(folder);
}

/* Makes an empty file complete before it gets its name. -1 with errno on failure. */
static int make_file(int folder)
{
    struct state_file empty;
    make_empty(&empty);
    int fd = write_new(folder, &empty);
    if (fd < 0 || give_name(folder) == 0)
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

/* Maps what FD, which is closed, refers to; -1: nothing. */
static bool map_file(struct export_state *state, int fd, const char *directory, struct error *error)
{
    if (fd < 0)
        return false;
    void *mapped = mmap(NULL, sizeof *state->file, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped != MAP_FAILED)
        state->file = mapped;
    else
        error_set(error, "--state %.200s: cannot map it: %s", directory, strerror(errno));
    close(fd);
    return state->file != NULL;
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
    if (!map_file(state, fd, directory, error)) {
        export_state_close(state);
        return NULL;
    }
    export_state_age(state);
    return state;
}

void export_state_age(struct export_state *state)
{
    state_put(&state->file->starts, state_value(state->file->starts) + 1);
}

void export_state_close(struct export_state *state)
{
    if (!state)
        return;
    if (state->file) {
        msync(state->file, sizeof *state->file, MS_SYNC);
        munmap(state->file, sizeof *state->file);
    }
    if (state->folder >= 0 && state->prepared)
        unlinkat(state->folder, STATE_FILE ".new", 0);
    if (state->folder >= 0)
        close(state->folder);
    if (state->prepared && state->made)
        rmdir(state->made);
    free(state->made);
    free(state);
}

/* The row is free while it is filled: a process killed then leaves none that is half new. */
static void put_use(state_word *use, state_word value)
{
    __atomic_store_n(use, value, __ATOMIC_SEQ_CST);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* The row with KEY, or the one that makes room for it. */
static struct state_destination *row_for(struct state_file *file, const char *key)
{
    struct state_destination *rows = file->destinations, *row = &rows[0];
    for (unsigned i = 0; i < STATE_DESTINATIONS; i++) {
        if (rows[i].use && strcmp(rows[i].key, key) == 0)
            return &rows[i];
        if (rows[i].use < row->use)
            row = &rows[i];
    }
    return row;
}

struct state_destination *export_state_destination(struct export_state *state,
                                                   const struct destination_config *config)
{
    char key[STATE_KEY_OCTETS] = "";
    snprintf(key, sizeof key, "udp %s %u domain %u version %u from %s", config->host, config->port,
             config->domain, config->version, config->source_address);
    struct state_destination *row = row_for(state->file, key);
    if (row->use && strcmp(row->key, key) == 0) {
        put_use(&row->use, state->file->starts);
        return row;
    }
    put_use(&row->use, 0);
    memcpy(row->key, key, sizeof key);
    row->key_check = check_of(row->key, sizeof row->key);
    row->reserved = 0;
    row->sequence = row->boot_s = row->source_port = state_word_of(0);
    put_use(&row->use, state->file->starts);
    return row;
}

uint32_t export_state_interface(const struct export_state *state, const char *name)
{
    const struct state_interface *rows = state->file->interfaces;
    for (unsigned i = 0; i < STATE_INTERFACES; i++)
        if (rows[i].use && strcmp(rows[i].name, name) == 0)
            return state_value(rows[i].ifindex);
    return 0;
}

/* As row_for(). */
static struct state_interface *interface_for(struct state_file *file, const char *name)
{
    struct state_interface *rows = file->interfaces, *row = &rows[0];
    for (unsigned i = 0; i < STATE_INTERFACES; i++) {
        if (rows[i].use && strcmp(rows[i].name, name) == 0)
            return &rows[i];
        if (rows[i].use < row->use)
            row = &rows[i];
    }
    return row;
}

void export_state_keep_interface(struct export_state *state, const char *name, uint32_t ifindex)
{
    struct state_interface *row = interface_for(state->file, name);
    if (row->use && strcmp(row->name, name) == 0) {
        state_put(&row->ifindex, ifindex);
        put_use(&row->use, state->file->starts);
        return;
    }
    put_use(&row->use, 0);
    memset(row->name, 0, sizeof row->name);
    snprintf(row->name, sizeof row->name, "%s", name);
    row->name_check = check_of(row->name, sizeof row->name);
    row->reserved = 0;
    row->ifindex = state_word_of(ifindex);
    put_use(&row->use, state->file->starts);
}

/* ---- another folder ---- */

bool export_state_is_in(const struct export_state *state, const char *directory)
{
    struct stat own, other;
    return fstat(state->folder, &own) == 0 && stat(directory, &other) == 0 &&
           own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

/* Reads what lies in FOLDER; an empty one if nothing does. False and ERROR if it is of no use. */
static bool read_found(int folder, const char *directory, struct state_file *found,
                       struct error *error)
{
    char text[64];
    int fd = openat(folder, STATE_FILE, O_RDONLY | O_CLOEXEC);
    make_empty(found);
    if (fd < 0 && errno == ENOENT)
        return true;
    const char *fault = fd < 0 ? strerror(errno) : find_fault(fd, text, sizeof text);
    if (!fault && pread(fd, found, sizeof *found, 0) != (ssize_t)sizeof *found)
        fault = "it cannot be read";
    if (fd >= 0)
        close(fd);
    if (fault)
        error_set(error, "--state %.200s: " STATE_FILE ": %s: move it away, or give another folder",
                  directory, fault);
    return fault == NULL;
}

/* The rows of BEFORE come to FILE, and count as newer than all that are there. */
static void merge(struct state_file *file, const struct state_file *before)
{
    uint32_t later = state_value(file->starts);
    for (unsigned i = 0; i < STATE_DESTINATIONS; i++) {
        const struct state_destination *from = &before->destinations[i];
        struct state_destination *to = from->use ? row_for(file, from->key) : NULL;
        if (!to)
            continue;
        *to = *from;
        to->use = state_word_of(later + state_value(from->use));
    }
    for (unsigned i = 0; i < STATE_INTERFACES; i++) {
        const struct state_interface *from = &before->interfaces[i];
        struct state_interface *to = from->use ? interface_for(file, from->name) : NULL;
        if (!to)
            continue;
        *to = *from;
        to->use = state_word_of(later + state_value(from->use));
    }
    file->starts = state_word_of(later + state_value(before->starts));
}

struct export_state *export_state_prepare(const struct export_state *before, const char *directory,
                                          struct error *error)
{
    struct export_state *state = calloc(1, sizeof *state);
    struct state_file *file = malloc(sizeof *file);
    struct stat ignored;
    if (!state || !file) {
        error_set(error, "not enough memory for the state");
        free(file);
        free(state);
        return NULL;
    }
    state->prepared = true;
    state->made = stat(directory, &ignored) != 0 ? strdup(directory) : NULL;
    state->folder = open_folder(directory, error);
    int fd = -1;
    if (state->folder >= 0 && read_found(state->folder, directory, file, error)) {
        if (before)
            merge(file, before->file);
        fd = write_new(state->folder, file);
        if (fd < 0)
            error_set(error, "--state %.200s: cannot have " STATE_FILE ": %s", directory,
                      strerror(errno));
    }
    free(file);
    if (map_file(state, fd, directory, error)) {
        export_state_age(state);
        return state;
    }
    export_state_close(state);
    return NULL;
}

bool export_state_settle(struct export_state *state)
{
    if (give_name(state->folder) != 0)
        return false;
    state->prepared = false;
    return true;
}
