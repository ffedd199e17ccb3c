#include "motion.h"

#include "board.h"
#include "clock.h"

#define G 2048                                 /* steps of a sample */
#define IMPACT_SQUARED (5u * G * 5u * G / 4u)  /* 2.5 g: sitting down hard, or worse */
#define FREE_FALL_SQUARED (G * 2u / 5u * (G * 2u / 5u)) /* 0.4 g ... */
#define FREE_FALL_SAMPLES 4u                   /* ... for 80 ms: 3 cm of falling */
#define FULL_SCALE_G 16u
#define FLAG_CLIPPED 1u
#define FLAG_BEGINS 2u

void motion_start(struct motion *motion, uint32_t now)
{
    motion->counter = motion->from = motion->until = 0;
    motion->sample_at = now;
    motion->message.type = 0;
    motion->falling = 0;
    motion->is_known = false;
}

static uint32_t squared(int16_t value)
{
    return (uint32_t)((int32_t)value * value);
}

/* Whether this sample is worth a look by somebody with more memory. */
static bool is_trigger(struct motion *motion, const int16_t sample[3])
{
    const uint32_t magnitude = squared(sample[0]) + squared(sample[1]) + squared(sample[2]);
    if (magnitude >= FREE_FALL_SQUARED) {
        motion->falling = 0;
    } else if (motion->falling < FREE_FALL_SAMPLES) {
        motion->falling++;
    }
    return magnitude >= IMPACT_SQUARED || motion->falling == FREE_FALL_SAMPLES;
}

static void take_sample(struct motion *motion)
{
    int16_t *sample = motion->kept[motion->counter % SAMPLES_KEPT];
    board_acceleration(sample);
    if (is_trigger(motion, sample)) {
        const bool is_streaming = motion->from != motion->until;
        const uint32_t before = motion->counter < SAMPLES_BEFORE ? motion->counter : SAMPLES_BEFORE;
        motion->from = is_streaming ? motion->from : motion->counter - before;
        motion->until = motion->counter + 1u + SAMPLES_AFTER;
    }
    motion->counter++;
}

static uint8_t flags(const struct motion *motion)
{
    bool is_clipped = false;
    for (uint32_t at = motion->from; at != motion->from + motion->length; at++) {
        for (uint8_t axis = 0; axis < 3u; axis++) {
            const int16_t value = motion->kept[at % SAMPLES_KEPT][axis];
            is_clipped = is_clipped || value == INT16_MAX || value == INT16_MIN;
        }
    }
    return (uint8_t)((is_clipped ? FLAG_CLIPPED : 0u) | (motion->is_known ? 0u : FLAG_BEGINS));
}

static void transmit(const struct motion *motion, const struct device *device)
{
    uint8_t frame[FRAME_BYTES(WINDOW_BODY_BYTES)];
    struct framer framer;
    frame_begin(&framer, frame, device->number, &motion->message);
    frame_put32(&framer, motion->from);
    frame_put16(&framer, SAMPLE_RATE_HZ * 10u);
    frame_put(&framer, FULL_SCALE_G);
    frame_put(&framer, flags(motion));
    for (uint32_t at = motion->from; at != motion->from + motion->length; at++) {
        const int16_t *sample = motion->kept[at % SAMPLES_KEPT];
        for (uint8_t axis = 0; axis < 3u; axis++) {
            frame_put16(&framer, (uint16_t)sample[axis]);
        }
    }
    board_send(frame, frame_end(&framer));
}

/* Begins a window when it is full, or when it is the last one. */
static void begin_window(struct motion *motion, struct device *device, uint32_t now)
{
    const uint32_t left = motion->until - motion->from;
    const uint32_t length = left < WINDOW_SAMPLES ? left : WINDOW_SAMPLES;
    if (length == 0u || motion->counter - motion->from < length) {
        return;
    }
    motion->length = (uint8_t)length;
    motion->message = device_message(device, MESSAGE_WINDOW, motion->length, now);
    motion->pause_ms = RESEND_FIRST_MS;
    motion->resend_at = now + RESEND_FIRST_MS;
    transmit(motion, device);
}

/* What was overwritten before the hub had it is lost; the samples' numbers show the gap. */
static void skip_overwritten(struct motion *motion)
{
    if (motion->from != motion->until && motion->counter - motion->from > SAMPLES_KEPT) {
        const uint32_t oldest = motion->counter - SAMPLES_KEPT;
        const bool is_over = motion->until - motion->from <= oldest - motion->from;
        motion->from = is_over ? motion->until : oldest;
        motion->message.type = 0;
    }
}

void motion_step(struct motion *motion, struct device *device, uint32_t now)
{
    if (ms_until(motion->sample_at, now) == 0u) {
        take_sample(motion);
        const uint32_t next_at = motion->sample_at + SAMPLE_MS;
        motion->sample_at = ms_until(next_at, now) == 0u ? now + SAMPLE_MS : next_at;
    }
    skip_overwritten(motion);
    if (motion->message.type == 0u) {
        begin_window(motion, device, now);
    } else if (ms_until(motion->resend_at, now) == 0u) {
        const uint32_t doubled = motion->pause_ms * 2u;
        motion->pause_ms = (uint16_t)(doubled < RESEND_MAX_MS ? doubled : RESEND_MAX_MS);
        motion->resend_at = now + motion->pause_ms;
        transmit(motion, device);
    }
}

void motion_acknowledged(struct motion *motion, uint16_t sequence)
{
    if (motion->message.type != 0u && motion->message.sequence == sequence) {
        motion->message.type = 0;
        motion->from += motion->length;
        motion->is_known = true;
    }
}

uint32_t motion_due_ms(const struct motion *motion, uint32_t now)
{
    const uint32_t sample_ms = ms_until(motion->sample_at, now);
    return motion->message.type == 0u ? sample_ms : sooner(sample_ms, ms_until(motion->resend_at, now));
}
