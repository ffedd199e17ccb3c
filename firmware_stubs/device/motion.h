/* Acceleration: kept for some seconds; round an impact or a free fall it is streamed, in windows that overlap nothing. */
#ifndef LLAR_MOTION_H
#define LLAR_MOTION_H

#include "device.h"

#define SAMPLE_RATE_HZ 50u
#define SAMPLE_MS (1000u / SAMPLE_RATE_HZ)
#define SAMPLES_KEPT 512u   /* 10 s: so long the hub may be away in the middle of a stream without a gap */
#define SAMPLES_BEFORE 125u /* 2.5 s before the trigger: how it was before a fall is half of what tells it ... */
#define SAMPLES_AFTER 150u  /* ... to 3 s after it: a fall and how one lies then */
#define WINDOW_SAMPLES 25u  /* half a second in a message */
#define WINDOW_BODY_BYTES (HEAD_BYTES + 8u + 6u * WINDOW_SAMPLES)

_Static_assert(WINDOW_BODY_BYTES <= BODY_BYTES_MAX, "a window fits into a frame");

struct motion {
    int16_t kept[SAMPLES_KEPT][3];
    uint32_t counter;    /* samples taken since boot */
    uint32_t sample_at;
    uint32_t from;       /* first sample that the hub lacks; of no meaning unless it is streamed */
    uint32_t until;      /* one past the last sample to be streamed */
    uint32_t resend_at;
    struct message message; /* the window on its way; its type is 0 when there is none */
    uint16_t pause_ms;
    uint8_t length;      /* its samples */
    uint8_t falling;     /* samples in free fall in a row */
    bool is_known;       /* the hub has had a window since boot */
};

void motion_start(struct motion *motion, uint32_t now);
void motion_step(struct motion *motion, struct device *device, uint32_t now);
void motion_acknowledged(struct motion *motion, uint16_t sequence);
uint32_t motion_due_ms(const struct motion *motion, uint32_t now);

#endif
