/* The bed mat: its contact is closed while somebody lies on it. */
#include "../device/contact.h"

static struct contact_sensor mat;

void product_start(uint32_t number, uint16_t entropy, uint32_t now)
{
    contact_start(&mat, number, entropy, now);
}

void product_step(uint32_t now, uint8_t inputs)
{
    contact_step(&mat, (inputs & INPUT_CONTACT) != 0u, now);
}

void product_receive(uint8_t byte, uint32_t now)
{
    uint16_t sequence;
    (void)device_receive(&mat.device, byte, now, &sequence);
}

struct sleep product_sleep(uint32_t now)
{
    return contact_sleep(&mat, now);
}
