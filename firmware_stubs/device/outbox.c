#include "outbox.h"

#include "clock.h"

static void remove_at(struct outbox *outbox, uint8_t place)
{
    outbox->count--;
    for (; place < outbox->count; place++) {
        outbox->places[place] = outbox->places[place + 1u];
    }
}

/* Makes room; false when the new message has to stay out. */
static bool make_room(struct outbox *outbox, bool is_alarm)
{
    outbox->dropped = true;
    for (uint8_t place = 0; place < outbox->count; place++) {
        if (!outbox->places[place].is_alarm) {
            remove_at(outbox, place);
            return true;
        }
    }
    if (is_alarm) {
        remove_at(outbox, (uint8_t)(outbox->count - 1u));
    }
    return is_alarm;
}

void outbox_add(struct outbox *outbox, const struct message *message, bool is_alarm, uint32_t now)
{
    if (outbox->count == OUTBOX_PLACES && !make_room(outbox, is_alarm)) {
        return;
    }
    struct waiting *place = &outbox->places[outbox->count++];
    place->message = *message;
    place->is_alarm = is_alarm;
    place->pause_ms = RESEND_FIRST_MS;
    place->resend_at = now + RESEND_FIRST_MS;
}

bool outbox_acknowledged(struct outbox *outbox, uint16_t sequence, uint32_t now)
{
    uint8_t place = 0;
    while (place < outbox->count && outbox->places[place].message.sequence != sequence) {
        place++;
    }
    if (place == outbox->count) {
        return false;
    }
    remove_at(outbox, place);
    for (place = 0; place < outbox->count; place++) {
        struct waiting *other = &outbox->places[place];
        if (ms_until(other->resend_at, now) > RESEND_FIRST_MS) {
            other->resend_at = now + RESEND_FIRST_MS;
        }
        other->pause_ms = RESEND_FIRST_MS;
    }
    return true;
}

const struct message *outbox_due(struct outbox *outbox, uint32_t now)
{
    for (uint8_t place = 0; place < outbox->count; place++) {
        struct waiting *waiting = &outbox->places[place];
        if (ms_until(waiting->resend_at, now) == 0u) {
            const uint32_t doubled = waiting->pause_ms * 2u;
            waiting->pause_ms = (uint16_t)(doubled < RESEND_MAX_MS ? doubled : RESEND_MAX_MS);
            waiting->resend_at = now + waiting->pause_ms;
            return &waiting->message;
        }
    }
    return NULL;
}

uint32_t outbox_due_ms(const struct outbox *outbox, uint32_t now)
{
    uint32_t due_ms = NEVER;
    for (uint8_t place = 0; place < outbox->count; place++) {
        due_ms = sooner(due_ms, ms_until(outbox->places[place].resend_at, now));
    }
    return due_ms;
}
