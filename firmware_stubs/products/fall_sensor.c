/* The fall sensor: judges nothing; it streams acceleration round what might be a fall, for the hub to judge. */
#include "../device/motion.h"

static struct device device;
static struct motion motion;

void product_start(uint32_t number, uint16_t entropy, uint32_t now)
{
    motion_start(&motion, now);
    device_start(&device, number, entropy, now);
}

void product_step(uint32_t now, uint8_t inputs)
{
    (void)inputs;
    motion_step(&motion, &device, now);
    device_step(&device, now);
}

void product_receive(uint8_t byte, uint32_t now)
{
    uint16_t sequence;
    if (device_receive(&device, byte, now, &sequence)) {
        motion_acknowledged(&motion, sequence);
    }
}

struct sleep product_sleep(uint32_t now)
{
    struct sleep sleep = device_sleep(&device, now, motion_due_ms(&motion, now));
    if (motion.message.type != 0u) {
        sleep.wake_by |= WAKE_SERIAL;
    }
    return sleep;
}
