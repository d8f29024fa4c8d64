"""The declarative file: what an installation has, said in YAML; docs/reference/declarative-file.md."""

from billing.declaration.apply import ApplyReport, apply_entry, apply_file
from billing.declaration.findings import DeclarationRefused, Finding
from billing.declaration.plan import MadeKey

__all__ = ["ApplyReport", "DeclarationRefused", "Finding", "MadeKey", "apply_entry", "apply_file"]
