/* What every product offers to its board. One product is linked into one firmware; its state is its own. */
#ifndef LLAR_PRODUCT_H
#define LLAR_PRODUCT_H

#include <stdint.h>

/* Bits of `inputs`: which lines are active now, bouncing as they may. */
enum input {
    INPUT_CONTACT = 1, /* the button, the mat, the door's contact */
    INPUT_FALL = 2     /* the accelerometer's own fall line, where there is one */
};

/* Bits of `wake_by`. What is not named may be switched off while asleep. */
enum wake {
    WAKE_TIME = 1,
    WAKE_INPUT = 2,  /* any change of a line */
    WAKE_SERIAL = 4  /* the hub's answer is awaited: the receiver stays on */
};

struct sleep {
    uint32_t for_ms; /* 0: call product_step again at once */
    uint8_t wake_by;
};

/* `number` names the device. `entropy` differs from boot to boot: it is where the message numbers start. */
void product_start(uint32_t number, uint16_t entropy, uint32_t now);

/*
 * Called after every waking. Up to 24 days may lie between two calls, though nothing is sent meanwhile. A line counts when
 * it was the same for 30 ms: where an accelerometer's pulse is shorter, its board keeps the bit set for so long.
 */
void product_step(uint32_t now, uint8_t inputs);

/* A byte came in from the hub. */
void product_receive(uint8_t byte, uint32_t now);

/* How long the board may sleep, and what must wake it earlier. Changes nothing. */
struct sleep product_sleep(uint32_t now);

#endif
