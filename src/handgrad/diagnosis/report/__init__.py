"""What a diagnosis looks like on the terminal and as a page."""
