"""The lives of programmes, rounds, applications, agreements and vouchers: pure tables of states and steps."""
