/* Milliseconds since boot. They wrap round after 49.7 days; nothing here compares two of them directly. */
#ifndef LLAR_CLOCK_H
#define LLAR_CLOCK_H

#include <stdint.h>

#define NEVER UINT32_MAX /* as a number of milliseconds to wait */

/* How long until `at`; 0 when it is now or past. Right for up to 24 days ahead. */
static inline uint32_t ms_until(uint32_t at, uint32_t now)
{
    const uint32_t left = at - now;
    return left > INT32_MAX ? 0u : left;
}

static inline uint32_t sooner(uint32_t one_ms, uint32_t other_ms)
{
    return one_ms < other_ms ? one_ms : other_ms;
}

#endif
