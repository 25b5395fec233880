"""Software templates: descriptors that people run, and the runs that make services of them."""
