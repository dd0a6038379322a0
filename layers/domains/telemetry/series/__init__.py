"""Series: the readings of a device in a month, each recorded once, and the alarms that follow from them."""
