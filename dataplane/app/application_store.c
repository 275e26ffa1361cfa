/* Compiled rules on disk. See application_store.h. */
#include "app/application_store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

enum { DIGEST_OCTETS = 32, DATABASE_OCTETS_MAX = 256 << 20 };
static const char store_magic[8] = {'S', 'P', 'F', 'R', 'U', 'L', 'E', '1'};

struct store_header {
    char magic[8];
    uint64_t octets[TRANSPORTS][ANCHORAGES]; /* of each database, 0: none */
    uint8_t digest[DIGEST_OCTETS];           /* of what follows */
};

static bool add(EVP_MD_CTX *digest, const void *data, size_t octets)
{
    return EVP_DigestUpdate(digest, data, octets) == 1;
}

/* Of everything that the databases depend on. */
static bool digest_rules(const struct application_set *set, uint8_t out[DIGEST_OCTETS])
{
    hs_platform_info_t platform;
    memset(&platform, 0, sizeof platform);
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    bool good = digest && hs_populate_platform(&platform) == HS_SUCCESS &&
                EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1 &&
                add(digest, hs_version(), strlen(hs_version())) &&
                add(digest, &platform, sizeof platform);
    for (uint32_t i = 0; good && i < set->rules.match_count; i++) {
        const struct application_match *match = &set->rules.matches[i];
        const char *expression = match->expression ? match->expression : "";
        const uint8_t kind[] = {match->expression != NULL, match->caseless, match->transports};
        good = add(digest, kind, sizeof kind) && add(digest, expression, strlen(expression) + 1);
    }
    good = good && EVP_DigestFinal_ex(digest, out, NULL) == 1;
    EVP_MD_CTX_free(digest);
    return good;
}

/* The file's name in NAME; false: none can be made. */
static bool name_file(const struct application_set *set, char *name, size_t size)
{
    uint8_t digest[DIGEST_OCTETS];
    if (!digest_rules(set, digest))
        return false;
    size_t used = (size_t)snprintf(name, size, "applications-");
    for (unsigned i = 0; i < DIGEST_OCTETS / 2; i++)
        used += (size_t)snprintf(name + used, size - used, "%02x", digest[i]);
    return true;
}

/* FOLDER opened, if nobody but us and root may write to it; else -1. */
static int open_folder(const char *folder)
{
    struct stat facts;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    bool ours = fstat(fd, &facts) == 0 && (facts.st_uid == geteuid() || facts.st_uid == 0) &&
                !(facts.st_mode & (S_IWGRP | S_IWOTH));
    if (ours)
        return fd;
    close(fd);
    return -1;
}

static bool read_all(int fd, void *data, size_t octets)
{
    for (size_t done = 0; done < octets;) {
        ssize_t more = read(fd, (char *)data + done, octets - done);
        if (more <= 0)
            return false;
        done += (size_t)more;
    }
    return true;
}

static bool write_all(int fd, const void *data, size_t octets)
{
    for (size_t done = 0; done < octets;) {
        ssize_t more = write(fd, (const char *)data + done, octets - done);
        if (more <= 0)
            return false;
        done += (size_t)more;
    }
    return true;
}

static bool digest_of(const void *data, size_t octets, uint8_t digest[DIGEST_OCTETS])
{
    return EVP_Digest(data, octets, digest, NULL, EVP_sha256(), NULL) == 1;
}

/* Takes the databases out of DATA, as HEADER says. */
static bool unpack(struct application_set *set, const struct store_header *header, const char *data)
{
    for (unsigned transport = 0; transport < TRANSPORTS; transport++)
        for (unsigned anchorage = 0; anchorage < ANCHORAGES; anchorage++) {
            size_t octets = header->octets[transport][anchorage];
            if (octets && hs_deserialize_database(
                              data, octets, &set->databases[transport][anchorage]) != HS_SUCCESS)
                return false;
            data += octets;
        }
    return true;
}

static bool load(struct application_set *set, int fd)
{
    struct store_header header;
    uint8_t digest[DIGEST_OCTETS];
    size_t octets = 0;
    if (!read_all(fd, &header, sizeof header) ||
        memcmp(header.magic, store_magic, sizeof store_magic) != 0)
        return false;
    for (unsigned i = 0; i < TRANSPORTS * ANCHORAGES; i++) {
        uint64_t one = header.octets[i / ANCHORAGES][i % ANCHORAGES];
        if (one > DATABASE_OCTETS_MAX)
            return false;
        octets += one;
    }
    char *data = malloc(octets + 1);
    bool good = data && read_all(fd, data, octets) && digest_of(data, octets, digest) &&
                memcmp(digest, header.digest, sizeof digest) == 0 && unpack(set, &header, data);
    free(data);
    return good;
}

bool application_store_load(struct application_set *set, const char *folder)
{
    char name[80];
    int directory = open_folder(folder);
    if (directory < 0)
        return false;
    int fd = name_file(set, name, sizeof name) ? openat(directory, name, O_RDONLY | O_CLOEXEC) : -1;
    close(directory);
    if (fd < 0)
        return false;
    bool good = load(set, fd);
    close(fd);
    for (unsigned i = 0; !good && i < TRANSPORTS * ANCHORAGES; i++) {
        hs_free_database(set->databases[i / ANCHORAGES][i % ANCHORAGES]);
        set->databases[i / ANCHORAGES][i % ANCHORAGES] = NULL;
    }
    return good;
}

/* All databases in a row; NULL if one cannot be had. The caller frees it. */
static char *pack(const struct application_set *set, struct store_header *header, size_t *octets)
{
    char *all = NULL;
    *octets = 0;
    for (unsigned i = 0; i < TRANSPORTS * ANCHORAGES; i++) {
        const hs_database_t *database = set->databases[i / ANCHORAGES][i % ANCHORAGES];
        char *one = NULL;
        size_t length = 0;
        if (!database)
            continue;
        if (hs_serialize_database(database, &one, &length) != HS_SUCCESS) {
            free(all);
            return NULL;
        }
        char *more = realloc(all, *octets + length);
        if (more)
            memcpy(more + *octets, one, length);
        else
            free(all);
        free(one);
        if (!more)
            return NULL;
        all = more;
        *octets += length;
        header->octets[i / ANCHORAGES][i % ANCHORAGES] = length;
    }
    return all;
}

void application_store_keep(const struct application_set *set, const char *folder)
{
    struct store_header header = {0};
    char name[80], temporary[112];
    size_t octets;
    if (mkdir(folder, 0755) != 0 && access(folder, W_OK) != 0)
        return;
    int directory = open_folder(folder);
    char *data =
        directory >= 0 && name_file(set, name, sizeof name) ? pack(set, &header, &octets) : NULL;
    if (data && digest_of(data, octets, header.digest)) {
        memcpy(header.magic, store_magic, sizeof store_magic);
        snprintf(temporary, sizeof temporary, "%s.%ld", name, (long)getpid());
        int fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        bool good = fd >= 0 && write_all(fd, &header, sizeof header) && write_all(fd, data, octets);
        if (fd >= 0 && close(fd) != 0)
            good = false;
        if (!good || renameat(directory, temporary, directory, name) != 0)
            unlinkat(directory, temporary, 0);
    }
    free(data);
    if (directory >= 0)
        close(directory);
}
