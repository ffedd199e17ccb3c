/* An emergency button: every press is told at once, and what more it turns out to be is told when it does. */
#ifndef LLAR_BUTTON_H
#define LLAR_BUTTON_H

#include "debounce.h"

#define LONG_MS 3000u  /* held so long, a press is a long one besides */
#define STUCK_MS 30000u /* nobody holds it so long; a chair, a crushed cable or water does */
#define REPEAT_MS 500u /* pressed again within this time of letting go, it is a repeated press */

/* The argument of a MESSAGE_BUTTON. */
enum press { PRESS_NONE = 0, PRESS_SINGLE = 1, PRESS_LONG = 2, PRESS_RELEASE = 3, PRESS_DOUBLE = 4, PRESS_TRIPLE = 5 };

struct button {
    struct debounce contact;
    uint32_t since; /* when the level changed last */
    uint8_t presses; /* in the present series; 3 stands for more as well */
    bool long_told;
    bool is_stuck; /* kept, since the clock wraps round */
};

/* What has just happened to the button, if anything. */
enum press button_step(struct button *button, bool line, uint32_t now);

/* When it has to be looked at again although its line is still. */
uint32_t button_due_ms(const struct button *button, uint32_t now);

#endif
