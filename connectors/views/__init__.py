"""The pages of this package: connectors, deliveries and the inbox."""
