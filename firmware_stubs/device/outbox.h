/* What the hub has not acknowledged yet. It is resent, in growing pauses, until it is: nothing is given up for time. */
#ifndef LLAR_OUTBOX_H
#define LLAR_OUTBOX_H

#include "wire.h"

#define OUTBOX_PLACES 8u
#define RESEND_FIRST_MS 200u  /* the hub answers within 50 ms unless it is starting */
#define RESEND_MAX_MS 10000u  /* a hub that was away has a waiting alarm 10 s after it is back, at the latest */

struct waiting {
    struct message message;
    uint32_t resend_at;
    uint16_t pause_ms;
    bool is_alarm;
};

/* Oldest first. */
struct outbox {
    struct waiting places[OUTBOX_PLACES];
    uint8_t count;
    bool dropped; /* whether anything ever had to give way */
};

/*
 * Takes a message that was just sent for the first time. Where there is no room:
 *   - the oldest message that is no alarm gives way;
 *   - where all that wait are alarms, a new alarm takes the place of the youngest, so that the first call and the
 *     last are both kept; anything else is not taken.
 */
void outbox_add(struct outbox *outbox, const struct message *message, bool is_alarm, uint32_t now);

/* The hub has this number. What else waits is tried again soon: somebody listens. True when it was waiting. */
bool outbox_acknowledged(struct outbox *outbox, uint16_t sequence, uint32_t now);

/* A message that is due, its next pause begun; or NULL. */
const struct message *outbox_due(struct outbox *outbox, uint32_t now);

uint32_t outbox_due_ms(const struct outbox *outbox, uint32_t now);

#endif
