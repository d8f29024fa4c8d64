"""Products that no gateway proxies: use that providers report, signed, and what of it vouchers pay."""
