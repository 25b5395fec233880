"""What every reconciler stands on: informer, work queue, controller, steps with a summary, events.

Level-based throughout: a reconciler is told a key, looks at the world and moves it one step. It
talks to the API through `client` only, so a controller runs as well in a second process.
"""
