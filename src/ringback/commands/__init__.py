"""The commands by subject. Each says what it wants and hands over; what it does lives elsewhere."""
