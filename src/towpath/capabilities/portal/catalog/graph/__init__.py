"""How entities hang together, as a picture: walked, laid out and drawn here, without a browser.

walking.py   from an entity along its relations, and what breaks when it is down
layout.py    nodes in columns, in an order in which few lines cross
page.py      the page, with its filters
"""
