/* A contact that bounces: its level counts when the line has been still for DEBOUNCE_MS. */
#ifndef LLAR_DEBOUNCE_H
#define LLAR_DEBOUNCE_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"

#define DEBOUNCE_MS 30u /* switches bounce for up to 20 ms; nobody presses for less than 50 */

struct debounce {
    uint32_t changed_at;
    bool line;
    bool level;
};

/* Notes the line as it is now; true when the level has changed by that. */
static inline bool debounce_step(struct debounce *contact, bool line, uint32_t now)
{
    if (line != contact->line) {
        contact->line = line;
        contact->changed_at = now;
    }
    if (contact->line == contact->level || ms_until(contact->changed_at + DEBOUNCE_MS, now) > 0u) {
        return false;
    }
    contact->level = contact->line;
    return true;
}

static inline uint32_t debounce_due_ms(const struct debounce *contact, uint32_t now)
{
    return contact->line == contact->level ? NEVER : ms_until(contact->changed_at + DEBOUNCE_MS, now);
}

#endif
