/* A board without hardware, for tests: what is sent piles up until it is fetched. Built as a shared library. */
#include <string.h>

#include "../device/board.h"
#include "../device/product.h"
#include "../device/wire.h"

#define SENT_MAX 65536u

static uint8_t sent[SENT_MAX];
static size_t sent_length;
static uint16_t battery_mv = 3000;
static int16_t acceleration[3] = {0, 0, 2048};

void board_send(const uint8_t *bytes, size_t length)
{
    if (sent_length + length <= sizeof sent) {
        memcpy(sent + sent_length, bytes, length);
        sent_length += length;
    }
}

uint16_t board_battery_mv(void)
{
    return battery_mv;
}

void board_acceleration(int16_t sample[3])
{
    memcpy(sample, acceleration, sizeof acceleration);
}

/* Hands over what was sent since the last time; returns its length. */
size_t library_fetch(uint8_t *into, size_t room)
{
    const size_t length = sent_length < room ? sent_length : room;
    memcpy(into, sent, length);
    sent_length = 0;
    return length;
}

void library_battery(uint16_t millivolts)
{
    battery_mv = millivolts;
}

void library_acceleration(int16_t x, int16_t y, int16_t z)
{
    acceleration[0] = x;
    acceleration[1] = y;
    acceleration[2] = z;
}

/* A frame with these fields and what follows the head of its body, for comparing with golden bytes. */
size_t library_frame(uint32_t number, const struct message *message, const uint8_t *more, size_t length, uint8_t *out)
{
    struct framer framer;
    frame_begin(&framer, out, number, message);
    for (size_t at = 0; at < length; at++) {
        frame_put(&framer, more[at]);
    }
    return frame_end(&framer);
}

/* The number that these bytes acknowledge, or -1. */
int32_t library_acknowledged(const uint8_t *bytes, size_t length)
{
    struct receiver receiver = {.length = 0};
    int32_t found = -1;
    for (size_t at = 0; at < length; at++) {
        uint16_t sequence;
        if (receiver_take(&receiver, bytes[at], &sequence)) {
            found = sequence;
        }
    }
    return found;
}
