/*
 * Random edits against a model that is too simple to be wrong in the same way: a leaf, a set, an
 * ordered list, entries with one leaf, a choice. After each edit candidate is what the model says;
 * after a refused one not a byte of it has changed; and what lyd_diff finds between running and
 * candidate makes candidate of running.
 */
#include "datastore_test.h"

#include "netconf/defaults.h"

enum { EDITS = 2000, VALUES = 6, TEXT_OCTETS = 8192 };
enum { NOTHING = -1 };

static const char *const operations[] = {"merge", "replace", "create", "delete", "remove"};

/* All numbers are 0 to VALUES - 1, or NOTHING. */
struct model {
    int text;
    int tags[VALUES];
    unsigned tag_count;
    bool plain[VALUES];
    bool items[VALUES];
    int sizes[VALUES];
    int one, three; /* of a choice: at most one of them is something */
};

static struct test_world world;
static uint64_t random_state = 20260101;

static unsigned random_below(unsigned limit)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % limit;
}

static void append(char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void append(char *text, const char *format, ...)
{
    size_t length = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + length, TEXT_OCTETS - length, format, arguments);
    va_end(arguments);
}

/* What OPERATION does to something that EXISTS: the tag that refuses it, or NULL. */
static const char *refusal(const char *operation, bool exists)
{
    if (strcmp(operation, "create") == 0 && exists)
        return "data-exists";
    if (strcmp(operation, "delete") == 0 && !exists)
        return "data-missing";
    return NULL;
}

static bool ends(const char *operation)
{
    return operation[0] == 'd' || strcmp(operation, "remove") == 0;
}

/* A random element for the leaf NAME whose value is *VALUE. */
static const char *edit_leaf(char *xml, const char *name, int *value)
{
    const char *operation = operations[random_below(5)];
    int wanted = (int)random_below(VALUES);
    append(xml, "<%s nc:operation=\"%s\">%d</%s>", name, operation, wanted, name);
    const char *tag = refusal(operation, *value != NOTHING);
    if (!tag)
        *value = ends(operation) ? NOTHING : wanted;
    return tag;
}

enum given { GIVEN_TAG, GIVEN_PLAIN, GIVEN_ITEM, GIVENS };

/* What the edit that is being made has already, as sets of values. */
static unsigned given[GIVENS];

/* Whether VALUE is given once more, which is refused. */
static bool is_twice(enum given of, unsigned value)
{
    bool twice = given[of] >> value & 1;
    given[of] |= 1u << value;
    return twice;
}

static unsigned find_tag(const struct model *model, int tag)
{
    unsigned i = 0;
    while (i < model->tag_count && model->tags[i] != tag)
        i++;
    return i;
}

static void remove_tag(struct model *model, unsigned place)
{
    memmove(&model->tags[place], &model->tags[place + 1],
            (model->tag_count - place - 1) * sizeof model->tags[0]);
    model->tag_count--;
}

static void put_tag(struct model *model, unsigned place, int tag)
{
    memmove(&model->tags[place + 1], &model->tags[place],
            (model->tag_count - place) * sizeof model->tags[0]);
    model->tags[place] = tag;
    model->tag_count++;
}

static const char *edit_tag(char *xml, struct model *model)
{
    static const char *const inserts[] = {"", "first", "last", "before", "after"};
    const char *operation = operations[random_below(5)];
    int tag = (int)random_below(VALUES), anchor = (int)random_below(VALUES);
    unsigned insert = ends(operation) ? 0 : random_below(5);
    append(xml, "<tag nc:operation=\"%s\"", operation);
    if (insert)
        append(xml, " yang:insert=\"%s\"", inserts[insert]);
    if (insert > 2)
        append(xml, " yang:value=\"%d\"", anchor);
    append(xml, ">%d</tag>", tag);
    if (is_twice(GIVEN_TAG, (unsigned)tag))
        return "bad-element";
    unsigned place = find_tag(model, tag);
    bool exists = place < model->tag_count;
    const char *refused = refusal(operation, exists);
    if (refused)
        return refused;
    if (ends(operation)) {
        if (exists)
            remove_tag(model, place);
        return NULL;
    }
    bool beside_itself = insert > 2 && anchor == tag;
    if (insert > 2 && !beside_itself && find_tag(model, anchor) == model->tag_count)
        return "bad-attribute";
    if (beside_itself || (exists && !insert)) {
        if (!exists)
            put_tag(model, model->tag_count, tag);
        return NULL;
    }
    if (exists)
        remove_tag(model, place);
    unsigned beside = find_tag(model, anchor);
    put_tag(model,
            insert == 1   ? 0
            : insert == 3 ? beside
            : insert == 4 ? beside + 1
                          : model->tag_count,
            tag);
    return NULL;
}

static const char *edit_plain(char *xml, struct model *model)
{
    const char *operation = operations[random_below(5)];
    unsigned value = random_below(VALUES);
    append(xml, "<plain nc:operation=\"%s\">%u</plain>", operation, value);
    if (is_twice(GIVEN_PLAIN, value))
        return "bad-element";
    const char *tag = refusal(operation, model->plain[value]);
    if (!tag)
        model->plain[value] = !ends(operation);
    return tag;
}

static const char *edit_item(char *xml, struct model *model)
{
    const char *operation = operations[random_below(5)];
    unsigned name = random_below(VALUES);
    int size = (int)random_below(VALUES), *old = &model->sizes[name];
    const char *inner = operations[random_below(5)];
    bool with_size = random_below(2), own = random_below(2);
    append(xml, "<item nc:operation=\"%s\"><name>%u</name>", operation, name);
    if (with_size && own)
        append(xml, "<size nc:operation=\"%s\">%d</size>", inner, size);
    else if (with_size)
        append(xml, "<size>%d</size>", size);
    append(xml, "</item>");
    if (is_twice(GIVEN_ITEM, name))
        return "bad-element";
    const char *tag = refusal(operation, model->items[name]);
    if (tag)
        return tag;
    if (ends(operation)) {
        model->items[name] = false;
        *old = NOTHING;
        return NULL;
    }
    if (strcmp(operation, "replace") == 0)
        *old = NOTHING;
    model->items[name] = true;
    if (!with_size)
        return NULL;
    inner = own ? inner : operation;
    tag = refusal(inner, *old != NOTHING);
    if (!tag)
        *old = ends(inner) ? NOTHING : size;
    return tag;
}

static const char *edit_choice(char *xml, struct model *model)
{
    bool is_one = random_below(2);
    int *mine = is_one ? &model->one : &model->three, *other = is_one ? &model->three : &model->one;
    const char *tag = edit_leaf(xml, is_one ? "one" : "three", mine);
    if (!tag && *mine != NOTHING)
        *other = NOTHING;
    return tag;
}

/* A random edit in XML, and what MODEL becomes; the tag that refuses it, or NULL. Elements come in
 * the order of the module, as libyang sorts them. */
static const char *random_edit(char *xml, struct model *model)
{
    const char *tag = NULL;
    memset(given, 0, sizeof given);
    if (random_below(3) == 0)
        tag = edit_leaf(xml, "text", &model->text);
    for (unsigned i = random_below(3); i > 0; i--) {
        const char *other = edit_tag(xml, model);
        tag = tag ? tag : other;
    }
    for (unsigned i = random_below(3); i > 0; i--) {
        const char *other = edit_plain(xml, model);
        tag = tag ? tag : other;
    }
    for (unsigned i = random_below(3); i > 0; i--) {
        const char *other = edit_item(xml, model);
        tag = tag ? tag : other;
    }
    if (random_below(3) == 0) {
        const char *other = edit_choice(xml, model);
        tag = tag ? tag : other;
    }
    return tag;
}

/* MODEL as data. */
static struct lyd_node *model_tree(const struct model *model)
{
    char json[TEXT_OCTETS] = "{\"test-store:top\":{";
    const char *separator = "";
    if (model->text != NOTHING)
        append(json, "\"text\":\"%d\",", model->text);
    append(json, "\"tag\":[");
    for (unsigned i = 0; i < model->tag_count; i++)
        append(json, "%s\"%d\"", i ? "," : "", model->tags[i]);
    append(json, "],\"plain\":[");
    for (unsigned i = 0; i < VALUES; i++) {
        if (model->plain[i]) {
            append(json, "%s%u", separator, i);
            separator = ",";
        }
    }
    append(json, "],\"item\":[");
    separator = "";
    for (unsigned i = 0; i < VALUES; i++) {
        if (!model->items[i])
            continue;
        append(json, "%s{\"name\":\"%u\"", separator, i);
        if (model->sizes[i] != NOTHING)
            append(json, ",\"size\":%d", model->sizes[i]);
        append(json, "}");
        separator = ",";
    }
    append(json, "]");
    if (model->one != NOTHING)
        append(json, ",\"one\":\"%d\"", model->one);
    if (model->three != NOTHING)
        append(json, ",\"three\":\"%d\"", model->three);
    append(json, "}}");
    return test_tree(world.context, json);
}

/* Whether A and B hold the same, entries that the system orders in any order. */
static bool same(const struct lyd_node *a, const struct lyd_node *b)
{
    struct lyd_node *diff = NULL;
    assert_int_equal(lyd_diff_siblings(a, b, 0, &diff), LY_SUCCESS);
    bool equal = diff == NULL;
    lyd_free_all(diff);
    return equal;
}

/* The difference between running and candidate makes candidate of running. */
static void check_diff(void)
{
    const struct lyd_node *candidate = datastore_tree(world.server.datastore, DATASTORE_CANDIDATE);
    const struct lyd_node *running = datastore_tree(world.server.datastore, DATASTORE_RUNNING);
    struct lyd_node *diff = NULL, *copy = NULL;
    if (running)
        assert_int_equal(lyd_dup_siblings(running, NULL, LYD_DUP_RECURSIVE, &copy), LY_SUCCESS);
    defaults_strip(&copy);
    assert_int_equal(lyd_diff_siblings(copy, candidate, 0, &diff), LY_SUCCESS);
    assert_int_equal(lyd_diff_apply_all(&copy, diff), LY_SUCCESS);
    if (!same(copy, candidate))
        fail_msg("%s with %s", test_text(running), test_text(diff));
    lyd_free_all(copy);
    lyd_free_all(diff);
}

static void one_edit(struct model *model)
{
    char xml[TEXT_OCTETS] = "", body[TEXT_OCTETS + 256];
    struct model next = *model;
    const char *refused = random_edit(xml, &next);
    char *before = strdup(test_text(datastore_tree(world.server.datastore, DATASTORE_CANDIDATE)));
    snprintf(body, sizeof body, EDIT(TOP("%s")), xml);
    const char *got = test_run(&world, 1, body);
    const struct lyd_node *candidate = datastore_tree(world.server.datastore, DATASTORE_CANDIDATE);
    if (refused ? strncmp(got, refused, strlen(refused)) != 0 : strcmp(got, "ok") != 0)
        fail_msg("%s to %s: %s, not %s", xml, before, got, refused ? refused : "ok");
    if (refused) {
        assert_string_equal(test_text(candidate), before);
    } else {
        *model = next;
        struct lyd_node *expected = model_tree(model);
        if (!same(candidate, expected))
            fail_msg("%s to %s: %s, not %s", xml, before, test_text(candidate),
                     test_text(expected));
        lyd_free_all(expected);
        check_diff();
    }
    free(before);
}

static void random_edits(void **state)
{
    struct model model = {.text = NOTHING, .one = NOTHING, .three = NOTHING}, committed;
    unsigned refused = 0;
    (void)state;
    for (unsigned i = 0; i < VALUES; i++)
        model.sizes[i] = NOTHING;
    committed = model;
    memset(&world, 0, sizeof world);
    test_world_open(&world, NULL, NULL, false);
    for (unsigned i = 0; i < EDITS; i++) {
        one_edit(&model);
        refused += test_error()->tag ? 1 : 0;
        switch (random_below(20)) {
        case 0:
            assert_string_equal(test_run(&world, 1, COMMIT), "ok");
            committed = model;
            break;
        case 1:
            assert_string_equal(test_run(&world, 1, "<discard-changes/>"), "ok");
            model = committed;
            assert_false(datastore_modified(world.server.datastore));
            break;
        default:
            break;
        }
    }
    /* Both kinds have to be common for this to mean something. */
    assert_in_range(refused, EDITS / 5, EDITS * 4 / 5);
    test_world_close(&world);
}

static int needs_modules(void **state)
{
    (void)state;
    if (test_store_context())
        return 0;
    print_message("libyuma-base is not installed\n");
    exit(77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_edits)};
    return cmocka_run_group_tests_name("random edits", tests, needs_modules, NULL);
}
