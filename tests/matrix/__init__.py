"""Every client with every upstream and every feature, through the official SDKs' typed objects."""
