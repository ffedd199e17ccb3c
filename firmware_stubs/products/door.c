/* The door contact: a magnet closes it while the door is shut; the message says 1 for open. */
#include "../device/contact.h"

static struct contact_sensor door;

void product_start(uint32_t number, uint16_t entropy, uint32_t now)
{
    contact_start(&door, number, entropy, now);
}

void product_step(uint32_t now, uint8_t inputs)
{
    contact_step(&door, (inputs & INPUT_CONTACT) == 0u, now);
}

void product_receive(uint8_t byte, uint32_t now)
{
    uint16_t sequence;
    (void)device_receive(&door.device, byte, now, &sequence);
}

struct sleep product_sleep(uint32_t now)
{
    return contact_sleep(&door, now);
}
