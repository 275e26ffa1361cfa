/*
 * The program spanflow: what a person at the probe's own machine asks it and tells it. A NETCONF
 * client on the local socket; it knows nothing that another client could not ask as well.
 */
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "notice.h"

/* The first operation has connected. */
static void greet(void *call)
{
    notice_show(call);
}

bool verb_prepare(struct verb_call *call, struct error *error)
{
    if (call->prepared)
        return true;
    call->prepared = client_prepare(&call->client, call->socket, error);
    if (call->prepared)
        client_greet(&call->client, greet, call);
    return call->prepared;
}

int main(int argc, char *argv[])
{
    struct verb_call call = {0};
    struct error error = {""};
    ly_log_options(LY_LOSTORE);
    if (argc > 1 && strcmp(argv[1], "complete") == 0) {
        call.count = argc - 2;
        call.words = argv + 2;
        return verb_complete(&call);
    }
    switch (arguments_read(verb_table, argc - 1, argv + 1, &call, &error)) {
    case ARGUMENTS_HELP:
        return verb_help(&call);
    case ARGUMENTS_VERSION:
        puts("spanflow " SPANFLOW_VERSION);
        return VERB_DONE;
    case ARGUMENTS_WRONG:
        fprintf(stderr, "spanflow: %s\n", error.text);
        return VERB_USAGE;
    case ARGUMENTS_VERB:
        break;
    }
    if (!call.verb->local && !verb_prepare(&call, &error))
        return verb_fail(error.text);
    int code = call.verb->run(&call);
    if (call.prepared)
        client_close(&call.client);
    return code == VERB_FAILED && call.client.wrong_words ? VERB_USAGE : code;
}
