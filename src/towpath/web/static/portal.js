// The portal works without this; it makes it quicker.
