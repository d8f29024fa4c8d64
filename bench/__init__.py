"""The benchmark: what the gateway costs, beside nginx and beside no proxy at all, in one run on one machine.

It is a tool of the workshop, not part of the product, and knows the gateway only from outside: by its
command line, its ports, its processes. So it measures whatever answers to the public contract.
"""
