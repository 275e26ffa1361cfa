/*
 * The texts of the module spanflow and its submodules, built into the programs, and the way of them
 * into a context of libyang.
 */
#ifndef SPANFLOW_CONFIG_CONFIG_MODULES_H
#define SPANFLOW_CONFIG_CONFIG_MODULES_H

#include <libyang/libyang.h>
#include <stdbool.h>

/* The revision of the module that this program knows. */
#define CONFIG_REVISION "2026-11-28"

struct config_module {
    const char *name; /* of the module or submodule */
    const char *text; /* YANG */
};

/* The module first, then its submodules; ends with {0}. */
extern const struct config_module config_modules[];

/*
 * Loads the module spanflow into CONTEXT, which keeps it; NULL when libyang refuses it, whose
 * complaint stays with CONTEXT. The module marks nodes by extensions of ietf-netconf-acm
 * (RFC 8341): with STAND_IN these marks come from a text of this program that has nothing else, so
 * that no other file is needed; without it the true module must be among the search folders of
 * CONTEXT. Takes the import callback of CONTEXT, which is asked before its folders.
 */
const struct lys_module *config_modules_load(struct ly_ctx *context, bool stand_in);

#endif
