/* What every board offers to the portable code. */
#ifndef LLAR_BOARD_H
#define LLAR_BOARD_H

#include <stddef.h>
#include <stdint.h>

/* Writes bytes to the serial line; returns when they are on their way. */
void board_send(const uint8_t *bytes, size_t length);

/* The supply voltage now. */
uint16_t board_battery_mv(void);

/* Acceleration now, x y z, 1/2048 g per step. Only for products that ask for it. */
void board_acceleration(int16_t sample[3]);

#endif
