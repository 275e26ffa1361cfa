/* The files of the flow history and their bounds. See history_folder.h. */
#include "history/history_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "history/history_reader.h"

enum {
    LOOKS_EVERY_S = 10,
    ROTATION_S = 3600,   /* age is kept to by whole files */
    FILES_OF_A_SIZE = 64 /* and so is the size */
};
static const uint64_t file_octets_min = 1u << 20, file_octets_max = 1u << 30;

struct history_folder {
    char directory[HISTORY_PATH_MAX];
    uint32_t group;
    uint64_t looked_s; /* when the folder was last read; 0: never */
    struct history_report report;
};

/* ---- names ---- */

/* Reads NAME into FILE: false if it is no complete file of a history. */
static bool read_name(const char *name, struct history_file *file)
{
    struct tm utc = {0};
    const char *rest = strptime(name, "history-%Y%m%dT%H%M%SZ-", &utc);
    unsigned number;
    int end = 0;
    if (!rest || sscanf(rest, "%u.ipfix%n", &number, &end) != 1 || !end || rest[end])
        return false;
    file->first_s = (uint32_t)timegm(&utc);
    file->number = number;
    return true;
}

/* Whether NAME is a file that is being written, or was when a run was killed; *PID: by whom. */
static bool read_part_name(const char *name, long *pid)
{
    int end = 0;
    return sscanf(name, HISTORY_FILE ".%ld.part%n", pid, &end) == 1 && end && !name[end];
}

static void write_name(uint32_t first_s, unsigned number, char *name, size_t size)
{
    time_t seconds = (time_t)first_s;
    struct tm utc;
    char stamp[32];
    gmtime_r(&seconds, &utc);
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &utc);
    snprintf(name, size, "history-%s-%06u.ipfix", stamp, number);
}

/* ---- lists ---- */

static int by_age(const void *left, const void *right)
{
    const struct history_file *a = left, *b = right;
    if (a->open != b->open)
        return a->open ? 1 : -1;
    if (a->first_s != b->first_s)
        return a->first_s < b->first_s ? -1 : 1;
    return (a->number > b->number) - (a->number < b->number);
}

static bool list_add(struct history_list *list, const struct history_file *file)
{
    if ((list->count & (list->count - 1)) == 0) { /* full: as long again */
        size_t room = list->count ? 2 * (size_t)list->count : 16;
        struct history_file *files = realloc(list->files, room * sizeof *files);
        if (!files)
            return false;
        list->files = files;
    }
    list->files[list->count++] = *file;
    list->octets += file->octets;
    return true;
}

/* Looks at the entry NAME. False: memory is short. */
static bool list_entry(struct history_list *list, int folder, const char *name)
{
    struct history_file file = {.open = false};
    struct stat facts;
    long pid;
    if (strlen(name) >= sizeof file.name)
        return true;
    if (read_part_name(name, &pid))
        file.open = true;
    else if (!read_name(name, &file))
        return true;
    if (fstatat(folder, name, &facts, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(facts.st_mode))
        return true;
    snprintf(file.name, sizeof file.name, "%s", name);
    file.octets = (uint64_t)facts.st_size;
    file.last_s = (uint32_t)facts.st_mtime;
    return list_add(list, &file);
}

/* All files of the folder, the oldest first. */
static bool list_all(const char *directory, struct history_list *list, struct error *error)
{
    memset(list, 0, sizeof *list);
    DIR *folder = opendir(directory);
    if (!folder) {
        error_set(error, "%s: cannot be read: %s", directory, strerror(errno));
        return false;
    }
    bool enough = true;
    for (const struct dirent *entry; enough && (entry = readdir(folder)) != NULL;)
        enough = list_entry(list, dirfd(folder), entry->d_name);
    closedir(folder);
    if (!enough) {
        error_set(error, "%s: not enough memory for the list of its files", directory);
        history_list_free(list);
        return false;
    }
    if (list->count)
        qsort(list->files, list->count, sizeof list->files[0], by_age);
    for (uint32_t i = 0; i < list->count; i++) { /* one ends where the next begins, if not before */
        struct history_file *file = &list->files[i];
        if (file->open) /* nobody but a reader knows when it began */
            file->first_s = i ? list->files[i - 1].last_s : 0;
        else if (i + 1 < list->count && !file[1].open && file[1].first_s < file->last_s)
            file->last_s = file[1].first_s;
        file->last_s = file->last_s < file->first_s ? file->first_s : file->last_s;
    }
    return true;
}

bool history_list_make(const char *directory, uint32_t from_s, uint32_t to_s,
                       struct history_list *list, struct error *error)
{
    if (!list_all(directory, list, error))
        return false;
    uint32_t kept = 0;
    list->octets = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        /* A file that was copied has another time of change, so only what the names tell of its end
         * leaves it out. */
        bool followed = i + 1 < list->count && !list->files[i + 1].open;
        bool before = followed && list->files[i + 1].first_s < from_s;
        if (before || (!list->files[i].open && list->files[i].first_s > to_s))
            continue;
        list->octets += list->files[i].octets;
        list->files[kept++] = list->files[i];
    }
    list->count = kept;
    return true;
}

void history_list_free(struct history_list *list)
{
    free(list->files);
    memset(list, 0, sizeof *list);
}

/* ---- the folder ---- */

static bool make_directory(const struct history_folder *folder)
{
    if (mkdir(folder->directory, 0750) != 0)
        return errno == EEXIST;
    if (folder->group == (uint32_t)-1)
        return true;
    return chown(folder->directory, (uid_t)-1, folder->group) == 0 &&
           chmod(folder->directory, 02750) == 0;
}

/* How many octets of the file PATH are whole messages; *FIRST_S: when the first was exported, 0 if
 * there is none. */
static uint64_t whole_octets(const char *path, uint32_t *first_s)
{
    struct error error;
    struct history_reader *reader = history_reader_open(path, &error);
    struct history_record *record = malloc(sizeof *record);
    *first_s = 0;
    if (!reader || !record) {
        history_reader_close(reader);
        free(record);
        return 0;
    }
    while (history_reader_next(reader, record, &error) == HISTORY_RECORD)
        if (!*first_s)
            *first_s = record->export_s;
    uint64_t octets = history_reader_octets(reader);
    history_reader_close(reader);
    free(record);
    return octets;
}

/* Completes the file NAME that another process left: gives what is whole its name. */
static void recover(const struct history_folder *folder, const char *name, struct error *note)
{
    char path[HISTORY_PATH_MAX + 300], to[HISTORY_PATH_MAX + 300], finished[HISTORY_NAME_MAX];
    uint32_t first_s;
    snprintf(path, sizeof path, "%s/%s", folder->directory, name);
    uint64_t octets = whole_octets(path, &first_s);
    if (first_s == 0) {
        unlink(path);
        return;
    }
    if (truncate(path, (off_t)octets) != 0) {
        error_set(note, "%s: cannot be completed: %s", path, strerror(errno));
        return;
    }
    for (unsigned number = 1; number < 1000000; number++) {
        write_name(first_s, number, finished, sizeof finished);
        snprintf(to, sizeof to, "%s/%s", folder->directory, finished);
        if (renameat2(AT_FDCWD, path, AT_FDCWD, to, RENAME_NOREPLACE) == 0) {
            error_set(note, "%s: an earlier run was killed; its last file is kept as %s",
                      folder->directory, finished);
            return;
        }
        if (errno != EEXIST)
            break;
    }
    error_set(note, "%s: cannot be completed: %s", path, strerror(errno));
}

struct history_folder *history_folder_open(const char *directory, uint32_t group, bool writing,
                                           struct error *note, struct error *error)
{
    struct history_folder *folder = calloc(1, sizeof *folder);
    struct history_list list;
    if (!folder) {
        error_set(error, "%s: not enough memory", directory);
        return NULL;
    }
    snprintf(folder->directory, sizeof folder->directory, "%s", directory);
    folder->group = group;
    bool made = make_directory(folder) && access(directory, W_OK | X_OK) == 0;
    if (!made)
        error_set(error, "%s: the flow history cannot be written there: %s", directory,
                  strerror(errno));
    if (!made || !list_all(directory, &list, error)) {
        free(folder);
        return NULL;
    }
    for (uint32_t i = 0; i < list.count; i++) {
        long pid;
        if (read_part_name(list.files[i].name, &pid) && !(writing && pid == (long)getpid()))
            recover(folder, list.files[i].name, note);
    }
    history_list_free(&list);
    return folder;
}

void history_folder_close(struct history_folder *folder)
{
    free(folder);
}

void history_describe(const char *directory, const struct history_limits *limits,
                      struct destination_config *destination)
{
    uint64_t octets = limits->octets_max / FILES_OF_A_SIZE;
    octets = octets < file_octets_min ? file_octets_min : octets;
    destination->kind = DESTINATION_FILE;
    destination->version = 10;
    destination->profile = PROFILE_FULL;
    destination->biflow = true;
    destination->time_unit = TIME_NANOSECONDS;
    destination->domain = 1;
    destination->rotation_s = ROTATION_S;
    destination->rotation_octets = octets < file_octets_max ? octets : file_octets_max;
    destination->persists = true;
    snprintf(destination->path, sizeof destination->path, "%s/" HISTORY_FILE, directory);
}

/* Removes what is too much or too old from LIST; what is being written stays. */
static void remove_oldest(struct history_folder *folder, struct history_list *list,
                          const struct history_limits *limits, uint64_t now_s)
{
    struct history_report *report = &folder->report;
    uint32_t gone = 0;
    while (gone < list->count && !list->files[gone].open) {
        const struct history_file *file = &list->files[gone];
        bool full = list->octets > limits->octets_max;
        bool old = file->last_s + limits->age_max_s < now_s;
        char path[HISTORY_PATH_MAX + 300];
        if (!full && !old)
            break;
        snprintf(path, sizeof path, "%s/%s", folder->directory, file->name);
        if (unlink(path) != 0 && errno != ENOENT) {
            snprintf(report->fault, sizeof report->fault, "%.100s cannot be removed: %s",
                     file->name, strerror(errno));
            break;
        }
        *(old ? &report->removed_old : &report->removed_full) += 1;
        if (!old && file->last_s + limits->age_wanted_s > now_s)
            report->is_short = true;
        list->octets -= file->octets;
        gone++;
    }
    if (gone) /* else there may be no list at all */
        memmove(list->files, list->files + gone, (list->count - gone) * sizeof list->files[0]);
    list->count -= gone;
}

static void sum_up(struct history_report *report, const struct history_list *list,
                   const struct history_limits *limits, uint64_t now_s)
{
    report->octets = list->octets;
    report->files = list->count;
    report->oldest_s = list->count ? list->files[0].first_s : 0;
    uint64_t held_s = report->oldest_s && now_s > report->oldest_s ? now_s - report->oldest_s : 0;
    report->octets_wanted = 0;
    if (held_s && limits->age_wanted_s)
        report->octets_wanted =
            (uint64_t)((double)list->octets / (double)held_s * (double)limits->age_wanted_s);
    if (held_s >= limits->age_wanted_s)
        report->is_short = false;
}

void history_folder_keep(struct history_folder *folder, const struct history_limits *limits,
                         uint64_t now_s)
{
    struct history_list list;
    struct error error;
    if (folder->looked_s && now_s >= folder->looked_s && now_s < folder->looked_s + LOOKS_EVERY_S)
        return;
    folder->looked_s = now_s;
    folder->report.fault[0] = 0;
    if (!make_directory(folder)) {
        snprintf(folder->report.fault, sizeof folder->report.fault, "cannot be made: %s",
                 strerror(errno));
        return;
    }
    if (!list_all(folder->directory, &list, &error)) {
        snprintf(folder->report.fault, sizeof folder->report.fault, "%.200s", error.text);
        return;
    }
    remove_oldest(folder, &list, limits, now_s);
    sum_up(&folder->report, &list, limits, now_s);
    history_list_free(&list);
}

void history_folder_tell(const struct history_folder *folder, struct history_report *report)
{
    *report = folder->report;
}
