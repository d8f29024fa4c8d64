"""The hot path: a request is authenticated, admitted, routed, relayed and settled, in this order."""
