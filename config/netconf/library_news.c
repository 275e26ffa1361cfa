/*
 * News of the YANG library. See library_news.h.
 */
#include "library_news.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "context.h"
#include "log.h"
#include "store_file.h"

static const char file_name[] = "library.json";

/* A notification NAME of MODULE without content; NULL without memory. */
static struct lyd_node *make_event(const struct ly_ctx *context, const char *module,
                                   const char *name)
{
    const struct lys_module *of = ly_ctx_get_module_implemented(context, module);
    struct lyd_node *event = NULL;
    return of && lyd_new_inner(NULL, of, name, 0, &event) == LY_SUCCESS ? event : NULL;
}

static struct lyd_node *library_update(const struct ly_ctx *context, const char *id)
{
    struct lyd_node *event = make_event(context, "ietf-yang-library", "yang-library-update");
    if (event && lyd_new_term(event, NULL, "content-id", id, 0, NULL) == LY_SUCCESS)
        return event;
    lyd_free_all(event);
    return NULL;
}

/* The capability that has the content-id is another one. */
static struct lyd_node *capability_change(const struct ly_ctx *context, const char *id)
{
    char capability[128];
    struct lyd_node *by = NULL;
    struct lyd_node *event =
        make_event(context, "ietf-netconf-notifications", "netconf-capability-change");
    snprintf(capability, sizeof capability,
             "urn:ietf:params:netconf:capability:yang-library:1.1?revision=2019-01-04&content-id="
             "%s",
             id);
    if (event && lyd_new_inner(event, NULL, "changed-by", 0, &by) == LY_SUCCESS &&
        lyd_new_term(by, NULL, "server", NULL, 0, NULL) == LY_SUCCESS &&
        lyd_new_term(event, NULL, "modified-capability", capability, 0, NULL) == LY_SUCCESS)
        return event;
    lyd_free_all(event);
    return NULL;
}

/* The content-id in the file, to be freed; NULL if there is none. */
static char *read_id(int folder)
{
    char *text = NULL;
    if (!store_file_read(folder, file_name, &text))
        return NULL;
    json_t *json = json_loads(text, 0, NULL);
    const char *id = json_string_value(json_object_get(json, "content-id"));
    char *copy = id ? strdup(id) : NULL;
    json_decref(json);
    free(text);
    return copy;
}

void library_news(const struct ly_ctx *context, struct notifications *notifications,
                  const char *folder, uint64_t now_ns)
{
    char id[16], text[64];
    int directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return;
    netconf_context_content_id(context, id);
    char *before = read_id(directory);
    if (before && strcmp(before, id) != 0) {
        notifications_publish(notifications, now_ns, library_update(context, id));
        notifications_publish(notifications, now_ns, capability_change(context, id));
    }
    snprintf(text, sizeof text, "{\n  \"content-id\": \"%s\"\n}\n", id);
    if ((!before || strcmp(before, id) != 0) && !store_file_write(directory, file_name, text))
        log_line("%s/%s cannot be written: %s", folder, file_name, strerror(errno));
    free(before);
    close(directory);
}
