#include "device.h"

#include "board.h"
#include "clock.h"

static void transmit(const struct device *device, const struct message *message)
{
    uint8_t frame[FRAME_BYTES(HEAD_BYTES)];
    struct framer framer;
    frame_begin(&framer, frame, device->number, message);
    board_send(frame, frame_end(&framer));
}

void device_start(struct device *device, uint32_t number, uint16_t entropy, uint32_t now)
{
    *device = (struct device){.number = number, .next_sequence = entropy, .heartbeat_at = now + HEARTBEAT_MS};
    device_say(device, MESSAGE_BOOT, 0, now);
}

struct message device_message(struct device *device, uint8_t type, uint8_t argument, uint32_t now)
{
    return (struct message){
        .type = type,
        .argument = argument,
        .sequence = device->next_sequence++,
        .uptime_ms = now,
        .battery_mv = board_battery_mv(),
    };
}

void device_say(struct device *device, uint8_t type, uint8_t argument, uint32_t now)
{
    const struct message message = device_message(device, type, argument, now);
    transmit(device, &message);
}

void device_insist(struct device *device, uint8_t type, uint8_t argument, bool is_alarm, uint32_t now)
{
    const struct message message = device_message(device, type, argument, now);
    transmit(device, &message);
    outbox_add(&device->outbox, &message, is_alarm, now);
}

static void heartbeat(struct device *device, uint32_t now)
{
    const uint16_t battery_mv = board_battery_mv();
    device->battery_low = battery_mv < (device->battery_low ? BATTERY_LOW_ENDS_MV : BATTERY_LOW_MV);
    const unsigned low = device->battery_low ? HEARTBEAT_BATTERY_LOW : 0u;
    const unsigned dropped = device->outbox.dropped ? HEARTBEAT_DROPPED : 0u;
    const unsigned stuck = device->is_stuck ? HEARTBEAT_STUCK : 0u;
    device_say(device, MESSAGE_HEARTBEAT, (uint8_t)(low | dropped | stuck), now);
    device->heartbeat_at = now + HEARTBEAT_MS;
}

void device_step(struct device *device, uint32_t now)
{
    const struct message *due = outbox_due(&device->outbox, now);
    while (due != NULL) {
        transmit(device, due);
        due = outbox_due(&device->outbox, now);
    }
    if (ms_until(device->heartbeat_at, now) == 0u) {
        heartbeat(device, now);
    }
}

bool device_receive(struct device *device, uint8_t byte, uint32_t now, uint16_t *sequence)
{
    if (!receiver_take(&device->receiver, byte, sequence)) {
        return false;
    }
    (void)outbox_acknowledged(&device->outbox, *sequence, now);
    return true;
}

struct sleep device_sleep(const struct device *device, uint32_t now, uint32_t sooner_ms)
{
    const uint32_t heartbeat_ms = ms_until(device->heartbeat_at, now);
    const uint32_t for_ms = sooner(sooner(sooner_ms, heartbeat_ms), outbox_due_ms(&device->outbox, now));
    const unsigned serial = device->outbox.count > 0u ? WAKE_SERIAL : 0u;
    return (struct sleep){.for_ms = for_ms, .wake_by = (uint8_t)(WAKE_TIME | WAKE_INPUT | serial)};
}
