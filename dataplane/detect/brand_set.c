/* Brands by domain. See brand_set.h. */
#include "detect/brand_set.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "detect/domain_name.h"
#include "detect/domain_table.h"
#include "detect/watch_file.h"

enum { NESTED_MAX = 8 };

struct brand_row {
    uint32_t offset;
    uint8_t length;
    uint16_t value; /* index of the brand + 1 */
};

struct brand_set {
    struct brand *brands;
    uint32_t count;
    struct brand_row *rows; /* NULL once they are in the table */
    uint32_t row_count;
    char *texts;
    uint32_t text_octets;
    struct domain_table table;
};

/* Room for one more element of SIZE behind COUNT of them, in powers of two. */
static bool grow(void **array, uint32_t count, size_t size)
{
    if (count & (count - 1))
        return true;
    void *more = realloc(*array, (count ? 2u * (size_t)count : 1u) * size);
    if (more)
        *array = more;
    return more != NULL;
}

/* ---- reading ---- */

static bool refuse(struct error *error, const char *why)
{
    error_set(error, "%s", why);
    return false;
}

/* The index of the brand NAME, made if it is new; BRANDS_MAX and ERROR if it cannot be. */
static uint32_t brand_of(struct brand_set *set, const char *name, struct error *error)
{
    uint32_t number = watch_number(name);
    for (uint32_t i = 0; i < set->count; i++) {
        if (set->brands[i].number != number)
            continue;
        if (strcmp(set->brands[i].name, name) == 0)
            return i;
        refuse(error, "the brand has the number of another; give it another name");
        return BRANDS_MAX;
    }
    if (set->count == BRANDS_MAX || !grow((void **)&set->brands, set->count, sizeof *set->brands)) {
        refuse(error, "more brands than there is room for");
        return BRANDS_MAX;
    }
    struct brand *brand = &set->brands[set->count];
    memset(brand, 0, sizeof *brand);
    brand->number = number;
    memcpy(brand->name, name, strlen(name));
    return set->count++;
}

/* The brand stands in JSON as it is here. */
static bool copy_brand(const struct watch_line *line, char name[BRAND_OCTETS], struct error *error)
{
    if (line->rest_octets == 0)
        return refuse(error, "no brand behind the domain");
    if (line->rest_octets >= BRAND_OCTETS)
        return refuse(error, "the brand is longer than 31 octets");
    for (uint32_t i = 0; i < line->rest_octets; i++) {
        unsigned char c = (unsigned char)line->rest[i];
        if (c < 0x20 || c > 0x7e || c == '"' || c == '\\')
            return refuse(error, "a brand is ASCII text without quotes and backslashes");
        name[i] = (char)c;
    }
    name[line->rest_octets] = 0;
    return true;
}

static bool take_line(void *context, const struct watch_line *line, struct error *error)
{
    struct brand_set *set = context;
    char domain[DOMAIN_OCTETS_MAX + 1], name[BRAND_OCTETS];
    uint32_t length = domain_name_read(line->entry, line->octets, domain, error);
    if (length == 0 || !copy_brand(line, name, error))
        return false;
    uint32_t brand = brand_of(set, name, error);
    if (brand == BRANDS_MAX)
        return false;
    char *texts = realloc(set->texts, (size_t)set->text_octets + length);
    set->texts = texts ? texts : set->texts;
    if (!texts || !grow((void **)&set->rows, set->row_count, sizeof *set->rows))
        return refuse(error, "no memory for more");
    memcpy(texts + set->text_octets, domain, length);
    set->rows[set->row_count++] =
        (struct brand_row){set->text_octets, (uint8_t)length, (uint16_t)(brand + 1)};
    set->text_octets += length;
    return true;
}

/* Of a domain that is there twice the later line holds. */
static uint16_t later(void *context, uint16_t one, uint16_t other)
{
    (void)context;
    (void)one;
    return other;
}

static bool compile(struct brand_set *set, struct error *error)
{
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed)
        return refuse(error, "the kernel gave no random numbers for the hash key");
    if (!domain_table_open(&set->table, set->texts, set->row_count, seed, error))
        return false;
    for (uint32_t i = 0; i < set->row_count; i++)
        domain_table_add(&set->table, set->rows[i].offset, set->rows[i].length, set->rows[i].value,
                         later, NULL);
    free(set->rows);
    set->rows = NULL;
    return true;
}

struct brand_set *brand_set_load(const char *path, struct error *error)
{
    struct brand_set *set = calloc(1, sizeof *set);
    if (!set) {
        refuse(error, "no memory for brands");
        return NULL;
    }
    bool good = path ? watch_file_read(path, take_line, set, error)
                     : watch_text_read(brand_list_shipped, strlen(brand_list_shipped),
                                       "shipped brands", take_line, set, error);
    if (good && compile(set, error))
        return set;
    brand_set_destroy(set);
    return NULL;
}

void brand_set_destroy(struct brand_set *set)
{
    if (!set)
        return;
    domain_table_close(&set->table);
    free(set->brands);
    free(set->rows);
    free(set->texts);
    free(set);
}

/* ---- telling and looking up ---- */

uint32_t brand_set_count(const struct brand_set *set)
{
    return set->count;
}

const struct brand *brand_set_brand(const struct brand_set *set, uint32_t i)
{
    return &set->brands[i];
}

uint32_t brand_set_domains(const struct brand_set *set)
{
    return set->row_count;
}

size_t brand_set_memory(const struct brand_set *set)
{
    return sizeof *set + set->count * sizeof *set->brands + set->text_octets +
           domain_table_memory(&set->table);
}

uint32_t brand_set_find(const struct brand_set *set, const uint8_t *text, uint32_t octets)
{
    char name[DOMAIN_OCTETS_MAX];
    uint16_t values[NESTED_MAX];
    uint32_t length = domain_name_clean(text, octets, name);
    uint32_t found = domain_table_find(&set->table, name, length, values, NESTED_MAX);
    return found ? set->brands[values[found - 1] - 1].number : 0;
}
