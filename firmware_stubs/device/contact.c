#include "contact.h"

/* Longer than a contact needs to come to rest: the first state told is a true one. */
#define FIRST_STATE_AFTER_MS 100u

void contact_start(struct contact_sensor *sensor, uint32_t number, uint16_t entropy, uint32_t now)
{
    sensor->contact = (struct debounce){.changed_at = now};
    sensor->started_at = now;
    sensor->first_told = false;
    sensor->tell_again = false;
    device_start(&sensor->device, number, entropy, now);
}

static bool first_due(struct contact_sensor *sensor, uint32_t now)
{
    if (sensor->first_told || ms_until(sensor->started_at + FIRST_STATE_AFTER_MS, now) > 0u) {
        return false;
    }
    sensor->first_told = true;
    return true;
}

void contact_step(struct contact_sensor *sensor, bool line, uint32_t now)
{
    const bool is_changed = debounce_step(&sensor->contact, line, now) && sensor->first_told;
    const bool others_wait = sensor->device.outbox.count > 0u;
    if (first_due(sensor, now) || is_changed || (sensor->tell_again && !others_wait)) {
        sensor->tell_again = others_wait;
        device_insist(&sensor->device, MESSAGE_STATE, sensor->contact.level ? 1u : 0u, false, now);
    }
    device_step(&sensor->device, now);
}

struct sleep contact_sleep(const struct contact_sensor *sensor, uint32_t now)
{
    const uint32_t first_ms = sensor->first_told ? NEVER : ms_until(sensor->started_at + FIRST_STATE_AFTER_MS, now);
    const uint32_t again_ms = sensor->tell_again && sensor->device.outbox.count == 0u ? 0u : NEVER;
    return device_sleep(&sensor->device, now, sooner(sooner(first_ms, again_ms), debounce_due_ms(&sensor->contact, now)));
}
