"""The mistakes, one file for each kind of component: each is a function that makes it."""
