/* What every product does: it says that it has started and that it lives, numbers its messages, insists on some. */
#ifndef LLAR_DEVICE_H
#define LLAR_DEVICE_H

#include "outbox.h"
#include "product.h"

#define HEARTBEAT_MS 60000u     /* the hub misses a device after 300 s */
#define BATTERY_LOW_MV 2500u    /* a coin cell with about a tenth of its charge left */
#define BATTERY_LOW_ENDS_MV 2600u

struct device {
    uint32_t number;
    uint32_t heartbeat_at;
    uint16_t next_sequence;
    bool battery_low;
    bool is_stuck; /* set by a product with a button that cannot be pressed any more */
    struct receiver receiver;
    struct outbox outbox;
};

/* Forgets everything, and sends the boot message. */
void device_start(struct device *device, uint32_t number, uint16_t entropy, uint32_t now);

/* The next message, numbered and stamped, for who sends it in a way of his own. */
struct message device_message(struct device *device, uint8_t type, uint8_t argument, uint32_t now);

/* Sends a message once. */
void device_say(struct device *device, uint8_t type, uint8_t argument, uint32_t now);

/* Sends a message until the hub has acknowledged it. */
void device_insist(struct device *device, uint8_t type, uint8_t argument, bool is_alarm, uint32_t now);

/* Sends what is due: resends first, then the heartbeat. */
void device_step(struct device *device, uint32_t now);

/* Takes a byte from the hub; true when it completes an acknowledgement, with its number. */
bool device_receive(struct device *device, uint8_t byte, uint32_t now, uint16_t *sequence);

/* How long the board may sleep for the device's sake, and what may wake it; `sooner_ms` bounds it. */
struct sleep device_sleep(const struct device *device, uint32_t now, uint32_t sooner_ms);

#endif
