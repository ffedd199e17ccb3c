/* A board that does what its input says, however senseless: for fuzzing with sanitizers. Input on stdin. */
#include <stdio.h>
#include <stdlib.h>

#include "../device/board.h"
#include "../device/product.h"

static uint16_t battery_mv = 3000;
static int16_t motion;
static size_t sent;

void board_send(const uint8_t *bytes, size_t length)
{
    for (size_t at = 0; at < length; at++) {
        if ((bytes[at] == 0u) != (at + 1u == length)) {
            abort(); /* a zero ends a frame, and stands nowhere else */
        }
    }
    sent += length;
}

uint16_t board_battery_mv(void)
{
    return battery_mv;
}

void board_acceleration(int16_t sample[3])
{
    sample[0] = motion;
    sample[1] = (int16_t)(motion / 3);
    sample[2] = 2048;
}

int main(void)
{
    uint32_t now = 0xFFFFF000u;
    uint8_t inputs = 0;
    int order;
    product_start(0xA117u, 0xFFF0u, now);
    while ((order = getchar()) != EOF) {
        const int value = getchar();
        const uint8_t byte = (uint8_t)(value == EOF ? 0 : value);
        switch (order & 7) {
        case 0:
            inputs = byte & 3u;
            break;
        case 1:
            now += byte;
            break;
        case 2:
            now += (uint32_t)byte << 16;
            break;
        case 3:
            battery_mv = (uint16_t)(byte << 8);
            break;
        case 4:
            motion = (int16_t)((byte - 128) * 256);
            break;
        default:
            product_receive(byte, now);
            break;
        }
        product_step(now, inputs);
        now += product_sleep(now).for_ms == 0u;
    }
    return sent == 0u;
}
