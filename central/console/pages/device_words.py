"""What models of devices are called by whoever installs, keeps or asks about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from central.texts import Words, later
from devices.catalogue import CATALOGUE

MODELS: Final[Mapping[str, str]] = {
    "bthome_climate": later("Temperature and humidity sensor"),
    "bthome_co": later("Carbon monoxide detector"),
    "bthome_door": later("Door sensor"),
    "bthome_flood": later("Water leak detector"),
    "bthome_gas": later("Gas detector"),
    "bthome_motion": later("Movement sensor"),
    "bthome_pendant": later("Pendant"),
    "bthome_plug": later("Power meter"),
    "bthome_presence": later("Presence sensor"),
    "bthome_smoke": later("Smoke detector"),
    "button": later("Button on the unit"),
    "dispenser": later("Medication dispenser"),
    "gatt_blood_pressure": later("Blood pressure monitor"),
    "gatt_heart_rate": later("Heart rate monitor"),
    "gatt_pulse_oximeter": later("Pulse oximeter"),
    "gatt_thermometer": later("Thermometer"),
    "gatt_wearable": later("Movement wearable"),
    "gatt_weight_scale": later("Scales"),
    "locator": later("Locator"),
    "serial_bed_mat": later("Bed mat, by wire"),
    "serial_dispenser": later("Medication dispenser, by wire"),
    "serial_door": later("Door sensor, by wire"),
    "serial_fall_sensor": later("Fall sensor, by wire"),
    "serial_pendant": later("Pendant, by wire"),
}


def model_names(words: Words) -> dict[str, str]:
    """Every model that may be enrolled and what it is called, in the order of these names."""
    named = {model: words.gettext(MODELS.get(model, model)) for model in CATALOGUE}
    return dict(sorted(named.items(), key=lambda item: item[1].casefold()))
