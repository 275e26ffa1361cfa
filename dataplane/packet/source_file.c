/*
 * The merge of capture files. A binary heap orders the files by the time of their next packet
 * (then by their order on the command line); the first one fills the batch up to the time of
 * the second. A file that needs more bytes ends the batch, for its buffer may not move before
 * the batch is released. Opened by the control thread, used by one worker.
 */
#include "packet/source_file.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "packet/capture_file.h"

struct source_file {
    struct packet_source source; /* first: the contract's handle */
    struct capture_file *files;
    uint32_t *heap;       /* indices of files whose next packet is known, the earliest first */
    uint32_t *dry;        /* indices of files that need bytes */
    struct pollfd *pipes; /* scratch of wait() */
    uint32_t file_count;
    uint32_t heap_count;
    uint32_t dry_count;
    uint32_t damaged_count;
};

static_assert(offsetof(struct source_file, source) == 0, "source must be first");

static bool earlier(const struct source_file *self, uint32_t a, uint32_t b)
{
    uint64_t time_a = self->files[a].head_ns;
    uint64_t time_b = self->files[b].head_ns;
    return time_a != time_b ? time_a < time_b : a < b;
}

static void heap_push(struct source_file *self, uint32_t file)
{
    uint32_t at = self->heap_count++;
    while (at > 0 && earlier(self, file, self->heap[(at - 1) / 2])) {
        self->heap[at] = self->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    self->heap[at] = file;
}

/* Puts FILE at the top in place of what is there and restores the order. */
static void heap_replace(struct source_file *self, uint32_t file)
{
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= self->heap_count)
            break;
        if (child + 1 < self->heap_count && earlier(self, self->heap[child + 1], self->heap[child]))
            child++;
        if (!earlier(self, self->heap[child], file))
            break;
        self->heap[at] = self->heap[child];
        at = child;
    }
    self->heap[at] = file;
}

static void heap_pop(struct source_file *self)
{
    uint32_t last = self->heap[--self->heap_count];
    if (self->heap_count > 0)
        heap_replace(self, last);
}

/* The latest time up to which the file at the top comes first. */
static uint64_t run_limit(const struct source_file *self)
{
    if (self->heap_count < 2)
        return UINT64_MAX;
    uint32_t second = self->heap[1];
    if (self->heap_count > 2 && earlier(self, self->heap[2], second))
        second = self->heap[2];
    uint64_t limit_ns = self->files[second].head_ns;
    /* At equal times the earlier file goes first. limit_ns > 0: else SECOND were at the top. */
    return self->heap[0] < second ? limit_ns : limit_ns - 1;
}

static void note_damage(struct source_file *self, const struct capture_file *file)
{
    if (self->damaged_count++ == 0)
        capture_file_describe(file, &self->source.problem);
}

/* Gives bytes to every file that needs them. No batch is outstanding. */
static void prepare_files(struct source_file *self)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < self->dry_count; i++) {
        uint32_t index = self->dry[i];
        struct capture_file *file = &self->files[index];
        switch (capture_file_prepare(file)) {
        case CAPTURE_READY:
            heap_push(self, index);
            break;
        case CAPTURE_WAITING:
            self->dry[kept++] = index;
            break;
        case CAPTURE_BROKEN:
            note_damage(self, file);
            break;
        case CAPTURE_ENDED:
            break;
        }
    }
    self->dry_count = kept;
}

/* Interface N of file F of C becomes capture N * C + F: each its own. */
static void number_captures(const struct source_file *self, uint32_t file,
                            struct packet_batch *batch, uint32_t first)
{
    if (self->file_count == 1)
        return;
    for (uint32_t i = first; i < batch->count; i++)
        batch->capture[i] = (uint16_t)(batch->capture[i] * self->file_count + file);
}

/* Fills BATCH until it is full or a file needs bytes. */
static void fill_batch(struct source_file *self, struct packet_batch *batch)
{
    while (self->heap_count > 0 && batch->count < PACKET_BATCH_MAX) {
        uint32_t index = self->heap[0];
        struct capture_file *file = &self->files[index];
        uint32_t first = batch->count;
        enum capture_step step = file->run(file, batch, run_limit(self));
        number_captures(self, index, batch, first);
        switch (step) {
        case CAPTURE_PACKET:
            heap_replace(self, index);
            break;
        case CAPTURE_MORE:
            heap_pop(self);
            self->dry[self->dry_count++] = index;
            return;
        case CAPTURE_DAMAGED:
            heap_pop(self);
            note_damage(self, file);
            break;
        }
    }
}

static enum receive_status finished(struct source_file *self)
{
    if (self->damaged_count == 0)
        return RECEIVE_END;
    if (self->damaged_count > 1 && !strstr(self->source.problem.text, "more damaged")) {
        struct error first = self->source.problem;
        error_set(&self->source.problem, "%.400s (and %u more damaged files)", first.text,
                  self->damaged_count - 1);
    }
    return RECEIVE_FAILED;
}

static enum receive_status source_file_receive(struct packet_source *source,
                                               struct packet_batch *batch)
{
    struct source_file *self = (struct source_file *)source;
    batch->count = 0;
    do {
        if (self->dry_count > 0)
            prepare_files(self);
        if (self->dry_count > 0)
            return RECEIVE_IDLE;
        fill_batch(self, batch);
    } while (batch->count == 0 && self->dry_count > 0);
    if (batch->count == 0)
        return finished(self);
    uint64_t octets = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
        octets += batch->wire_length[i];
        batch->port[i] = source->interface_base;
    }
    ledger_add(&source->ledger.observed, batch->count, octets);
    return RECEIVE_PACKETS;
}

static void source_file_release(struct packet_source *source, struct packet_batch *batch)
{
    (void)source;
    batch->count = 0;
}

/* Only pipes can make the source idle. */
static void source_file_wait(struct packet_source *source, uint64_t until_ns)
{
    struct source_file *self = (struct source_file *)source;
    for (uint32_t i = 0; i < self->dry_count; i++) {
        self->pipes[i].fd = self->files[self->dry[i]].input.descriptor;
        self->pipes[i].events = POLLIN;
    }
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t now_ns = (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
    if (self->dry_count == 0 || until_ns <= now_ns)
        return;
    uint64_t sleep_ns = until_ns - now_ns;
    struct timespec timeout = {.tv_sec = (time_t)(sleep_ns / 1000000000ull),
                               .tv_nsec = (long)(sleep_ns % 1000000000ull)};
    ppoll(self->pipes, self->dry_count, &timeout, NULL);
}

static void source_file_close(struct packet_source *source)
{
    struct source_file *self = (struct source_file *)source;
    for (uint32_t i = 0; i < self->file_count; i++)
        capture_file_close(&self->files[i]);
    free(self->files);
    free(self->heap);
    free(self->dry);
    free(self->pipes);
    free(self);
}

static const struct packet_source_ops source_file_ops = {
    .receive = source_file_receive,
    .release = source_file_release,
    .wait = source_file_wait,
    .close = source_file_close,
};

/* The interface name is the file's own name, cut at a character of UTF-8. */
static void set_names(struct packet_source *source, char *const paths[], uint32_t count)
{
    if (count == 1)
        snprintf(source->name, sizeof source->name, "%s", paths[0]);
    else
        snprintf(source->name, sizeof source->name, "%.80s and %u more files", paths[0], count - 1);
    const char *slash = strrchr(paths[0], '/');
    const char *name = slash && slash[1] ? slash + 1 : paths[0];
    size_t length = strlen(name);
    if (length >= sizeof source->interface.name) {
        length = sizeof source->interface.name - 1;
        while (length > 0 && ((uint8_t)name[length] & 0xc0) == 0x80)
            length--;
    }
    memcpy(source->interface.name, name, length);
    source->interface.ifindex = 1;
    source->interface.role = INTERFACE_SPAN;
    source->interface_count = 1;
}

/* Opens file number INDEX. A regular file that is no capture is refused at once; damage further
 * inside, and pipes, are for receive(). */
static bool open_file(struct source_file *self, const char *path, struct error *error)
{
    struct capture_file *file = &self->files[self->file_count];
    if (!capture_file_open(file, path, error))
        return false;
    uint32_t index = self->file_count++;
    if (!file->input.regular) {
        self->dry[self->dry_count++] = index;
        return true;
    }
    switch (capture_file_prepare(file)) {
    case CAPTURE_READY:
        heap_push(self, index);
        break;
    case CAPTURE_BROKEN:
        if (file->not_a_capture) {
            capture_file_describe(file, error);
            return false;
        }
        note_damage(self, file);
        break;
    case CAPTURE_WAITING:
    case CAPTURE_ENDED:
        break;
    }
    return true;
}

struct packet_source *source_file_open(char *const paths[], uint32_t count, struct error *error)
{
    check(count > 0);
    struct source_file *self = calloc(1, sizeof *self);
    if (self) {
        self->source.ops = &source_file_ops;
        self->files = calloc(count, sizeof *self->files);
        self->heap = calloc(count, sizeof *self->heap);
        self->dry = calloc(count, sizeof *self->dry);
        self->pipes = calloc(count, sizeof *self->pipes);
    }
    if (!self || !self->files || !self->heap || !self->dry || !self->pipes) {
        error_set(error, "no memory to read %u files", count);
        if (self)
            source_file_close(&self->source);
        return NULL;
    }
    bool standard_input = false;
    for (uint32_t i = 0; i < count; i++) {
        bool again = standard_input && strcmp(paths[i], "-") == 0;
        standard_input = standard_input || strcmp(paths[i], "-") == 0;
        if (again)
            error_set(error, "-: standard input can be read only once");
        if (again || !open_file(self, paths[i], error)) {
            source_file_close(&self->source);
            return NULL;
        }
    }
    set_names(&self->source, paths, count);
    return &self->source;
}

uint32_t source_file_damaged_count(const struct packet_source *source)
{
    check(source->ops == &source_file_ops);
    return ((const struct source_file *)source)->damaged_count;
}
