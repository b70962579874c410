"""How it is decided what is right, what is wrong, and which mistake it is."""
