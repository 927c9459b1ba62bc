"""The same work on other people's job queues, each set up as its own documentation recommends for throughput."""
