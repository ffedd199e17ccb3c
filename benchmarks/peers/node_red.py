"""Node-RED doing the same: mqtt in, a function, the InfluxDB node. Two flows: the usual one and one that batches.

A pack becomes one point with a field for each record, which is less work for node and database than the centre's one
row for each record. The usual flow is what its examples show: every message is written by itself. The batched flow
collects up to 1,000 points or a quarter of a second, as somebody would who knows the database.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from benchmarks.peers import NODE_MODULES
from gateway.contract.topics import Channel, everyone

BATCH_POINTS: Final = 1_000
BATCH_MS: Final = 250

_READ: Final = """
let start = 0;
const fields = {};
for (const record of msg.payload) {
    if (record.bt !== undefined) start = record.bt;
    const value = record.v !== undefined ? record.v : (record.vb ? 1 : 0);
    if (typeof record.n !== 'string' || typeof value !== 'number') return null;
    fields[record.n] = value;
}
const home = msg.topic.split('/')[3];
const time = new Date(start * 1000);
"""
_USUAL: Final = _READ + "fields.time = time;\nreturn { payload: [fields, { home }] };\n"
_BATCHED: Final = (
    _READ
    + f"""
const points = context.get('points') || [];
points.push({{ measurement: 'home', fields, tags: {{ home }}, timestamp: time }});
const flush = () => {{
    clearTimeout(context.get('timer'));
    context.set('timer', null);
    const full = context.get('points');
    context.set('points', []);
    node.send({{ payload: full }});
}};
context.set('points', points);
if (points.length >= {BATCH_POINTS}) flush();
else if (!context.get('timer')) context.set('timer', setTimeout(flush, {BATCH_MS}));
return null;
"""
)
_SETTINGS: Final = """module.exports = {
    uiHost: "127.0.0.1", httpAdminRoot: false, httpNodeRoot: false, flowFile: "flows.json", credentialSecret: false,
    uiPort: 0, nodesDir: ["@NODES@"], diagnostics: { enabled: false }, telemetry: { enabled: false },
    functionExternalModules: false, externalModules: { palette: { allowInstall: false } },
    logging: { console: { level: "info", metrics: false, audit: false } },
};
"""


def installed() -> bool:
    """Whether Node-RED and its InfluxDB node were fetched."""
    return all((NODE_MODULES / name).is_dir() for name in ("node-red", "node-red-contrib-influxdb"))


def prepare(
    folder: Path, *, batched: bool, port: int, user: str, password: str, influx_url: str, database: str
) -> list[str]:
    """Writes a user folder with the flow; gives the command that runs it."""
    folder.mkdir()
    (folder / "settings.js").write_text(_SETTINGS.replace("@NODES@", str(NODE_MODULES / "node-red-contrib-influxdb")))
    (folder / "flows.json").write_text(json.dumps(_flow(batched, port, influx_url, database)))
    (folder / "flows_cred.json").write_text(json.dumps({"broker": {"user": user, "password": password}}))
    return ["node", str(NODE_MODULES / "node-red" / "red.js"), "--userDir", str(folder)]


def _flow(batched: bool, port: int, influx_url: str, database: str) -> list[dict[str, object]]:
    at = urlsplit(influx_url)
    broker = {"broker": "127.0.0.1", "port": str(port), "clientid": "node-red", "protocolVersion": "4"}
    into = {
        "name": "telemetry",
        "hostname": at.hostname,
        "port": str(at.port),
        "protocol": "http",
        "database": database,
    }
    source = {"topic": everyone(Channel.MEASUREMENTS), "qos": "1", "datatype": "json"}
    function = {"func": _BATCHED if batched else _USUAL, "outputs": 1, "libs": []}
    out = {"type": "influxdb batch" if batched else "influxdb out", "measurement": "home", "precision": "ms"}
    return [
        {"id": "tab", "type": "tab", "label": "measurements"},
        {"id": "broker", "type": "mqtt-broker", **broker, "autoConnect": True, "cleansession": True, "keepalive": "60"},
        {"id": "influx", "type": "influxdb", **into, "influxdbVersion": "1.x", "protocol": "http"},
        {"id": "in", "type": "mqtt in", "z": "tab", "broker": "broker", **source, "wires": [["read"]]},
        {"id": "read", "type": "function", "z": "tab", **function, "wires": [["out"]]},
        {"id": "out", "z": "tab", "influxdb": "influx", "retentionPolicy": "", **out, "wires": []},
    ]
