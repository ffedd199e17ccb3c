/* The pendant: a button, and the fall line of its accelerometer. */
#include "../device/button.h"
#include "../device/device.h"

#define FALL_SUSPECTED 1u

static struct device device;
static struct button button;
static struct debounce fall;

void product_start(uint32_t number, uint16_t entropy, uint32_t now)
{
    button = (struct button){.since = now};
    fall = (struct debounce){.changed_at = now};
    device_start(&device, number, entropy, now);
}

static void tell(enum press press, uint32_t now)
{
    if (press == PRESS_RELEASE) {
        device_say(&device, MESSAGE_BUTTON, PRESS_RELEASE, now);
    } else if (press != PRESS_NONE) {
        device_insist(&device, MESSAGE_BUTTON, (uint8_t)press, true, now);
    }
}

void product_step(uint32_t now, uint8_t inputs)
{
    tell(button_step(&button, (inputs & INPUT_CONTACT) != 0u, now), now);
    device.is_stuck = button.is_stuck;
    if (debounce_step(&fall, (inputs & INPUT_FALL) != 0u, now) && fall.level) {
        device_insist(&device, MESSAGE_FALL, FALL_SUSPECTED, true, now);
    }
    device_step(&device, now);
}

void product_receive(uint8_t byte, uint32_t now)
{
    uint16_t sequence;
    (void)device_receive(&device, byte, now, &sequence);
}

struct sleep product_sleep(uint32_t now)
{
    return device_sleep(&device, now, sooner(button_due_ms(&button, now), debounce_due_ms(&fall, now)));
}
