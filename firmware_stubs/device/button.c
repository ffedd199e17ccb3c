#include "button.h"

static enum press pressed(struct button *button)
{
    static const uint8_t told[] = {PRESS_SINGLE, PRESS_DOUBLE, PRESS_TRIPLE, PRESS_TRIPLE};
    const enum press press = (enum press)told[button->presses];
    button->presses = (uint8_t)(button->presses < 3u ? button->presses + 1u : 3u);
    button->long_told = false;
    return press;
}

enum press button_step(struct button *button, bool line, uint32_t now)
{
    const bool was_down = button->contact.level;
    const bool changed = debounce_step(&button->contact, line, now);
    const uint32_t for_ms = now - button->since;
    if (!was_down && for_ms > REPEAT_MS) {
        button->presses = 0;
    }
    if (changed) {
        button->since = now;
        button->is_stuck = false;
        return button->contact.level ? pressed(button) : PRESS_RELEASE;
    }
    if (button->contact.level && for_ms >= STUCK_MS) {
        button->is_stuck = true;
    }
    if (button->contact.level && !button->long_told && for_ms >= LONG_MS) {
        button->long_told = true;
        return PRESS_LONG;
    }
    return PRESS_NONE;
}

uint32_t button_due_ms(const struct button *button, uint32_t now)
{
    const uint32_t still_ms = debounce_due_ms(&button->contact, now);
    if (!button->contact.level || button->long_told) {
        return still_ms;
    }
    return sooner(still_ms, ms_until(button->since + LONG_MS, now));
}
