"""The centre's relational storage. Loading it knows every table, in whichever file it is described."""

from central.storage import api_tables as api_tables
from central.storage import care_tables as care_tables
from central.storage import carer_tables as carer_tables
from central.storage import desk_tables as desk_tables
from central.storage import office_tables as office_tables
from central.storage import privacy_tables as privacy_tables
from central.storage import service_tables as service_tables
from central.storage import unit_tables as unit_tables
