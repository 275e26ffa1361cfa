/* Reads files of watch lists, a piece at a time. See watch_file.h. */
#include "detect/watch_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 1 << 18 };

struct reader {
    const char *path;
    watch_entry *take;
    void *context;
    struct error *error;
    uint64_t line;
};

/* Says what is wrong with the line whose entry is TEXT; of a long one the beginning is shown. */
static bool refuse(const struct reader *reader, const char *text, uint32_t octets, const char *why)
{
    error_set(reader->error, "%.200s:%llu: %.*s%s: %.200s", reader->path,
              (unsigned long long)reader->line, (int)(octets < 64 ? octets : 64), text,
              octets > 64 ? "..." : "", why);
    return false;
}

static inline bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Where a comment begins, at TEXT or behind a blank after it; END if there is none. */
static const char *comment_of(const char *text, const char *end)
{
    for (const char *at = text; at < end; at++)
        if (*at == '#' && (at == text || is_blank(at[-1])))
            return at;
    return end;
}

static const char *skip_blanks(const char *text, const char *end)
{
    while (text < end && is_blank(*text))
        text++;
    return text;
}

/* One line without its end. */
static bool take_line(struct reader *reader, const char *text, size_t octets)
{
    struct error why = {""};
    struct watch_line line = {.entry = skip_blanks(text, text + octets)};
    const char *end = comment_of(line.entry, text + octets), *stop = line.entry;
    while (end > line.entry && is_blank(end[-1]))
        end--;
    while (stop < end && !is_blank(*stop))
        stop++;
    line.octets = (uint32_t)(stop - line.entry);
    line.rest = skip_blanks(stop, end);
    line.rest_octets = (uint32_t)(end - line.rest);
    reader->line++;
    if (memchr(text, 0, octets))
        return refuse(reader, line.entry, line.octets, "an octet of 0; this is no text");
    return line.octets == 0 || reader->take(reader->context, &line, &why) ||
           refuse(reader, line.entry, line.octets, why.text);
}

/* The lines of OCTETS of PIECE; *USED becomes what whole lines take of it. */
static bool take_lines(struct reader *reader, const char *piece, size_t octets, size_t *used)
{
    const char *at = piece, *end = piece + octets, *line_end;
    while ((line_end = memchr(at, '\n', (size_t)(end - at)))) {
        if (line_end - at > WATCH_LINE_MAX)
            break;
        if (!take_line(reader, at, (size_t)(line_end - at)))
            return false;
        at = line_end + 1;
    }
    *used = (size_t)(at - piece);
    if (end - at <= WATCH_LINE_MAX)
        return true;
    reader->line++;
    return refuse(reader, at, 64, "a line of more than 1024 octets; this is no list");
}

static bool read_pieces(struct reader *reader, int file, char *piece)
{
    size_t held = 0, used = 0;
    ssize_t octets;
    while ((octets = read(file, piece + held, PIECE - held)) > 0 ||
           (octets < 0 && errno == EINTR)) {
        held += octets > 0 ? (size_t)octets : 0;
        if (!take_lines(reader, piece, held, &used))
            return false;
        held -= used;
        memmove(piece, piece + used, held);
    }
    if (octets < 0) {
        error_set(reader->error, "%.200s: %s", reader->path, strerror(errno));
        return false;
    }
    return held == 0 || take_line(reader, piece, held);
}

bool watch_file_read(const char *path, watch_entry *take, void *context, struct error *error)
{
    struct reader reader = {path, take, context, error, 0};
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool plain = file >= 0 && fstat(file, &status) == 0 && S_ISREG(status.st_mode);
    char *piece = plain ? malloc(PIECE) : NULL;
    bool good = piece && read_pieces(&reader, file, piece);
    if (file >= 0 && !plain)
        error_set(error, "%.200s: not a file", path);
    else if (!piece)
        error_set(error, "%.200s: %s", path, strerror(errno));
    free(piece);
    if (file >= 0)
        close(file);
    return good;
}

bool watch_text_read(const char *text, size_t octets, const char *where, watch_entry *take,
                     void *context, struct error *error)
{
    struct reader reader = {where, take, context, error, 0};
    size_t used = 0;
    return take_lines(&reader, text, octets, &used) &&
           (used == octets || take_line(&reader, text + used, octets - used));
}

struct target {
    struct watch_builder *builder;
    uint32_t list;
};

static bool add_entry(void *context, const struct watch_line *line, struct error *error)
{
    const struct target *target = context;
    if (line->rest_octets == 0)
        return watch_builder_add(target->builder, target->list, line->entry, line->octets, error);
    error_set(error, "more than one word on a line; a comment begins with #");
    return false;
}

bool watch_file_add(struct watch_builder *builder, uint32_t i, const char *path,
                    struct error *error)
{
    struct target target = {builder, i};
    return watch_file_read(path, add_entry, &target, error);
}
