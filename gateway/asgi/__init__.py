"""A small kit over ASGI: request, answer, and the limits of the wire. It knows no vouchers."""
