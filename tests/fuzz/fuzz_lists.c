/*
 * Fuzz target: the first octet chooses a kind of list, the rest is its file. It is read, or refused
 * with a line that names the place; what was read finds each of its own entries, and any octets may
 * be looked up as a name.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detect/watch_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int condition)
{
    if (!condition)
        abort();
}

static bool add(void *context, const struct watch_line *line, struct error *error)
{
    expect(line->octets > 0 && line->octets <= WATCH_LINE_MAX);
    return watch_builder_add(context, 0, line->entry, line->octets, error);
}

static bool find(void *context, const struct watch_line *line, struct error *error)
{
    bool plain = line->octets <= 253;
    (void)error;
    for (uint32_t i = 0; i < line->octets; i++)
        plain &= (uint8_t)line->entry[i] < 0x80;
    expect(!plain || watch_domain(context, (const uint8_t *)line->entry, line->octets) == 1);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct watch_list list = {.name = "fuzz", .label = "fuzz"};
    struct error error = {""};
    if (size == 0)
        return 0;
    list.kind = (enum watch_kind)(data[0] % 3);
    const char *text = (const char *)data + 1;
    struct watch_builder *builder = watch_builder_create(&list, 1, &error);
    expect(builder != NULL);
    bool good = watch_text_read(text, size - 1, "fuzz", add, builder, &error);
    expect(good == (error.text[0] == 0) && (good || strncmp(error.text, "fuzz:", 5) == 0));
    struct watch_set *set = watch_builder_finish(builder, &error);
    expect(set != NULL);
    struct flow_key key = {.family = size & 1 ? 6 : 4};
    uint64_t sides[2];
    memcpy(&key.head, data, size < sizeof key.head ? size : sizeof key.head);
    memcpy(key.address6_a, data, size < 32 ? size : 32);
    watch_flow(set, &key, sides);
    expect(sides[0] <= 1 && sides[1] <= 1);
    expect(watch_domain(set, data, (uint32_t)size) <= 1);
    if (good && list.kind == WATCH_DOMAINS)
        watch_text_read(text, size - 1, "fuzz", find, set, &error);
    watch_set_destroy(set);
    return 0;
}
