/* The cost of XPath expressions: what people ask is let through, searches in searches are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "netconf/xpath_cost.h"

static const struct xpath_data probe = {.nodes = 5000, .siblings = 100};

static const char *const good[] = {
    "/",
    "//*",
    "/sf:spanflow/sf:cache",
    "/sf:spanflow/sf:cache[sf:name='default']/sf:idleTimeout | /sf:spanflow/sf:state/sf:probe",
    "//sf:destination[sf:name='a' or sf:profile != \"full\"]",
    "//sf:destination[.//sf:destinationAddress]",
    "/sf:spanflow/sf:cache[sf:maxFlows > 3 and not(sf:tcpLinger)][2]",
    "/sf:spanflow/sf:cache[/sf:spanflow/sf:netconf/sf:user[sf:name='adam']]/sf:name",
    "/sf:spanflow/sf:cache[../sf:workers = 1]",
    "//sf:cache[position() = last()]",
    "//*[contains(., 'default')]",
    "//*[local-name() = 'name' and starts-with(text(), 'x')]",
    "/n:netconf-config-change/n:edit[n:target = '/a']",
    "/ a / b [ child::c mod 2 = 1 ] / @d",
    "//*[re-match(., '[a-z]+')]",
    "(//a | //b)[c]/d",
    "count(//*) > 3",
    "/sf:spanflow/*[sf:name]",
    "//sf:name/../..",
    "//sf:destination[-sf:port < -1 or sf:port * 2 - 1 = 3]",
    "/sf:spanflow/sf:cache[sf:name | sf:maxFlows = 'a']",
};

static const char *const bad[] = {
    "//*[//*]",
    "//*[count(//*) > 0]",
    "//*[count(//*[count(//*) > 0]) > 0]",
    "//*[. = //*]",
    "//* = //*",
    "//*[following::*]",
    "//*[ancestor::*[descendant::*]]",
    "//*[string(/) = 'x']",
    "//*[/ = 'x']",
    "//*[contains(string(/sf:spanflow), 'x')]",
    "/a[b[c[//d[//e]]]]",
    "//a[../*[../*[../*]]]",
    "/a/b[/a/b[/a/b[/a/b]]]",
    "//*[(//*)[1]]",
    "//*[processing-instruction('x')][//*]",
    "(//*)[(//*)[1]]",
    "descendant-or-self::node()[descendant::*[. = /a/b]]",
    "//*|x = //*|x",
    "//a[//*|x = //*|x]",
    "//*[/* + 1]",
    "//*[-/*]",
    "//*[current() = 'x']",
    "//*[string((/*)/.) = 'x']",
    "no expression [",
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (xpath_cost(good[i], &probe) > XPATH_COST_MAX)
            fail_msg("%s: %llu", good[i], (unsigned long long)xpath_cost(good[i], &probe));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (xpath_cost(bad[i], &probe) <= XPATH_COST_MAX)
            fail_msg("%s: %llu", bad[i], (unsigned long long)xpath_cost(bad[i], &probe));
}

/* Many cheap parts are not cheap together, and more data cost more. */
static void test_sums(void **state)
{
    (void)state;
    static char text[70000] = "//*[a]";
    while (strlen(text) < 30000)
        strcat(text, "|//*[a]");
    assert_true(xpath_cost(text, &probe) > XPATH_COST_MAX);
    const struct xpath_data small = {.nodes = 50, .siblings = 10};
    assert_true(xpath_cost("//*[//*]", &small) < XPATH_COST_MAX);
    assert_true(xpath_cost("//*[//*]", &small) < xpath_cost("//*[//*]", &probe));
    memset(text, ' ', sizeof text - 1);
    assert_true(xpath_cost(text, &small) == UINT64_MAX);
    memset(text, '(', 40);
    strcpy(text + 40, "a");
    assert_true(xpath_cost(text, &small) == UINT64_MAX);
    memset(text, '[', 60000);
    assert_true(xpath_cost(text, &small) == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_sums),
    };
    return cmocka_run_group_tests_name("cost of XPath", tests, NULL, NULL);
}
