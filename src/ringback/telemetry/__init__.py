"""What a server tells of itself: figures for Prometheus, and traces for who collects them."""
