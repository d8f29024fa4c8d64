"""The life of programmes, rounds, applications, agreements, amendments and vouchers: pure tables of states and steps."""
