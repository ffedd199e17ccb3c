"""Care plans without a time to call off at home, which nothing went by"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op


revision = "0011_plans"
down_revision = "0010_invitations"
branch_labels = None
depends_on = None

_GONE = "grace_s"
_PLANS = sa.table("care_plans", sa.column("id", sa.Integer), sa.column("body", sa.JSON))
_CASES = sa.table("cases", sa.column("id", sa.Integer), sa.column("plan", sa.JSON))
_EVENTS = sa.table(
    "case_events", sa.column("case_id", sa.Integer), sa.column("position", sa.Integer), sa.column("body", sa.JSON)
)


def upgrade() -> None:
    _strip(_PLANS, _PLANS.c.body, [_PLANS.c.id])
    _strip(_CASES, _CASES.c.plan, [_CASES.c.id])
    _strip(_EVENTS, _EVENTS.c.body, [_EVENTS.c.case_id, _EVENTS.c.position])


def _strip(table: Any, column: Any, key: list[Any]) -> None:
    connection = op.get_bind()
    holds = sa.cast(column, sa.Text).like(f'%"{_GONE}"%')
    for row in connection.execute(sa.select(*key, column).where(holds)).all():
        body = {name: value for name, value in row[-1].items() if name != _GONE}
        if isinstance(body.get("plan"), dict):
            body["plan"] = {name: value for name, value in body["plan"].items() if name != _GONE}
        same = sa.and_(*(one == value for one, value in zip(key, row[:-1], strict=True)))
        connection.execute(sa.update(table).where(same).values({column: body}))


def downgrade() -> None:
    pass
