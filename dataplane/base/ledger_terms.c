/* The switch that test builds use to skip one ledger counter. */
#include "base/ledger_terms.h"

#ifdef SPANFLOW_LEDGER_FAULT
_Thread_local const void *ledger_fault;
#endif
