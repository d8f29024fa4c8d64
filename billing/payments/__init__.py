"""The company's own money: paid by card or bank transfer, paid in for vouchers, given back, taken back."""
