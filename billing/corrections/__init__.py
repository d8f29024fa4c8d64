"""Corrections of what calls cost: judged, proposed by one person, approved by another, booked as new rows."""
