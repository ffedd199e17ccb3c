"""The pages of the office around a person, as the application takes them in."""

from central.console.pages import (
    agenda_page,
    care_changes,
    contact_changes,
    devices_page,
    drills_page,
    file_parts,
    installations_page,
    keys_page,
    paper_list,
    people_changes,
    repairs_page,
    resident_file,
    residents,
)

PAGES = (
    residents,
    resident_file,
    file_parts,
    people_changes,
    contact_changes,
    care_changes,
    agenda_page,
    keys_page,
    drills_page,
    devices_page,
    paper_list,
    repairs_page,
    installations_page,
)
