/*
 * A sensor with one contact. It tells its state once after it was started, and then every change. Copies of old states may
 * come after the present one, and the hub believes the last it hears: so when all of several that waited are
 * acknowledged, the present state is told once more.
 */
#ifndef LLAR_CONTACT_H
#define LLAR_CONTACT_H

#include "debounce.h"
#include "device.h"

struct contact_sensor {
    struct device device;
    struct debounce contact;
    uint32_t started_at;
    bool first_told;
    bool tell_again; /* the present state, once nothing waits */
};

void contact_start(struct contact_sensor *sensor, uint32_t number, uint16_t entropy, uint32_t now);
void contact_step(struct contact_sensor *sensor, bool line, uint32_t now);
struct sleep contact_sleep(const struct contact_sensor *sensor, uint32_t now);

#endif
